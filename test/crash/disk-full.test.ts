import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { withStore } from '../support/raw-store.ts';
import { tempDir } from '../support/temp-dir.ts';

const CHILD = join(import.meta.dirname, `full-child${extname(import.meta.filename)}`);
const LIMIT_KB = 1500;

const hasTools = ['bash', 'prlimit'].every((tool) => spawnSync(tool, ['--version']).status === 0);
const skip = hasTools ? false : 'needs bash and prlimit, to take a process its disk and give it back';

test('a disk that was full: what is acknowledged when it has room again survives a kill', {
  skip,
}, async (t) => {
  const path = tempDir(t);
  const command = `ulimit -S -f ${LIMIT_KB}; exec "$0" "$@"`;
  const child = spawn('bash', ['-c', command, process.execPath, CHILD, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let isFreed = false;
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (isFreed || !text.includes('failed')) return;
    isFreed = true;
    spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited']);
  });
  const signal = await new Promise((resolve) => child.on('close', (_, by) => resolve(by)));
  assert.equal(signal, 'SIGKILL');
  const lines = text.trim().split('\n');
  const failedAt = lines.findIndex((line) => line.startsWith('failed'));
  assert.equal(lines[failedAt], 'failed STORE_WRITE_FAILED');
  const acked = lines.filter((line) => line.startsWith('ack')).map((line) => Number(line.slice(4)));
  assert.ok(
    failedAt > 100 && acked.length - failedAt >= 100,
    `${failedAt} before the failure, ${acked.length} in all`,
  );
  assert.deepEqual(
    acked,
    acked.map((_, i) => i + 1),
  );
  await withStore(path, (store) => {
    assert.equal(store.tip().commit, acked.length);
    return Promise.resolve();
  });
});
