const MIB = 1024 * 1024;

/**
 * How gossipsub is run. Its own way of scoring peers is switched off but for what PeerJudge says: conduct is judged in one
 * place, and its defaults punish quiet topics and many peers behind one address.
 */
export const GOSSIP_LIMITS = {
  /** Ids of messages are remembered so long: copies arrive within seconds, and an id of a peer's making costs memory. */
  seenTtlMs: 60_000,
  /** Messages at least this large are announced as held, so that fewer copies are sent. */
  idontwantBytes: 16 * 1024,
  /** What waits for one peer before its stream is reset: a whole RPC (4 MiB) and as much again. */
  outboundBytes: 8 * MIB,
  /** What waits for all peers together; above it the largest is reset. */
  allOutboundBytes: 64 * MIB,
  /** A topic costs a peer its length and 1 KiB of this. */
  topicBytesPerPeer: 4 * MIB,
  streams: 4,
  watchMs: 1_000,
  /** First pause before a lost stream is opened again, and the longest. */
  repairMs: 2_000,
  maxRepairMs: 60_000,
} as const;
