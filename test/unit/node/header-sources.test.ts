import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Config, diffConfig } from '../../../config/index.ts';
import type { HeaderChain } from '../../../src/chain/header-chain.ts';
import { headerServices } from '../../../src/node/core.ts';
import { HeaderSources } from '../../../src/node/header-sources.ts';
import { confOf, HandClock, loadedOf } from '../../support/reload.ts';

const A = '{ url: "http://127.0.0.1:1" }';
const B = '{ url: "http://127.0.0.1:2", token: "first-token" }';
const B2 = '{ url: "http://127.0.0.1:2", token: "other-token" }';
const C = '{ url: "http://127.0.0.1:3" }';

function configOf(...sources: string[]): Config {
  return loadedOf(confOf().replace('header_sources: []', `header_sources: [${sources.join(', ')}]`)).config;
}

function harness(config: Config) {
  const clock = new HandClock();
  const random = { fraction: () => 0.5, hex: () => '' };
  // No answer ever comes: what matters is who runs.
  const fetch = (_url: string, init: RequestInit) =>
    new Promise<Response>((_resolve, reject) => {
      init.signal?.addEventListener('abort', () => reject(new Error('aborted')));
    });
  const core = { clock, random, fetch, programVersion: '0', onWriteFailure: () => undefined };
  const services = headerServices(config, core);
  const tip = { height: 0 };
  const chain = { tip: () => tip } as unknown as HeaderChain;
  const sources = new HeaderSources(config, services, { ...core, chain });
  const names = () => ({
    services: services.map(({ name }) => name.slice(-8, -7)),
    running: sources.runners.map((runner) => runner.state().running),
  });
  const prepare = (next: Config, running = config) =>
    sources.prepare({ next, running, changes: diffConfig(running, next) });
  return { sources, services, names, prepare, clock };
}

test('a change stops who is gone, starts who is new, and leaves the others as they are', async () => {
  const config = configOf(A, B);
  const { sources, services, names, prepare } = harness(config);
  sources.start();
  const [runnerA, runnerB] = [...sources.runners];
  const serviceB = services[1];
  const change = prepare(configOf(C, B))!;
  assert.deepEqual(names().running, [true, true]);
  assert.equal(services[1], serviceB);
  await change.apply();
  await change.finish?.();
  assert.equal(services.length, 2);
  assert.deepEqual([services[1], sources.runners[1]], [serviceB, runnerB]);
  assert.deepEqual(names().running, [true, true]);
  assert.equal(runnerA!.state().running, false);
  await sources.stop();
  assert.deepEqual(names().running, [false, false]);
});

test('another token is another source', async () => {
  const { sources, services, prepare } = harness(configOf(B));
  sources.start();
  const [before] = services;
  const change = prepare(configOf(B2))!;
  await change.apply();
  await change.finish?.();
  assert.notEqual(services[0], before);
  await sources.stop();
});

test('rolled back, before or after it was applied, all run as before and nothing else does', async () => {
  for (const isApplied of [false, true]) {
    const { sources, services, prepare, clock } = harness(configOf(A, B));
    sources.start();
    clock.forward(0);
    const [runners, clients, timers] = [[...sources.runners], [...services], clock.timers];
    const change = prepare(configOf(C))!;
    if (isApplied) await change.apply();
    const added = sources.runners[0];
    await change.rollback();
    await change.rollback();
    assert.deepEqual([[...sources.runners], [...services]], [runners, clients]);
    assert.ok(runners.every((runner) => runner.state().running));
    if (isApplied) assert.equal(added!.state().running, false);
    assert.equal(clock.timers, timers);
    await sources.stop();
    assert.equal(clock.timers, 0);
  }
});

test('nothing to do where the key did not change', () => {
  const { prepare } = harness(configOf(A));
  assert.equal(prepare(configOf(A)), undefined);
});

function followerOf() {
  let running = false;
  return {
    start: () => {
      running = true;
    },
    stop: async () => {
      running = false;
    },
    state: () => ({
      source: 'peers',
      running,
      lastSuccessMs: undefined,
      lastErrorMs: undefined,
      lastErrorCode: undefined,
      failuresInARow: 0,
      remoteHeight: undefined,
      behind: undefined,
      headersAdded: 0,
    }),
  };
}

test('the peers take once they are attached, while the configuration names them', async () => {
  const { sources, services, names, prepare } = harness(configOf(A, 'peers'));
  sources.start();
  assert.deepEqual(names().running, [true]);
  const peers = followerOf();
  sources.attachPeers(peers);
  assert.deepEqual(names().running, [true, true]);
  const without = prepare(configOf(A))!;
  await without.apply();
  await without.finish?.();
  assert.deepEqual([names().running, peers.state().running, services.length], [[true], false, 1]);
  const again = prepare(configOf('peers', A), configOf(A))!;
  await again.apply();
  await again.finish?.();
  assert.deepEqual([names().running, peers.state().running, services.length], [[true, true], true, 1]);
  await sources.stop();
  assert.equal(peers.state().running, false);
});

test('peers that the configuration does not name do not take, until it does; a rollback ends that', async () => {
  const { sources, prepare } = harness(configOf(A));
  sources.start();
  const peers = followerOf();
  sources.attachPeers(peers);
  assert.deepEqual([sources.runners.length, peers.state().running], [1, false]);
  const change = prepare(configOf(A, 'peers'))!;
  await change.apply();
  assert.equal(peers.state().running, true);
  await change.rollback();
  assert.deepEqual([sources.runners.length, peers.state().running], [1, false]);
  await sources.stop();
});

test('a change before the peers are attached counts when they are', async () => {
  const { sources, prepare } = harness(configOf(A));
  sources.start();
  const change = prepare(configOf('peers'))!;
  await change.apply();
  await change.finish?.();
  const peers = followerOf();
  sources.attachPeers(peers);
  assert.deepEqual([sources.runners.length, peers.state().running], [1, true]);
  await sources.stop();
});
