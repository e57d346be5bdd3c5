import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { deadline } from '../../../src/api/deadline.ts';
import { tempDir } from '../../support/temp-dir.ts';

test('a task runs once its time has come, and not if it was cancelled before', async () => {
  const ran: string[] = [];
  const done = Promise.withResolvers<void>();
  const cancel = deadline(1, () => ran.push('cancelled'));
  deadline(2, () => {
    ran.push('due');
    done.resolve();
  });
  cancel();
  const keepAlive = setTimeout(() => undefined, 60_000);
  await done.promise;
  clearTimeout(keepAlive);
  assert.deepEqual(ran, ['due']);
});

test('what came while the process stood still counts: input is seen before the deadline runs', async (t) => {
  const path = join(tempDir(t), 's');
  const server = createServer((socket) => socket.end('x'));
  server.listen(path);
  await once(server, 'listening');
  t.after(() => server.close());
  const socket = connect(path);
  await once(socket, 'connect');
  const order: string[] = [];
  const ran = Promise.withResolvers<void>();
  socket.once('data', () => order.push('input'));
  deadline(5, () => {
    order.push('deadline');
    ran.resolve();
  });
  // The loop stands still until the time has long passed and the input lies ready.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  await ran.promise;
  assert.deepEqual(order, ['input', 'deadline']);
});
