import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isDeployOp,
  isTokenId,
  MAX_BODY_BYTES,
  parseFields,
  type TokenFields,
} from '../../../src/token/fields.ts';
import { TOKEN_ID, TXID } from '../../support/token-scripts.ts';

const MAX = '18446744073709551615';
const HEX = 'bc'.repeat(32);

function parseText(body: string): TokenFields | undefined {
  return parseFields(Buffer.from(body, 'utf8'), TXID);
}

function parse(members: Record<string, unknown>): TokenFields | undefined {
  return parseText(JSON.stringify({ p: 'bsv-20', ...members }));
}

const transfer = (members: Record<string, unknown> = {}) =>
  parse({ op: 'transfer', id: TOKEN_ID, amt: '5', ...members });
const deploy = (members: Record<string, unknown> = {}) =>
  parse({ op: 'deploy+mint', amt: '5', ...members })?.deploy;

test('§2 body: a JSON object and nothing else', () => {
  const object = `{"p":"bsv-20","op":"transfer","id":"${TOKEN_ID}","amt":"5"}`;
  assert.deepEqual(parseText(object), { op: 'transfer', amt: 5n, id: TOKEN_ID, deploy: undefined });
  assert.notEqual(parseText(` \t\r\n${object}\n `), undefined, 'JSON white space');
  for (const body of [
    '',
    '[]',
    `[${object}]`,
    'null',
    'true',
    '1',
    '"x"',
    '{}',
    `${object}${object}`,
    `${object},`,
    `${object} x`,
    object.slice(0, -1),
    `${object}\u0000`,
    `\u00a0${object}`,
    object.replaceAll('"', "'"),
    object.replace('{', '{,'),
  ]) {
    assert.equal(parseText(body), undefined, body);
  }
});

test('§2 BOM: a leading one is no token, in front of the object or of white space', () => {
  const object = JSON.stringify({ p: 'bsv-20', op: 'transfer', id: TOKEN_ID, amt: '5' });
  assert.equal(parseText(`\ufeff${object}`), undefined);
  assert.equal(parseText(` \ufeff${object}`), undefined);
  assert.equal(parseText(`${object}\ufeff`), undefined);
});

test('§2 bad UTF-8 becomes U+FFFD and is accepted', () => {
  const [before, behind] = JSON.stringify({ p: 'bsv-20', op: 'deploy+mint', amt: '5', sym: '@' }).split('@');
  const body = Buffer.concat([Buffer.from(before!), Buffer.from([0xff, 0xc0, 0x41]), Buffer.from(behind!)]);
  assert.equal(parseFields(body, TXID)?.deploy?.sym, '\ufffd\ufffdA');
});

test('§2 duplicate keys: the last one wins', () => {
  const twice = (pairs: string) => parseText(`{"p":"bsv-20","op":"transfer","id":"${TOKEN_ID}",${pairs}}`);
  assert.equal(twice('"amt":"1","amt":"2"')?.amt, 2n);
  assert.equal(twice('"amt":"1","amt":2'), undefined);
  assert.equal(twice('"amt":1,"amt":"2"')?.amt, 2n);
  assert.equal(twice('"amt":"1","p":"x"'), undefined);
  assert.equal(twice('"amt":"1","\\u0061mt":"3"')?.amt, 3n, 'escaped keys are the same keys');
});

test('§2 own properties only: __proto__ is a key like others', () => {
  const hidden = `"__proto__":{"id":"${TOKEN_ID}","amt":"5"}`;
  assert.equal(parseText(`{"p":"bsv-20","op":"transfer",${hidden}}`), undefined);
  assert.equal(
    parseText(`{"__proto__":{"p":"bsv-20"},"op":"transfer","id":"${TOKEN_ID}","amt":"5"}`),
    undefined,
  );
  assert.equal(parseText(`{"p":"bsv-20","op":"auth","id":"${TOKEN_ID}",${hidden}}`)?.op, 'auth');
  assert.equal(parseText(`{"p":"bsv-20","op":"constructor","id":"${TOKEN_ID}","amt":"5"}`), undefined);
});

