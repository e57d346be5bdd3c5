import { hashHex } from '../../protocols/token-sync/digests.ts';
import { TokenSyncError } from '../../protocols/token-sync/errors.ts';
import type { ChunkBody, FetchRequestBody, RangeRequestBody } from '../../protocols/token-sync/messages.ts';
import type { SetOutcome, TxSet } from '../ingest/outcome.ts';
import type { PeerIdText } from '../p2p/types.ts';
import { type Bump, bumpRoot } from '../spv/bump.ts';
import { SpvError } from '../spv/errors.ts';
import type { AnswerFrames } from './answer-frames.ts';
import { ChunkReader, type ReadChunk } from './chunk.ts';
import { clientFault, PeerFault, refusalPoints } from './client-faults.ts';
import { SyncError } from './errors.ts';
import { expect, unexpected } from './questions.ts';

/** Refusals remembered of one transfer, for who asks what became of it. */
const MAX_REFUSED = 256;
/** Chunks in a row of which nothing shows that they are of the token. */
const MAX_UNDECIDED_CHUNKS = 3;
/** Txids kept of one transfer. */
const KEEP_TXIDS = 4_096;
/** Looked at of each chunk. */
const SAMPLES = 3;

export interface IntakeModules {
  readonly ingest: {
    offerSet(set: TxSet, source: 'sync'): Promise<SetOutcome>;
    ready(): Promise<void>;
  };
  /** It waits, and nothing but history that is still to come can show that it is of a token. */
  readonly waitsForHistory: (txid: string) => boolean;
  readonly hashAt: (height: number) => string | undefined;
  readonly rootAt: (height: number) => string | undefined;
  /** The peer has a block that our chain does not have. */
  readonly poke: (peerId: PeerIdText) => void;
  /** False: the token is no longer followed, so that refusals mean nothing. */
  readonly isFollowed: () => boolean;
}

export interface TransferPlan {
  readonly peerId: PeerIdText;
  /** Transactions of the token that are taken at most; then the answer is stopped. */
  readonly most: number;
  /** When a chunk has come: it is ours now to go on. */
  readonly onArrived?: () => void;
  /** When it is in the index. */
  readonly onCommitted?: (chunk: ReadChunk) => void;
  /** The range has become shorter meanwhile: what lies above is not wanted. */
  readonly to?: () => number;
}

/** What came of a transfer that ended in order. */
export interface Transfer {
  /** Transactions of the token that were announced, and that came. */
  readonly announced: number;
  readonly entries: number;
  /** Txids of them, at most KEEP_TXIDS. */
  readonly txids: readonly string[];
  /** Why some are not taken, through no fault of the peer. */
  readonly refused: ReadonlyMap<string, string>;
  /** Of a fetch: places of what the peer does not give. */
  readonly missing: readonly number[];
  /** We wanted no more of it. */
  readonly isCut: boolean;
}

/**
 * Takes the chunks of one answer into the index: each is held to the question, then offered like anything from a stranger, and
 * the peer may send the next one when it is committed. So neither side holds more than the credit, however slow the
 * other is, and what has come is durable when the answer breaks off: the index itself says where to go on.
 */
export class Intake {
  private readonly modules: IntakeModules;
  private readonly plan: TransferPlan;
  private readonly answer: AnswerFrames;
  private readonly refused = new Map<string, string>();
  private readonly txids: string[] = [];
  private entries = 0;
  private undecided = 0;
  private underWay = 0;
  private fault: unknown;
  /** The highest block that was named: if it is still ours, so are all below it. */
  private top: { readonly height: number; readonly hash: string } | undefined;
  private wake: (() => void) | undefined;

  constructor(modules: IntakeModules, plan: TransferPlan, answer: AnswerFrames) {
    this.modules = modules;
    this.plan = plan;
    this.answer = answer;
  }

  /**
   * Until the last chunk is committed.
   * @throws PeerFault, TokenSyncError: the peer's; SyncError NOT_READY: a block that our chain does not have, or our own
   *   queue or store refuses; what ended the answer
   */
  async run(ask: RangeRequestBody | FetchRequestBody, signal: AbortSignal): Promise<Transfer> {
    try {
      const transfer = await this.read(ask, signal);
      await this.drained();
      if (this.fault !== undefined) throw this.fault;
      return transfer;
    } finally {
      // Nothing of it is in the ingest when this ends: what follows may look at the index.
      await this.drained();
    }
  }

  private async read(ask: RangeRequestBody | FetchRequestBody, signal: AbortSignal): Promise<Transfer> {
    const { answer, plan } = this;
    const head = await expect(answer, 'head', signal);
    const reader = new ChunkReader(ask, head);
    for (;;) {
      const { body, bytes } = await answer.next(signal);
      if (this.fault !== undefined) throw this.fault;
      if (body.kind === 'piece') {
        reader.piece(body);
        answer.grant(1);
      } else if (body.kind === 'chunk') {
        this.checkBlocks(body);
        await this.offer(reader.chunk(body, bytes), signal);
        if (this.entries >= plan.most || (reader.count > 0 && this.isPast(body.blocks.at(-1)?.height))) {
          answer.stop();
          return { ...this.transfer(head.entries, []), isCut: true };
        }
      } else if (body.kind === 'done') {
        reader.done();
        if (body.entries !== reader.count)
          throw new TokenSyncError('FIELD_INVALID', 'done with another number than came', {
            entries: body.entries,
            came: reader.count,
          });
        return this.transfer(head.entries, body.missing);
      } else throw unexpected(body.kind);
    }
  }

