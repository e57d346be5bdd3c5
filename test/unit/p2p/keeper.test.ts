import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stepMs } from '../../../src/p2p/backoff.ts';
import { type KeeperOptions, PeerKeeper } from '../../../src/p2p/keeper.ts';
import {
  DIALS_AT_ONCE,
  DOUBTFUL_AT_ONCE,
  FLAP_DIALS,
  LARGER_WAITS_MS,
  MIN_OUTBOUND,
  roomOf,
  TARGET_CONNECTIONS,
} from '../../../src/p2p/keeper-limits.ts';
import { FakeClock, seededRandom, settled } from '../../support/fake-clock.ts';
import { FakeBook, FakeHost, largerId, OWN_ID, smallerId } from '../../support/fake-host.ts';
import { LogLines } from '../../support/log-lines.ts';

const OPTIONS: KeeperOptions = { maxPeers: 300, connectionTimeoutMs: 10_000 };
const MINUTE_MS = 60_000;

interface Rig {
  readonly clock: FakeClock;
  readonly host: FakeHost;
  readonly book: FakeBook;
  readonly log: LogLines;
  readonly keeper: PeerKeeper;
  readonly denied: Set<string>;
  readonly startMs: number;
}

function rig(seed = 1, options: KeeperOptions = OPTIONS, random = seededRandom(seed)): Rig {
  const clock = new FakeClock();
  const host = new FakeHost(clock);
  const book = new FakeBook();
  const log = new LogLines();
  const denied = new Set<string>();
  const keeper = new PeerKeeper(options, {
    host,
    book,
    mayDial: (peerId) => !denied.has(peerId),
    clock,
    random,
    log,
  });
  return { clock, host, book, log, keeper, denied, startMs: clock.monotonicMs() };
}

const operator = { origin: 'operator' } as const;
const proved = { isProved: true } as const;