test('§2 unknown keys never matter', () => {
  assert.notEqual(
    transfer({ contract: 'pow-20', amount: 7, nested: { amt: '9', p: 'x' }, '': [] }),
    undefined,
  );
});

test('§2 deep nesting and large bodies neither throw nor overflow; longer than MAX_BODY_BYTES is no token', () => {
  const half = MAX_BODY_BYTES / 2;
  assert.equal(parseText('['.repeat(MAX_BODY_BYTES)), undefined);
  assert.equal(parseText('['.repeat(half) + ']'.repeat(half)), undefined);
  assert.equal(parseText('{"a":'.repeat(200_000)), undefined);
  const nested = `"x":${'['.repeat(400_000)}${']'.repeat(400_000)}`;
  assert.equal(parseText(`{"p":"bsv-20","op":"auth","id":"${TOKEN_ID}",${nested}}`)?.op, 'auth');
  const head = `{"p":"bsv-20","op":"auth","id":"${TOKEN_ID}","x":"`;
  const fits = `${head}${'x'.repeat(MAX_BODY_BYTES - head.length - 2)}"}`;
  assert.equal(fits.length, MAX_BODY_BYTES);
  assert.equal(parseText(fits)?.op, 'auth');
  assert.equal(parseText(`${fits} `), undefined);
});

test('J1 p is exactly bsv-20', () => {
  assert.notEqual(transfer({ p: 'bsv-20' }), undefined);
  for (const p of ['bsv-21', 'BSV-20', 'bsv-20 ', '', 20, null, ['bsv-20'], { p: 'bsv-20' }]) {
    assert.equal(transfer({ p }), undefined, String(p));
  }
  assert.equal(parseText(`{"op":"transfer","id":"${TOKEN_ID}","amt":"5"}`), undefined, 'absent');
});

test('J2 op is one of six', () => {
  for (const op of ['mint', 'transfer', 'burn'] as const) {
    assert.deepEqual(parse({ op, id: TOKEN_ID, amt: '7' }), { op, amt: 7n, id: TOKEN_ID, deploy: undefined });
  }
  assert.deepEqual(parse({ op: 'auth', id: TOKEN_ID }), {
    op: 'auth',
    amt: 0n,
    id: TOKEN_ID,
    deploy: undefined,
  });
  assert.deepEqual(parse({ op: 'deploy+mint', amt: '7' }), {
    op: 'deploy+mint',
    amt: 7n,
    id: undefined,
    deploy: { dec: 0 },
  });
  assert.deepEqual(parse({ op: 'deploy+auth' }), {
    op: 'deploy+auth',
    amt: 0n,
    id: undefined,
    deploy: { dec: 0 },
  });
  for (const op of [
    'deploy',
    'send',
    '',
    ' transfer',
    'transfer ',
    'deploy mint',
    'burn\u0000',
    7,
    null,
    ['burn'],
    {},
  ]) {
    assert.equal(transfer({ op }), undefined, JSON.stringify(op));
  }
  assert.equal(parse({ id: TOKEN_ID, amt: '5' }), undefined, 'absent');
});

test('J2 op in upper case is folded, ASCII letters only', () => {
  assert.equal(transfer({ op: 'TRANSFER' })?.op, 'transfer');
  assert.equal(transfer({ op: 'bUrN' })?.op, 'burn');
  assert.equal(parse({ op: 'Deploy+Auth' })?.op, 'deploy+auth');
  assert.equal(transfer({ op: 'TRAN\u017fFER' }), undefined, 'long s');
  assert.equal(transfer({ op: 'M\u0130NT' }), undefined, 'I with a dot');
});

