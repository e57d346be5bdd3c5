import { GOSSIP_OUTCOMES, GOSSIP_SENDINGS, GOSSIP_VERDICTS } from '../observe/metric-labels.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { GossipTransport } from '../p2p/gossip-transport.ts';
import type { Gossip } from '../sync/gossip.ts';

export interface MeasuredGossip {
  readonly gossip: Pick<Gossip, 'facts'>;
  readonly streams: Pick<GossipTransport, 'streamFacts'>;
}

/** Tells the figures of gossip when somebody reads the metrics; the result stops that. */
export function measureGossip({ gossip, streams }: MeasuredGossip, metrics: Metrics): () => void {
  return metrics.onRead(() => {
    const { tokens, inbound, outbound } = gossip.facts();
    const { deaf, waitingBytes, repaired } = streams.streamFacts();
    metrics.set('gossip_topics', {}, tokens);
    for (const verdict of GOSSIP_VERDICTS)
      metrics.total('gossip_messages_total', { verdict }, inbound[verdict]);
    for (const result of GOSSIP_OUTCOMES) metrics.total('gossip_received_total', { result }, inbound[result]);
    for (const result of GOSSIP_SENDINGS)
      metrics.total('gossip_published_total', { result }, outbound[result]);
    metrics.total('gossip_published_messages_total', {}, outbound.messages);
    metrics.total('gossip_published_bytes_total', {}, outbound.bytes);
    metrics.total('gossip_skipped_total', {}, outbound.skipped);
    metrics.set('gossip_held_messages', {}, inbound.held);
    metrics.set('gossip_buffer_bytes', { direction: 'inbound' }, inbound.bytes);
    metrics.set('gossip_buffer_bytes', { direction: 'outbound' }, waitingBytes);
    metrics.set('gossip_deaf_peers', {}, deaf);
    metrics.total('gossip_streams_repaired_total', {}, repaired);
  });
}
