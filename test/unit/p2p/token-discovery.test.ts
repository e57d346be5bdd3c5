import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Libp2pHost } from '../../../src/p2p/host.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import { TokenDiscovery, type TokenDiscoveryOptions, tokenCid } from '../../../src/p2p/token-discovery.ts';
import { connectHosts, makeHost, targetOf } from '../../support/p2p.ts';

const TOKEN = `${'ab'.repeat(32)}_0`;

function discoveryOf(host: Libp2pHost): TokenDiscovery {
  return new TokenDiscovery({
    dht: host.dht!,
    ownId: host.peerId,
    clock: HOST_CLOCK,
    random: Math.random,
    hasPeers: () => host.connected().length > 0,
  });
}

/** A clock whose timers are run by hand. */
function handClock(): TokenDiscoveryOptions['clock'] & { nowMs: () => number; advance(ms: number): void } {
  let now = 0;
  let timers: { readonly atMs: number; readonly run: () => void }[] = [];
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    after(ms, run) {
      const timer = { atMs: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    advance(ms) {
      now += ms;
      for (const timer of timers.filter(({ atMs }) => atMs <= now)) {
        timers = timers.filter((one) => one !== timer);
        timer.run();
      }
    },
  };
}

test('a token that one peer follows is found by another over a third, on loopback addresses', async (t) => {
  const [hub, a, b] = await Promise.all([1, 2, 3].map(() => makeHost(t, { dht: true })));
  await connectHosts(a!, hub!);
  await connectHosts(b!, hub!);
  const [one, two] = [discoveryOf(a!), discoveryOf(b!)];
  t.after(() => {
    one.stop();
    two.stop();
  });
  assert.deepEqual(await two.find(`${'cd'.repeat(32)}_0`, AbortSignal.timeout(2_000)), []);
  let found: readonly { readonly peerId: string }[] = [];
  const deadline = AbortSignal.timeout(15_000);
  while (found.length === 0 && !deadline.aborted) {
    // The routing tables fill in the background; a new call is due at once.
    one.provide([]);
    one.provide([TOKEN]);
    found = await two.find(TOKEN, AbortSignal.timeout(1_000));
  }
  assert.deepEqual(found, [targetOf(a!)]);
});

test('the DHT dials what an answer names only where that is allowed', async (t) => {
  const silent = { dht: true, policy: { mayDialTold: () => false } };
  const [hub, peer] = await Promise.all([1, 2].map(() => makeHost(t, silent)));
  await connectHosts(peer!, hub!);
  const [address = ''] = peer!.listenAddresses();
  const { multihash } = await tokenCid(TOKEN);
  for (const isAllowed of [true, false]) {
    const asked: string[] = [];
    const mayDialTold = (told: string): boolean => asked.push(told) > 0 && isAllowed;
    const host = await makeHost(t, { dht: true, policy: { mayDialTold } });
    await connectHosts(host, hub!);
    const isThere = (): boolean => host.peer(peer!.peerId) !== undefined;
    const isOver = (): boolean => (isAllowed ? isThere() : asked.includes(address));
    // The routing tables fill in the background, and a dial that is allowed takes its time.
    for (let rounds = 0; !isOver() && rounds < 100; rounds++) {
      await sleep(100);
      try {
        for await (const _ of host.dht!.getClosestPeers(multihash.bytes));
      } catch {
        // Nobody is in them yet.
      }
    }
    assert.ok(asked.includes(address));
    assert.equal(isThere(), isAllowed);
  }
});

test('alone, nothing waits: look-ups give nobody and a stop ends all', async (t) => {
  const host = await makeHost(t, { dht: true });
  const discovery = discoveryOf(host);
  discovery.provide([TOKEN]);
  assert.deepEqual(await discovery.find(TOKEN, AbortSignal.timeout(5_000)), []);
  discovery.stop();
  await assert.rejects(discovery.find(TOKEN, AbortSignal.timeout(5_000)), { code: 'STOPPED' });
});

test('at most four at a time; told again in time, sooner where nobody took it, and not once it is dropped', async () => {
  const clock = handClock();
  const running: (() => void)[] = [];
  let calls = 0;
  let answers = true;
  const discovery = new TokenDiscovery({
    dht: {
      async *provide() {
        calls++;
        await new Promise<void>((resolve) => running.push(resolve));
        if (answers) yield { name: 'PEER_RESPONSE' } as never;
      },
      async *findProviders() {},
      async cancelReprovide() {},
    } as unknown as TokenDiscoveryOptions['dht'],
    ownId: 'self',
    clock,
    random: () => 0.5,
    hasPeers: () => true,
  });
  const flush = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const finish = async (): Promise<void> => {
    while (running.length > 0) {
      for (const resolve of running.splice(0)) resolve();
      await flush();
    }
  };
  const tokens = Array.from({ length: 10 }, (_, i) => `${String(i).repeat(64)}_0`);
  discovery.provide(tokens);
  await flush();
  assert.equal(running.length, 4);
  await finish();
  assert.equal(calls, 10);
  clock.advance(6 * 3_600_000);
  await flush();
  assert.equal(calls, 10, 'not before it is due');
  answers = false;
  clock.advance(6 * 3_600_000);
  await flush();
  await finish();
  assert.equal(calls, 20);
  clock.advance(300_000);
  await flush();
  await finish();
  assert.equal(calls, 30, 'nobody took it: again after minutes');
  discovery.provide(tokens.slice(0, 1));
  clock.advance(300_000);
  await flush();
  await finish();
  assert.equal(calls, 31);
  discovery.stop();
});