test('J3 amt is a string of digits up to 2^64-1, leading zeros allowed', () => {
  for (const op of ['deploy+mint', 'mint', 'transfer', 'burn']) {
    const amt = (value: unknown) => parse({ op, id: TOKEN_ID, amt: value })?.amt;
    assert.equal(amt('0'), 0n);
    assert.equal(amt('5'), 5n);
    assert.equal(amt('0005'), 5n);
    assert.equal(amt(MAX), 18_446_744_073_709_551_615n);
    assert.equal(amt(`000${MAX}`), 18_446_744_073_709_551_615n);
    assert.equal(amt('9007199254740993'), 9_007_199_254_740_993n, 'above 2^53');
    for (const bad of [
      '18446744073709551616',
      '99999999999999999999',
      '100000000000000000000',
      '0018446744073709551616',
      '',
      '+5',
      '-5',
      ' 7 ',
      '7\n',
      '0x10',
      '1e3',
      '1.0',
      '1_000',
      '٣',
      '５',
      5,
      5.5,
      null,
      true,
      ['5'],
    ]) {
      assert.equal(amt(bad), undefined, `${op} ${JSON.stringify(bad)}`);
    }
    assert.equal(parse({ op, id: TOKEN_ID }), undefined, `${op} without amt`);
  }
});

test('J3 amt of a million digits costs no more than reading it', () => {
  const zeros = '0'.repeat(1_000_000);
  assert.equal(transfer({ amt: `${zeros}7` })?.amt, 7n);
  assert.equal(transfer({ amt: zeros })?.amt, 0n);
  assert.equal(transfer({ amt: '9'.repeat(1_000_000) }), undefined);
  assert.equal(transfer({ amt: `${zeros}x` }), undefined);
});

test('J4 amt on deploy+auth and auth: present in any form is no token', () => {
  for (const op of ['deploy+auth', 'auth']) {
    assert.equal(parse({ op, id: TOKEN_ID })?.amt, 0n);
    for (const amt of ['5', '0', '', 0, 5, null, false, [], {}]) {
      assert.equal(parse({ op, id: TOKEN_ID, amt }), undefined, `${op} ${JSON.stringify(amt)}`);
    }
  }
});

test('J5 id is <64 lower-case hex>_<vout>, in its one form', () => {
  for (const op of ['mint', 'transfer', 'burn']) {
    const accepts = (id: unknown) => parse({ op, id, amt: '5' }) !== undefined;
    for (const id of [`${HEX}_0`, `${HEX}_7`, `${HEX}_10`, `${HEX}_4294967295`, `${'00'.repeat(32)}_0`]) {
      assert.equal(parse({ op, id, amt: '5' })?.id, id);
    }
    for (const id of [
      `${HEX}.0`,
      `${HEX}:0`,
      `${HEX}i0`,
      HEX,
      `${HEX}_`,
      `${HEX}_00`,
      `${HEX}_01`,
      `${HEX}_-1`,
      `${HEX}_+1`,
      `${HEX}_1.0`,
      `${HEX}_4294967296`,
      `${HEX}_9999999999`,
      `${HEX}_10000000000`,
      `${HEX.toUpperCase()}_0`,
      `${HEX.slice(1)}_0`,
      `${HEX}b_0`,
      `${HEX.slice(1)}g_0`,
      ` ${HEX}_0`,
      `${HEX}_0 `,
      `${HEX}_0\n`,
      '',
      0,
      null,
      [TOKEN_ID],
    ]) {
      assert.equal(accepts(id), false, `${op} ${JSON.stringify(id)}`);
    }
    assert.equal(parse({ op, amt: '5' }), undefined, `${op} without id`);
  }
  assert.equal(parse({ op: 'auth' }), undefined);
  assert.equal(parse({ op: 'auth', id: `${HEX}.0` }), undefined);
  assert.equal(isTokenId(`${HEX}_4294967295`), true);
  assert.equal(isTokenId(`${HEX}_4294967296`), false);
});

