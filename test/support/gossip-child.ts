// A host with gossip in a process of its own, for tests that freeze it: tells where to dial it, and each message it gets.
import { SILENT_LOG } from '../../src/observe/log.ts';
import { type GossipTransport, gossipTransport } from '../../src/p2p/gossip-transport.ts';
import { HOST_CLOCK } from '../../src/p2p/host-clock.ts';
import { newHost, targetOf } from './p2p.ts';

const [topic = ''] = process.argv.slice(2);
const host = await newHost<{ gossip: GossipTransport }>({
  services: { gossip: gossipTransport({ clock: HOST_CLOCK, log: SILENT_LOG }) },
});
host.services.gossip.join(topic, (_, data) => {
  process.send?.({ bytes: data.length });
  return Promise.resolve('accept');
});
await host.start();
process.send?.(targetOf(host));
process.on('disconnect', () => process.exit(0));
