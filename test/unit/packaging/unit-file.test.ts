import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../support/temp-dir.ts';
import { checkoutRoot } from '../config/helpers.ts';

const ROOT = checkoutRoot();
const UNIT = join(ROOT, 'packaging', 'btcfed.service');
const text = readFileSync(UNIT, 'utf8');

/** Values of a key, in order. */
function values(key: string): string[] {
  return text.split('\n').flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
}

const analyze = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
const skip = analyze.status === 0 ? false : 'there is no systemd-analyze (Debian: apt-get install systemd)';

test('the exposure of the unit is at most 1.5', { skip }, () => {
  const done = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=15', UNIT], {
    encoding: 'utf8',
  });
  assert.equal(done.status, 0, done.stdout.split('\n').slice(-3).join('\n') + done.stderr);
  const [, score] = /exposure level for \S+ (\d\.\d)/.exec(done.stdout) ?? [];
  process.stderr.write(`exposure of btcfed.service: ${score}\n`);
  assert.ok(Number(score) <= 1.5, score);
});

test('systemd-analyze verify has nothing to say', { skip }, (t) => {
  // In place of /opt/btcfed, this checkout: verify looks for the commands.
  const unit = join(tempDir(t), 'btcfed.service');
  writeFileSync(unit, text.replaceAll('/opt/btcfed', ROOT));
  const done = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' });
  assert.deepEqual([done.status, done.stderr], [0, '']);
});

test('the unit says what the daemon counts on', () => {
  assert.deepEqual(values('Type'), ['notify']);
  assert.deepEqual(values('NotifyAccess'), ['all']);
  assert.deepEqual(values('Restart'), ['on-failure']);
  assert.deepEqual(values('RestartPreventExitStatus'), ['1']);
  assert.match(values('ExecReload')[0] ?? '', /main\.js reload$/);
  assert.match(values('ExecStart')[0] ?? '', /main\.js run$/);
  assert.deepEqual(values('CapabilityBoundingSet'), ['']);
  assert.deepEqual(values('SystemCallFilter'), ['@system-service @pkey', '~@privileged @resources']);
  assert.deepEqual(values('SystemCallErrorNumber'), ['EPERM']);
  // The daemon stops in 5 s; systemd must not kill it before.
  assert.ok(Number(values('TimeoutStopSec')[0]) > 5);
  assert.ok(Number(values('WatchdogSec')[0]) >= 20);
});

test('MemoryDenyWriteExecute is off, and the unit says why', () => {
  assert.deepEqual(values('MemoryDenyWriteExecute'), []);
  assert.match(text, /# MemoryDenyWriteExecute stays off: V8/);
});

test('flags of Node.js and the environment are those of `npm start`', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const start = scripts['start'] ?? '';
  const flags = [...start.matchAll(/--[a-z-]+=\d+/g)].map(([flag]) => flag);
  assert.ok(flags.length > 0);
  for (const flag of flags) assert.ok(values('ExecStart')[0]?.includes(flag), flag);
  for (const [set] of start.matchAll(/\b[A-Z_]+=\d+/g)) assert.ok(values('Environment').includes(set), set);
});

test('LimitNOFILE covers the largest number of peers, clients of the socket and files of the store', () => {
  assert.ok(Number(values('LimitNOFILE')[0]) >= 4096 + 128 + 512 + 64);
});

test('install.sh --root writes unit, command, user, completions and manual page below that folder alone', (t) => {
  const root = tempDir(t);
  const built = existsSync(join(ROOT, 'dist', 'src', 'main.js'));
  assert.ok(built, 'run `npm run setup` first');
  const done = spawnSync(join(ROOT, 'packaging', 'install.sh'), ['--root', root], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  const unit = readFileSync(join(root, 'etc/systemd/system/btcfed.service'), 'utf8');
  assert.equal(unit, text.replaceAll('/opt/btcfed', ROOT));
  const command = join(root, 'usr/local/bin/btcfed');
  assert.equal(statSync(command).mode & 0o777, 0o755);
  const version = spawnSync(command, ['--version'], { encoding: 'utf8' });
  assert.match(version.stdout, /^btcfed \d/);
  const home = join(root, 'home');
  mkdirSync(home);
  const status = spawnSync(command, ['status'], {
    encoding: 'utf8',
    env: { ...process.env, BTCFED_HOME: home },
  });
  assert.deepEqual([status.status, status.stderr.includes(join(home, 'btcfed.sock'))], [2, true]);
  assert.match(readFileSync(join(root, 'usr/lib/sysusers.d/btcfed.conf'), 'utf8'), /^u +btcfed /m);
  assert.match(
    readFileSync(join(root, 'usr/share/bash-completion/completions/btcfed'), 'utf8'),
    /complete .* btcfed/,
  );
  assert.match(readFileSync(join(root, 'usr/local/share/man/man1/btcfed.1'), 'utf8'), /^\.TH BTCFED 1/);
  assert.equal(done.stdout.trim().split('\n').length, 7);
});
