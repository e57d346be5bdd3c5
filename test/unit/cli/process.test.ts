import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { frameHead } from '../../../src/api/frames.ts';
import { tempDir } from '../../support/temp-dir.ts';

const SCRIPT = join(
  import.meta.dirname,
  '..',
  '..',
  'support',
  `cli-process${extname(import.meta.filename)}`,
);

function start(home: string, argv: readonly string[], env: Record<string, string> = {}) {
  return spawn(process.execPath, [SCRIPT, ...argv], {
    cwd: home,
    env: { ...process.env, BTCFED_HOME: home, ...env },
  });
}

async function finish(child: ChildProcessWithoutNullStreams) {
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    out.stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    out.stderr += String(chunk);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { ...out, code, signal };
}

function framedFile(home: string, count: number): string {
  const beef = Buffer.alloc(60_000, 1);
  Buffer.from('0100beef', 'hex').copy(beef);
  const path = join(home, 'a.bin');
  writeFileSync(
    path,
    Buffer.concat(Array.from({ length: count }, () => [frameHead(beef.length), beef]).flat()),
  );
  return path;
}

test("the exit code of main becomes that of the process, the daemon's own included", async (t) => {
  const home = tempDir(t);
  assert.equal((await finish(start(home, ['--version']))).code, 0);
  assert.equal((await finish(start(home, ['status']))).code, 2);
  assert.equal((await finish(start(home, ['stauts']))).code, 3);
  assert.equal((await finish(start(home, ['config', 'check']))).code, 4);
  assert.equal((await finish(start(home, ['run']))).code, 70);
});

test('a reader that goes away (| head) ends the command quietly', async (t) => {
  const child = start(tempDir(t), ['help', '--man']);
  child.stdout.destroy();
  const { code, stderr } = await finish(child);
  assert.deepEqual([code, stderr], [0, '']);
});

test('large output through a pipe arrives whole', async (t) => {
  const { stdout, code } = await finish(start(tempDir(t), ['help', '--man']));
  assert.equal(code, 0);
  assert.ok(stdout.endsWith('no colour, if set and not empty\n'));
});

test('the first Ctrl-C ends an import in order, with its totals and a closed data directory', async (t) => {
  const home = tempDir(t);
  const child = start(home, ['import', framedFile(home, 100), '--json'], { FAKE_SLOW: '1' });
  child.stderr.once('data', () => child.kill('SIGINT'));
  const { code, stdout, stderr } = await finish(child);
  assert.equal(code, 1, stderr);
  const summary = JSON.parse(stdout) as { interrupted: boolean; offered: number; admitted: number };
  assert.deepEqual([summary.interrupted, summary.offered === summary.admitted], [true, true]);
  assert.ok(summary.offered < 100);
  assert.match(stderr, /closed\n$/);
});

test('the second Ctrl-C ends it at once', async (t) => {
  const home = tempDir(t);
  const child = start(home, ['import', framedFile(home, 100)], { FAKE_STUCK: '1' });
  let isStuck = false;
  child.stderr.on('data', (chunk) => {
    isStuck ||= String(chunk).includes('stuck');
  });
  // Again and again, since two signals that are pending at once are delivered as one.
  const again = setInterval(() => isStuck && child.kill('SIGINT'), 20);
  t.after(() => clearInterval(again));
  const { code, stdout } = await finish(child);
  assert.deepEqual([code, stdout], [2, '']);
});
