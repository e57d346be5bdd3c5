const MIB = 1024 * 1024;

/** Bounds and times of gossip. Bytes are those of the buffers that a message keeps alive, not of the message alone. */
export const GOSSIP_LIMITS = {
  /** What one peer's undecided messages may take, and their transactions. */
  peerBytes: 16 * MIB,
  peerTxs: 4_096,
  /** All peers together. */
  allBytes: 96 * MIB,
  /** Messages of a peer: a second, and at once after a pause of ours. Each is remembered by its id for a minute. */
  messagesPerSecond: 3_000,
  messagesAtOnce: 10_000,
  /** Peers that are remembered for this without anything of theirs being here. */
  idlePeers: 1_024,
  /** An undecided message may still be passed on if it is decided in so many ms. */
  holdMs: 8_000,
  /** A parent that is on its way by another path comes within this; then it is fetched. */
  fetchAfterMs: 150,

  /** From the first event of a batch to its sending: a few more come in it, and one signature serves them all. */
  batchMs: 3,
  /** Rows of the event log looked at in one go. */
  eventsAtOnce: 512,
  /** BEEFs built between two turns of the event loop: about a millisecond. */
  beefsATurn: 24,
  /** Events behind the newest that are still gossiped. More than that is for the sync. */
  lagEvents: 50_000,
  /** After a pause (restart, nobody there) only transactions seen in the last so many ms. */
  staleMs: 60_000,
  /** Blocks from the tip down: of what comes mined, and of what was held unmined before. */
  newBlocks: 3,
  proofBlocks: 100,
  /** What several daemons may have to tell at one time is told after a random pause, by those that did not hear it meanwhile. */
  pauseFromMs: 30,
  pauseToMs: 330,
  pausedEntries: 20_000,
  /** Unmined ancestors that are sent ahead of a transaction. More of them were gossiped before, or are fetched. */
  ancestors: 64,
  /** Transactions a second that we begin to gossip: an import must not shut out the rest. */
  txsPerSecond: 4_000,
  /** Transactions remembered as told, as gossiped by others, and as brought by the sync. */
  told: 65_536,
  /** The cursor is written at most so often. */
  saveMs: 1_000,
  /** Pause after a fault of ours. */
  faultMs: 1_000,
} as const;
