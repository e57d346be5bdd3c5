import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { z } from 'zod';
import { MAX_BATCH, MAX_CONNECTIONS, MAX_LINE_BYTES, MAX_OPEN_REQUESTS } from '../../../src/api/limits.ts';
import { type MethodTable, method } from '../../../src/api/method.ts';
import { startServer } from '../../support/api-server.ts';
import { ADDRESS, CHECKED_METHODS, FakeNode, TOKEN } from '../../support/fake-modules.ts';

test('a call is answered with its id; calls on one connection may overlap', async (t) => {
  const node = new FakeNode();
  const gate = Promise.withResolvers<void>();
  node.ready = () => gate.promise;
  const { client } = await startServer(t, {}, node);
  const raw = await client();
  raw.request('slow', 'tx.submit', { beef: '00' });
  raw.request(2, 'token.balance', { token: TOKEN, address: ADDRESS });
  const fast = await raw.json();
  assert.deepEqual([fast.jsonrpc, fast.id, fast.result?.['coins']], ['2.0', 2, 2]);
  gate.resolve();
  assert.equal((await raw.json()).id, 'slow');
});

test('requests may come in pieces and many in one piece', async (t) => {
  const { client } = await startServer(t);
  const raw = await client();
  const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'headers.tip' });
  for (const char of text) raw.send(char);
  raw.send('\n\n  \n');
  raw.send(`${text.replace('"id":1', '"id":2')}\n${text.replace('"id":1', '"id":3')}\r\n`);
  assert.deepEqual([(await raw.json()).id, (await raw.json()).id, (await raw.json()).id], [1, 2, 3]);
});

test('notifications are silent, whatever happens to them', async (t) => {
  const { client, node } = await startServer(t);
  const raw = await client();
  for (const request of [
    { method: 'tx.submit', params: { beef: '00' } },
    { method: 'no.such.method' },
    { method: 'token.get', params: { token: 'bad' } },
    { method: 'token.get', params: [1] },
  ]) {
    raw.send(`${JSON.stringify({ jsonrpc: '2.0', ...request })}\n`);
  }
  raw.send('[{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","method":"headers.tip"}]\n');
  raw.request(9, 'headers.tip');
  assert.equal((await raw.json()).id, 9, 'the first line that comes back is the answer to the request');
  assert.equal(node.offered.length, 1, 'the first one was carried out');
});

test('a batch is answered as one, without its notifications, errors included', async (t) => {
  const { client } = await startServer(t);
  const raw = await client();
  raw.send(
    '[{"jsonrpc":"2.0","id":1,"method":"headers.tip"},{"jsonrpc":"2.0","method":"headers.tip"},7,{"jsonrpc":"2.0","id":2,"method":"nope"}]\n',
  );
  const batch = await raw.jsonBatch();
  assert.deepEqual(
    batch.map((m) => [m.id, m.error?.code]),
    [
      [1, undefined],
      [null, -32_600],
      [2, -32_601],
    ],
  );
});

test('bad lines are answered with id null and the connection goes on', async (t) => {
  const { client } = await startServer(t);
  const raw = await client();
  raw.send('nonsense\n');
  const answer = await raw.json();
  assert.deepEqual([answer.id, answer.error?.code, answer.error?.data.code], [null, -32_700, 'PARSE_ERROR']);
  raw.send(Buffer.from([0x22, 0xff, 0x22, 0x0a]));
  assert.equal((await raw.json()).error?.code, -32_700);
  raw.send('[]\n');
  assert.equal((await raw.json()).error?.code, -32_600);
  raw.request(1, 'headers.tip');
  assert.equal((await raw.json()).id, 1);
});

const TOO_MUCH: readonly (readonly [string, string, string])[] = [
  ['an over-long line', 'x'.repeat(MAX_LINE_BYTES + 1), 'LINE_TOO_LONG'],
  ['deep nesting', `${'['.repeat(40)}${']'.repeat(40)}\n`, 'NESTING_TOO_DEEP'],
  [
    'a large batch',
    `[${Array(MAX_BATCH + 1)
      .fill('{}')
      .join(',')}]\n`,
    'BATCH_TOO_LARGE',
  ],
];

for (const [what, text, code] of TOO_MUCH) {
  test(`${what} is answered with ${code}, and then the connection is closed and counted`, async (t) => {
    const { client, server } = await startServer(t);
    const raw = await client();
    raw.request(1, 'headers.tip');
    assert.equal((await raw.json()).id, 1);
    raw.send(text);
    assert.equal((await raw.json()).error?.data.code, code);
    assert.equal(await raw.line(), undefined);
    await raw.closed;
    const other = await client();
    other.request(2, 'headers.tip');
    assert.equal((await other.json()).id, 2, 'others are served');
    assert.deepEqual(server.facts().dropped, { LIMIT_BROKEN: 1 });
  });
}

test('a line of exactly the limit is a line', async (t) => {
  const { client } = await startServer(t);
  const raw = await client();
  const head = '{"jsonrpc":"2.0","id":1,"method":"headers.tip","x":"';
  raw.send(`${head}${'x'.repeat(MAX_LINE_BYTES - head.length - 2)}"}\n`);
  assert.equal((await raw.json()).id, 1);
});

