import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { cleanEnv, type Daemon, exitOf, type Home, MAIN, until } from '../support/operator.ts';
import { ReloadHome } from '../support/reload-home.ts';

// Where the log of a real daemon goes, and in which form.

/** Lines of a log file that were set aside, and of the one in use. */
function logLines(home: Home, ...names: string[]): string[] {
  return names.flatMap((name) => readFileSync(home.path(name), 'utf8').trimEnd().split('\n'));
}

test('the log file: rotated before its limit, 0600, and a second daemon in the folder harms nothing', async (t) => {
  const logging = ', file_output: true, file_name: node.log, file_max_size: 10KB, console_output: false';
  const home = new ReloadHome(t, { logging });
  const daemon: Daemon = home.spawn();
  await until('it runs', async () => Number((await home.cli('status')).exit) < 2);
  const first = logLines(home, 'node.log');
  assert.match(first[0] ?? '', /^\d{4}-\d\d-\d\dT.* node: BTC Federation Node starting with config/);
  const second = home.spawn();
  assert.equal(await second.exit, 1);
  assert.match(second.log, /^btcfed: the node did not start: already running/);
  assert.deepEqual(logLines(home, 'node.log').slice(0, first.length), first);
  assert.equal(logLines(home, 'node.log').filter((line) => line.includes('node.starting')).length, 1);
  const client = await home.client(t);
  for (let i = 0; i < 45; i += 1) {
    home.edit({ logging, maxPeers: 100 + i });
    await client.call('node.reload', {});
    if (i === 30) assert.doesNotMatch(daemon.log, /./, 'stderr is silent');
  }
  const { exit } = await home.cli('reload');
  assert.equal(exit, 0);
  assert.equal(await daemon.stop(), 0);
  assert.equal(daemon.log, '');
  for (const name of ['node.log', 'node.log.1']) {
    const { size, mode } = statSync(home.path(name));
    assert.ok(size <= 10_000, `${name}: ${size}`);
    assert.equal(mode & 0o777, 0o600);
  }
  assert.match(logLines(home, 'node.log').at(-1) ?? '', /event=node\.stopped/);
});

const FILE = ', file_output: true, file_name: node.log, file_max_size: 10KB';

test('a log file that cannot be written stops nothing and is told once', async (t) => {
  const home = new ReloadHome(t, { logging: FILE });
  symlinkSync('/dev/full', home.path('node.log'));
  const daemon = await home.start();
  await home.json('headers', 'tip');
  assert.equal((await home.cli('reload')).exit, 0);
  assert.match(
    (await home.cli('status')).stdout,
    /LOG_FILE_FAILED {2}the log file cannot be written: ENOSPC/,
  );
  assert.equal(await daemon.stop(), 0);
  assert.equal(daemon.log.match(/event=log\.file_failed/g)?.length, 1);
});

test('console_output false: a start that fails says why on stderr, and only that', async (t) => {
  const home = new ReloadHome(t, { logging: `${FILE}, console_output: false` });
  home.file('data', 'no folder');
  const daemon = home.spawn();
  assert.equal(await daemon.exit, 1);
  assert.match(daemon.log, /^btcfed: the node did not start: .*\n$/);
});

test('under the journal the form is its own, json is json, and both change while it runs', async (t) => {
  const home = new ReloadHome(t);
  const path = home.path('journal');
  const fd = openSync(path, 'a');
  t.after(() => closeSync(fd));
  const { dev, ino } = fstatSync(fd);
  const child = spawn(process.execPath, [MAIN, 'run'], {
    cwd: home.dir,
    env: cleanEnv({ JOURNAL_STREAM: `${dev}:${ino}` }),
    stdio: ['ignore', 'ignore', fd],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const ended = exitOf(child);
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const lines = () => readFileSync(path, 'utf8').trimEnd().split('\n');
  await until('it runs', () => lines().some((line) => line.includes('node.started')));
  assert.match(
    lines()[0] ?? '',
    /^<6>BTC Federation Node starting with config module=node event=node\.starting /,
  );
  const lastAfter = async (edit: Parameters<ReloadHome['edit']>[0]) => {
    home.edit(edit);
    assert.equal((await home.cli('reload')).exit, 0);
    return lines().findLast((line) => line.includes('config.reloaded')) ?? '';
  };
  const json = JSON.parse(await lastAfter({ format: 'json' })) as Record<string, unknown>;
  assert.deepEqual([json['level'], json['module'], json['event']], ['info', 'node', 'config.reloaded']);
  assert.match(await lastAfter({ format: 'text' }), /^<6>Configuration reloaded module=node /);
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
});
