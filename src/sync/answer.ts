import * as c from '../../protocols/token-sync/constants.ts';
import { hashHex } from '../../protocols/token-sync/digests.ts';
import { TokenSyncError } from '../../protocols/token-sync/errors.ts';
import type {
  AnchorsRequestBody,
  AnswerBody,
  CreditBody,
  FetchRequestBody,
  QuestionBody,
  RangeRequestBody,
  UnminedRequestBody,
} from '../../protocols/token-sync/messages.ts';
import { decodeRuns } from '../../protocols/token-sync/runs.ts';
import { pause } from './deadline.ts';
import { FetchLog } from './fetch-log.ts';
import type { ServeShared } from './serve-modules.ts';
import { hasShortIdOf, shortIdsOf, txidsOfShortIds } from './short-ids.ts';
import { type RangeAsk, RangeListing, RangeLog } from './token-log.ts';

/** What an answer needs of its stream. */
export interface AnswerPort {
  readonly peerId: string;
  /** Ends with the stream. */
  readonly signal: AbortSignal;
  send(body: AnswerBody): Promise<void>;
  /** The last frame of the answer: the next question may come once it is sent. */
  sendLast(body: AnswerBody): Promise<void>;
}

/** Frames of one transfer: what counts against the credit. */
type Frames = AsyncGenerator<{
  readonly bodies: readonly AnswerBody[];
  readonly entries: number;
  readonly units: number;
}>;

/** The answer to one question. Frames wait for credit, and for the budget of the peer; nothing is made ahead of them. */
export class Answer {
  private readonly shared: ServeShared;
  private readonly port: AnswerPort;
  private readonly question: QuestionBody;
  private readonly tokenId: string;
  private readonly tokenNo: number;
  private credit: number;
  private isStopped = false;
  private wake: () => void = () => {};

  constructor(
    shared: ServeShared,
    port: AnswerPort,
    question: QuestionBody,
    token: { readonly tokenId: string; readonly tokenNo: number },
  ) {
    this.shared = shared;
    this.port = port;
    this.question = question;
    this.tokenId = token.tokenId;
    this.tokenNo = token.tokenNo;
    this.credit = 'credit' in question ? question.credit : 0;
  }

  /** @throws TokenSyncError CREDIT_EXCEEDED */
  grant({ frames, stop }: CreditBody): void {
    this.credit += frames;
    if (this.credit > c.MAX_CREDIT)
      throw new TokenSyncError('CREDIT_EXCEEDED', 'more credit than allowed', { credit: this.credit });
    if (stop) this.stop();
    else this.wake();
  }

  /** Nothing more of it is wanted. */
  stop(): void {
    this.isStopped = true;
    this.wake();
  }

  /** @throws TokenSyncError SILENT; SyncError, StoreError: it could not be made */
  async run(): Promise<void> {
    const { question } = this;
    switch (question.kind) {
      case 'anchorsRequest':
        return this.anchors(question);
      case 'unminedRequest':
        return this.unmined(question);
      case 'rangeRequest':
        return this.range(question);
      case 'fetchRequest':
        return this.fetch(question);
    }
  }

  private async anchors({ heights }: AnchorsRequestBody): Promise<void> {
    const { tip, anchors } = await this.shared.commitments.anchors(this.tokenId, heights);
    const tacs = Buffer.concat(anchors.map(({ tac }) => tac));
    const entries = anchors.map((anchor) => anchor.entries);
    await this.port.sendLast({ kind: 'anchors', tip, tacs, entries });
  }

  private async unmined({ ask }: UnminedRequestBody): Promise<void> {
    const { commitments, store } = this.shared;
    const { unmined, unminedSums } = await commitments.tip(this.tokenId);
    if (ask === undefined) {
      await this.port.sendLast({ kind: 'unmined', sums: unminedSums, shortIds: undefined });
      return;
    }
    this.charge(unmined * c.COST.unmined);
    const shortIds = await shortIdsOf(store, this.tokenNo, ask, c.MAX_SHORT_IDS);
    if (shortIds === undefined) await this.port.sendLast(failure('TOO_LARGE'));
    else await this.port.sendLast({ kind: 'unmined', sums: undefined, shortIds });
  }

