import type { PeerIdText } from '../p2p/types.ts';

/** accept: passed on to other peers. reject: whoever sent it is at fault. ignore: neither. */
export type GossipVerdict = 'accept' | 'ignore' | 'reject';
export type GossipValidator = (peerId: PeerIdText, data: Uint8Array) => Promise<GossipVerdict>;

/** What gossip needs of the network: src/p2p/gossip-transport.ts, or a fake. */
export interface GossipNet {
  /** Messages of the topic are given to `validate` from now on, each content once. */
  join(topic: string, validate: GossipValidator): void;
  leave(topic: string): void;
  /** To how many peers it went; 0: to nobody, or the same was heard or published lately. */
  publish(topic: string, data: Uint8Array): Promise<number>;
  /** Connected peers that listen to the topic. */
  subscribers(topic: string): number;
  onSubscribers(listener: () => void): () => void;
}

/** announced: only its txid came. Else what it waits for, as ingest says. */
export type MissingReason = 'announced' | 'parents' | 'history' | 'header';

/** Where gossip hands over to the sync client. Neither call may block or throw. */
export interface GossipHooks {
  /**
   * A transaction of the token that cannot be decided with what came: the peer has it, and what decides it. It is to be
   * fetched by its txid; for `header` the peer's headers are what is missing.
   */
  fetchMissing(peerId: PeerIdText, tokenId: string, txid: string, why: MissingReason): void;
  /** Messages of the token were dropped for want of room: its unmined set is to be compared soon. Called often. */
  compareSoon(tokenId: string): void;
}
