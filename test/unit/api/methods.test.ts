import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { RpcError } from '../../../src/api/client.ts';
import { LocalCaller } from '../../../src/api/local.ts';
import type { MethodTable } from '../../../src/api/method.ts';
import { METHODS, type Result } from '../../../src/api/methods/index.ts';
import {
  ADDRESS,
  assertDocumented,
  BIG,
  CHECKED_METHODS,
  EMPTY,
  FakeNode,
  OTHER_ADDRESS,
  SEEN,
  storeError,
  TOKEN,
  TXID,
  UNKNOWN,
} from '../../support/fake-modules.ts';

const TABLE: MethodTable = METHODS;

function caller(node = new FakeNode()) {
  return { node, rpc: new LocalCaller(node.modules, async () => undefined, CHECKED_METHODS) };
}

async function refusal(promise: Promise<unknown>): Promise<RpcError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error));
    return error;
  }
  return assert.fail('the call was not refused');
}

test('every example is valid against its own schemas', () => {
  for (const [name, method] of Object.entries(TABLE)) {
    assertDocumented(method.params, method.example.params, `${name}: example request`);
    assertDocumented(method.result, method.example.result, `${name}: example answer`);
  }
});

test('every method has a name of its domain, a sentence of documentation, and JSON Schemas', () => {
  for (const [name, method] of Object.entries(TABLE)) {
    assert.match(name, /^(node|config|token|tx|headers|events|store|import|rpc|log)\.[a-z]+$/i);
    assert.match(method.doc, /^[A-Z].*\.$/, name);
    const schema = z.toJSONSchema(method.params, { io: 'input' }) as { additionalProperties?: unknown };
    assert.equal(schema.additionalProperties, false, `${name}: unknown parameters must be refused`);
    const result = z.toJSONSchema(method.result, { io: 'input' }) as { type?: string };
    assert.equal(result.type, 'object', `${name}: results are objects`);
  }
});

test('the methods of the architecture are there', () => {
  const wanted =
    'node.status node.peers node.metrics node.reload config.get config.check token.list token.get token.purge token.balance token.balances token.utxos token.history token.holders tx.submit tx.get tx.beef headers.tip headers.get headers.import events.subscribe events.since store.verify rpc.discover log.level import.open import.write import.close rpc.check';
  assert.deepEqual(Object.keys(TABLE).sort(), wanted.split(' ').sort());
});

test('rpc.discover serves schemas, errors and limits, whole and for one method', async () => {
  const { rpc } = caller();
  const all = await rpc.call('rpc.discover', {});
  assert.deepEqual(
    all.methods.map((m) => m.name),
    Object.keys(TABLE).sort(),
  );
  assert.ok(all.errors.some((e) => e.code === 'TOKEN_UNKNOWN' && e.number === 400));
  assert.equal(all.limits['MAX_BATCH'], 100);
  const one = await rpc.call('rpc.discover', { method: 'token.balance' });
  assert.equal(one.methods.length, 1);
  const params = one.methods[0]?.params as { required: string[]; properties: Record<string, unknown> };
  assert.deepEqual(params.required.sort(), ['address', 'token']);
  assert.ok(JSON.stringify(one.methods[0]?.errors).includes('TOKEN_NOT_FOLLOWED'));
});

test('a balance is exact and says token, symbol, decimals, sequence and the address as asked', async () => {
  const { rpc } = caller();
  assert.deepEqual(await rpc.call('token.balance', { token: TOKEN, address: ADDRESS }), {
    token: TOKEN,
    symbol: 'GOLD',
    decimals: 2,
    state: 'indexed',
    address: ADDRESS,
    confirmed: '18446744073709551615',
    unconfirmed: '1',
    total: '18446744073709551616',
    coins: 2,
    listed: '3',
    byLock: [{ lock: 'p2pkh', confirmed: String(BIG), unconfirmed: '1', coins: 2 }],
    sequence: '3',
    warning_undecided: '1 transactions wait for the history before them; amounts may still change',
  });
});

