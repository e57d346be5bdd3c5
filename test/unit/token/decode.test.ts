import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeTokenOutput } from '../../../src/token/decode.ts';
import {
  COSIGN,
  envelope,
  KEY_HASH,
  P2PKH,
  push,
  TOKEN_ID,
  TXID,
  textHex,
  toBytes,
  toHex,
  tokenScript,
  transferJson,
} from '../../support/token-scripts.ts';

const decode = (script: Uint8Array) => decodeTokenOutput(script, TXID, 3);
const decodeBody = (body: string) => decode(tokenScript(body));
const HEX = 'bc'.repeat(32);

test('J5 J6 token id: the id member, or the own outpoint of a deploy', () => {
  assert.deepEqual(decodeBody(transferJson('500')), {
    vout: 3,
    tokenId: TOKEN_ID,
    op: 'transfer',
    amt: 500n,
    lock: { type: 'p2pkh', owner: toBytes(KEY_HASH) },
  });
  assert.deepEqual(
    decodeBody('{"p":"bsv-20","op":"deploy+mint","amt":"21","sym":"X","dec":"2","icon":"_1"}'),
    {
      vout: 3,
      tokenId: `${TXID}_3`,
      op: 'deploy+mint',
      amt: 21n,
      lock: { type: 'p2pkh', owner: toBytes(KEY_HASH) },
      deploy: { sym: 'X', dec: 2, icon: `${TXID}_1`, iconRaw: '_1' },
    },
  );
  assert.equal(decodeBody('{"p":"bsv-20","op":"deploy+auth"}')?.amt, 0n);
});

test('E7 nothing but the script is looked at: a view, a Buffer and a copy decode alike', () => {
  const script = tokenScript(transferJson());
  const padded = Buffer.concat([Buffer.from('ffff', 'hex'), script, Buffer.from('ff', 'hex')]);
  const view = padded.subarray(2, 2 + script.length);
  assert.deepEqual(toHex(decode(view)?.lock.owner ?? toBytes('')), KEY_HASH);
  assert.equal(decode(new Uint8Array(view.buffer, view.byteOffset, view.length))?.amt, 100n);
});

test('§10 BSV-20 v1: a ticker instead of an id', () => {
  assert.equal(decodeBody('{"p":"bsv-20","op":"transfer","tick":"PEPE","amt":"1000"}'), undefined);
  assert.equal(decodeBody('{"p":"bsv-20","op":"mint","tick":"PEPE","amt":"1000"}'), undefined);
  assert.equal(decodeBody('{"p":"bsv-20","op":"deploy","tick":"PEPE","max":"1000","lim":"10"}'), undefined);
});

test('§10 vault script: a whole token output inside one push', () => {
  const output = `0100000000000000${push(toHex(tokenScript(transferJson())))}`;
  for (const form of ['shortest', 'pushdata2', 'pushdata4'] as const) {
    assert.equal(decode(toBytes(`76a9${push(output, form)}87${P2PKH}`)), undefined);
  }
});

test('§10 push ending in 00 63, followed by push "ord"', () => {
  const tail = envelope({ body: transferJson() }).slice(4);
  assert.equal(decode(toBytes(`04aaaa0063${tail}${P2PKH}`)), undefined);
  assert.equal(decode(toBytes(`020063${tail}${P2PKH}`)), undefined);
});

test('§10 OrdLock without envelope', () => {
  assert.equal(decode(toBytes(`76009c637576ab76aa${push('aa'.repeat(34))}${P2PKH}`)), undefined);
});

test('§10 content type: parameters, another type, upper case', () => {
  for (const type of [
    'application/bsv-20;charset=utf-8',
    'text/plain',
    'APPLICATION/BSV-20',
    'application/json',
  ]) {
    assert.equal(decode(toBytes(envelope({ body: transferJson(), type }) + P2PKH)), undefined, type);
  }
});

test('§10 amt: number, exponent, 2^64, empty; any amt on auth', () => {
  for (const amt of [1, '1e3', '18446744073709551616', '']) {
    assert.equal(decodeBody(transferJson(amt)), undefined, JSON.stringify(amt));
  }
  assert.equal(decodeBody(`{"p":"bsv-20","op":"auth","id":"${TOKEN_ID}","amt":"1"}`), undefined);
  assert.equal(decodeBody('{"p":"bsv-20","op":"deploy+auth","amt":null}'), undefined);
});