describe('schedule of one peer', () => {
  test('waits up to 1 s x 2^n with full jitter, 5 minutes at most, for ever', async () => {
    // Fractions just below 1 make each wait its whole step.
    const { clock, host, book, keeper, startMs } = rig(1, OPTIONS, () => 0.9999999);
    book.add(largerId(1), operator);
    host.outcome = () => ({ kind: 'fail', code: 'REFUSED', afterMs: 0 });
    keeper.start();
    await clock.advance(60 * MINUTE_MS);
    const times = host.times(startMs);
    const waits = times.slice(1).map((time, i) => Math.round((time - times[i]!) / 1_000));
    // Not more than three dials in two seconds needs no exception here.
    assert.deepEqual(waits.slice(0, 12), [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    await clock.advance(24 * 60 * MINUTE_MS);
    assert.ok(host.dials.length > times.length + 24 * 11, 'it does not give up');
    await keeper.stop();
  });

  test('the waits are spread over the whole step', async () => {
    const shares: number[] = [];
    for (let seed = 0; seed < 200; seed += 1) {
      const { clock, host, book, keeper, startMs } = rig(seed);
      book.add(largerId(1), operator);
      host.outcome = () => ({ kind: 'fail', code: 'REFUSED', afterMs: 0 });
      keeper.start();
      await clock.advance(10 * MINUTE_MS);
      const times = host.times(startMs);
      // The sixth wait is by the step of 32 s, which no limit of dials touches.
      shares.push((times[6]! - times[5]!) / stepMs(5));
      await keeper.stop();
    }
    assert.ok(shares.every((share) => share >= 0 && share <= 1));
    for (const from of [0, 0.25, 0.5, 0.75]) {
      const part = shares.filter((share) => share >= from && share < from + 0.25).length;
      assert.ok(part > 25 && part < 75, `${part} of 200 in the quarter from ${from}`);
    }
  });

  test('a peer that answers and says no waits from 32 s on; no room of ours says nothing about it', async () => {
    for (const [code, firstStepMs, failures] of [
      ['WRONG_IDENTITY', 32_000, 1],
      ['CLOSED_AFTER_HANDSHAKE', 32_000, 1],
      ['NO_ADDRESS', 300_000, 1],
      ['SELF', 300_000, 1],
      ['TIMEOUT', 1_000, 1],
      ['LIMIT_REACHED', 10_000, 0],
    ] as const) {
      const { clock, host, book, keeper, startMs } = rig(1, OPTIONS, () => 0.9999999);
      book.add(largerId(1), operator);
      host.outcome = () => ({ kind: 'fail', code, afterMs: 0 });
      keeper.start();
      await clock.advance(0);
      assert.equal(keeper.view(largerId(1))?.failures, failures, code);
      assert.ok(Math.abs((keeper.view(largerId(1))?.nextDialInMs ?? 0) - firstStepMs) <= 1, code);
      await clock.advance(firstStepMs + 1);
      assert.equal(host.times(startMs).length, 2, code);
      await keeper.stop();
    }
  });

  test('a peer that returns is back within the backoff step it waits in', async () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const { clock, host, book, keeper } = rig(seed);
      const id = largerId(1);
      book.add(id, operator);
      host.outcome = () => ({ kind: 'ok' });
      keeper.start();
      await clock.advance(2 * MINUTE_MS);
      assert.ok(host.peer(id), 'connected at first');
      host.outcome = () => ({ kind: 'fail', code: 'UNREACHABLE' });
      host.disconnect(id);
      await clock.advance(7 * MINUTE_MS);
      host.outcome = () => ({ kind: 'ok' });
      const next = keeper.view(id)?.nextDialInMs;
      assert.ok(next !== undefined && next <= 300_000);
      await clock.advance(next + 100);
      assert.ok(host.peer(id), `seed ${seed}`);
      await keeper.stop();
    }
  });

  test('a failed dial is one line, with peer, code, failures, breaker and next dial', async () => {
    const { clock, host, book, log, keeper } = rig();
    const wholeMs = clock.monotonicMs.bind(clock);
    // As of a real clock.
    let reads = 0;
    Object.assign(clock, { monotonicMs: () => wholeMs() + (reads++ % 7) * 1e-4 });
    book.add(largerId(1), operator);
    book.add(largerId(2));
    host.outcome = () => ({ kind: 'fail', code: 'UNREACHABLE' });
    keeper.start();
    await clock.advance(30 * MINUTE_MS);
    const ofOperator = host.dials.filter(({ peerId }) => peerId === largerId(1)).length;
    const ofLearned = host.dials.length - ofOperator;
    assert.ok(ofOperator > 8 && ofLearned > 8);
    assert.equal(log.of('peer.dial_failed').length, ofOperator);
    assert.equal(log.debugLines.length, ofLearned);
    const { fields } = log.of('peer.dial_failed')[6]!;
    assert.equal(fields['peer'], largerId(1));
    assert.equal(fields['code'], 'UNREACHABLE');
    assert.equal(fields['failures'], 7);
    assert.equal(fields['breaker'], 'open');
    assert.ok(Number(fields['next_ms']) <= 64_000);
    assert.ok(log.of('peer.dial_failed').every((line) => Number.isInteger(line.fields['next_ms'])));
    await keeper.stop();
  });

  test('what the operator changes is dialled at once', async () => {
    const moved = { addresses: ['/ip4/192.0.2.9/tcp/9000'] };
    const changes: readonly ((given: Rig) => void)[] = [
      ({ book }) => book.add(largerId(1), { ...operator, ...moved }),
      ({ keeper }) => keeper.retryNow([largerId(1)]),
      ({ keeper }) => keeper.lookNow(),
    ];
    for (const change of changes) {
      const given = rig();
      const { clock, host, book, keeper } = given;
      book.add(largerId(1), operator);
      keeper.start();
      await clock.advance(60 * MINUTE_MS);
      assert.equal(keeper.view(largerId(1))?.breaker, 'open');
      host.outcome = () => ({ kind: 'ok' });
      change(given);
      await clock.advance(100);
      assert.ok(host.peer(largerId(1)));
      assert.equal(keeper.view(largerId(1))?.breaker, 'closed');
      await keeper.stop();
    }
  });

  test('a learned peer is not tried sooner because it tells of another address', async () => {
    const { clock, host, book, keeper } = rig();
    book.add(largerId(1), proved);
    keeper.start();
    await clock.advance(60 * MINUTE_MS);
    const next = keeper.view(largerId(1))?.nextDialInMs ?? 0;
    book.add(largerId(1), { ...proved, addresses: ['/ip4/192.0.2.9/tcp/9000'] });
    const { length } = host.dials;
    await clock.advance(next - 1);
    assert.equal(host.dials.length, length);
    // The operator adds it.
    book.add(largerId(1), operator);
    await clock.advance(10);
    assert.equal(host.dials.length, length + 1);
    await keeper.stop();
  });

  test('a reload takes other limits and gives them back', async () => {
    const { clock, host, book, keeper } = rig(1, { maxPeers: 8, connectionTimeoutMs: 10_000 });
    for (let i = 0; i < 100; i += 1) book.add(largerId(i), proved);
    host.outcome = () => ({ kind: 'ok' });
    keeper.start();
    const change = keeper.prepare(OPTIONS);
    await clock.advance(MINUTE_MS);
    assert.equal(host.connected().length, roomOf(8).learned);
    await change.apply();
    await change.rollback();
    await clock.advance(MINUTE_MS);
    assert.equal(host.connected().length, roomOf(8).learned);
    await change.apply();
    await clock.advance(MINUTE_MS);
    assert.equal(host.connected().length, TARGET_CONNECTIONS);
    await keeper.stop();
  });
});

