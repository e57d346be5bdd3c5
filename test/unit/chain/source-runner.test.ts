import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChainError } from '../../../src/chain/errors.ts';
import type { HeaderChain } from '../../../src/chain/header-chain.ts';
import { HeadersService } from '../../../src/chain/headers-service.ts';
import {
  type HeaderSource,
  HeaderSourceRunner,
  linkPage,
  type RunnerOptions,
  type SourceTip,
} from '../../../src/chain/source-runner.ts';
import {
  type FakeClock,
  hashOf,
  mineChain,
  nth,
  openRegtest,
  REGTEST_GENESIS_HASH,
  rootOf,
} from '../../support/chain.ts';
import { FakeHeadersService } from '../../support/headers-service.ts';

/** A source in memory: a chain from height 1, stale headers, requests counted. */
class ListSource implements HeaderSource {
  readonly name = 'list';
  readonly asked: string[] = [];
  bytes: Uint8Array = new Uint8Array(0);
  stale: { height: number; raw: Uint8Array }[] = [];
  claimed: SourceTip | undefined;
  failWith: ChainError | undefined;
  gate: Promise<void> | undefined;

  async tip(signal?: AbortSignal): Promise<SourceTip> {
    this.asked.push('tip');
    await this.gate;
    if (signal?.aborted === true) throw new ChainError('STOPPED', 'stopped');
    if (this.failWith !== undefined) throw this.failWith;
    return this.claimed ?? { height: this.bytes.length / 80, hash: hashOf(nth(this.bytes, -1)) };
  }

  headers(from: number, count: number): Promise<readonly Uint8Array[]> {
    this.asked.push(`${from}+${count}`);
    const page = this.stale
      .filter(({ height }) => height >= from && height < from + count)
      .map(({ raw }) => raw);
    for (let h = Math.min(from + count - 1, this.bytes.length / 80); h >= from; h--)
      page.push(nth(this.bytes, h - 1));
    return Promise.resolve(page);
  }
}

async function setUp(options: RunnerOptions = {}): Promise<{
  runner: HeaderSourceRunner;
  source: ListSource;
  chain: HeaderChain;
  clock: FakeClock;
}> {
  const { chain, clock } = await openRegtest();
  const source = new ListSource();
  const runner = new HeaderSourceRunner(
    { pageHeaders: 50, ...options },
    { source, chain, clock, random: () => 0.5 },
  );
  return { runner, source, chain, clock };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
}

const trunk = mineChain(230);

test('a round brings the chain to the tip of the source, page by page, in whatever order a page is', async () => {
  const { runner, source, chain } = await setUp();
  source.bytes = trunk;
  await runner.poll();
  assert.equal(chain.tip().height, 230);
  assert.deepEqual(source.asked, ['tip', '1+50', '51+50', '101+50', '151+50', '201+30']);
  const { lastErrorCode, remoteHeight, behind, headersAdded, failuresInARow, lastSuccessMs } = runner.state();
  assert.deepEqual(
    [lastErrorCode, remoteHeight, behind, headersAdded, failuresInARow],
    [undefined, 230, 0, 230, 0],
  );
  assert.equal(lastSuccessMs, 2_000_000_000_000);
  source.asked.length = 0;
  await runner.poll();
  assert.deepEqual(source.asked, ['tip'], 'nothing new costs one request');
  source.bytes = Buffer.concat([trunk, mineChain(1, { on: nth(trunk, -1) })]);
  source.asked.length = 0;
  await runner.poll();
  assert.deepEqual(source.asked, ['tip', '230+2'], 'one block costs two');
  assert.equal(chain.tip().height, 231);
});

test('a fork is found by walking back in doubling steps', async () => {
  const { runner, source, chain } = await setUp();
  await chain.add(trunk);
  source.bytes = Buffer.concat([trunk.subarray(0, 190 * 80), mineChain(60, { on: nth(trunk, 189) })]);
  await runner.poll();
  assert.deepEqual(chain.tip(), { ...chain.tip(), height: 250, hash: hashOf(nth(source.bytes, -1)) });
  assert.deepEqual(source.asked, [
    'tip',
    '230+21',
    '229+22',
    '227+24',
    '223+28',
    '215+36',
    '199+50',
    '167+50',
    '217+34',
  ]);
  assert.equal(runner.state().lastErrorCode, undefined);
});

