import type { TokenSyncErrorCode } from '../../protocols/token-sync/errors.ts';
import type { Clock, PeerIdText } from '../p2p/types.ts';
import type { Store } from '../store/store.ts';
import type { Commitments } from './commitments.ts';
import type { Lanes } from './lanes.ts';
import type { WorkBudgets } from './work-budget.ts';

/** What answering needs of the daemon. */
export interface ServeModules {
  readonly store: Store;
  readonly commitments: Commitments;
  /** Hash of the block at a height of the best chain, display order. */
  readonly hashAt: (height: number) => string | undefined;
  readonly selfId: PeerIdText;
  readonly network: string;
  readonly tokens: FollowedTokens;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  /** What a peer did that it must not do, and the points it gets for that. */
  readonly onFault: (peerId: PeerIdText, code: TokenSyncErrorCode, points: number) => void;
  /** What went wrong on our side while we answered. */
  readonly onError: (error: unknown) => void;
}

/** The tokens of this node; both may change while it runs. */
export interface FollowedTokens {
  followed(): readonly string[];
  /** False while what the store holds of one just followed is evaluated. */
  isComplete(tokenId: string): boolean;
}

/** What the streams of one server share. */
export interface ServeShared extends ServeModules {
  readonly budgets: WorkBudgets;
  /** One chunk is made at a time: each holds a read point until it is made, and the writer waits for all of them. */
  readonly making: Lanes;
  /** Ends with the server. */
  readonly stopped: AbortSignal;
}
