import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ClientError, connectClient, RpcError } from '../../../src/api/client.ts';
import { startServer } from '../../support/api-server.ts';
import { ADDRESS, eventAt, TOKEN } from '../../support/fake-modules.ts';
import { tempDir } from '../../support/temp-dir.ts';

async function failure(promise: Promise<unknown>): Promise<ClientError | RpcError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ClientError || error instanceof RpcError, String(error));
    return error;
  }
  return assert.fail('it did not fail');
}

test('calls overlap and find their answers; refusals carry number, code, text and data', async (t) => {
  const { path } = await startServer(t);
  const client = await connectClient({ socketPath: path });
  t.after(() => client.close());
  const answers = await Promise.all([
    client.call('headers.tip', {}),
    client.call('token.balance', { token: TOKEN, address: ADDRESS }),
    client.call('node.status', {}),
  ]);
  assert.deepEqual([answers[0].height, answers[1].coins, answers[2].pid], [120, 2, process.pid]);
  const refused = await failure(client.call('headers.get', { height: 7 }));
  assert.ok(refused instanceof RpcError);
  assert.deepEqual([refused.number, refused.code, refused.data['height']], [301, 'HEADER_UNKNOWN', 7]);
});

test('notifications reach the listener, interleaved with answers', async (t) => {
  const { path, node } = await startServer(t);
  const client = await connectClient({ socketPath: path });
  t.after(() => client.close());
  const seen = Promise.withResolvers<unknown>();
  client.onNotification((method, params) => {
    if (params['sequence'] === '4') seen.resolve([method, params['token']]);
  });
  await client.call('events.subscribe', {});
  node.append(eventAt(4n));
  assert.deepEqual(await seen.promise, ['event', TOKEN]);
});

test('what can be wrong with the socket has a code each', async (t) => {
  const dir = tempDir(t);
  assert.equal((await failure(connectClient({ socketPath: join(dir, 'none') }))).code, 'SOCKET_ABSENT');
  const { path } = await startServer(t);
  if (process.getuid?.() !== 0) {
    chmodSync(path, 0o000);
    assert.equal((await failure(connectClient({ socketPath: path }))).code, 'SOCKET_DENIED');
    chmodSync(path, 0o600);
  }
});

test('a connection that breaks fails every open call, and later ones', async (t) => {
  const path = join(tempDir(t), 's');
  const server = createServer((socket) => socket.once('data', () => socket.destroy()));
  server.listen(path);
  await once(server, 'listening');
  t.after(() => server.close());
  const client = await connectClient({ socketPath: path });
  const both = [client.call('headers.tip', {}), client.call('node.status', {})].map(failure);
  assert.deepEqual(
    (await Promise.all(both)).map((e) => e.code),
    ['CONNECTION_LOST', 'CONNECTION_LOST'],
  );
  await client.closed;
  assert.equal((await failure(client.call('headers.tip', {}))).code, 'CONNECTION_LOST');
});

test('a server that speaks something else is told from one that is gone', async (t) => {
  const path = join(tempDir(t), 's');
  const server = createServer((socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  server.listen(path);
  await once(server, 'listening');
  t.after(() => server.close());
  const client = await connectClient({ socketPath: path });
  assert.equal((await failure(client.call('headers.tip', {}))).code, 'ANSWER_INVALID');
});

test('an error about the connection itself fails the open calls with its code', async (t) => {
  const { path } = await startServer(t, { maxConnections: 1 });
  const first = await connectClient({ socketPath: path });
  t.after(() => first.close());
  await first.call('headers.tip', {});
  const second = await connectClient({ socketPath: path });
  assert.equal((await failure(second.call('headers.tip', {}))).code, 'TOO_MANY_CONNECTIONS');
});