describe('circuit breaker', () => {
  test('opens after five failures, half-opens with one trial, closes on success', async () => {
    const { clock, host, book, keeper } = rig();
    const id = largerId(1);
    book.add(id, operator);
    keeper.start();
    const seen: string[] = [];
    for (let i = 0; i < 4_000; i += 1) {
      await clock.advance(100);
      const breaker = keeper.view(id)?.breaker;
      if (host.dials.length === 5 && seen.length === 0) {
        host.outcome = () => ({ kind: 'fail', code: 'REFUSED', afterMs: 500 });
      }
      if (breaker !== undefined && breaker !== seen.at(-1)) seen.push(breaker);
      if (seen.length === 4) host.outcome = () => ({ kind: 'ok', afterMs: 500 });
    }
    // The first trial while open fails, a later one succeeds.
    assert.equal(seen[0], 'closed');
    assert.equal(seen[1], 'open');
    assert.equal(seen.at(-1), 'closed');
    assert.ok(seen.includes('half_open'));
    assert.ok(host.peer(id));
    assert.equal(keeper.view(id)?.failures, 0);
    await keeper.stop();
  });
});

describe('whom it dials', () => {
  test('a start dials the last eight proved and all operator peers first', async () => {
    const { clock, host, book, keeper } = rig();
    for (let i = 0; i < 200; i += 1) book.add(largerId(i));
    for (let i = 200; i < 300; i += 1) book.add(largerId(i), { ...proved, lastProvedMs: i });
    for (let i = 300; i < 320; i += 1) book.add(largerId(i), operator);
    host.outcome = () => ({ kind: 'ok' });
    keeper.start();
    await clock.advance(200);
    const first = host.dials.slice(0, 28).map(({ peerId }) => peerId);
    const wanted = [
      ...Array.from({ length: 8 }, (_, i) => largerId(299 - i)),
      ...Array.from({ length: 20 }, (_, i) => largerId(300 + i)),
    ];
    assert.deepEqual([...first].sort(), wanted.sort());
    assert.equal(host.mostAtOnce, DIALS_AT_ONCE);
    // 28 is above the target: nobody else is dialled.
    await clock.advance(10 * MINUTE_MS);
    assert.equal(host.dials.length, 28);
    await keeper.stop();
  });

  test('learned peers are dialled up to the target, one that was never proved each second', async () => {
    const { clock, host, book, keeper, startMs } = rig();
    for (let i = 0; i < 100; i += 1) book.add(largerId(i));
    host.outcome = () => ({ kind: 'ok' });
    keeper.start();
    await clock.advance(10_500);
    assert.equal(host.connected().length, 11);
    const times = host.times(startMs);
    assert.ok(times.every((time, i) => i === 0 || time - times[i - 1]! >= 1_000));
    await clock.advance(5 * MINUTE_MS);
    assert.equal(host.connected().length, TARGET_CONNECTIONS);
    // One that goes is replaced.
    host.disconnect(host.connected()[0]!.peerId);
    await clock.advance(5_000);
    assert.equal(host.connected().length, TARGET_CONNECTIONS);
    await keeper.stop();
  });

  test('inbound connections count, but for some that are of our own choice', async () => {
    const { clock, host, book, keeper } = rig();
    for (let i = 0; i < 100; i += 1) host.connect(largerId(1_000 + i));
    for (let i = 0; i < 100; i += 1) book.add(largerId(i), proved);
    host.outcome = () => ({ kind: 'ok' });
    keeper.start();
    await clock.advance(MINUTE_MS);
    const outbound = host.connected().filter(({ direction }) => direction === 'outbound').length;
    assert.equal(outbound, MIN_OUTBOUND);
    await keeper.stop();
  });

  test('small limits leave room for others, at least one is ours', () => {
    assert.deepEqual(roomOf(1), { operator: 1, learned: 1, outbound: 1 });
    assert.deepEqual(roomOf(4), { operator: 3, learned: 2, outbound: 2 });
    assert.deepEqual(roomOf(300), { operator: 292, learned: TARGET_CONNECTIONS, outbound: MIN_OUTBOUND });
    for (let maxPeers = 1; maxPeers <= 400; maxPeers += 1) {
      const room = roomOf(maxPeers);
      assert.ok(room.operator >= 1 && room.operator <= maxPeers && room.learned <= maxPeers);
      if (maxPeers >= 4) assert.ok(room.operator < maxPeers);
    }
  });

  test('new limits apply at once', async () => {
    const { clock, host, book, keeper } = rig(1, { maxPeers: 8, connectionTimeoutMs: 10_000 });
    for (let i = 0; i < 100; i += 1) book.add(largerId(i), proved);
    host.outcome = () => ({ kind: 'ok' });
    keeper.start();
    await clock.advance(MINUTE_MS);
    assert.equal(host.connected().length, roomOf(8).learned);
    keeper.configure(OPTIONS);
    await clock.advance(MINUTE_MS);
    assert.equal(host.connected().length, TARGET_CONNECTIONS);
    await keeper.stop();
  });

  test('a full house of inbound connections does not keep operator peers out', async () => {
    const { clock, host, book, keeper } = rig();
    for (let i = 0; i < 300; i += 1) host.connect(largerId(1_000 + i));
    book.add(largerId(1), operator);
    host.outcome = () => ({ kind: 'ok' });
    keeper.start();
    await clock.advance(1_000);
    assert.ok(host.peer(largerId(1)));
    await keeper.stop();
  });

  test('black holes never take all slots', async () => {
    const { clock, host, book, keeper } = rig();
    for (let i = 0; i < 300; i += 1) book.add(largerId(i), operator);
    host.outcome = () => ({ kind: 'fail', code: 'TIMEOUT', afterMs: 10_000 });
    keeper.start();
    await clock.advance(90 * MINUTE_MS);
    assert.equal(host.mostAtOnce, DIALS_AT_ONCE);
    assert.equal(host.underWay, DOUBTFUL_AT_ONCE);
    for (let i = 0; i < 300; i += 1) assert.notEqual(keeper.view(largerId(i))?.breaker, 'closed');
    host.outcome = ({ peerId }) =>
      peerId >= largerId(500) ? { kind: 'ok' } : { kind: 'fail', code: 'TIMEOUT', afterMs: 10_000 };
    for (let i = 500; i < 540; i += 1) {
      book.add(largerId(i), operator);
      await clock.advance(1_000);
      assert.ok(host.peer(largerId(i)), 'a new peer finds a free slot at once');
      assert.ok(host.underWay <= DOUBTFUL_AT_ONCE + 1);
    }
    await keeper.stop();
  });

  test('itself, denied peers and peers without an address are not dialled', async () => {
    const { clock, host, book, keeper, denied } = rig();
    book.add(OWN_ID, operator);
    book.add(largerId(1), operator);
    book.add(largerId(2), { ...operator, addresses: [] });
    denied.add(largerId(1));
    keeper.start();
    await clock.advance(MINUTE_MS);
    assert.equal(host.dials.length, 0);
    // A ban ends without an event.
    denied.clear();
    await clock.advance(MINUTE_MS);
    assert.ok(host.dials.length > 0);
    await keeper.stop();
  });

  test('without peers it waits, and dials the first that is added', async () => {
    const { clock, host, book, keeper } = rig();
    keeper.start();
    await clock.advance(60 * MINUTE_MS);
    assert.equal(host.dials.length, 0);
    host.outcome = () => ({ kind: 'ok' });
    book.add(largerId(1), operator);
    await clock.advance(100);
    assert.ok(host.peer(largerId(1)));
    await keeper.stop();
  });
});

