import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { type TestContext, test } from 'node:test';
import { METRICS } from '../../src/observe/metric-table.ts';
import { seriesOf } from '../support/metrics-text.ts';
import { Home, until } from '../support/operator.ts';

/** A command `systemd-notify` that writes down what it is told: works wherever there is a shell. */
function notifier(home: Home, script = 'echo "$*" >> "$(dirname "$0")/told"') {
  mkdirSync(home.path('bin'));
  const command = home.file('bin/systemd-notify', `#!/bin/sh\n${script}\n`);
  chmodSync(command, 0o755);
  const told = home.path('bin', 'told');
  return {
    env: {
      PATH: `${home.path('bin')}${delimiter}${process.env['PATH']}`,
      NOTIFY_SOCKET: home.path('notify.sock'),
    },
    told: () => (existsSync(told) ? readFileSync(told, 'utf8').trimEnd().split('\n') : []),
  };
}

test('under a service manager: READY when it serves, STATUS, a reload, STOPPING first', async (t) => {
  const home = new Home(t, {});
  const { env, told } = notifier(home);
  const daemon = await home.start(env);
  await until('READY and STATUS are told', () => told().length >= 2);
  assert.equal(told()[0], 'READY=1');
  assert.match(told()[1] ?? '', /^STATUS=running, headers to 0/);
  const before = told().length;
  assert.equal((await home.cli('reload')).exit, 0);
  await until('the reload is told', () => told().length >= before + 2);
  const [reloading, ready] = told().slice(before);
  const [, usec] = /^RELOADING=1 MONOTONIC_USEC=(\d+)$/.exec(reloading ?? '') ?? [];
  const now = process.hrtime.bigint() / 1000n;
  assert.ok(
    BigInt(usec ?? 0) > now - 60_000_000n && BigInt(usec ?? 0) <= now,
    `${usec} is a monotonic time of now`,
  );
  assert.equal(ready, 'READY=1');
  assert.equal(await daemon.stop(), 0);
  assert.equal(told().at(-1), 'STOPPING=1 STATUS=stopping');
  assert.equal(told().filter((line) => line.startsWith('STATUS=')).length, 1, 'at most one status in 10 s');
});

test('a refused reload is ended by READY=1 too', async (t) => {
  const home = new Home(t, {});
  const { env, told } = notifier(home);
  const daemon = await home.start(env);
  home.configure({ more: 'nonsense: 1' });
  assert.notEqual((await home.cli('reload')).exit, 0);
  await until('it is told', () => told().filter((line) => line === 'READY=1').length === 2);
  assert.equal(told().filter((line) => line.startsWith('RELOADING=1')).length, 1);
  const series = seriesOf((await home.cli('metrics')).stdout);
  assert.equal(series.get('btcfed_config_reload_success'), 0);
  assert.equal(series.get('btcfed_config_reloads_total{result="refused"}'), 1);
  assert.equal(await daemon.stop(), 0);
});

test('the watchdog is fed from the store: WATCHDOG=1 goes with writes, at half of its time', async (t) => {
  const home = new Home(t, {});
  const { env, told } = notifier(home);
  const daemon = await home.start({ ...env, WATCHDOG_USEC: '600000' });
  await until('it was fed', () => told().filter((line) => line === 'WATCHDOG=1').length >= 4);
  const writes = seriesOf((await home.cli('metrics')).stdout).get('btcfed_store_write_seconds_count') ?? 0;
  assert.ok(writes >= 4, `${writes} writes`);
  assert.equal(await daemon.stop(), 0);
  const verified = await home.cli('verify');
  assert.equal(verified.exit, 0, verified.stderr);
});

