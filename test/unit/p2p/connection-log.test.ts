import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionLog, FLAPS_FROM, SUMMARY_EVERY_MS } from '../../../src/p2p/connection-log.ts';
import { FLAP_WINDOW_MS } from '../../../src/p2p/keeper-limits.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeHost, largerId } from '../../support/fake-host.ts';
import { LogLines } from '../../support/log-lines.ts';

function rig(): { clock: FakeClock; host: FakeHost; log: LogLines; connections: ConnectionLog } {
  const clock = new FakeClock();
  const host = new FakeHost(clock);
  const log = new LogLines();
  const connections = new ConnectionLog({ host, clock, log });
  connections.start();
  return { clock, host, log, connections };
}

test('one line when a peer comes and one when it goes, with fields', async () => {
  const { clock, host, log, connections } = rig();
  host.connect(largerId(1));
  host.connect(largerId(2), 'outbound');
  await clock.advance(90_000);
  host.disconnect(largerId(1), 'TIMEOUT');
  assert.deepEqual(log.lines, [
    {
      name: 'peer.connected',
      fields: { peer: largerId(1), direction: 'inbound', address: '/ip4/192.0.2.1/tcp/9000', peers: 1 },
    },
    {
      name: 'peer.connected',
      fields: { peer: largerId(2), direction: 'outbound', address: '/ip4/192.0.2.1/tcp/9000', peers: 2 },
    },
    { name: 'peer.disconnected', fields: { peer: largerId(1), reason: 'TIMEOUT', seconds: 90, peers: 1 } },
  ]);
  assert.deepEqual(connections.counts(), { connected: 2, disconnected: 1, flapping: 0 });
  connections.stop();
  assert.equal(host.listeners, 0);
});

test('ten connects in ten seconds give one line in sum; others are not concerned', async () => {
  const { clock, host, log, connections } = rig();
  for (let i = 0; i < 10; i += 1) {
    host.connect(largerId(1));
    await clock.advance(500);
    host.disconnect(largerId(1));
    await clock.advance(500);
  }
  host.connect(largerId(2));
  assert.equal(connections.counts().flapping, 1);
  await clock.advance(3 * FLAP_WINDOW_MS);
  assert.equal(log.of('peer.flapping').length, 1);
  const { fields } = log.of('peer.flapping')[0]!;
  assert.equal(fields['peer'], largerId(1));
  assert.equal(fields['connects'], 10);
  assert.equal(fields['connected'], false);
  const ofFlapping = log.of('peer.connected').filter((line) => line.fields['peer'] === largerId(1));
  assert.equal(ofFlapping.length, FLAPS_FROM - 1);
  assert.equal(log.of('peer.disconnected').length, FLAPS_FROM - 1);
  assert.equal(log.of('peer.connected').length, FLAPS_FROM);
  assert.equal(clock.waiting, 0);
  // Then it is a peer like others.
  host.connect(largerId(1));
  assert.equal(log.of('peer.connected').length, FLAPS_FROM + 1);
  connections.stop();
});

test('a peer that never comes to rest is summarised each five minutes', async () => {
  const { clock, host, log, connections } = rig();
  for (let i = 0; i < 1_000; i += 1) {
    host.connect(largerId(1));
    host.disconnect(largerId(1));
    await clock.advance(1_000);
  }
  assert.equal(log.of('peer.flapping').length, Math.floor(1_000_000 / (SUMMARY_EVERY_MS + FLAP_WINDOW_MS)));
  assert.ok(log.lines.length < 10);
  connections.stop();
  const connects = log.of('peer.flapping').reduce((sum, { fields }) => sum + Number(fields['connects']), 0);
  assert.equal(connects, 1_000, 'no connect is lost from the sums');
  assert.equal(clock.waiting, 0);
});

test('a stop writes the summary that is owed and leaves no timer', async () => {
  const { clock, host, log, connections } = rig();
  for (let i = 0; i < 5; i += 1) {
    host.connect(largerId(1));
    host.disconnect(largerId(1));
  }
  connections.stop();
  assert.equal(log.of('peer.flapping')[0]?.fields['connects'], 5);
  assert.equal(clock.waiting, 0);
});
