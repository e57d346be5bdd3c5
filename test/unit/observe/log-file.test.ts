import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogFile, type LogFileOptions } from '../../../src/observe/log-file.ts';
import { tempDir } from '../../support/temp-dir.ts';

function harness(t: Parameters<typeof tempDir>[0], options: Partial<LogFileOptions> = {}) {
  const dir = tempDir(t);
  const path = join(dir, 'node.log');
  const clock = { ms: 1 };
  const failures: string[] = [];
  const recoveries: number[] = [];
  const file = new LogFile(
    { path, maxBytes: 100, ...options },
    {
      monotonicMs: () => clock.ms,
      onFailure: (error) => void failures.push(String((error as { code?: unknown }).code)),
      onRecovery: (lost) => void recoveries.push(lost),
    },
  );
  t.after(() => file.close());
  const text = (name = 'node.log') => readFileSync(join(dir, name), 'utf8');
  return { dir, path, clock, failures, recoveries, file, text };
}

const line = (n: number): string => `line ${String(n).padStart(4, '0')}\n`;

test('nothing is touched before it is opened; then all that was said is there, mode 0600', (t) => {
  const { dir, path, file, text } = harness(t);
  file.write(line(1));
  assert.deepEqual(readdirSync(dir), []);
  file.open();
  file.write(line(2));
  assert.equal(text(), line(1) + line(2));
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('it is set aside before it grows beyond its size; a bounded number is kept; no line is lost before', (t) => {
  const { dir, file, text } = harness(t, { kept: 3 });
  file.open();
  for (let n = 1; n <= 45; n += 1) file.write(line(n));
  // Ten lines of ten bytes fill a file exactly.
  const names = ['node.log', 'node.log.1', 'node.log.2', 'node.log.3'];
  assert.deepEqual(readdirSync(dir).sort(), names);
  for (const name of names) {
    const facts = statSync(join(dir, name));
    assert.ok(facts.size <= 100, `${name}: ${facts.size} bytes`);
    assert.equal(facts.mode & 0o777, 0o600);
  }
  const all = names.toReversed().map(text).join('');
  assert.equal(all, Array.from({ length: 35 }, (_, i) => line(i + 11)).join(''));
});

test('it goes on with the file of an earlier run, whose mode is narrowed', (t) => {
  const { path, file, text } = harness(t);
  writeFileSync(path, line(1).repeat(9));
  chmodSync(path, 0o644);
  file.open();
  file.write(line(2));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  file.write(line(3));
  assert.deepEqual([text('node.log.1'), text()], [line(1).repeat(9) + line(2), line(3)]);
});

test('a file that another process set aside is not set aside again', (t) => {
  const { path, file, text } = harness(t);
  file.open();
  file.write(line(1).repeat(9));
  renameSync(path, `${path}.1`);
  writeFileSync(path, line(7), { mode: 0o600 });
  file.write(line(8).repeat(2));
  assert.equal(text(), line(7) + line(8).repeat(2));
  assert.equal(existsSync(`${path}.2`), false);
});

test('reopen goes on in a new file after the old one was moved, and does nothing else', (t) => {
  const { dir, path, file, text } = harness(t);
  file.reopen();
  file.open();
  file.write(line(1));
  file.reopen();
  file.write(line(2));
  renameSync(path, join(dir, 'moved'));
  file.write(line(3));
  file.reopen();
  file.write(line(4));
  assert.deepEqual([text('moved'), text()], [line(1) + line(2) + line(3), line(4)]);
});

const hasFull = existsSync('/dev/full');

test('a full disk is told once, stops nothing, and is tried again later', { skip: !hasFull }, (t) => {
  const { path, clock, failures, recoveries, file, text } = harness(t);
  symlinkSync('/dev/full', path);
  const mode = statSync('/dev/full').mode;
  file.open();
  for (let n = 1; n <= 5; n += 1) file.write(line(n));
  clock.ms += 5_000;
  file.write(line(6));
  assert.deepEqual([failures, recoveries], [['ENOSPC'], []]);
  assert.equal(statSync('/dev/full').mode, mode, 'a device keeps its mode');
  rmSync(path);
  file.write(line(7));
  clock.ms += 5_000;
  file.write(line(8));
  file.write(line(9));
  assert.deepEqual([failures, recoveries, text()], [['ENOSPC'], [7], line(8) + line(9)]);
});

test('a folder in its place or a missing folder is a failure like any other', (t) => {
  const at = harness(t);
  mkdirSync(at.path);
  at.file.open();
  at.file.write(line(1));
  assert.deepEqual(at.failures, ['EISDIR']);
  const missing = harness(t, { path: join(at.dir, 'no', 'node.log') });
  missing.file.open();
  missing.file.write(line(1));
  missing.file.write(line(2));
  assert.deepEqual(missing.failures, ['ENOENT']);
});

test('a line that is longer than the file may be has one of its own', (t) => {
  const { file, text } = harness(t);
  const long = `${'x'.repeat(150)}\n`;
  file.open();
  for (const each of [line(1), long, line(2)]) file.write(each);
  assert.deepEqual([text('node.log.2'), text('node.log.1'), text()], [line(1), long, line(2)]);
});

test('after its end it takes lines and writes none', (t) => {
  const { file, text } = harness(t);
  file.open();
  file.write(line(1));
  file.close();
  file.close();
  file.write(line(2));
  assert.equal(text(), line(1));
});
