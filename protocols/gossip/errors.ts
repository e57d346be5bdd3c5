/** What can be wrong with a message. Codes are stable; a peer is never told our text. */
export type GossipErrorCode =
  | 'GOSSIP_TOO_LARGE'
  | 'GOSSIP_MALFORMED' // none of the forms, or lengths and counts that do not fit
  | 'GOSSIP_VERSION' // our own form in a version that we do not know
  | 'TOPIC_INVALID';

export type GossipErrorData = Readonly<Record<string, string | number>>;

/** The one error of this protocol. */
export class GossipError extends Error {
  readonly code: GossipErrorCode;
  readonly data: GossipErrorData;

  constructor(code: GossipErrorCode, message: string, data: GossipErrorData = {}) {
    super(message);
    this.name = 'GossipError';
    this.code = code;
    this.data = data;
  }
}

/**
 * Points a peer gets for a code; 100 are a ban. `free`: what happens to honest peers too costs nothing up to so many at
 * once and so many a second. README.md has the same table.
 */
export const GOSSIP_PENALTIES: Readonly<
  Record<
    string,
    { readonly weight: number; readonly free?: { readonly burst: number; readonly perSecond: number } }
  >
> = {
  GOSSIP_TOO_LARGE: { weight: 50 },
  GOSSIP_MALFORMED: { weight: 25 },
  // One of these a second at most, so this is ten seconds of flood.
  GOSSIP_FLOOD: { weight: 10, free: { burst: 5, perSecond: 0.1 } },
  // Of two spends of one coin each daemon keeps the one that it saw first.
  GOSSIP_CONFLICT: { weight: 2, free: { burst: 50, perSecond: 1 } },
  TX_FOREIGN: { weight: 25 },
  // What a transaction of another daemon can be refused for; whoever passes it on has verified it.
  BEEF_MALFORMED: { weight: 50 },
  TX_INVALID: { weight: 50 },
  PROOF_INVALID: { weight: 50 },
  // Near the tip the sender may follow a branch whose headers are still on their way.
  PROOF_UNKNOWN: { weight: 10, free: { burst: 10, perSecond: 0.1 } },
  PARENT_INVALID: { weight: 10, free: { burst: 10, perSecond: 0.1 } },
};
