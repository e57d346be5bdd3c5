import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { TestChain } from '../support/corpus/scenario.ts';
import { type Daemon, Home } from '../support/operator.ts';
import { RawClient, type RawMessage } from '../support/raw-client.ts';

// What a running daemon answers to lines that no client of ours would send.
const cleanup = { after };
const home = new Home(cleanup, { follow: [] });
let daemon: Daemon;

before(async () => {
  daemon = await home.start();
});

function codes(message: RawMessage): unknown {
  return [message.id, message.error?.code, message.error?.data.code];
}

test('unknown methods, wrong parameters and requests that are none: standard codes, and the connection goes on', async (t) => {
  const client = await home.raw(t);
  const params = { token: 5, adress: 'x' };
  for (const [line, expected] of [
    ['{"jsonrpc":"2.0","id":1,"method":"token.balanse"}', [1, -32601, 'METHOD_NOT_FOUND']],
    ['{"jsonrpc":"2.0","id":2,"method":"__proto__"}', [2, -32601, 'METHOD_NOT_FOUND']],
    [
      `{"jsonrpc":"2.0","id":3,"method":"token.balance","params":${JSON.stringify(params)}}`,
      [3, -32602, 'INVALID_PARAMS'],
    ],
    ['{"jsonrpc":"2.0","id":4,"method":"token.get","params":["x"]}', [4, -32602, 'INVALID_PARAMS']],
    ['{"jsonrpc":"2.0","id":5,"method":"token.get","params":null}', [5, -32602, 'INVALID_PARAMS']],
    ['{"jsonrpc":"1.0","id":6,"method":"node.status"}', [6, -32600, 'INVALID_REQUEST']],
    ['{"jsonrpc":"2.0","id":{},"method":"node.status"}', [null, -32600, 'INVALID_REQUEST']],
    ['{"jsonrpc":"2.0","id":8,"method":7}', [8, -32600, 'INVALID_REQUEST']],
    ['"node.status"', [null, -32600, 'INVALID_REQUEST']],
    ['[]', [null, -32600, 'INVALID_REQUEST']],
    ['{"jsonrpc":"2.0","id":9,', [null, -32700, 'PARSE_ERROR']],
    ['nonsense', [null, -32700, 'PARSE_ERROR']],
  ] as const) {
    client.send(`${line}\n`);
    assert.deepEqual(codes(await client.json()), expected, line);
  }
  client.send(Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]));
  assert.deepEqual(codes(await client.json()), [null, -32700, 'PARSE_ERROR']);
  client.request(10, 'node.status');
  assert.equal((await client.json()).result?.['state'], 'running');
});

test('the nearest method is named', async (t) => {
  const client = await home.raw(t);
  client.request(1, 'token.balanse');
  assert.equal(
    (await client.json()).error?.message,
    'no such method: "token.balanse" (did you mean "token.balance"?)',
  );
});

test('notifications get no answer, not even an error; batches one line', async (t) => {
  const client = await home.raw(t);
  client.send('{"jsonrpc":"2.0","method":"nope"}\n{"jsonrpc":"2.0","method":"node.status"}\n\n');
  client.send(
    '[{"jsonrpc":"2.0","id":"a","method":"headers.tip"},{"jsonrpc":"2.0","method":"nope"},7,{"jsonrpc":"2.0","id":"b","method":"nope"}]\n',
  );
  const answers = await client.jsonBatch();
  assert.deepEqual(
    answers.map((a) => a.id),
    ['a', null, 'b'],
  );
  client.send('[{"jsonrpc":"2.0","method":"nope"}]\n');
  client.request(2, 'headers.tip');
  assert.equal((await client.json()).id, 2);
});

test('a line that is too long, nesting that is too deep, a batch that is too large: an answer, then the end', async (t) => {
  for (const [line, code] of [
    [`{"jsonrpc":"2.0","id":1,"method":"${'x'.repeat(1024 * 1024)}"}\n`, 'LINE_TOO_LONG'],
    ['x'.repeat(1024 * 1024 + 1), 'LINE_TOO_LONG'],
    [`${'['.repeat(33)}${']'.repeat(33)}\n`, 'NESTING_TOO_DEEP'],
    [
      `{"jsonrpc":"2.0","id":1,"method":"token.get","params":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}\n`,
      'NESTING_TOO_DEEP',
    ],
    [
      `[${Array(101).fill('{"jsonrpc":"2.0","id":1,"method":"headers.tip"}').join(',')}]\n`,
      'BATCH_TOO_LARGE',
    ],
  ] as const) {
    const client = await home.raw(t);
    client.send(line);
    const answer = await client.json();
    assert.deepEqual([answer.id, answer.error?.data.code], [null, code]);
    assert.equal(await client.line(), undefined);
  }
});

