import { GOSSIP_OUTCOMES, GOSSIP_SENDINGS, GOSSIP_VERDICTS } from '../observe/metric-labels.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { GossipFacts } from './gossip.ts';

/** What the transport tells of its streams (src/p2p/gossip-streams.ts). */
export interface GossipStreamFacts {
  readonly deaf: number;
  readonly waitingBytes: number;
  readonly repaired: number;
}

/** Tells the metrics at each reading; the result ends it. */
export function gossipMetrics(
  metrics: Metrics,
  sources: { readonly facts: () => GossipFacts; readonly streams: () => GossipStreamFacts },
): () => void {
  return metrics.onRead(() => {
    const { tokens, inbound, outbound } = sources.facts();
    const { deaf, waitingBytes, repaired } = sources.streams();
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
    metrics.set('queue_length', { queue: 'gossip' }, inbound.queued);
    metrics.total('queue_dropped_total', { queue: 'gossip' }, inbound.dropped);
    metrics.set('gossip_buffer_bytes', { direction: 'inbound' }, inbound.bytes);
    metrics.set('gossip_buffer_bytes', { direction: 'outbound' }, waitingBytes);
    metrics.set('gossip_deaf_peers', {}, deaf);
    metrics.total('gossip_streams_repaired_total', {}, repaired);
  });
}
