import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { findEnvelope } from '../../../src/token/envelope.ts';
import {
  type CodeBlock,
  classifyLock,
  LOCK_TEMPLATES,
  type LockTemplates,
  lockOf,
} from '../../../src/token/locks.ts';
import type { Lock } from '../../../src/token/types.ts';
import {
  COSIGN,
  COSIGNER,
  envelope,
  KEY_HASH,
  P2PKH,
  push,
  toBytes,
  toHex,
  transferJson,
} from '../../support/token-scripts.ts';

const sha256 = (hex: string) => createHash('sha256').update(toBytes(hex)).digest('hex');
const ENVELOPE = envelope({ body: transferJson() });
const SELLER = '33'.repeat(20);
const PAYOUT = `e803000000000000${push(P2PKH)}`;
const H = toHex(LOCK_TEMPLATES.ordlockHead);
const CANCEL = toHex(LOCK_TEMPLATES.ordlock2Cancel);

/** Stands in for a code block: the same check, other bytes. */
function block(hex: string, starts = 4, ends = 2): CodeBlock {
  const bytes = toBytes(hex);
  return {
    bytes: bytes.length,
    starts: bytes.subarray(0, starts),
    ends: bytes.subarray(bytes.length - ends),
    sha256: sha256(hex),
  };
}

const TAIL = '615179547a75aabbccddeeff7767006868';
const HEAD2 = '76009c637576ab76aa0102030405';
const TABLE = '01000100015101630168aabbcc0000';
const POW_CODE = 'c1'.repeat(40);
const LTM_CODE = 'c2'.repeat(50);
const SMALL: LockTemplates = {
  ...LOCK_TEMPLATES,
  ordlockTail: block(TAIL),
  ordlock2Head: block(HEAD2),
  table: block(TABLE),
  contracts: [
    { type: 'pow20', fixed: toBytes(''), pushes: 5, code: block(POW_CODE), statePushes: 3 },
    { type: 'ltm', fixed: toBytes('00'.repeat(7)), pushes: 6, code: block(LTM_CODE), statePushes: 4 },
  ],
};

const ORDLOCK1 = `${H}14${SELLER}${push(PAYOUT)}${TAIL}`;
const ORDLOCK2 = `${HEAD2}${push(PAYOUT)}${CANCEL}14${SELLER}88ac68`;
const POW_STATE = '0101000100' + '0500000000';
const POW20 = `${TABLE}${push('42554944')}${push('00ea56fa00')}52${push('a08601')}55${POW_CODE}6a${POW_STATE}`;
const LTM_STATE = '01010001000100' + '0700000000';
const LTM = `${TABLE}${'00'.repeat(7)}${push('42414d')}${push('80')}58${push('d007')}${push('60ea')}${push('9c890c')}${LTM_CODE}6a${LTM_STATE}`;

function classify(hex: string): Lock {
  return classifyLock(toBytes(hex), SMALL);
}

function lockAround(prefix: string, suffix: string): Lock {
  const script = toBytes(prefix + ENVELOPE + suffix);
  const found = findEnvelope(script);
  assert.ok(found);
  return lockOf(script, found);
}