test('a thousand requests in one write are all answered, each once', async (t) => {
  const client = await home.raw(t);
  const lines = Array.from({ length: 1000 }, (_, id) =>
    JSON.stringify({ jsonrpc: '2.0', id, method: 'headers.tip' }),
  );
  client.send(`${lines.join('\n')}\n`);
  const ids = new Set<unknown>();
  for (let i = 0; i < 1000; i += 1) ids.add((await client.json()).id);
  assert.equal(ids.size, 1000);
});

test('a client that only asks and never reads does not keep others from their answers', async (t) => {
  const deaf = await home.raw(t);
  deaf.socket.pause();
  const line = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'rpc.discover' })}\n`;
  for (let i = 0; i < 500; i += 1) deaf.send(line);
  const client = await home.raw(t);
  client.request(1, 'node.status');
  const { memory } = (await client.json()).result as { memory: number };
  assert.ok(memory < 1e9);
});

test('more clients than there is room for are told so; room comes back', async (t) => {
  const clients: RawClient[] = [];
  for (let i = 0; i < 64; i += 1) clients.push(await home.raw(t));
  for (const client of clients) client.request(1, 'headers.tip');
  for (const client of clients) assert.equal((await client.json()).id, 1);
  const late = await home.raw(t);
  assert.equal((await late.json()).error?.data.code, 'TOO_MANY_CONNECTIONS');
  const { exit, stderr } = await home.cli('status');
  assert.deepEqual([exit, stderr], [1, 'btcfed: too many connections\n']);
  await Promise.all(clients.map((client) => client.close()));
  assert.equal((await home.cli('wait', '--timeout', '10s')).exit, 0);
});

test('an import by hand: pieces cut anywhere; a damaged stream is named, what came before is taken', async (t) => {
  const chain = new TestChain('e2e rpc');
  const client = await home.raw(t);
  const deploy = chain.deployMint(5n, { owner: chain.key('a') });
  const beef = chain.beef(deploy);
  const stream = Buffer.concat([length(beef.length), beef, length(0)]);
  client.request(1, 'import.open');
  const importId = (await client.json()).result?.['importId'];
  for (let at = 0; at < stream.length; at += 7) {
    client.request(`w${at}`, 'import.write', {
      importId,
      data: stream.subarray(at, at + 7).toString('base64'),
    });
  }
  const answers: RawMessage[] = [];
  for (let at = 0; at < stream.length; at += 7) answers.push(await client.json());
  const refused = answers.filter((answer) => answer.error !== undefined);
  assert.deepEqual(
    refused.map((answer) => answer.error?.data),
    [{ code: 'IMPORT_FRAME_INVALID', reason: 'FRAME_EMPTY', offset: beef.length + 4 }],
  );
  client.request(2, 'import.close', { importId });
  const totals = (await client.json()).result as {
    offered: number;
    done: number;
    damage: { offset: number };
  };
  assert.deepEqual([totals.offered, totals.done, totals.damage.offset], [1, 1, beef.length + 4]);
  client.request(3, 'import.close', { importId });
  assert.equal((await client.json()).error?.data.code, 'IMPORT_UNKNOWN');
});

test('the example of the README: one line through a pipe is answered though the sender has ended', async () => {
  const client = await RawClient.open(home.socket);
  client.send('{"jsonrpc":"2.0","id":1,"method":"node.status"}\n');
  client.socket.end();
  assert.equal((await client.json()).result?.['state'], 'running');
  await client.closed;
});

test('clients that vanish in the middle of anything leave nothing behind', async (t) => {
  for (const text of [
    '{"jsonrpc"',
    '{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}\n',
    '{"jsonrpc":"2.0","id":1,"method":"store.verify"}\n',
    '{"jsonrpc":"2.0","id":1,"method":"events.subscribe","params":{"after":"0"}}\n',
  ]) {
    const client = await RawClient.open(home.socket);
    client.socket.write(text);
    client.socket.destroy();
    await client.closed;
  }
  const client = await home.raw(t);
  client.request(1, 'node.status');
  assert.equal((await client.json()).result?.['state'], 'running');
  assert.doesNotMatch(daemon.log, /event=(api\.fault|node\.fault)/);
});

test('a log that nobody reads any more does not end the daemon', async (t) => {
  const own = new Home(t, { follow: [] });
  const other = await own.start();
  const closed = once(other.child.stderr!, 'close');
  other.child.stderr?.destroy();
  await closed;
  for (const level of ['debug', 'info', 'debug']) {
    assert.equal((await own.cli('log', 'level', 'api', level)).exit, 0);
  }
  assert.equal((await own.cli('wait', '--timeout', '0')).exit, 0);
  other.child.kill('SIGTERM');
  assert.equal((await once(other.child, 'exit'))[0], 0);
});

function length(bytes: number): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(bytes);
  return head;
}
