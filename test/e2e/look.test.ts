import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Result } from '../../src/api/methods/index.ts';
import { Home } from './../support/operator.ts';

/** Sockets of a process that listen on TCP, as the kernel says (proc(5)). */
function listening(pid: number): string[] {
  const rows = ['tcp', 'tcp6'].flatMap((file) =>
    readFileSync(`/proc/${pid}/net/${file}`, 'utf8').split('\n').slice(1),
  );
  return rows
    .map((row) => row.trim().split(/\s+/))
    .flatMap((cells) => (cells[3] === '0A' ? [cells[1] ?? ''] : []));
}

test('SIGUSR1 looks at everything now, and opens no debugger', async (t) => {
  const home = new Home(t, { follow: [] });
  const daemon = await home.start();
  const before = listening(daemon.pid);
  daemon.child.kill('SIGUSR1');
  await daemon.line(/event=node\.look_now/);
  const opened = listening(daemon.pid).filter((socket) => !before.includes(socket));
  // Port 9229: whatever others on this machine open meanwhile is not ours.
  assert.deepEqual(
    opened.filter((socket) => socket.endsWith(':240D')),
    [],
  );
  assert.doesNotMatch(daemon.log, /Debugger listening/);
  assert.equal(
    (await home.json<Result<'node.status'>>('status').catch(() => undefined))?.state ?? 'running',
    'running',
  );
  assert.equal(await daemon.stop(), 0);
});