test('a watchdog of another process is left alone', async (t) => {
  const home = new Home(t, {});
  const { env, told } = notifier(home);
  const daemon = await home.start({ ...env, WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' });
  await until('it is ready', () => told().length >= 2);
  assert.equal(await daemon.stop(), 0);
  assert.deepEqual(
    told().filter((line) => line.startsWith('WATCHDOG')),
    [],
  );
});

test('a command that hangs or is absent delays neither start nor stop', async (t) => {
  for (const kind of ['hangs', 'absent'] as const) {
    const home = new Home(t, {});
    const { env } = notifier(home, 'exec sleep 5');
    if (kind === 'absent') chmodSync(home.path('bin', 'systemd-notify'), 0o644);
    // Only this folder, so that no other such command is found.
    const daemon = await home.start({ ...env, ...(kind === 'absent' ? { PATH: home.path('bin') } : {}) });
    const startMs = performance.now();
    assert.equal(await daemon.stop(), 0);
    assert.ok(performance.now() - startMs < 2_000, `${kind}: stopped in ${performance.now() - startMs} ms`);
    if (kind === 'absent')
      assert.match(daemon.log, /event=node\.notify_failed err_message="spawn systemd-notify/);
  }
});

test('told to stop while it starts, it says STOPPING=1', async (t) => {
  const home = new Home(t, {});
  const { env, told } = notifier(home);
  const daemon = home.spawn(env);
  await daemon.line(/event=node\.starting/);
  assert.equal(await daemon.stop(), 0);
  await until('STOPPING is told', () => told().some((line) => line.startsWith('STOPPING=1')));
});

test('without a service manager no command is run', async (t) => {
  const home = new Home(t, {});
  const { env, told } = notifier(home);
  const daemon = await home.start({ PATH: env.PATH, NOTIFY_SOCKET: '', WATCHDOG_USEC: '100000' });
  await home.cli('reload');
  assert.equal(await daemon.stop(), 0);
  assert.deepEqual(told(), []);
});

const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    data = s.recv(4096).decode()
    print(data.replace(chr(10), ' '), flush=True)
`;

/** A socket as systemd binds it; datagrams become lines. */
async function receiver(t: TestContext, path: string): Promise<{ lines: string[]; child: ChildProcess }> {
  const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  let text = '';
  const lines: string[] = [];
  const { promise: bound, resolve } = Promise.withResolvers<void>();
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const whole = text.split('\n');
    text = whole.pop() ?? '';
    lines.push(...whole.filter((line) => line !== 'bound'));
    if (whole.includes('bound')) resolve();
  });
  await bound;
  return { lines, child };
}

function lacks(): string | false {
  for (const command of ['systemd-notify', 'python3']) {
    if (spawnSync(command, ['--version']).status !== 0) return `there is no ${command}`;
  }
  return false;
}

test('the real systemd-notify brings these as datagrams', { skip: lacks() }, async (t) => {
  const home = new Home(t, {});
  const { lines } = await receiver(t, home.path('notify.sock'));
  const said = () => lines.filter((line) => !line.startsWith('BARRIER='));
  const daemon = await home.start({ NOTIFY_SOCKET: home.path('notify.sock'), WATCHDOG_USEC: '2000000' });
  await until(
    'it is ready',
    () => said().includes('WATCHDOG=1') && said().some((line) => line.startsWith('STATUS=')),
  );
  assert.equal(said()[0], 'READY=1');
  await home.cli('reload');
  await until('the reload came', () => said().some((line) => /^RELOADING=1 MONOTONIC_USEC=\d+$/.test(line)));
  assert.equal(await daemon.stop(), 0);
  await until('STOPPING came', () => said().includes('STOPPING=1 STATUS=stopping'));
});

test('metrics of a running daemon: every metric is told, and what happened is counted', async (t) => {
  const home = new Home(t, {});
  const daemon = await home.start();
  await home.cli('status');
  const { exit, stdout } = await home.cli('metrics');
  assert.equal(exit, 0);
  for (const name of Object.keys(METRICS)) assert.ok(stdout.includes(`# TYPE btcfed_${name} `), name);
  const series = seriesOf(stdout);
  const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  process.stderr.write(`series of a fresh daemon: ${lines.length}\n`);
  assert.ok(lines.length < 1_000);
  assert.ok(lines.every((line) => /^btcfed_[a-z_]+(\{[^{}]*\})? [-+0-9.e]+$/.test(line)));
  assert.equal(series.get('btcfed_rpc_seconds_count{method="node.status"}'), 1);
  assert.ok((series.get('btcfed_open_descriptors') ?? 0) > 5);
  assert.ok((series.get('btcfed_store_bytes') ?? 0) > 0);
  assert.equal(series.get('btcfed_config_reload_success'), 1);
  assert.equal(series.get('btcfed_health_warnings{code="TOKENS_NONE_FOLLOWED"}'), 1);
  const started = series.get('btcfed_start_timestamp_seconds') ?? 0;
  assert.ok(Math.abs(started - Date.now() / 1000) < 60);
  assert.equal(await daemon.stop(), 0);
  assert.equal((await home.cli('metrics')).exit, 2);
});

test('keygen: base64 of the raw 64 bytes, seed then public key, which a daemon runs with', async (t) => {
  // Elsewhere, since what a home's processes say must never hold its key.
  const keys = await new Home(t).json<{ private_key: string; public_key: string }>('keygen');
  const raw = Buffer.from(keys.private_key, 'base64');
  assert.deepEqual([raw.length, raw.toString('base64')], [64, keys.private_key]);
  assert.equal(raw.subarray(32).toString('base64'), keys.public_key);
  const home = new Home(t);
  writeFileSync(home.configFile, `node: { private_key: "${keys.private_key}" }\n`, { mode: 0o600 });
  home.configure({});
  const daemon = await home.start();
  assert.doesNotMatch(daemon.log, /KEY_HALVES_DIFFER/);
  assert.equal(await daemon.stop(), 0);
});

test('an error with --json is one line, code first; exit codes say whose fault it is', async (t) => {
  const home = new Home(t, {});
  const cases: [string[], number, string][] = [
    [['status'], 2, 'UNREACHABLE'],
    [['metrics'], 2, 'UNREACHABLE'],
    [['peers'], 2, 'UNREACHABLE'],
    [['reload'], 2, 'UNREACHABLE'],
    [['wait', '--timeout', '1s'], 2, 'UNREACHABLE'],
    [['peerz'], 3, 'USAGE'],
    [['peers', '--limit', 'x'], 3, 'USAGE'],
  ];
  await Promise.all(
    cases.map(async ([argv, exit, code]) => {
      const done = await home.cli(...argv, '--json');
      assert.deepEqual([argv, done.exit, done.stdout], [argv, exit, '']);
      assert.ok(done.stderr.startsWith(`{"code":"${code}","message":"`), done.stderr);
      assert.equal(done.stderr.split('\n').length, 2);
    }),
  );
});
