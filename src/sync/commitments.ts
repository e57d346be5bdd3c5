import { setImmediate } from 'node:timers/promises';
import type { EventRecord } from '../store/event-row.ts';
import { UNMINED_HEIGHT } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import { type HistoryEntryAt, TokenHistory } from '../store/token-history.ts';
import type { BlockHashAt } from './anchor-chain.ts';
import { BlockHashes } from './block-hashes.ts';
import { SyncError } from './errors.ts';
import { TokenState } from './token-state.ts';

/** All commitments in memory; those of tokens that nobody asked about for longest go first, and are made anew when asked. */
export const MAX_COMMITMENT_BYTES: number = 64 * 1024 * 1024;

/** Times that changes are read before a read point is taken: each leaves those that came meanwhile. */
const MAX_LIVE_READS = 3;

export interface CommitmentModules {
  readonly store: Store;
  readonly chain: { hashAt(height: number): string | undefined };
  /** Default: MAX_COMMITMENT_BYTES. */
  readonly maxBytes?: number;
}

/** Block up to which the index follows the header chain. */
export interface IndexTip {
  readonly height: number;
  /** 32 bytes, internal order. */
  readonly hash: Buffer;
}

/** What this node can say of a token, all of one commit. Hashes: 32 bytes, internal order. */
export interface TokenCommitment {
  readonly tip: IndexTip;
  /** Of the first mined history transaction. */
  readonly firstHeight: number | undefined;
  /** BRC-136 commitment at the tip; undefined: headers from the first transaction on are not held. */
  readonly tac: Buffer | undefined;
  /** Mined history transactions up to the tip. */
  readonly entries: number;
  readonly unmined: number;
  /** 16 bytes a bucket. */
  readonly unminedSums: Buffer;
  readonly unminedDigest: Buffer;
}

/** TAC and count at one height. */
export interface Anchor {
  readonly height: number;
  readonly tac: Buffer;
  readonly entries: number;
}

type Read<T> = (state: TokenState, tip: IndexTip) => T | Promise<T>;

/**
 * The commitments that daemons compare (protocols/token-sync/README.md), of every token somebody asks about: made from
 * the history rows at the first question, then kept current from events and header changes. Every answer is of one commit,
 * but a read point is held only for what changed in the last moments: what takes longer is read before, page by page, and
 * what changes meanwhile is marked.
 */
export class Commitments {
  private readonly modules: CommitmentModules;
  private readonly hashes: BlockHashes;
  private readonly hashAt: BlockHashAt;
  /** By token number, least recently asked first. */
  private readonly states = new Map<number, TokenState>();
  /** What each state was counted with in `bytes`. */
  private readonly counted = new WeakMap<TokenState, number>();
  private total = 0;
  /** Counts reorganisations, so that an answer computed across one is noticed. */
  private reorganisations = 0;

  constructor(modules: CommitmentModules) {
    this.modules = modules;
    this.hashes = new BlockHashes((height) => modules.chain.hashAt(height));
    this.hashAt = (height) => this.hashes.at(height);
  }

  /** To be told of every commit's events, after it is durable. */
  onEvents(events: readonly EventRecord[]): void {
    for (const event of events) this.states.get(event.tokenNo)?.markEvent(event);
  }

  /** To be told of every change of the header chain, as soon as it is made. */
  onChain(undone: { readonly from: number } | undefined): void {
    if (undone === undefined) return;
    this.reorganisations++;
    this.hashes.cut(undone.from);
    for (const state of this.states.values()) state.markFrom(undone.from);
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.total;
  }

  /** The block that commitments reach to now. @throws SyncError NOT_READY: the index is following the header chain */
  indexTip(): IndexTip {
    const { tipHeight: height, tipHash, commit } = this.modules.store.tip();
    // A store that was never written to follows nothing.
    if (commit > 0 && this.modules.chain.hashAt(height) !== tipHash)
      throw new SyncError('NOT_READY', 'the index is following the header chain', { height });
    return { height, hash: Buffer.from(tipHash, 'hex').reverse() };
  }

  /** @throws SyncError TOKEN_UNKNOWN, NOT_READY, INCONSISTENT; StoreError */
  tip(tokenId: string): Promise<TokenCommitment> {
    return this.read(tokenId, (state, tip) => {
      const { chain, unmined } = state;
      const { sums, digest } = unmined.facts();
      return {
        tip,
        firstHeight: chain.firstHeight,
        tac: state.tacAt(tip.height),
        entries: chain.countAt(tip.height),
        unmined: unmined.size,
        unminedSums: sums,
        unminedDigest: digest,
      };
    });
  }

  /** The TAC at a height up to the tip. @throws as anchors; NOT_READY above the tip */
  async tacAt(tokenId: string, height: number): Promise<Buffer> {
    const [anchor] = (await this.anchors(tokenId, [height])).anchors;
    if (anchor !== undefined) return anchor.tac;
    throw new SyncError('NOT_READY', `height ${height} is above the tip`, { height });
  }

  /** Anchors at ascending heights, those above the tip left out. @throws as tip; NOT_READY without the headers for it */
  anchors(
    tokenId: string,
    heights: readonly number[],
  ): Promise<{ readonly tip: IndexTip; readonly anchors: readonly Anchor[] }> {
    return this.read(tokenId, async (state, tip) => {
      const anchors: Anchor[] = [];
      for (const height of heights) {
        if (height > tip.height) break;
        const tac = state.tacAt(height);
        if (tac === undefined)
          throw new SyncError('NOT_READY', 'headers from its first block on are not held');
        anchors.push({ height, tac, entries: state.chain.countAt(height) });
        await setImmediate();
      }
      return { tip, anchors };
    });
  }