test('a source on a weaker branch does not move the tip; the branch is known and not fetched again', async () => {
  const { runner, source, chain } = await setUp();
  await chain.add(trunk);
  source.bytes = Buffer.concat([trunk.subarray(0, 220 * 80), mineChain(5, { on: nth(trunk, 219) })]);
  await runner.poll();
  assert.equal(chain.tip().hash, hashOf(nth(trunk, -1)));
  assert.equal(chain.sideCount(), 5);
  source.asked.length = 0;
  await runner.poll();
  assert.deepEqual(source.asked, ['tip']);
  assert.equal(runner.state().behind, 0);
});

test('stale and orphan headers among those of a page do no harm', async () => {
  const { runner, source, chain } = await setUp();
  source.bytes = trunk;
  const stale = mineChain(2, { on: nth(trunk, 99) });
  source.stale = [
    { height: 101, raw: nth(stale, 0) },
    { height: 102, raw: nth(stale, 1) },
    { height: 60, raw: nth(mineChain(1, { on: nth(mineChain(1), 0) }), 0) },
  ];
  await runner.poll();
  assert.equal(chain.tip().hash, hashOf(nth(trunk, -1)));
  assert.equal(chain.sideCount(), 2);
  assert.equal(runner.state().lastErrorCode, undefined);
});

test('our own stale tip in a page does not hide that the source has another chain', async () => {
  const { runner, source, chain } = await setUp();
  const ours = mineChain(3, { on: nth(trunk, 199) });
  await chain.add(Buffer.concat([trunk.subarray(0, 200 * 80), ours]));
  source.bytes = trunk;
  source.stale = [0, 1, 2].map((i) => ({ height: 201 + i, raw: nth(ours, i) }));
  await runner.poll();
  assert.equal(chain.tip().height, 230);
  assert.equal(runner.state().lastErrorCode, undefined);
});

test('a source of another chain is SOURCE_DISAGREES, after few requests', async () => {
  const { runner, source, chain } = await setUp();
  await chain.add(trunk);
  const foreign = mineChain(300, { on: nth(mineChain(1), 0) });
  source.bytes = foreign;
  await runner.poll();
  assert.equal(runner.state().lastErrorCode, 'SOURCE_DISAGREES');
  assert.equal(runner.state().behind, 70);
  assert.equal(chain.tip().height, 230);
  assert.ok(source.asked.length < 15, `${source.asked.length}`);
});

test('a source that claims more than it has is SOURCE_NO_PROGRESS; what it gave is kept', async () => {
  const { runner, source, chain } = await setUp();
  source.bytes = trunk;
  source.claimed = { height: 0x7fffffff, hash: rootOf('nothing') };
  await runner.poll();
  assert.equal(runner.state().lastErrorCode, 'SOURCE_NO_PROGRESS');
  assert.equal(chain.tip().height, 230);
  assert.ok(source.asked.length < 10);
  // Known headers over and over are no progress either.
  source.headers = (from, count) => {
    source.asked.push(`${from}+${count}`);
    return Promise.resolve([nth(trunk, 228), nth(trunk, 229)]);
  };
  source.asked.length = 0;
  await runner.poll();
  assert.equal(runner.state().lastErrorCode, 'SOURCE_NO_PROGRESS');
  assert.ok(source.asked.length < 5, source.asked.join());
});

test('a bad header ends the round with its code; those before it are kept', async () => {
  const { runner, source, chain } = await setUp();
  source.bytes = Uint8Array.from(trunk);
  source.bytes[120 * 80 + 72]! ^= 1;
  await runner.poll();
  // The changed header links nothing to what follows, so it is judged alone.
  assert.equal(runner.state().lastErrorCode, 'BITS_WRONG');
  assert.equal(chain.tip().height, 120);
});

test('rounds never overlap: a second poll joins the first', async () => {
  const { runner, source, chain } = await setUp();
  source.bytes = trunk;
  let open = (): void => undefined;
  source.gate = new Promise((resolve) => {
    open = resolve;
  });
  const first = runner.poll();
  const second = runner.poll();
  assert.equal(first, second);
  open();
  await first;
  assert.equal(source.asked.filter((a) => a === 'tip').length, 1);
  assert.equal(chain.tip().height, 230);
});