describe('who dials first', () => {
  test('the smaller id at once, the larger after a moment if the other did not', async () => {
    const { clock, host, book, keeper, startMs } = rig();
    book.add(largerId(1), operator);
    book.add(smallerId(1), operator);
    book.add(smallerId(2), operator);
    host.outcome = () => ({ kind: 'ok' });
    keeper.start();
    await clock.advance(LARGER_WAITS_MS / 2);
    assert.deepEqual(host.times(startMs, largerId(1)), [0]);
    host.connect(smallerId(2));
    await clock.advance(10_000);
    assert.deepEqual(host.times(startMs, smallerId(1)), [LARGER_WAITS_MS]);
    assert.deepEqual(host.times(startMs, smallerId(2)), []);
    // After a loss likewise.
    const lostMs = clock.monotonicMs();
    host.disconnect(smallerId(1));
    host.disconnect(largerId(1));
    await clock.advance(10_000);
    const [first] = host.times(lostMs, largerId(1)).filter((time) => time >= 0);
    const [second] = host.times(lostMs, smallerId(1)).filter((time) => time >= 0);
    assert.ok(first !== undefined && first < 2_000);
    assert.ok(second !== undefined && second >= LARGER_WAITS_MS);
    await keeper.stop();
  });

  test('a dial that the peer overtakes is no failure', async () => {
    const { clock, host, book, keeper, log } = rig();
    book.add(largerId(1), operator);
    host.outcome = () => ({ kind: 'fail', code: 'RESET_IN_HANDSHAKE', afterMs: 50 });
    keeper.start();
    await clock.advance(20);
    host.connect(largerId(1), 'inbound');
    await clock.advance(MINUTE_MS);
    assert.deepEqual(log.lines, []);
    assert.equal(book.told.length, 0);
    assert.equal(keeper.view(largerId(1))?.failures, 0);
    assert.equal(host.dials.length, 1);
    await keeper.stop();
  });
});