  /** How many mined history transactions are in blocks from one height to another, both included, up to the tip. */
  countBetween(
    tokenId: string,
    from: number,
    to: number,
  ): Promise<{ readonly tip: IndexTip; readonly entries: number }> {
    return this.read(tokenId, ({ chain }, tip) => {
      const upTo = chain.countAt(Math.min(to, tip.height));
      const below = from === 0 ? 0 : chain.countAt(from - 1);
      return { tip, entries: Math.max(0, upTo - below) };
    });
  }

  /** Mined history transactions by height and place, page by page. Txids in display order. */
  entries(tokenId: string, from: number, to: number): AsyncGenerator<HistoryEntryAt> {
    return this.rows(this.tokenNo(tokenId), from, Math.min(to, UNMINED_HEIGHT - 1));
  }

  /** Unmined history transactions in order of arrival, which is their `order`. */
  unmined(tokenId: string): AsyncGenerator<HistoryEntryAt> {
    return this.rows(this.tokenNo(tokenId), UNMINED_HEIGHT, UNMINED_HEIGHT);
  }

  private rows(tokenNo: number, from: number, to: number): AsyncGenerator<HistoryEntryAt> {
    return new TokenHistory(this.modules.store).entries(tokenNo, { height: from, order: 0 }, to);
  }

  private tokenNo(tokenId: string): number {
    const tokenNo = this.modules.store.tokenNos.get(tokenId);
    if (tokenNo !== undefined) return tokenNo;
    throw new SyncError('TOKEN_UNKNOWN', `no token ${tokenId} in the store`, { tokenId });
  }

  /** Runs `read` on the token's state when it is brought up to a read point; one after the other for a token. */
  private async read<T>(tokenId: string, read: Read<T>): Promise<T> {
    const state = this.state(this.tokenNo(tokenId));
    const done = state.queue.then(() => this.readNow(state, read));
    state.queue = done.catch(() => undefined);
    return done;
  }

  private async readNow<T>(state: TokenState, read: Read<T>): Promise<T> {
    const { reorganisations } = this;
    try {
      const tip = await this.bring(state).catch((error: unknown) => this.bringAnew(state, error));
      const answer = await read(state, tip);
      if (this.reorganisations !== reorganisations)
        throw new SyncError('NOT_READY', 'the header chain changed meanwhile', { height: tip.height });
      return answer;
    } finally {
      this.makeRoom(state);
    }
  }

  /** The second time everything is read: some change may have come without a mark. */
  private bringAnew(state: TokenState, error: unknown): Promise<IndexTip> {
    if (!(error instanceof SyncError && error.code === 'INCONSISTENT')) throw error;
    state.markAll();
    return this.bring(state);
  }

  /** Brings the state to the newest commit. @throws as tip */
  private async bring(state: TokenState): Promise<IndexTip> {
    const { store } = this.modules;
    const live = new TokenHistory(store);
    for (let i = 0; i < MAX_LIVE_READS && !state.isNear(this.indexTip().height); i++)
      await state.refresh(live, this.indexTip().height);
    const point = store.read();
    try {
      const tip = this.indexTip();
      // As of the same moment: later commits may change it while the rows are read.
      const transactions = store.tokens.get(state.tokenNo)?.transactions ?? 0;
      const history = new TokenHistory(store, point);
      await state.refresh(history, tip.height);
      await checkCount(state, history, tip.height, transactions);
      return tip;
    } finally {
      point.release();
    }
  }

  private state(tokenNo: number): TokenState {
    const state = this.states.get(tokenNo) ?? new TokenState(tokenNo, this.hashAt);
    this.states.delete(tokenNo);
    this.states.set(tokenNo, state);
    return state;
  }

  private makeRoom(used: TokenState): void {
    // It may have been dropped while it was read.
    if (this.states.get(used.tokenNo) !== used) return;
    this.count(used, used.bytes);
    for (const [tokenNo, state] of this.states) {
      if (this.total <= (this.modules.maxBytes ?? MAX_COMMITMENT_BYTES)) return;
      if (state === used) continue;
      this.count(state, 0);
      this.states.delete(tokenNo);
    }
  }

  private count(state: TokenState, bytes: number): void {
    this.total += bytes - (this.counted.get(state) ?? 0);
    this.counted.set(state, bytes);
  }
}

/**
 * The rows must be as many as the token's running figure says: a row that was lost to damage of a file would otherwise be
 * proven never to have been.
 */
async function checkCount(
  state: TokenState,
  history: TokenHistory,
  tipHeight: number,
  transactions: number,
): Promise<void> {
  let rows = state.chain.countAt(tipHeight) + state.unmined.size;
  if (rows === transactions) return;
  // Transactions in blocks that the index has not followed to yet are in neither.
  const from = { height: tipHeight + 1, order: 0 };
  for await (const _ of history.entries(state.tokenNo, from, UNMINED_HEIGHT - 1)) rows++;
  if (rows === transactions) return;
  throw new SyncError('INCONSISTENT', 'history rows are missing: run `btcfed verify`', {
    rows,
    transactions,
  });
}