test('J6 id on a deploy is ignored', () => {
  for (const id of [TOKEN_ID, 'nonsense', 7, null]) {
    assert.equal(parse({ op: 'deploy+mint', amt: '5', id })?.id, undefined);
    assert.equal(parse({ op: 'deploy+mint', amt: '5', id })?.amt, 5n);
    assert.equal(parse({ op: 'deploy+auth', id })?.op, 'deploy+auth');
  }
});

test('J7 dec: a string of digits 0-18, else 0; never invalidates; ignored on other ops', () => {
  for (const [dec, expected] of [
    ['0', 0],
    ['8', 8],
    ['18', 18],
    ['08', 8],
    ['0000018', 18],
    ['0', 0],
    ['19', 0],
    ['100', 0],
    ['8x', 0],
    ['', 0],
    [' 8', 0],
    ['8\n', 0],
    ['-1', 0],
    ['1.5', 0],
    [8, 0],
    [null, 0],
    [['8'], 0],
    [{}, 0],
  ] as const) {
    assert.equal(deploy({ dec })?.dec, expected, JSON.stringify(dec));
  }
  assert.equal(deploy()?.dec, 0, 'absent');
  assert.equal(deploy({ dec: `${'0'.repeat(500_000)}7` })?.dec, 7);
  assert.equal(deploy({ dec: `${'0'.repeat(500_000)}x` })?.dec, 0);
  for (const dec of ['99', 'x', 8]) assert.deepEqual(transfer({ dec }), transfer());
});

test('J8 sym: a string of any length; empty or something else is none; ignored on other ops', () => {
  assert.equal(deploy({ sym: 'GOLD' })?.sym, 'GOLD');
  const long = 'x'.repeat(100_000);
  assert.equal(deploy({ sym: long })?.sym, long);
  assert.equal(deploy({ sym: '币\u0000' })?.sym, '币\u0000');
  assert.equal(deploy({ sym: '\ud800x' })?.sym, '\ufffdx', 'a lone surrogate has no UTF-8 form');
  for (const sym of ['', 7, null, ['GOLD'], {}]) {
    assert.equal(Object.hasOwn(deploy({ sym }) ?? { sym }, 'sym'), false, JSON.stringify(sym));
  }
  assert.deepEqual(transfer({ sym: 'GOLD' }), transfer());
});

test('J9 icon: an outpoint in lower case, a relative one expanded, other strings kept as text only', () => {
  const icon = (value: unknown) => {
    const { icon: outpoint, iconRaw } = deploy({ icon: value }) ?? {};
    return [outpoint, iconRaw];
  };
  assert.deepEqual(icon(`${HEX}_0`), [`${HEX}_0`, `${HEX}_0`]);
  assert.deepEqual(icon(`${HEX.toUpperCase()}_12`), [`${HEX}_12`, `${HEX.toUpperCase()}_12`]);
  assert.deepEqual(icon('_1'), [`${TXID}_1`, '_1']);
  assert.deepEqual(icon('_4294967295'), [`${TXID}_4294967295`, '_4294967295']);
  for (const text of [
    '_4294967296',
    `${HEX}_4294967296`,
    '_01',
    '_',
    '_-1',
    `${HEX}.0`,
    `${HEX}i0`,
    HEX,
    'https://example.com/icon.png',
    '',
  ]) {
    assert.deepEqual(icon(text), [undefined, text], text);
  }
  assert.deepEqual(icon('\udfff'), [undefined, '\ufffd']);
  for (const value of [7, null, ['_1'], {}]) assert.deepEqual(deploy({ icon: value }), { dec: 0 });
  assert.deepEqual(transfer({ icon: '_1' }), transfer());
});

test('T3 the deploys are the two deploy ops', () => {
  assert.deepEqual(
    (['deploy+mint', 'deploy+auth', 'mint', 'auth', 'transfer', 'burn'] as const).filter(isDeployOp),
    ['deploy+mint', 'deploy+auth'],
  );
});
