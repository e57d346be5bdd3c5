import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Config, ConfigChange } from '../../../config/index.ts';
import { NetworkReload } from '../../../src/node/network-reload.ts';
import type { ProposedChange } from '../../../src/node/reload-component.ts';
import { freePorts } from '../../support/federation.ts';
import { startNetwork } from '../../support/network.ts';
import { until } from '../../support/operator.ts';
import { makeHost, targetOf } from '../../support/p2p.ts';

const ANNOUNCED = '/dns4/node.example.com/tcp/9000';
const signal = (): AbortSignal => AbortSignal.timeout(5_000);

/** A network that runs, its part in reloads, and what a changed file would say. */
async function made(t: TestContext) {
  const { network, config, stop } = await startNetwork();
  t.after(stop);
  const guest = await makeHost(t);
  const [port = 0] = await freePorts(1);
  const [listening = ''] = network.host.listenAddresses();
  const added = `/ip4/127.0.0.1/tcp/${port}`;
  const running = config as Config;
  const next: Config = {
    ...running,
    network: { ...running.network, addresses: [...running.network.addresses, added], announce: [ANNOUNCED] },
    peers: { ...running.peers, maxPeers: 1, allowOnlyListed: true, block: [guest.peerId] },
  };
  const proposed = (...keys: readonly string[]): ProposedChange => ({
    next,
    running,
    changes: keys.map((key) => ({ key }) as ConfigChange),
  });
  const shown = () => ({
    listening: [...network.host.listenAddresses()].sort(),
    announced: network.host.announcedAddresses(),
    maxPeers: network.api.facts().maxPeers,
  });
  return { network, guest, component: new NetworkReload(network), listening, added, proposed, shown };
}

const ALL = [
  'network.addresses',
  'network.announce',
  'peers.max_peers',
  'peers.allow_only_listed',
  'peers.block',
];

test('a prepared change shows nothing, an applied one is in use, a finished one listens', async (t) => {
  const { component, listening, added, proposed, shown } = await made(t);
  const before = shown();
  const change = await component.prepare(proposed(...ALL));
  assert.deepEqual(shown(), before);
  await change.apply();
  assert.deepEqual(shown(), { listening: [listening], announced: [ANNOUNCED], maxPeers: 1 });
  await change.finish?.();
  assert.deepEqual(shown(), { listening: [added, listening].sort(), announced: [ANNOUNCED], maxPeers: 1 });
});

test('rolled back, before or after it was applied, all is as before: limits, lists, addresses, listeners', async (t) => {
  const { network, guest, component, added, proposed, shown } = await made(t);
  const before = shown();
  const open = { peerId: network.host.peerId, addresses: [added] };
  for (const isApplied of [false, true]) {
    const change = await component.prepare(proposed(...ALL));
    if (isApplied) await change.apply();
    await change.rollback();
    assert.deepEqual(shown(), before);
    await assert.rejects(guest.dial(open, signal()), { code: 'REFUSED' }, 'no listener is left');
  }
  await guest.dial(targetOf(network.host), signal());
  await until(
    'who is not listed, and was blocked, is let in',
    () => network.host.peer(guest.peerId) !== undefined,
  );
});

test('where no key of the network changed, nothing of it is touched, whatever the file says', async (t) => {
  const { component, proposed, shown } = await made(t);
  const before = shown();
  const change = await component.prepare(proposed('logging.level'));
  await change.apply();
  await change.finish?.();
  assert.deepEqual(shown(), before);
});