  private isPast(height: number | undefined): boolean {
    return height !== undefined && height > (this.plan.to?.() ?? height);
  }

  private transfer(announced: number, missing: readonly number[]): Transfer {
    const { entries, txids, refused } = this;
    return { announced, entries, txids, refused, missing, isCut: false };
  }

  /** All of them are to be blocks of ours: where one is not, headers come first, whoever is right. */
  private checkBlocks({ blocks, proven }: ChunkBody): void {
    const { hashAt, poke } = this.modules;
    for (const block of [...blocks, ...proven]) {
      const { height } = block;
      const hash = hashHex(block.hash);
      if (hashAt(height) !== hash) {
        poke(this.plan.peerId);
        throw new SyncError('NOT_READY', 'a block that our chain does not have', { height, hash });
      }
      if (height >= (this.top?.height ?? 0)) this.top = { height, hash };
    }
  }

  /** Blocks that were ours when they were named are so no longer. */
  private isUndone(): boolean {
    const { top } = this;
    return top !== undefined && this.modules.hashAt(top.height) !== top.hash;
  }

  private async offer(chunk: ReadChunk, signal: AbortSignal): Promise<void> {
    const { ingest } = this.modules;
    this.checkRoots(chunk);
    this.plan.onArrived?.();
    this.entries += chunk.entries;
    if (this.txids.length < KEEP_TXIDS) this.txids.push(...chunk.set.listed);
    if (chunk.set.txs.length === 0) {
      this.plan.onCommitted?.(chunk);
      this.answer.grant(1);
      return;
    }
    await ingest.ready();
    signal.throwIfAborted();
    this.underWay++;
    void ingest.offerSet(chunk.set, 'sync').then((outcome) => this.committed(chunk, outcome));
  }

  /**
   * The peer has named blocks of ours, so its proofs must lead to their roots. The ingest would rather keep one near the tip, in
   * case it is of another branch: it does not know what was said.
   */
  private checkRoots({ set }: ReadChunk): void {
    let last: Bump | undefined;
    for (const { bump } of set.txs) {
      if (bump === undefined || bump === last) continue;
      last = bump;
      const root = rootOf(bump);
      if (root === this.modules.rootAt(bump.height)) continue;
      if (this.isUndone()) throw new SyncError('NOT_READY', 'blocks were undone meanwhile');
      const code = 'PROOF_ROOT_MISMATCH';
      throw new PeerFault(this.plan.peerId, code, refusalPoints(code) ?? 0, { height: bump.height });
    }
  }

  private committed(chunk: ReadChunk, { failed, refused }: SetOutcome): void {
    this.underWay--;
    const { txs, listed } = chunk.set;
    if (failed !== undefined)
      this.fault ??= new SyncError('NOT_READY', 'our own ingest takes nothing now', { failed });
    // Of context that comes without a proof nobody says that it is valid.
    for (const { tx, bump } of refused.size > 0 ? txs : []) {
      const code = refused.get(tx.txid)?.code;
      if (code !== undefined && (bump !== undefined || listed.has(tx.txid))) this.refuse(tx.txid, code);
    }
    this.lookAt(chunk);
    this.plan.onCommitted?.(chunk);
    if (this.fault === undefined) this.answer.grant(1);
    else this.answer.stop();
    this.wake?.();
  }

  private refuse(txid: string, code: string): void {
    if (this.refused.size < MAX_REFUSED) this.refused.set(txid, code);
    const points = refusalPoints(code);
    // A block that was undone meanwhile makes a proof wrong that was right.
    if (points === undefined || !this.modules.isFollowed() || this.isUndone()) return;
    this.fault ??= new PeerFault(this.plan.peerId, code, points, { txid });
  }

  /**
   * Real transactions of anybody, said to be of the token, would fill the set of those that wait for history to show what they
   * are. A few of each chunk tell; parts of a range that another peer is still to give may make single ones wait.
   */
  private lookAt({ set }: ReadChunk): void {
    let waiting = 0;
    let looked = 0;
    for (const txid of set.listed) {
      if (looked === SAMPLES) break;
      looked++;
      if (this.modules.waitsForHistory(txid)) waiting++;
    }
    this.undecided = looked > 0 && waiting === looked ? this.undecided + 1 : 0;
    if (this.undecided < MAX_UNDECIDED_CHUNKS || !this.modules.isFollowed()) return;
    this.fault ??= clientFault(this.plan.peerId, 'ENTRIES_UNRELATED', { entries: this.entries });
  }

  private async drained(): Promise<void> {
    while (this.underWay > 0) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

/** @throws TokenSyncError BUMP_MALFORMED: it leads nowhere */
function rootOf(bump: Bump): string {
  try {
    return bumpRoot(bump);
  } catch (error) {
    if (!(error instanceof SpvError)) throw error;
    const data = { height: bump.height, spv: error.code };
    throw new TokenSyncError('BUMP_MALFORMED', `no proof: ${error.message}`, data, error);
  }
}