describe('loss', () => {
  test('1,000 peers lost at once are not redialled in step', async () => {
    const { clock, host, book, keeper } = rig(7, { maxPeers: 2_000, connectionTimeoutMs: 10_000 });
    for (let i = 0; i < 1_000; i += 1) book.add(largerId(i), operator);
    host.outcome = () => ({ kind: 'ok', afterMs: 0 });
    keeper.start();
    await clock.advance(10 * MINUTE_MS);
    assert.equal(host.connected().length, 1_000);
    host.outcome = () => ({ kind: 'fail', code: 'REFUSED', afterMs: 0 });
    const lostMs = clock.monotonicMs();
    for (let i = 0; i < 1_000; i += 1) host.disconnect(largerId(i));
    await clock.advance(12 * MINUTE_MS);
    const times = host.times(lostMs).filter((time) => time >= 0);
    // First tries: spread over the second, by tenths.
    const first = new Map(
      host.dials
        .filter(({ atMs }) => atMs >= lostMs)
        .map((d) => [d.peerId, d.atMs] as const)
        .reverse(),
    );
    const tenths = Array.from({ length: 10 }, () => 0);
    for (const atMs of first.values()) tenths[Math.min(9, Math.floor((atMs - lostMs) / 100))]! += 1;
    assert.equal(first.size, 1_000);
    assert.ok(
      tenths.every((count) => count > 50 && count < 170),
      `tenths of a second: ${tenths}`,
    );
    // Later: in no second more than a small share, though all began together.
    const seconds = new Map<number, number>();
    for (const time of times.filter((time) => time > 5 * MINUTE_MS)) {
      const second = Math.floor(time / 1_000);
      seconds.set(second, (seconds.get(second) ?? 0) + 1);
    }
    assert.ok(Math.max(...seconds.values()) < 50, `${Math.max(...seconds.values())} dials in one second`);
    assert.ok(host.mostAtOnce <= DIALS_AT_ONCE);
    await keeper.stop();
    assert.equal(clock.waiting, 0);
  });

  test('while we are cut off ourselves no peer is held against its silence', async () => {
    const { clock, host, book, keeper } = rig();
    for (let i = 0; i < 30; i += 1) book.add(largerId(i), proved);
    host.outcome = () => ({ kind: 'fail', code: 'UNREACHABLE' });
    keeper.start();
    await clock.advance(60 * MINUTE_MS);
    assert.equal(book.told.length, 0);
    host.connect(largerId(100));
    await clock.advance(60 * MINUTE_MS);
    assert.ok(book.told.length > 0 && book.told.every((line) => line.startsWith('UNREACHABLE')));
    await keeper.stop();
  });

  test('a refusal counts even if nobody is connected', async () => {
    const { clock, book, keeper } = rig();
    book.add(largerId(1));
    keeper.start();
    await clock.advance(10_000);
    assert.ok(book.told.includes(`REFUSED ${largerId(1)}`));
    await keeper.stop();
  });

  test('a peer that flaps, ten connects in ten seconds, gets three dials of ours', async () => {
    for (let seed = 0; seed < 100; seed += 1) {
      for (const outcome of ['ok', 'fail'] as const) {
        const { clock, host, book, keeper } = rig(seed);
        const id = largerId(1);
        book.add(id, operator);
        host.outcome = () =>
          outcome === 'ok' ? { kind: 'ok' } : { kind: 'fail', code: 'REFUSED', afterMs: 1 };
        host.connect(id);
        keeper.start();
        await clock.advance(2 * MINUTE_MS);
        const before = host.dials.length;
        for (let i = 0; i < 10; i += 1) {
          host.disconnect(id);
          await clock.advance(900);
          host.connect(id);
          await clock.advance(100);
        }
        const dials = host.dials.length - before;
        assert.ok(dials <= FLAP_DIALS, `seed ${seed}, ${outcome}: ${dials} dials`);
        await keeper.stop();
      }
    }
  });

  test('a connection that does not last makes the next wait longer, one that lasts makes it short', async () => {
    const { clock, host, book, keeper } = rig(1, OPTIONS, () => 0.9999999);
    const id = largerId(1);
    book.add(id, operator);
    host.outcome = () => ({ kind: 'ok' });
    keeper.start();
    const waits: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      await clock.advance(stepMs(i) + 10_000);
      assert.ok(host.peer(id));
      host.disconnect(id);
      waits.push(Math.round((keeper.view(id)?.nextDialInMs ?? 0) / 1_000));
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32]);
    await clock.advance(2 * MINUTE_MS);
    host.disconnect(id);
    assert.equal(Math.round((keeper.view(id)?.nextDialInMs ?? 0) / 1_000), 1);
    await keeper.stop();
  });
});