test('§10 id: dot, upper-case hex, leading zero, vout 4294967296', () => {
  for (const id of [`${HEX}.0`, `${HEX.toUpperCase()}_0`, `${HEX}_01`, `${HEX}_4294967296`]) {
    assert.equal(decodeBody(transferJson('1', id)), undefined, id);
  }
});

test('§10 body: [], null, two JSON values, BOM and object', () => {
  for (const body of ['[]', 'null', `${transferJson()}${transferJson()}`, `\ufeff${transferJson()}`]) {
    assert.equal(decodeBody(body), undefined, body);
  }
});

test('§10 missing OP_ENDIF, truncated push, tag 50', () => {
  assert.equal(decode(toBytes(envelope({ body: transferJson(), end: '' }))), undefined);
  assert.equal(decode(toBytes(envelope({ body: transferJson(), end: '' }) + P2PKH)), undefined);
  assert.equal(decode(toBytes(envelope({ body: transferJson() }).slice(0, -4))), undefined);
  assert.equal(decode(toBytes(envelope({ body: transferJson(), pairs: `50${push('aa')}` }))), undefined);
});

test('§10 script beginning with a valid BRC-162 prefix', () => {
  assert.equal(decode(toBytes(`00516d${envelope({ body: transferJson() })}${P2PKH}`)), undefined);
});

test('§12 op in upper case is folded', () => {
  assert.equal(decodeBody(`{"p":"bsv-20","op":"TRANSFER","id":"${TOKEN_ID}","amt":"1"}`)?.op, 'transfer');
});

test('§12 envelope behind OP_RETURN is accepted', () => {
  const found = decode(toBytes(`${P2PKH}6a${push('aabb')}${envelope({ body: transferJson() })}`));
  assert.deepEqual([found?.op, found?.lock.type], ['transfer', 'p2pkh']);
});

test('§12 missing OP_ENDIF at the end of the script is refused', () => {
  assert.equal(decode(toBytes(P2PKH + envelope({ body: transferJson(), end: '' }))), undefined);
});

test('§12 invalid UTF-8 in ignored strings is replaced and accepted', () => {
  const bodyHex = textHex(transferJson()).replace(/7d$/, `${textHex(',"note":"')}fffe80${textHex('"}')}`);
  assert.equal(decode(toBytes(envelope({ bodyHex }) + P2PKH))?.amt, 100n);
});

test('§13 codec: every truncation of a valid script', () => {
  for (const [before, behind] of [
    ['', P2PKH],
    ['', `ab${COSIGN}`],
    [P2PKH, ''],
    [COSIGN, `6a${push('aabb')}`],
  ] as const) {
    const complete = (before + envelope({ body: transferJson() })).length / 2;
    const script = toBytes(before + envelope({ body: transferJson() }) + behind);
    for (let length = 0; length <= script.length; length += 1) {
      const found = decode(script.subarray(0, length));
      assert.equal(found?.op, length < complete ? undefined : 'transfer', `${length} of ${script.length}`);
    }
  }
});

test('§13 locks: envelope before and after the lock', () => {
  const deploy = '{"p":"bsv-20","op":"deploy+mint","amt":"1","icon":"_1"}';
  for (const [before, behind] of [
    ['', P2PKH],
    [P2PKH, ''],
    ['', `ab${P2PKH}`],
  ] as const) {
    const found = decode(toBytes(before + envelope({ body: deploy }) + behind));
    assert.deepEqual([found?.lock.type, toHex(found?.lock.owner ?? toBytes(''))], ['p2pkh', KEY_HASH]);
    assert.equal(found?.deploy?.icon, `${TXID}_1`);
  }
});

test('E2 a plain output is no token', () => {
  for (const lock of ['', P2PKH, COSIGN, `006a${push(textHex('application/bsv-20'))}`, 'ff'.repeat(100)]) {
    assert.equal(decode(toBytes(lock)), undefined, lock);
  }
});