/** Every lock one byte shorter, longer, or with a byte changed where `fixed` says so must become `other`. */
function assertWhole(hex: string, fixed: readonly number[]): void {
  const type = (script: string) => classify(script).type;
  assert.equal(type(hex.slice(0, -2)), 'other', 'last byte missing');
  assert.equal(type(hex.slice(2)), 'other', 'first byte missing');
  assert.equal(type(`${hex}51`), 'other', 'a byte more behind');
  assert.equal(type(`51${hex}`), 'other', 'a byte more before');
  for (const at of fixed) {
    const bytes = toBytes(hex);
    bytes[at] = bytes[at]! ^ 1;
    assert.equal(type(toHex(bytes)), 'other', `byte ${at} changed`);
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test('§9 p2pkh: 25 bytes, alone or with OP_RETURN data behind', () => {
  for (const data of ['', '6a', `6a${push('aabb')}`, '6affffff']) {
    const lock = classify(P2PKH + data);
    assert.equal(lock.type, 'p2pkh', data);
    assert.equal(toHex(lock.owner), KEY_HASH);
    assert.equal(Object.hasOwn(lock, 'cosigner'), false);
  }
  assertWhole(P2PKH, [0, 1, 2, 23, 24]);
  assert.equal(classify(`${P2PKH}006a`).type, 'other');
});

test('§9 cosign: exactly 60 bytes', () => {
  const lock = classify(COSIGN);
  assert.equal(COSIGN.length / 2, 60);
  assert.equal(lock.type, 'cosign');
  assert.equal(toHex(lock.owner), KEY_HASH);
  assert.equal(toHex(lock.cosigner ?? new Uint8Array()), COSIGNER);
  assertWhole(COSIGN, [0, 1, 2, 23, 24, 25, 59]);
  assert.equal(classify(`${COSIGN}6a`).type, 'other', 'not at an offset of a longer script');
});

test('§9 ordlock v1: head, seller, payout, tail; all of it', () => {
  const lock = classify(ORDLOCK1);
  assert.equal(lock.type, 'ordlock');
  assert.equal(toHex(lock.owner), SELLER);
  const payoutAt = 102 + 21;
  const tailAt = payoutAt + push(PAYOUT).length / 2;
  assertWhole(ORDLOCK1, [0, 50, 101, 102, payoutAt, payoutAt + 9, ...range(tailAt, ORDLOCK1.length / 2)]);
  assert.equal(classify(H).type, 'other', 'the head alone proves nothing');
  assert.equal(classify(`${H}14${SELLER}`).type, 'other');
});

test('§9 ordlock v2: head, payout, cancel branch, seller; all of it', () => {
  const lock = classify(ORDLOCK2);
  assert.equal(lock.type, 'ordlock');
  assert.equal(toHex(lock.owner), SELLER);
  const head = HEAD2.length / 2;
  const cancel = head + push(PAYOUT).length / 2;
  const seller = cancel + CANCEL.length / 2;
  const size = ORDLOCK2.length / 2;
  assertWhole(ORDLOCK2, [
    ...range(0, head),
    head,
    head + 9,
    ...range(cancel, seller + 1),
    size - 3,
    size - 2,
    size - 1,
  ]);
  assert.equal(classify(HEAD2).type, 'other');
});

test('§9 ordlock payout: satoshis, varint, script, in one push of any form', () => {
  const listing = (payout: string) => classify(`${H}14${SELLER}${payout}${TAIL}`).type;
  const satoshis = 'e803000000000000';
  for (const payout of [
    push(PAYOUT, 'pushdata1'),
    push(PAYOUT, 'pushdata2'),
    push(PAYOUT, 'pushdata4'),
    push(`${satoshis}00`),
    push(`${satoshis}fc${'51'.repeat(252)}`),
    push(`${satoshis}fd0000`),
    push(`${satoshis}fd2c01${'51'.repeat(300)}`),
    push(`${satoshis}fe0100000051`),
    push(`${satoshis}ff010000000000000051`),
  ]) {
    assert.equal(listing(payout), 'ordlock', payout);
  }
  for (const payout of [
    '',
    '00',
    '51',
    '61',
    push(satoshis),
    push(satoshis.slice(2)),
    push(`${satoshis}01`),
    push(`${satoshis}0051`),
    push(`${satoshis}fd`),
    push(`${satoshis}fd01`),
    push(`${satoshis}fdffff51`),
    push(`${satoshis}feffffffff51`),
    push(`${satoshis}ffffffffffffffffff51`),
    '4effffffff',
  ]) {
    assert.equal(listing(payout), 'other', payout);
  }
});

test('§9 pow20: table, five pushes, code, state', () => {
  const lock = classify(POW20);
  assert.equal(lock.type, 'pow20');
  assert.equal(toHex(lock.owner), sha256(POW20));
  const table = TABLE.length / 2;
  const code = POW20.indexOf(POW_CODE) / 2;
  const size = POW20.length / 2;
  const codeEnd = code + POW_CODE.length / 2;
  assertWhole(POW20, [...range(0, table), table, ...range(code, codeEnd + 1), ...range(size - 5, size)]);
  const later = `00${push('ab'.repeat(32))}${push('e8')}`;
  const laterState = `${later}${Buffer.from([later.length / 2, 0, 0, 0]).toString('hex')}00`;
  assert.equal(classify(POW20.replace(`6a${POW_STATE}`, `6a${laterState}`)).type, 'pow20', 'after genesis');
});

test('§9 ltm: table, seven zeros, six pushes, code, state', () => {
  const lock = classify(LTM);
  assert.equal(lock.type, 'ltm');
  assert.equal(toHex(lock.owner), sha256(LTM));
  const table = TABLE.length / 2;
  const code = LTM.indexOf(LTM_CODE) / 2;
  const size = LTM.length / 2;
  assertWhole(LTM, [
    ...range(0, table + 7),
    ...range(code, code + LTM_CODE.length / 2 + 1),
    ...range(size - 5, size),
  ]);
});

test('§9 contract state: pushes, their length, 00, end of script', () => {
  const withState = (state: string) => classify(POW20.replace(`6a${POW_STATE}`, state)).type;
  assert.equal(withState(`6a${POW_STATE}`), 'pow20');
  for (const state of [
    '',
    '6a',
    '6a0000000000',
    `6a${POW_STATE.slice(2)}`,
    `6a00${POW_STATE}`,
    '6a01010001000400000000',
    '6a010100' + '0300000000', // two pushes
    '6a01010001000100' + '0700000000', // four pushes
    '6a0101000300' + '0500000000', // the last push runs into the length
    '6a0101004cff' + '0500000000', // the last push runs past the script
    `51${POW_STATE}`,
  ]) {
    assert.equal(withState(state), 'other', state);
  }
});

test('§9 contract pushes: one that is none, or too few, is other', () => {
  assert.equal(classify(POW20.replace(push('42554944'), '50')).type, 'other');
  assert.equal(classify(POW20.replace(push('42554944'), '')).type, 'other');
  assert.equal(classify(TABLE).type, 'other', 'the table alone proves nothing');
  assert.equal(classify(`${TABLE}0151`).type, 'other');
  assert.equal(classify(`${TABLE}51515151`).type, 'other', 'four pushes, then the end');
  assert.equal(classify(`${TABLE}5151515151${POW_CODE.slice(2)}`).type, 'other', 'code cut off');
});

test('§9 traps: head and table belong to several contracts', () => {
  assert.equal(classify(`${H}14${SELLER}${push(PAYOUT)}51`).type, 'other', 'H of a time lock');
  assert.equal(classify(POW20.replace(POW_CODE, LTM_CODE)).type, 'other');
  assert.equal(classify(`51${COSIGN}51`).type, 'other', 'cosign inside a longer script');
});

test('§9 other: owner is the SHA-256 of the lock bytes', () => {
  for (const lock of ['51', `a914${KEY_HASH}87`, '76a914', '6a', 'ff']) {
    assert.deepEqual([classify(lock).type, toHex(classify(lock).owner)], ['other', sha256(lock)], lock);
  }
});

test('§9 lock bytes: the suffix without one leading OP_CODESEPARATOR', () => {
  assert.deepEqual(lockAround('', P2PKH), { type: 'p2pkh', owner: toBytes(KEY_HASH) });
  assert.equal(lockAround('', COSIGN).type, 'cosign');
  assert.equal(lockAround('', `ab${P2PKH}`).type, 'p2pkh');
  assert.equal(lockAround('', `ab${COSIGN}`).type, 'cosign');
  assert.equal(lockAround('', `abab${P2PKH}`).type, 'other');
  assert.equal(toHex(lockAround('', `ab${P2PKH}51`).owner), sha256(`${P2PKH}51`));
  assert.equal(lockAround('', `${P2PKH}6a${push('aa')}`).type, 'p2pkh');
});

test('§9 lock bytes: the prefix if nothing or OP_RETURN data stands behind', () => {
  for (const behind of ['', '6a', `6a${push('aabb')}`]) {
    assert.equal(lockAround(P2PKH, behind).type, 'p2pkh', behind);
    assert.equal(lockAround(COSIGN, behind).type, 'cosign', behind);
    assert.deepEqual(
      [lockAround('', behind).type, toHex(lockAround('', behind).owner)],
      ['other', sha256('')],
      'no lock at all',
    );
  }
  assert.equal(lockAround(`${P2PKH}6a${push('aa')}`, '').type, 'p2pkh', 'envelope inside the data');
  assert.equal(lockAround(`ab${P2PKH}`, '').type, 'other', 'only the suffix may begin with OP_CODESEPARATOR');
});

test('§9 script on both sides is other, owned by both', () => {
  for (const [before, behind] of [
    [P2PKH, P2PKH],
    ['51', P2PKH],
    [P2PKH, 'ab'],
    [P2PKH, '51'],
  ] as const) {
    const lock = lockAround(before, behind);
    assert.deepEqual([lock.type, toHex(lock.owner)], ['other', sha256(before + behind)]);
  }
});

test('§9 the hashes and lengths are those of the rules', () => {
  assert.equal(LOCK_TEMPLATES.ordlockHead.length, 102);
  assert.equal(LOCK_TEMPLATES.ordlockTail.bytes, 702);
  assert.equal(LOCK_TEMPLATES.ordlock2Head.bytes, 461);
  assert.equal(LOCK_TEMPLATES.table.bytes, 2293);
  assert.deepEqual(
    LOCK_TEMPLATES.contracts.map(({ type, code }) => [type, code.bytes, code.sha256.slice(0, 8)]),
    [
      ['pow20', 27_489, 'a3785ef7'],
      ['ltm', 29_209, '807be8f2'],
    ],
  );
});
