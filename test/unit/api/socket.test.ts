import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MAX_SOCKET_PATH_BYTES } from '../../../src/api/limits.ts';
import { ApiServer } from '../../../src/api/server.ts';
import { bindSocket, refuseIfRunning, SocketError, type SocketMode } from '../../../src/api/socket.ts';
import { startServer } from '../../support/api-server.ts';
import { FakeNode } from '../../support/fake-modules.ts';
import { tempDir } from '../../support/temp-dir.ts';

async function refusal(promise: Promise<unknown>): Promise<SocketError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof SocketError, String(error));
    return error;
  }
  return assert.fail('it was bound');
}

function serverOn(socketPath: string, mode: SocketMode = 0o600) {
  return new ApiServer({ socketPath, mode }, new FakeNode().modules);
}

/** A process that listens on the path and dies without cleaning up. */
async function killedListener(t: TestContext, path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.stdout.write('up'))`;
  const child: ChildProcess = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('the mode is exact, whatever the umask, and only the two modes are taken', async (t) => {
  for (const [mode, umask] of [
    [0o600, 0o000],
    [0o660, 0o077],
  ] as const) {
    const path = join(tempDir(t), 's');
    const before = process.umask(umask);
    try {
      const server = serverOn(path, mode);
      await server.start();
      assert.equal(lstatSync(path).mode & 0o777, mode);
      assert.equal(process.umask(), umask, 'the umask is put back');
      await server.stop();
    } finally {
      process.umask(before);
    }
  }
  const wide = await refusal(serverOn(join(tempDir(t), 's'), 0o666 as SocketMode).start());
  assert.equal(wide.code, 'SOCKET_MODE_INVALID');
});

test('only the socket itself is left beside it, and nothing after the stop', async (t) => {
  const dir = tempDir(t);
  const server = serverOn(join(dir, 'btcfed.sock'));
  await server.start();
  assert.deepEqual(readdirSync(dir), ['btcfed.sock']);
  await server.stop();
  assert.deepEqual(readdirSync(dir), []);
  await server.stop();
});

test('the socket of a killed process is replaced', async (t) => {
  const dir = tempDir(t);
  const path = join(dir, 'btcfed.sock');
  await killedListener(t, path);
  assert.ok(existsSync(path), 'kill -9 leaves it behind');
  const node = new FakeNode();
  const server = new ApiServer({ socketPath: path, mode: 0o600 }, node.modules);
  await server.start();
  t.after(() => server.stop());
  assert.deepEqual(
    node.logged.map((l) => l.name),
    ['api.stale_socket', 'api.listening'],
  );
  assert.deepEqual(readdirSync(dir), ['btcfed.sock']);
});

test('a second daemon is refused with the pid of the first, which goes on', async (t) => {
  const { path, client } = await startServer(t);
  const error = await refusal(serverOn(path).start());
  assert.equal(error.code, 'SOCKET_IN_USE');
  assert.deepEqual(error.data, { path, pid: process.pid });
  assert.match(error.message, new RegExp(`already running \\(pid ${process.pid}\\)`));
  const raw = await client();
  raw.request(1, 'node.status');
  assert.equal((await raw.json()).result?.['pid'], process.pid);
});

test('a start can ask first, before it touches the store', async (t) => {
  const { path } = await startServer(t);
  const error = await refusal(refuseIfRunning(path));
  assert.deepEqual([error.code, error.data['pid']], ['SOCKET_IN_USE', process.pid]);
  const dir = tempDir(t);
  await refuseIfRunning(join(dir, 'none'));
  await killedListener(t, join(dir, 'stale'));
  await refuseIfRunning(join(dir, 'stale'));
  assert.deepEqual(readdirSync(dir), ['stale'], 'asking changes nothing');
});

test('whatever answers there is not replaced, also where it says no pid', async (t) => {
  const path = join(tempDir(t), 's');
  const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  other.listen(path);
  await once(other, 'listening');
  t.after(() => other.close());
  const error = await refusal(serverOn(path).start());
  assert.equal(error.code, 'SOCKET_IN_USE');
  assert.equal('pid' in error.data, false);
});

test('of two that start at the same instant on a stale socket, one is refused and one serves', async (t) => {
  const path = join(tempDir(t), 's');
  await killedListener(t, path);
  // Both find the stale socket before either has bound: what the names of their own are for.
  const first = createServer();
  const second = createServer();
  t.after(() => {
    first.close();
    second.close();
  });
  const started = await Promise.allSettled([bindSocket(first, path, 0o600), bindSocket(second, path, 0o600)]);
  const refused = started.filter((s) => s.status === 'rejected');
  assert.equal(refused.length, 1, JSON.stringify(started));
  const { reason } = refused[0] as PromiseRejectedResult;
  assert.ok(reason instanceof SocketError, String(reason));
});

test('a stop removes only the own socket: one that another daemon put there stays', async (t) => {
  const dir = tempDir(t);
  const path = join(dir, 's');
  const first = serverOn(path);
  await first.start();
  renameSync(path, join(dir, 'moved'));
  const second = serverOn(path);
  await second.start();
  t.after(() => second.stop());
  await first.stop();
  assert.ok(existsSync(path));
  assert.equal(
    existsSync(join(dir, 'moved')),
    true,
    'a name that is not the socket path is not ours to remove',
  );
  const third = await refusal(serverOn(path).start());
  assert.equal(third.code, 'SOCKET_IN_USE', 'the second still answers');
});

test('a file that is no socket is never removed', async (t) => {
  const dir = tempDir(t);
  for (const make of [(p: string) => writeFileSync(p, 'precious'), (p: string) => void mkdirSync(p)]) {
    const path = join(dir, `x${Math.abs(make.toString().length)}`);
    make(path);
    assert.equal((await refusal(serverOn(path).start())).code, 'SOCKET_NOT_A_SOCKET');
    assert.ok(existsSync(path));
  }
});

test('a path that is too long, a folder that is missing or closed: named, with what to do', async (t) => {
  const long = await refusal(serverOn(`/tmp/${'x'.repeat(MAX_SOCKET_PATH_BYTES)}`).start());
  assert.equal(long.code, 'SOCKET_PATH_TOO_LONG');
  assert.match(long.message, /has 112 bytes, a Unix socket's path has at most 107; set a shorter rpc.socket/);
  const dir = tempDir(t);
  const none = await refusal(serverOn(join(dir, 'no', 's')).start());
  assert.equal(none.code, 'SOCKET_UNUSABLE');
  assert.match(none.message, /there is no directory .*no$/);
  if (process.getuid?.() === 0) return;
  chmodSync(dir, 0o500);
  assert.equal((await refusal(serverOn(join(dir, 's')).start())).code, 'SOCKET_UNUSABLE');
  chmodSync(dir, 0o700);
});

test('a path of exactly the limit can be used', async (t) => {
  const dir = tempDir(t);
  const path = join(dir, 'y'.repeat(MAX_SOCKET_PATH_BYTES - dir.length - 1));
  assert.equal(path.length, MAX_SOCKET_PATH_BYTES);
  const server = serverOn(path);
  await server.start();
  assert.deepEqual(readdirSync(dir).length, 1);
  await server.stop();
});