test('while transactions are lost every answer about a token says so, and so does the status', async () => {
  const { node, rpc } = caller();
  node.lost = { count: 2, txids: [TXID], uncertain: false };
  const says = '2 transactions lost: import or sync them again; amounts may be wrong until then';
  for (const token of [TOKEN, EMPTY]) {
    const answers = [
      await rpc.call('token.get', { token }),
      await rpc.call('token.balance', { token, address: ADDRESS }),
      (await rpc.call('token.balances', { token, addresses: [ADDRESS] })).items[0],
      await rpc.call('token.utxos', { token }),
      await rpc.call('token.history', { token }),
      await rpc.call('token.holders', { token }),
    ];
    assert.deepEqual(
      answers.map((answer) => answer?.warning_incomplete),
      answers.map(() => says),
    );
  }
  assert.equal((await rpc.call('node.status', {})).store.lost, 2);
  node.lost = undefined;
  assert.equal('warning_incomplete' in (await rpc.call('token.get', { token: TOKEN })), false);
});

test('unknown, not followed, and followed but empty are three different answers', async () => {
  const { rpc } = caller();
  const unknown = await refusal(rpc.call('token.balance', { token: UNKNOWN, address: ADDRESS }));
  assert.deepEqual([unknown.code, unknown.number], ['TOKEN_UNKNOWN', 400]);
  assert.match(unknown.message, /add "d4.*_0" to tokens\.follow in conf\.yaml/);
  const seen = await refusal(rpc.call('token.balance', { token: SEEN, address: ADDRESS }));
  assert.deepEqual([seen.code, seen.number], ['TOKEN_NOT_FOLLOWED', 401]);
  assert.match(seen.message, /tokens\.follow in conf\.yaml/);
  const empty = await rpc.call('token.balance', { token: EMPTY, address: ADDRESS });
  assert.deepEqual([empty.state, empty.total, empty.coins, empty.sequence], ['empty', '0', 0, '3']);
  assert.equal('symbol' in empty || 'decimals' in empty, false, 'what is not known is absent');
  for (const method of ['token.utxos', 'token.history', 'token.holders'] as const) {
    const list = await rpc.call(method, { token: EMPTY });
    assert.deepEqual([list.state, list.items], ['empty', []], method);
    assert.equal((await refusal(rpc.call(method, { token: UNKNOWN }))).code, 'TOKEN_UNKNOWN');
  }
  assert.equal((await rpc.call('token.get', { token: EMPTY })).state, 'empty');
});

test('a token id may be written with a dot and in upper case; the answer has the one form', async () => {
  const { rpc } = caller();
  const given = TOKEN.toUpperCase().replace('_', '.');
  assert.equal((await rpc.call('token.get', { token: given })).token, TOKEN);
});

test("a wrong address says why, with the network's form", async () => {
  const { rpc } = caller();
  const mistyped = `${ADDRESS.slice(0, -1)}${ADDRESS.endsWith('1') ? '2' : '1'}`;
  const error = await refusal(rpc.call('token.balance', { token: TOKEN, address: mistyped }));
  assert.deepEqual([error.code, error.number], ['ADDRESS_INVALID', 402]);
  assert.match(error.message, /checksum does not match/);
  assert.equal(error.data['fault'], 'checksum');
});

test('several balances come in the order asked, with one sequence', async () => {
  const { rpc } = caller();
  const answer = await rpc.call('token.balances', { token: TOKEN, addresses: [OTHER_ADDRESS, ADDRESS] });
  assert.deepEqual(
    answer.items.map((b) => [b.address, b.coins]),
    [
      [OTHER_ADDRESS, 0],
      [ADDRESS, 2],
    ],
  );
  assert.equal(answer.sequence, '3');
  const most = await refusal(
    rpc.call('token.balances', { token: TOKEN, addresses: Array(101).fill(ADDRESS) }),
  );
  assert.equal(most.code, 'INVALID_PARAMS');
});

