import {
  MAX_INBOUND_STREAMS as HEADERS_IN,
  MAX_OUTBOUND_STREAMS as HEADERS_OUT,
} from '../../../protocols/headers/constants.ts';
import { MAX_FRAME_BYTES, MAX_STREAMS_PER_PEER } from '../../../protocols/token-sync/constants.ts';
import { MAX_LANES } from '../../../src/sync/client-limits.ts';
import type { SimDaemon } from './daemon.ts';
import type { SimHistory } from './history.ts';
import { WINDOW_BYTES } from './stream.ts';

/** Timers of one peer, of one token with it, and of a daemon as such. */
const TIMERS = { daemon: 12, peer: 12, peerToken: 4 } as const;

/**
 * Everything that may grow in a daemon: never beyond what its peers and the history account for, whatever liars send.
 * The limits of src/ are far above what so small a history can reach, so these are tighter.
 */
export class Bounds {
  /** Highest so far, by name. */
  readonly peaks = new Map<string, number>();
  private readonly history: SimHistory;

  constructor(history: SimHistory) {
    this.history = history;
  }

  /** @throws that something has grown beyond its bound */
  look({ id, life }: SimDaemon): void {
    if (life === undefined) return;
    const { node, clock, host, sync, gossip, headers } = life;
    const peers = host.known;
    const tokens = node.ingest.followed().length;
    const { txs } = this.history;
    const { lanes, hunts, wanted, sessions } = sync.facts();
    const { inbound, outbound } = gossip.facts();
    const { inFlight, queued } = node.ingest.facts();
    const streams = 2 * MAX_STREAMS_PER_PEER + HEADERS_IN + HEADERS_OUT;
    this.hold(id, {
      timers: [clock.waiting, TIMERS.daemon + peers * (TIMERS.peer + TIMERS.peerToken * tokens)],
      streams: [host.left().streams, peers * streams],
      unread: [host.unread, WINDOW_BYTES + MAX_FRAME_BYTES],
      sessions: [Object.values(sessions).reduce((sum, count) => sum + count, 0), peers],
      lanes: [lanes, MAX_LANES],
      hunts: [hunts, tokens],
      wanted: [wanted, txs.length],
      gossipQueued: [inbound.queued, 4 * txs.length],
      gossipHeld: [inbound.held, 4 * txs.length],
      gossipBytes: [inbound.bytes, 4 * txs.length * MAX_BEEF_BYTES],
      gossipPaused: [outbound.paused, 2 * txs.length],
      inFlight: [inFlight, 8],
      queued: [queued, 4 * txs.length],
      waiting: [node.store.waiting.size, 2 * txs.length],
      rounds: [headers.facts().rounds, 4],
    });
  }

  private hold(id: string, facts: Readonly<Record<string, readonly [is: number, most: number]>>): void {
    for (const [name, [is, most]] of Object.entries(facts)) {
      if (is > (this.peaks.get(name) ?? 0)) this.peaks.set(name, is);
      if (is > most) throw new Error(`${id} has ${name} ${is}, more than ${most}`);
    }
  }
}

/** Of one transaction of a simulated history with its ancestors. */
const MAX_BEEF_BYTES = 64 * 1024;