test('it polls on its interval, waits longer at random after failures, and recovers', async () => {
  const { runner, source, clock } = await setUp({ intervalMs: 1000, maxBackoffMs: 6000 });
  source.bytes = trunk;
  runner.start();
  runner.start();
  assert.equal(clock.nextMs, 0);
  clock.advance(0);
  await settle();
  assert.equal(runner.state().lastSuccessMs, clock.now);
  assert.deepEqual([clock.nextMs, clock.waiting], [1000, 1]);
  source.failWith = new ChainError('SERVICE_TIMEOUT', 'too slow');
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    clock.advance(clock.nextMs ?? 0);
    await settle();
    waits.push(clock.nextMs ?? -1);
  }
  // Half (random) of 2, 4, 6 (bound), 6 seconds.
  assert.deepEqual(waits, [1000, 2000, 3000, 3000]);
  const failing = runner.state();
  assert.deepEqual(
    [failing.failuresInARow, failing.lastErrorCode, failing.lastErrorMs],
    [4, 'SERVICE_TIMEOUT', clock.now],
  );
  source.failWith = undefined;
  clock.advance(3000);
  await settle();
  assert.deepEqual(
    [runner.state().failuresInARow, runner.state().lastErrorCode, clock.nextMs],
    [0, undefined, 1000],
  );
  await runner.stop();
  assert.deepEqual([clock.waiting, runner.state().running], [0, false]);
});

test('stop waits for the round under way and leaves no timer', async () => {
  const { runner, source, clock, chain } = await setUp();
  source.bytes = trunk;
  let open = (): void => undefined;
  source.gate = new Promise((resolve) => {
    open = resolve;
  });
  runner.start();
  clock.advance(0);
  await settle();
  let stopped = false;
  const stopping = runner.stop().then(() => {
    stopped = true;
  });
  await settle();
  assert.equal(stopped, false);
  open();
  await stopping;
  assert.deepEqual([clock.waiting, chain.tip().height, runner.state().lastErrorCode], [0, 0, undefined]);
  runner.start();
  source.gate = undefined;
  clock.advance(0);
  await settle();
  assert.equal(chain.tip().height, 230, 'it can be started again');
  await runner.stop();
});

test('the whole way over HTTP: sync, a reorganisation, an outage', async () => {
  const server = await FakeHeadersService.start();
  try {
    const { chain, clock } = await openRegtest();
    server.token = 'secret';
    server.setChain(trunk, 1);
    server.addStale(mineChain(2, { on: nth(trunk, 49) }), 51);
    const modules = { fetch, clock, random: () => 0 };
    const source = new HeadersService({ url: server.url, token: 'secret', limits: { attempts: 1 } }, modules);
    const runner = new HeaderSourceRunner({ pageHeaders: 100 }, { source, chain, clock, random: () => 0 });
    await runner.poll();
    assert.equal(chain.tip().height, 230);
    assert.equal(chain.sideCount(), 2);
    const other = Buffer.concat([trunk.subarray(0, 225 * 80), mineChain(10, { on: nth(trunk, 224) })]);
    server.addStale(trunk.subarray(225 * 80), 226);
    server.setChain(other, 1);
    const undone: unknown[] = [];
    chain.onChange((update) => undone.push(update.undone));
    await runner.poll();
    assert.equal(chain.tip().hash, hashOf(nth(other, -1)));
    assert.deepEqual(undone, [{ from: 226, to: 230 }]);
    server.mode = 'failing';
    await runner.poll();
    assert.equal(runner.state().lastErrorCode, 'SERVICE_FAILED');
    server.mode = 'ok';
    server.token = 'changed';
    await runner.poll();
    assert.equal(runner.state().lastErrorCode, 'SERVICE_AUTH');
  } finally {
    await server.close();
  }
});

test('a page is ordered parents first; duplicates count once', () => {
  const known = new Set([REGTEST_GENESIS_HASH]);
  const shuffled = [3, 1, 4, 0, 2, 0].map((i) => nth(trunk, i));
  const page = linkPage([...shuffled, nth(trunk, 9)], (hash) => known.has(hash));
  assert.deepEqual(Buffer.from(page.linked), trunk.subarray(0, 5 * 80));
  assert.deepEqual([page.fresh, page.unlinked], [5, 1]);
  assert.deepEqual(
    linkPage([], () => true),
    { linked: new Uint8Array(0), fresh: 0, unlinked: 0 },
  );
});