test('coins go by pages whose cursor is absent at the end', async () => {
  const { rpc } = caller();
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = { limit: 10, ...(cursor === undefined ? {} : { cursor }) };
    const answer = await rpc.call('token.utxos', { token: TOKEN, address: ADDRESS, ...page });
    seen.push(...answer.items.map((coin) => coin.outpoint));
    cursor = answer.cursor;
  } while (cursor !== undefined);
  assert.equal(new Set(seen).size, 25);
  const error = await refusal(rpc.call('token.utxos', { token: TOKEN, cursor: 'nonsense' }));
  assert.equal(error.code, 'CURSOR_INVALID');
  const { cursor: ofAll = '' } = await rpc.call('token.utxos', { token: TOKEN, limit: 5 });
  for (const wrong of [
    { token: TOKEN, address: ADDRESS, cursor: ofAll },
    { token: TOKEN, cursor: ofAll.slice(1) },
    { token: TOKEN, cursor: ofAll.slice(0, -1) },
    { token: TOKEN, cursor: '10' },
  ]) {
    assert.equal((await refusal(rpc.call('token.utxos', wrong))).code, 'CURSOR_INVALID');
  }
  const limit = await refusal(rpc.call('token.utxos', { token: TOKEN, limit: 1001 }));
  assert.match(limit.message, /"limit"/);
});

test('history has time, place, both directions and the change; filters reach the store', async () => {
  const { rpc } = caller();
  const { items } = await rpc.call('token.history', { token: TOKEN, address: ADDRESS, from: '2025-07-01' });
  assert.deepEqual(items[0], {
    txid: TXID,
    height: 100,
    index: 1,
    time: '2025-07-01T12:00:00Z',
    received: String(BIG),
    sent: '0',
    change: String(BIG),
  });
  assert.deepEqual([items[1]?.change, 'height' in (items[1] ?? {})], ['-5', false]);
  const later = await rpc.call('token.history', { token: TOKEN, fromHeight: 101 });
  assert.equal(later.items.length, 1);
  for (const range of [
    { fromHeight: 9, toHeight: 8 },
    { from: '2025-07-02', to: '2025-07-01' },
  ]) {
    assert.match((await refusal(rpc.call('token.history', { token: TOKEN, ...range }))).message, /is after/);
  }
});

test('token.list gives the followed ones, with all also those seen, by pages', async () => {
  const { rpc } = caller();
  assert.deepEqual(
    (await rpc.call('token.list', {})).items.map((t) => [t.token, t.followed]),
    [[TOKEN, true]],
  );
  const first = await rpc.call('token.list', { all: true, limit: 1 });
  const cursor = first.cursor as string;
  const rest = await rpc.call('token.list', { all: true, limit: 1, cursor });
  assert.deepEqual([rest.items[0]?.token, rest.items[0]?.followed, rest.cursor], [SEEN, false, undefined]);
});

test('parameters: by name, none unknown, all problems at once, the nearest name', async () => {
  const { rpc } = caller();
  const unknown = await refusal(rpc.request('token.balance', { tokn: TOKEN, adress: 'x' }));
  assert.equal(unknown.code, 'INVALID_PARAMS');
  assert.match(unknown.message, /"token" is missing/);
  assert.match(unknown.message, /unknown parameter "tokn" \(did you mean "token"\?\)/);
  assert.match(unknown.message, /unknown parameter "adress" \(did you mean "address"\?\)/);
  assert.deepEqual((unknown.data['fields'] as string[]).toSorted(), ['address', 'adress', 'token', 'tokn']);
  for (const params of [[TOKEN, ADDRESS], 'x', 5, null]) {
    const error = await refusal(rpc.request('token.balance', params));
    assert.match(error.message, /parameters go by name/, JSON.stringify(params));
  }
  const wrong = await refusal(rpc.request('token.utxos', { token: 5, limit: 'ten' }));
  assert.match(wrong.message, /"token": .*"limit": /);
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`x${i}`, 1]));
  assert.match((await refusal(rpc.request('headers.tip', many))).message, /and 20 more/);
  const proto = await refusal(
    rpc.request('headers.tip', JSON.parse('{"__proto__": {"a": 1}, "constructor": 1}')),
  );
  assert.match(proto.message, /unknown parameter "constructor"/);
});

test('an unknown method is answered with the nearest name; inherited names are no methods', async () => {
  const { rpc } = caller();
  const error = await refusal(rpc.request('token.balanse', {}));
  assert.deepEqual([error.number, error.code], [-32_601, 'METHOD_NOT_FOUND']);
  assert.match(error.message, /did you mean "token.balance"/);
  for (const name of ['toString', '__proto__', 'constructor', '']) {
    assert.equal((await refusal(rpc.request(name, {}))).code, 'METHOD_NOT_FOUND', name);
  }
});

