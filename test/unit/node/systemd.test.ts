import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heartbeat } from '../../../src/node/heartbeat.ts';
import { NO_SERVICE_MANAGER, type SystemdModules, serviceManager } from '../../../src/node/systemd.ts';
import { SILENT_LOG } from '../../../src/observe/log.ts';

/** Time that only a test moves; timers run in order of their time. */
class Time {
  nowMs = 1_000;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  get waiting(): number {
    return this.#timers.length;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.nowMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await settled();
    for (;;) {
      const due = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.nowMs = due.atMs;
      due.run();
      await settled();
    }
    this.nowMs = endMs;
    await settled();
  }
}

/** Whatever was waiting for promises has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function harness(env: Record<string, string> = {}, over: Partial<SystemdModules> = {}) {
  const time = new Time();
  const sent: string[][] = [];
  const logged: string[] = [];
  const manager = serviceManager(
    { env: { NOTIFY_SOCKET: '/run/systemd/notify', ...env }, pid: 42 },
    {
      clock: time,
      monotonicUsec: () => BigInt(time.nowMs) * 1000n,
      send: async (lines) => void sent.push([...lines]),
      heartbeat: () => Promise.resolve(),
      log: { ...SILENT_LOG, event: (name) => void logged.push(name) },
      ...over,
    },
  );
  return { time, sent, logged, manager };
}

test('without NOTIFY_SOCKET nothing is sent, and no timer runs', async () => {
  for (const socket of [undefined, '']) {
    const sent: unknown[] = [];
    const manager = serviceManager(
      { env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '1000' }, pid: 42 },
      {
        clock: new Time(),
        monotonicUsec: () => 0n,
        send: async (lines) => void sent.push(lines),
        heartbeat: () => Promise.resolve(),
        log: SILENT_LOG,
      },
    );
    assert.equal(manager, NO_SERVICE_MANAGER);
    manager.starting('x');
    manager.ready();
    manager.status('x');
    manager.reloading();
    manager.stopping();
    manager.stop();
    await settled();
    assert.deepEqual(sent, []);
  }
});

test('a long start says every 10 s that it goes on, until it is ready', async () => {
  const { time, sent, manager } = harness();
  manager.starting('opening the store');
  await time.pass(9_999);
  assert.deepEqual(sent, [], 'a short one says nothing');
  await time.pass(1);
  manager.starting('reading headers');
  await time.pass(10_000);
  const extended = 'EXTEND_TIMEOUT_USEC=60000000';
  assert.deepEqual(sent, [
    [extended, 'STATUS=opening the store'],
    [extended, 'STATUS=reading headers'],
  ]);
  manager.ready();
  await time.pass(60_000);
  assert.deepEqual(sent.slice(2), [['READY=1']]);
  assert.equal(time.waiting, 0);
});

test('STATUS goes out at once, then at most every 10 s, the newest text alone, and not twice the same', async () => {
  const sent: string[] = [];
  const { time, manager } = harness(
    {},
    { send: async (lines) => void sent.push(`${time.nowMs} ${lines.join()}`) },
  );
  for (let i = 0; i < 39; i += 1) {
    manager.status(`${i} peers`);
    await time.pass(1_000);
  }
  const said = [
    '1000 STATUS=0 peers',
    '11000 STATUS=9 peers',
    '21000 STATUS=19 peers',
    '31000 STATUS=29 peers',
  ];
  assert.deepEqual(sent, said);
  await time.pass(10_000);
  assert.equal(sent.at(-1), '41000 STATUS=38 peers');
  manager.status('38 peers');
  await time.pass(30_000);
  assert.equal(sent.length, 5);
});

test('a text with control characters is one line of bounded length', async () => {
  const { sent, manager } = harness();
  manager.status(`a\nREADY=1\u0000${'x'.repeat(500)}`);
  await settled();
  assert.equal(sent[0]?.[0]?.startsWith('STATUS=a READY=1 xxx'), true);
  assert.equal(sent[0]?.[0]?.length, 'STATUS='.length + 200);
});

test('a reload is RELOADING=1 with its time in one datagram, then READY=1, in this order', async () => {
  const { time, sent, manager } = harness();
  manager.ready();
  time.nowMs = 5_000;
  for (let i = 0; i < 2; i += 1) {
    manager.reloading();
    manager.ready();
  }
  await settled();
  const reload = ['RELOADING=1', 'MONOTONIC_USEC=5000000'];
  assert.deepEqual(sent, [['READY=1'], reload, ['READY=1'], reload, ['READY=1']]);
});

test('one command at a time; what repeats itself is said once', async () => {
  const open: (() => void)[] = [];
  const sent: string[][] = [];
  const { time, manager } = harness(
    { WATCHDOG_USEC: '2000000' },
    {
      send: (lines) => {
        sent.push([...lines]);
        return new Promise((resolve) => open.push(resolve));
      },
    },
  );
  manager.ready();
  await time.pass(60_000);
  assert.deepEqual(sent, [['READY=1']], 'the first has not ended');
  open.shift()?.();
  await settled();
  assert.deepEqual(sent, [['READY=1'], ['WATCHDOG=1']]);
  open.shift()?.();
  await settled();
  assert.equal(sent.length, 2, 'of sixty one waited');
});

test('STOPPING=1 is sent in the same turn, whatever is under way, and nothing after it', async () => {
  const sent: string[][] = [];
  const { time, manager } = harness(
    { WATCHDOG_USEC: '2000000' },
    {
      send: (lines) => {
        sent.push([...lines]);
        return new Promise(() => undefined);
      },
    },
  );
  manager.ready();
  manager.status('12 peers');
  manager.stopping();
  assert.deepEqual(sent, [['READY=1'], ['STOPPING=1', 'STATUS=stopping']]);
  manager.stopping();
  manager.ready();
  manager.status('still here');
  await time.pass(60_000);
  assert.equal(sent.length, 2);
  assert.equal(time.waiting, 0);
});

test('WATCHDOG=1 at half of WATCHDOG_USEC after a heartbeat, from READY on', async () => {
  let beats = 0;
  const { time, sent, manager } = harness(
    { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' },
    { heartbeat: async () => void beats++ },
  );
  manager.starting('opening');
  await time.pass(9_000);
  assert.equal(beats, 0);
  manager.ready();
  await time.pass(0);
  assert.deepEqual(sent.slice(-2), [['READY=1'], ['WATCHDOG=1']]);
  await time.pass(45_000);
  assert.equal(beats, 4);
  assert.equal(sent.filter(([line]) => line === 'WATCHDOG=1').length, 4);
});

test('no WATCHDOG=1 while the store fails or hangs; it comes back with the store', async () => {
  let store: () => Promise<void> = () => Promise.resolve();
  const { time, sent, logged, manager } = harness({ WATCHDOG_USEC: '2000000' }, { heartbeat: () => store() });
  const count = () => sent.filter(([line]) => line === 'WATCHDOG=1').length;
  manager.ready();
  await time.pass(3_000);
  assert.equal(count(), 4);
  store = () => Promise.reject(new Error('I/O error'));
  await time.pass(5_000);
  assert.equal(count(), 4);
  assert.ok(logged.includes('node.heartbeat_failed'));
  let answer: () => void = () => undefined;
  store = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  await time.pass(5_000);
  assert.equal(count(), 4);
  store = () => Promise.resolve();
  await time.pass(5_000);
  assert.equal(count(), 4, 'the one that hangs is not overtaken');
  answer();
  await time.pass(1_000);
  assert.equal(count(), 6);
});

test('a watchdog of another process, or none, is not ours', async () => {
  for (const env of [{ WATCHDOG_USEC: '2000000', WATCHDOG_PID: '7' }, {}, { WATCHDOG_USEC: 'soon' }]) {
    const { time, sent, manager } = harness(env);
    manager.ready();
    await time.pass(10_000);
    assert.deepEqual(sent, [['READY=1']]);
  }
});

test('a command that is absent or fails is logged and ends nothing', async () => {
  const { time, logged, manager } = harness(
    { WATCHDOG_USEC: '2000000' },
    { send: () => Promise.reject(new Error('spawn systemd-notify ENOENT')) },
  );
  manager.ready();
  await time.pass(2_000);
  manager.stopping();
  await settled();
  assert.deepEqual([...new Set(logged)], ['node.notify_failed']);
});

test('a store that cannot write since its disk is full counts as alive, one that fails otherwise does not', async () => {
  const failed = { heartbeat: () => Promise.reject(new Error('write failed')) };
  await heartbeat({ store: failed, freeBytes: async () => 1024 });
  await assert.rejects(heartbeat({ store: failed, freeBytes: async () => 1e9 }), /write failed/);
  const works = { heartbeat: () => Promise.resolve() };
  await heartbeat({ store: works, freeBytes: () => assert.fail('nobody need ask') });
});
