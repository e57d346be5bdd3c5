import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GossipSub, gossipsub } from '@libp2p/gossipsub';
import { connectHosts, makeHost, targetOf } from '../../support/p2p.ts';

const TOPIC = 'btc-federation/test/1';

test('14: services of the composition root run in the host; gossip goes both ways after crossing dials', async (t) => {
  const services = {
    pubsub: gossipsub({
      allowPublishToZeroTopicPeers: true,
      fallbackToFloodsub: false,
      heartbeatInterval: 100,
    }),
  };
  const [a, b] = [
    await makeHost<{ pubsub: GossipSub }>(t, { services }),
    await makeHost<{ pubsub: GossipSub }>(t, { services }),
  ];
  for (const host of [a, b]) host.services.pubsub.subscribe(TOPIC);
  const signal = AbortSignal.timeout(5_000);
  await Promise.all([a.dial(targetOf(b), signal), b.dial(targetOf(a), signal)]);
  await connectHosts(a, b);
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const arrived = new Promise<string>((resolve) => {
      to.services.pubsub.addEventListener('message', ({ detail }) =>
        resolve(Buffer.from(detail.data).toString()),
      );
    });
    // Until the subscription of the other side is known, a message reaches nobody.
    while (from.services.pubsub.getSubscribers(TOPIC).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await from.services.pubsub.publish(TOPIC, Buffer.from(from.peerId));
    assert.equal(await arrived, from.peerId);
  }
});