test('rpc.check tells what a call would be answered, and does nothing', async () => {
  const { node, rpc } = caller();
  const params = { token: TOKEN, address: ADDRESS };
  assert.deepEqual(await rpc.call('rpc.check', { method: 'token.balance', params }), {
    ok: true,
    method: 'token.balance',
    changes: false,
  });
  const bad = { method: 'token.balance', params: { token: UNKNOWN, address: ADDRESS } };
  assert.equal((await refusal(rpc.call('rpc.check', bad))).code, 'TOKEN_UNKNOWN');
  assert.equal((await refusal(rpc.call('rpc.check', { method: 'tx.submit' }))).code, 'INVALID_PARAMS');
  assert.equal((await rpc.call('rpc.check', { method: 'tx.submit', params: { beef: '00' } })).changes, true);
  assert.equal(node.offered.length, 0);
  assert.equal((await refusal(rpc.call('rpc.check', { method: 'nope' }))).code, 'METHOD_NOT_FOUND');
});

test('tx.submit hands the bytes on and answers the outcome; long lists are cut and counted', async () => {
  const { node, rpc } = caller();
  assert.deepEqual(await rpc.call('tx.submit', { beef: '0100BEEF' }), {
    status: 'admitted',
    txid: TXID,
    tokens: [TOKEN],
  });
  assert.equal(Buffer.from(node.offered[0] ?? []).toString('hex'), '0100beef');
  const missing = Array.from({ length: 150 }, (_, i) => `${TXID}_${i}`);
  node.outcome = () => ({ status: 'pending', txid: TXID, waitingFor: 'parents', missing });
  const pending = await rpc.call('tx.submit', { beef: '00' });
  assert.deepEqual([pending.missing?.length, pending.missingCount], [100, 150]);
  node.outcome = () => ({ status: 'rejected', code: 'SCRIPT_FAILED', data: { vin: 2 } });
  assert.deepEqual(await rpc.call('tx.submit', { beef: '00' }), {
    status: 'rejected',
    code: 'SCRIPT_FAILED',
    data: { vin: 2 },
  });
  node.outcome = () => ({ status: 'conflict', txid: TXID, conflictsWith: ['aa'] });
  assert.deepEqual((await rpc.call('tx.submit', { beef: '00' })).conflictsWith, ['aa']);
  for (const beef of ['0', 'xy', '', '00 11']) {
    assert.match(
      (await refusal(rpc.call('tx.submit', { beef }))).message,
      /"beef": must be an even number of hex/,
    );
  }
});

test('tx.get tells verdicts and blocks; raw only when asked', async () => {
  const { rpc } = caller();
  const tx = await rpc.call('tx.get', { txid: TXID.toUpperCase() });
  assert.deepEqual(
    [tx.txid, tx.status, tx.height, tx.tokens[0]?.outputs[0]?.verdict],
    [TXID, 'active', 100, 'valid'],
  );
  assert.equal('raw' in tx, false);
  assert.equal((await rpc.call('tx.get', { txid: TXID, raw: true })).raw, '00');
  assert.equal((await refusal(rpc.call('tx.get', { txid: 'ff'.repeat(32) }))).code, 'TX_UNKNOWN');
});

test('tx.beef goes out in pieces of one build, however large it is', async () => {
  const { node, rpc } = caller();
  const beef = Buffer.alloc(1_200_000, 0x5a);
  beef.writeUInt32LE(7, 700_000);
  node.beef = beef;
  const pieces: Buffer[] = [];
  for (let offset: number | undefined = 0; offset !== undefined; ) {
    const piece: Result<'tx.beef'> = await rpc.call('tx.beef', { txid: TXID, offset });
    assert.equal(piece.bytes, beef.length);
    pieces.push(Buffer.from(piece.beef, 'hex'));
    offset = piece.next;
    if (pieces.length === 1) node.beef = Buffer.from('changed meanwhile');
  }
  assert.equal(pieces.length, 3);
  assert.ok(Buffer.concat(pieces).equals(beef));
  node.beef = undefined;
  assert.equal((await refusal(rpc.call('tx.beef', { txid: TXID }))).code, 'TX_NOT_PROVABLE');
  assert.equal((await refusal(rpc.call('tx.beef', { txid: 'ff'.repeat(32) }))).code, 'TX_UNKNOWN');
});

