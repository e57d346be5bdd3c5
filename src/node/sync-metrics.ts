import { SYNC_PEER_STATES, SYNC_STATES } from '../observe/metric-labels.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { TokenSync } from '../sync/sync.ts';

/** Tells the figures of token sync when somebody reads the metrics; the result stops that. */
export function measureSync(sync: Pick<TokenSync, 'facts'>, metrics: Metrics): () => void {
  return metrics.onRead(() => {
    const { tokens, sessions, lanes, taken, traffic } = sync.facts();
    for (const state of SYNC_STATES) metrics.set('sync_tokens', { state }, tokens[state]);
    for (const state of SYNC_PEER_STATES) metrics.set('sync_peers', { state }, sessions[state]);
    metrics.set('sync_transfers', {}, lanes);
    metrics.total('sync_taken_total', {}, taken);
    const received = { protocol: 'token_sync', direction: 'inbound' } as const;
    const sent = { protocol: 'token_sync', direction: 'outbound' } as const;
    metrics.total('frames_total', received, traffic.framesIn);
    metrics.total('frames_total', sent, traffic.framesOut);
    metrics.total('frame_bytes_total', received, traffic.bytesIn);
    metrics.total('frame_bytes_total', sent, traffic.bytesOut);
  });
}
