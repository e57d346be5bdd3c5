import type { Offers } from '../ingest/outcome.ts';
import type { Clock, FrameStream, PeerIdText, PeerJudge, RandomFraction } from '../p2p/types.ts';
import type { Store } from '../store/store.ts';
import type { Commitments } from './commitments.ts';
import type { FollowedTokens } from './serve-modules.ts';

/** Peers that are connected and speak the protocol, and streams to them. `hostTransport` makes one of a Host. */
export interface SyncTransport {
  peers(): readonly PeerIdText[];
  /** Called when one comes or goes; the result ends it. */
  onPeer(listener: (peerId: PeerIdText, is: 'there' | 'gone') => void): () => void;
  /** @throws P2pError */
  open(peerId: PeerIdText, signal: AbortSignal): Promise<FrameStream>;
}

/** What discovery knows of who follows what. */
export interface TokenPeers {
  /** False: nothing is known of it. Decides only who is asked first where not all can be. */
  follows(peerId: PeerIdText, tokenId: string): boolean;
  /** Nobody confirms our history of this token: peers that follow it are wanted. Called at most each half minute a token. */
  seek(tokenId: string): void;
}

/** The header chain as far as a comparison needs it. */
export interface SyncHeaders {
  /** Hash of the block at a height of the best chain, display order. */
  hashAt(height: number): string | undefined;
  /** Merkle root of that block, display order. */
  rootAt(height: number): string | undefined;
  /** A peer's index follows a block that our chain does not have: its source is to be asked now. */
  poke(peerId: PeerIdText): void;
  /** Its chain has more work than ours, and headers are being taken. Default: nobody knows. */
  isTaking?(peerId: PeerIdText): boolean;
}

/** Our own index. */
export interface SyncIndex {
  readonly store: Store;
  readonly commitments: Commitments;
  readonly ingest: Pick<Offers, 'offerSet' | 'ready'>;
  readonly tokens: FollowedTokens;
}

/** What is to be told of, by the names of src/observe/events.ts. Called from within; must not throw. */
export type SyncReport = (
  event: SyncEventName,
  fields: Readonly<Record<string, string | number | undefined>>,
) => void;

export type SyncEventName =
  | 'sync.synced'
  | 'sync.behind'
  | 'sync.alone'
  | 'sync.disputed'
  | 'sync.peer_fault'
  | 'sync.peer_incompatible'
  | 'sync.fault';

export interface SyncModules {
  readonly selfId: PeerIdText;
  /** `main`, `test`, `regtest`. */
  readonly network: string;
  readonly index: SyncIndex;
  readonly headers: SyncHeaders;
  readonly transport: SyncTransport;
  readonly judge: PeerJudge;
  readonly clock: Clock;
  readonly random: RandomFraction;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly peers?: TokenPeers;
  /** Whether transactions came by gossip that are not taken in yet. */
  readonly isArriving?: () => boolean;
  readonly report?: SyncReport;
  /** Free trace lines. */
  readonly trace?: (message: string, fields: Readonly<Record<string, string | number | undefined>>) => void;
}