test('headers: tip, by height, by hash, and what is not there', async () => {
  const { node, rpc } = caller();
  const tip = await rpc.call('headers.tip', {});
  assert.deepEqual([tip.height, tip.baseHeight, tip.time], [120, 100, '2025-07-01T12:00:00Z']);
  assert.equal(tip.chainWork, node.tip.chainWork.toString(16).padStart(64, '0'));
  assert.equal((await rpc.call('headers.get', { height: 120 })).hash, node.tip.hash);
  assert.equal((await rpc.call('headers.get', { hash: node.tip.hash.toUpperCase() })).bits, '180d1d2e');
  const none = await refusal(rpc.call('headers.get', { height: 121 }));
  assert.deepEqual([none.code, /heights 100 to 120 are held/.test(none.message)], ['HEADER_UNKNOWN', true]);
  assert.equal((await refusal(rpc.call('headers.get', {}))).code, 'INVALID_PARAMS');
  assert.equal(
    (await refusal(rpc.call('headers.get', { height: 1, hash: node.tip.hash }))).code,
    'INVALID_PARAMS',
  );
});

test('headers.import takes whole headers, says what was undone, and names why it refuses', async () => {
  const { node, rpc } = caller();
  const data = Buffer.alloc(160).toString('base64');
  assert.equal((await rpc.call('headers.import', { data })).added, 2);
  assert.equal(node.headers[0]?.length, 160);
  node.importHeaders = async () => ({ added: 2, known: 1, undone: { from: 5, to: 6 }, tip: node.tip });
  assert.deepEqual((await rpc.call('headers.import', { data })).undone, { from: 5, to: 6 });
  node.importHeaders = async () => {
    throw Object.assign(new Error('hash above the target'), { code: 'POW_FAILED', data: { index: 1 } });
  };
  const refused = await refusal(rpc.call('headers.import', { data }));
  assert.deepEqual(
    [refused.code, refused.data['reason'], refused.data['index']],
    ['HEADERS_REFUSED', 'POW_FAILED', 1],
  );
  for (const bad of [Buffer.alloc(79), Buffer.alloc(80 * 6554)]) {
    const error = await refusal(rpc.call('headers.import', { data: bad.toString('base64') }));
    assert.match(error.message, /are not 1 to 6553 headers of 80 bytes/);
  }
  assert.equal((await refusal(rpc.call('headers.import', { data: '%%%' }))).code, 'INVALID_PARAMS');
});

test('events.since goes on with next, also where a filter leaves all out; ahead of the log is an error', async () => {
  const { rpc } = caller();
  const first = await rpc.call('events.since', { after: 0, limit: 2 });
  assert.deepEqual([first.items.map((e) => e.sequence), first.next, first.sequence], [['1', '2'], '2', '3']);
  const rest = await rpc.call('events.since', { after: first.next });
  assert.deepEqual([rest.items.length, rest.next], [1, '3']);
  const filtered = await rpc.call('events.since', { after: '0', tokens: [SEEN.replace('_', '.')] });
  assert.deepEqual([filtered.items.map((e) => e.sequence), filtered.next], [['2'], '3']);
  const ahead = await refusal(rpc.call('events.since', { after: '99' }));
  assert.deepEqual(
    [ahead.code, ahead.data['sequence'], ahead.data['databaseId']],
    ['EVENTS_AHEAD', '3', 'db1'],
  );
  assert.equal((await refusal(rpc.call('events.since', { after: -1 }))).code, 'INVALID_PARAMS');
});

test('node.status is one screen of figures, degraded with a warning', async () => {
  const { node, rpc } = caller();
  const fine = await rpc.call('node.status', {});
  assert.deepEqual([fine.state, fine.degraded, fine.uptime, fine.tip.height], ['running', false, 60, 120]);
  assert.deepEqual(
    fine.tokens.map((t) => t.token),
    [TOKEN],
  );
  node.warnings = [{ code: 'HEADERS_NONE', title: 't', severity: 'warning', text: 'x', sinceMs: node.nowMs }];
  const bad = await rpc.call('node.status', {});
  assert.deepEqual(
    [bad.degraded, bad.health[0]?.code, bad.health[0]?.since],
    [true, 'HEADERS_NONE', '2025-07-01T12:00:00.000Z'],
  );
});