test('above the limit of connections a client is told so; a place that gets free is given on', async (t) => {
  const { client, server } = await startServer(t, { maxConnections: 2 });
  assert.ok(MAX_CONNECTIONS > 2);
  const first = await client();
  const second = await client();
  first.request(1, 'headers.tip');
  second.request(1, 'headers.tip');
  await Promise.all([first.json(), second.json()]);
  const third = await client();
  third.request(1, 'headers.tip');
  const refused = await third.json();
  assert.deepEqual(
    [refused.id, refused.error?.data.code, refused.error?.data['max']],
    [null, 'TOO_MANY_CONNECTIONS', 2],
  );
  await third.closed;
  assert.deepEqual([server.facts().connections, server.facts().refused], [2, 1]);
  await first.close();
  second.request(2, 'headers.tip');
  await second.json();
  const fourth = await client();
  fourth.request(1, 'headers.tip');
  assert.equal((await fourth.json()).id, 1);
});

/** A table with methods that wait to be let go, or answer with a given number of bytes. */
function slowMethods(gate: Promise<void>): { table: MethodTable; running: { now: number; most: number } } {
  const running = { now: 0, most: 0 };
  const object = z.object({ text: z.string() });
  const base = { result: object, errors: [], changes: false } as const;
  const table: MethodTable = {
    ...CHECKED_METHODS,
    'test.wait': method({
      ...base,
      doc: 'Waits.',
      params: z.strictObject({}),
      example: { params: {}, result: { text: '' } },
      run: async () => {
        running.now += 1;
        running.most = Math.max(running.most, running.now);
        await gate;
        running.now -= 1;
        return { text: '' };
      },
    }),
    'test.bytes': method({
      ...base,
      doc: 'Answers.',
      params: z.strictObject({ count: z.number() }),
      example: { params: { count: 1 }, result: { text: '' } },
      run: (_modules, { count }) => ({ text: 'x'.repeat(count) }),
    }),
  };
  return { table, running };
}

test('open requests of a connection are bounded; the rest waits unread and is answered later', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { table, running } = slowMethods(gate.promise);
  const { client } = await startServer(t, { methods: table, maxOpenRequests: 8 });
  assert.ok(MAX_OPEN_REQUESTS >= 8);
  const raw = await client();
  for (let i = 0; i < 50; i++) raw.request(i, 'test.wait', {});
  const other = await client();
  other.request('other', 'headers.tip');
  assert.equal((await other.json()).id, 'other', 'one client does not starve the rest');
  assert.equal(running.most, 8);
  gate.resolve();
  const ids = new Set<unknown>();
  for (let i = 0; i < 50; i++) ids.add((await raw.json()).id);
  assert.equal(ids.size, 50);
  assert.equal(running.most, 8);
});

test('a client that does not read is dropped after the deadline and counted; nothing grows meanwhile', async (t) => {
  const { table } = slowMethods(Promise.resolve());
  const { path, server, node } = await startServer(t, { methods: table, writeDeadlineMs: 100 });
  const socket = connect(path);
  socket.pause();
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => undefined);
  // 64 MB of answers are asked for; the socket takes some 200 kB.
  for (let i = 0; i < 64; i++) {
    socket.write(
      `${JSON.stringify({ jsonrpc: '2.0', id: i, method: 'test.bytes', params: { count: 1_000_000 } })}\n`,
    );
  }
  while (server.facts().connections > 0 || server.facts().accepted === 0) {
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(process.memoryUsage.rss() < 1_500_000_000);
  }
  assert.deepEqual(server.facts().dropped, { SLOW_READER: 1 });
  assert.deepEqual(
    node.logged.filter((l) => l.name === 'api.client_dropped').map((l) => l.fields['code']),
    ['SLOW_READER'],
  );
  socket.resume();
  await closed;
});

test('answers of a batch that are too large together are replaced by an error, each by itself', async (t) => {
  const { table } = slowMethods(Promise.resolve());
  const { client } = await startServer(t, { methods: table });
  const raw = await client();
  const calls = Array.from({ length: 5 }, (_, id) => ({
    jsonrpc: '2.0',
    id,
    method: 'test.bytes',
    params: { count: 5_000_000 },
  }));
  raw.send(`${JSON.stringify(calls)}\n`);
  const batch = await raw.jsonBatch();
  assert.deepEqual(
    batch.map((m) => m.error?.data.code),
    [undefined, undefined, undefined, 'REPLY_TOO_LARGE', 'REPLY_TOO_LARGE'],
  );
});

test('a client that closes its sending side still gets its answers, and then the end', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { table } = slowMethods(gate.promise);
  const { client, server } = await startServer(t, { methods: table });
  const raw = await client();
  raw.request(1, 'test.wait', {});
  raw.request(2, 'headers.tip');
  raw.socket.end();
  assert.equal((await raw.json()).id, 2);
  gate.resolve();
  assert.equal((await raw.json()).id, 1);
  await raw.closed;
  assert.equal(server.facts().connections, 0);
});

test('a stop lets what is in work be answered, then ends every connection', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { table } = slowMethods(gate.promise);
  const { client, server } = await startServer(t, { methods: table });
  const raw = await client();
  const idle = await client();
  idle.request(1, 'headers.tip');
  await idle.json();
  raw.request(1, 'test.wait', {});
  raw.request(2, 'headers.tip');
  assert.equal((await raw.json()).id, 2);
  const stopped = server.stop();
  await idle.closed;
  gate.resolve();
  assert.equal((await raw.json()).id, 1);
  await stopped;
  await raw.closed;
  assert.equal(server.facts().connections, 0);
});

test('a stop does not wait for a client that never reads or a call that never ends', async (t) => {
  const { table } = slowMethods(new Promise(() => undefined));
  const { client, server } = await startServer(t, { methods: table });
  const raw = await client();
  raw.request(1, 'test.wait', {});
  raw.request(2, 'headers.tip');
  await raw.json();
  await server.stop();
  assert.equal(await raw.line(), undefined);
});