describe('stop', () => {
  test('ends dials under way at any step; leaves no timer, listener or dial', async () => {
    for (const afterMs of [0, 1, 5, 19, 20, 21, 500, 1_999, 2_000, 2_001, 30_000]) {
      const { clock, host, book, keeper } = rig();
      for (let i = 0; i < 30; i += 1) {
        book.add(largerId(i), i % 2 === 0 ? operator : {});
        book.add(smallerId(i), operator);
      }
      host.outcome = ({ peerId }) =>
        peerId.endsWith('3')
          ? { kind: 'ok' }
          : peerId.endsWith('4')
            ? { kind: 'hang' }
            : { kind: 'fail', code: 'TIMEOUT' };
      keeper.start();
      await clock.advance(afterMs);
      await keeper.stop();
      await settled();
      assert.equal(clock.waiting, 0, `timers after ${afterMs} ms`);
      assert.equal(host.underWay, 0);
      assert.equal(host.listeners, 0);
      assert.equal(book.listeners, 0);
      const { length } = host.dials;
      await clock.advance(MINUTE_MS);
      assert.equal(host.dials.length, length, 'no new work');
    }
  });

  test('a dial that ignores its end is left behind after two seconds', async () => {
    const { clock, host, book, keeper } = rig();
    book.add(largerId(1), operator);
    host.dial = () => new Promise(() => undefined);
    keeper.start();
    await clock.advance(10);
    let isStopped = false;
    const stopped = keeper.stop().then(() => {
      isStopped = true;
    });
    await clock.advance(1_900);
    assert.equal(isStopped, false);
    await clock.advance(200);
    assert.equal(isStopped, true);
    await stopped;
  });

  test('a dial that does not end by itself is ended and counts as a timeout', async () => {
    const { clock, host, book, keeper, log } = rig();
    book.add(largerId(1), operator);
    host.outcome = () => ({ kind: 'hang' });
    keeper.start();
    await clock.advance(15_100);
    assert.equal(log.of('peer.dial_failed')[0]?.fields['code'], 'TIMEOUT');
    await keeper.stop();
  });

  test('starts again', async () => {
    const { clock, host, book, keeper } = rig();
    book.add(largerId(1), operator);
    keeper.start();
    await keeper.stop();
    host.outcome = () => ({ kind: 'ok' });
    keeper.start();
    await clock.advance(100);
    assert.ok(host.peer(largerId(1)));
    await keeper.stop();
    assert.equal(clock.waiting, 0);
  });
});