test('config.get shows values with their source, whole or a section; config.check gives the verdict', async () => {
  const { rpc } = caller();
  assert.equal((await rpc.call('config.get', {})).entries.length, 2);
  assert.deepEqual((await rpc.call('config.get', { key: 'logging' })).entries, [
    { key: 'logging.level', value: 'info', source: 'conf.yaml:4', reload: 'live' },
  ]);
  assert.deepEqual((await rpc.call('config.get', { key: 'log' })).entries, []);
  assert.equal((await rpc.call('config.check', {})).valid, true);
});

test('log.level shows, sets one or all, and names unknown modules', async () => {
  const { node, rpc } = caller();
  assert.equal((await rpc.call('log.level', {})).changed, false);
  const one = await rpc.call('log.level', { module: 'api', level: 'debug' });
  assert.deepEqual([one.changed, one.levels['api'], node.levels['store']], [true, 'debug', 'info']);
  await rpc.call('log.level', { level: 'warn' });
  assert.deepEqual([...new Set(Object.values(node.levels))], ['warn']);
  const error = await refusal(rpc.call('log.level', { module: 'stor', level: 'debug' }));
  assert.match(error.message, /did you mean "store"/);
});

test('store.verify reports progress and its verdict, one check at a time', async () => {
  const { node, rpc } = caller();
  const progress: unknown[] = [];
  rpc.onNotification((method, params) => progress.push([method, params['done'], params['total']]));
  const report = await rpc.call('store.verify', {});
  assert.deepEqual([report.problemCount, report.rebuilt], [0, false]);
  assert.deepEqual(progress, [
    ['progress', 5, 10],
    ['progress', 10, 10],
  ]);
  const gate = Promise.withResolvers<void>();
  const verify = node.verify;
  node.verify = async (opts, tell) => {
    assert.equal(opts.rebuild, true);
    await gate.promise;
    return verify(opts, tell);
  };
  const first = rpc.call('store.verify', { rebuild: true });
  assert.equal((await refusal(rpc.call('store.verify', {}))).code, 'VERIFY_RUNNING');
  assert.equal((await refusal(rpc.call('rpc.check', { method: 'store.verify' }))).code, 'VERIFY_RUNNING');
  gate.resolve();
  assert.equal((await first).rebuilt, true);
  node.verify = verify;
  await rpc.call('store.verify', {});
});

test("a damaged store is a 500 with the store's code, logged; a fault of ours gives only a reference", async () => {
  const { node, rpc } = caller();
  node.readFailure = storeError('STORE_ROW_DAMAGED', 'row b/1 is damaged');
  const damaged = await refusal(rpc.call('token.balance', { token: TOKEN, address: ADDRESS }));
  assert.deepEqual([damaged.number, damaged.code], [500, 'STORE_ROW_DAMAGED']);
  node.readFailure = new TypeError('x is not a function');
  const fault = await refusal(rpc.call('token.utxos', { token: TOKEN }));
  assert.deepEqual([fault.number, fault.message.includes('not a function')], [-32_603, false]);
  assert.deepEqual(
    node.logged.map((l) => [l.name, l.fields['method'], l.fields['code'] ?? l.fields['ref']]),
    [
      ['api.store_failed', 'token.balance', 'STORE_ROW_DAMAGED'],
      ['api.fault', 'token.utxos', fault.data['ref']],
    ],
  );
});

test('while stopping, calls that change something are refused and the others are answered', async () => {
  const { node, rpc } = caller();
  node.state = 'stopping';
  const refused = await refusal(rpc.call('tx.submit', { beef: '00' }));
  assert.deepEqual([refused.number, refused.code], [1, 'SHUTTING_DOWN']);
  assert.equal(node.offered.length, 0);
  assert.equal((await rpc.call('node.status', {})).state, 'stopping');
});