  private async range(question: RangeRequestBody): Promise<void> {
    const { fromHeight, toHeight, bodies } = question;
    const only =
      question.only === undefined ? undefined : new Set(decodeRuns(question.only, c.MAX_BLOCK_ENTRIES));
    const { tip, entries } = await this.shared.commitments.countBetween(this.tokenId, fromHeight, toHeight);
    const most = Math.min(entries, only?.size ?? entries);
    await this.port.send({ kind: 'head', tip, entries: most });
    const to = Math.min(toHeight, tip.height);
    const ask: RangeAsk = { tokenNo: this.tokenNo, fromHeight, toHeight: to, only, most };
    const sent = await this.transfer(
      bodies ? this.chunks(new RangeLog(this.shared.store, ask)) : this.listing(ask),
    );
    await this.port.sendLast({ kind: 'done', entries: sent, missing: [] });
  }

  private async fetch({ ids }: FetchRequestBody): Promise<void> {
    const { store, commitments } = this.shared;
    let txids: string[] = [];
    if (ids.by === 'txid') {
      for (let at = 0; at < ids.txids.length; at += c.HASH_BYTES) txids.push(hashHex(ids.txids, at));
    } else {
      this.charge((await commitments.tip(this.tokenId)).unmined * c.COST.unmined);
      txids = await txidsOfShortIds(store, this.tokenNo, ids);
    }
    await this.port.send({ kind: 'head', tip: commitments.indexTip(), entries: txids.length });
    const log = new FetchLog(
      store,
      this.tokenNo,
      txids,
      ids.by === 'txid' ? {} : { isAsked: hasShortIdOf(ids) },
    );
    const entries = await this.transfer(this.chunks(log));
    await this.port.sendLast({ kind: 'done', entries, missing: log.missing });
  }

  private async *chunks(log: RangeLog | FetchLog): Frames {
    for (let chunk = await this.next(log); chunk !== undefined; chunk = await this.next(log)) {
      const { pieces, txs, entries, bytes } = chunk;
      const units = txs * c.COST.entry + (bytes / 1024) * c.COST.kilobyte;
      yield { bodies: [...pieces, chunk.chunk], entries, units };
    }
  }

  private async *listing(ask: RangeAsk): Frames {
    const listing = new RangeListing(this.shared.store, ask, this.shared.hashAt);
    for (let page = await this.next(listing); page !== undefined; page = await this.next(listing)) {
      const { blocks, entries } = page;
      const units = blocks.length * c.COST.block + entries * c.COST.listed;
      yield { bodies: [{ kind: 'listing', blocks }], entries, units };
    }
  }

  private next<T>(log: { next(): Promise<T> }): Promise<T> {
    return this.shared.making.run(this.port.signal, () => log.next());
  }

  /** Sends frames as the asker takes them; how many transactions they were of. */
  private async transfer(frames: Frames): Promise<number> {
    let sent = 0;
    // The next is made when the one before is gone.
    for await (const { bodies, entries, units } of frames) {
      for (const body of bodies) {
        if (!(await this.isWanted())) return sent;
        this.credit--;
        await this.port.send(body);
      }
      sent += entries;
      await pause(this.shared.clock, this.charge(units), this.port.signal);
      if (!(await this.isWanted())) return sent;
    }
    return sent;
  }

  /** Waits for credit; false: the asker wants no more. */
  private async isWanted(): Promise<boolean> {
    const { clock } = this.shared;
    const { signal } = this.port;
    const startMs = clock.monotonicMs();
    while (this.credit === 0 && !this.isStopped && !signal.aborted) {
      const leftMs = startMs + c.CREDIT_TIMEOUT_MS - clock.monotonicMs();
      if (leftMs <= 0) throw new TokenSyncError('SILENT', 'no credit came', { ms: c.CREDIT_TIMEOUT_MS });
      const woken = new AbortController();
      const wake = (): void => woken.abort();
      this.wake = wake;
      signal.addEventListener('abort', wake, { once: true });
      await pause(clock, leftMs, woken.signal);
      signal.removeEventListener('abort', wake);
    }
    return !this.isStopped && !signal.aborted;
  }

  private charge(units: number): number {
    return this.shared.budgets.charge(this.port.peerId, units);
  }
}

export function failure(code: c.FailureCode, retryAfterMs?: number): AnswerBody {
  return { kind: 'failure', code, retryAfterMs };
}

/** Units that a question is admitted for; what it brings on top is charged as it comes. */
export function costOf(question: QuestionBody): number {
  return c.COST.request + (question.kind === 'anchorsRequest' ? question.heights.length * c.COST.anchor : 0);
}
