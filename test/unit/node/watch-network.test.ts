import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClockSteps } from '../../../src/node/clock-steps.ts';
import { checkDescriptorLimit, checkNetwork } from '../../../src/node/watch-network.ts';
import { Health } from '../../../src/observe/health.ts';
import { SILENT_LOG } from '../../../src/observe/log.ts';
import { FakeNetwork, fakePeer } from '../../support/fake-network.ts';

function harness() {
  const time = { nowMs: 1_000_000, monotonicMs: 5_000 };
  const health = new Health({ nowMs: () => time.nowMs, log: SILENT_LOG });
  const pass = (ms: number) => {
    time.nowMs += ms;
    time.monotonicMs += ms;
  };
  const clock = { nowMs: () => time.nowMs, monotonicMs: () => time.monotonicMs };
  return { time, health, clock, pass, codes: () => health.warnings().map((warning) => warning.code) };
}

test('no connected peer is a warning after a while, but not for a node that knows nobody', () => {
  const { health, pass, codes } = harness();
  const network = new FakeNetwork(0);
  const check = () => checkNetwork(network, network.listening, health);
  network.list = [];
  check();
  pass(60_000);
  check();
  assert.deepEqual(codes(), []);
  network.list = [fakePeer(1), fakePeer(2)];
  check();
  pass(29_999);
  assert.deepEqual(codes(), []);
  pass(1);
  assert.deepEqual(codes(), ['PEERS_NONE']);
  assert.match(health.warnings()[0]?.text ?? '', /^2 are known; `btcfed peers --all`/);
  network.list = [fakePeer(1, { state: 'connected', direction: 'inbound' })];
  check();
  pass(10_000);
  assert.deepEqual(codes(), []);
});

test('an address that does not listen is named', () => {
  const { health, codes } = harness();
  const network = new FakeNetwork(0);
  const wanted = ['/ip4/127.0.0.1/tcp/9000', '/ip6/::1/tcp/9000'];
  network.listening = wanted.slice(0, 1);
  checkNetwork(network, wanted, health);
  assert.deepEqual(codes(), ['LISTEN_FAILED']);
  assert.match(
    health.warnings()[0]?.text ?? '',
    /^1 of .*do not; it listens on \/ip4\/127\.0\.0\.1\/tcp\/9000$/,
  );
  network.listening = [];
  checkNetwork(network, wanted, health);
  assert.match(health.warnings()[0]?.text ?? '', /^none of .*: nobody can connect/);
  network.listening = wanted;
  checkNetwork(network, wanted, health);
  assert.deepEqual(codes(), []);
});

test('a limit of open files below what the limits of peers need is a warning', () => {
  const { health, codes } = harness();
  checkDescriptorLimit(1_003, 300, health);
  assert.deepEqual(codes(), ['DESCRIPTORS_LOW']);
  checkDescriptorLimit(1_004, 300, health);
  assert.deepEqual(codes(), []);
  checkDescriptorLimit(undefined, 4_096, health);
  assert.deepEqual(codes(), []);
});

test('a clock that is stepped either way is a warning for ten minutes, one that drifts is none', () => {
  const { time, health, clock, pass, codes } = harness();
  const steps = new ClockSteps({ clock, health });
  for (let i = 0; i < 100; i += 1) {
    pass(1_000);
    time.nowMs += 50;
    steps.check();
  }
  assert.deepEqual(codes(), []);
  time.nowMs -= 86_400_000;
  steps.check();
  assert.deepEqual(codes(), ['CLOCK_STEPPED']);
  assert.match(health.warnings()[0]?.text ?? '', /^by 86400 s back/);
  pass(599_999);
  steps.check();
  assert.deepEqual(codes(), ['CLOCK_STEPPED']);
  pass(1);
  steps.check();
  assert.deepEqual(codes(), []);
  time.nowMs += 3_600_000;
  steps.check();
  assert.match(health.warnings()[0]?.text ?? '', /^by 3600 s ahead/);
});
