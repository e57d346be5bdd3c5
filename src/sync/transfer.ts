import type { FetchRequestBody, RangeRequestBody } from '../../protocols/token-sync/messages.ts';
import { encodeRuns } from '../../protocols/token-sync/runs.ts';
import { CHUNK_CREDIT, SMALL_RANGE_ENTRIES } from './client-limits.ts';
import type { SyncHeaders, SyncIndex } from './client-modules.ts';
import type { Conversation } from './conversation.ts';
import { Intake, type Transfer, type TransferPlan } from './intake.ts';
import type { Lanes } from './lanes.ts';
import type { Session } from './session.ts';

export interface TransferModules {
  readonly index: SyncIndex;
  readonly headers: SyncHeaders;
  readonly lanes: Lanes;
  /** Of each chunk that is committed: transactions of a token. */
  readonly onTaken: (tokenId: string, entries: number) => void;
}

export interface RangePart {
  readonly from: number;
  readonly to: number;
  /** Places in the one block; undefined: all. */
  readonly only?: readonly number[];
  /** Transactions that are to be expected. */
  readonly entries: number;
}

/** Fetches transactions of a token from one peer into the index. */
export class Transfers {
  private readonly modules: TransferModules;

  constructor(modules: TransferModules) {
    this.modules = modules;
  }

  /** A large range would not have to wait. */
  get hasRoom(): boolean {
    return this.modules.lanes.hasRoom;
  }

  /** A range; a small one on the stream that is there, else on one of its own. @throws as Intake.run */
  async range(
    session: Session,
    tokenId: string,
    part: RangePart,
    plan: Pick<TransferPlan, 'onArrived' | 'onCommitted' | 'to'>,
    signal: AbortSignal,
  ): Promise<Transfer> {
    const ask = (token: number): RangeRequestBody => ({
      kind: 'rangeRequest',
      token,
      fromHeight: part.from,
      toHeight: part.to,
      bodies: true,
      credit: CHUNK_CREDIT,
      only: part.only === undefined ? undefined : encodeRuns(part.only),
    });
    // Half as much again: a peer's history may grow meanwhile. More would be without end.
    const most = Math.ceil(part.entries * 1.5) + SMALL_RANGE_ENTRIES;
    const run = (conversation: Conversation): Promise<Transfer> =>
      this.take(conversation, tokenId, ask, { ...plan, peerId: session.peerId, most }, signal);
    if (part.entries <= SMALL_RANGE_ENTRIES) return run(session.conversation());
    return this.modules.lanes.run(signal, () => session.withLane(tokenId, signal, run));
  }

  /** Single transactions by txid or short id. @throws as Intake.run */
  fetch(
    session: Session,
    tokenId: string,
    ids: FetchRequestBody['ids'],
    signal: AbortSignal,
  ): Promise<Transfer> {
    const ask = (token: number): FetchRequestBody => ({
      kind: 'fetchRequest',
      token,
      ids,
      credit: CHUNK_CREDIT,
    });
    const plan = { peerId: session.peerId, most: Number.POSITIVE_INFINITY };
    return this.take(session.conversation(), tokenId, ask, plan, signal);
  }

  private take(
    conversation: Conversation,
    tokenId: string,
    question: (token: number) => RangeRequestBody | FetchRequestBody,
    plan: TransferPlan,
    signal: AbortSignal,
  ): Promise<Transfer> {
    const { index, headers, onTaken } = this.modules;
    const { ingest, store, tokens } = index;
    const modules = {
      ingest,
      hashAt: headers.hashAt.bind(headers),
      rootAt: headers.rootAt.bind(headers),
      poke: headers.poke.bind(headers),
      isFollowed: () => tokens.followed().includes(tokenId),
      waitsForHistory: (txid: string) => store.waiting.get(txid)?.waitingFor === 'history',
    };
    const onCommitted: TransferPlan['onCommitted'] = (chunk) => {
      onTaken(tokenId, chunk.entries);
      plan.onCommitted?.(chunk);
    };
    let ask: RangeRequestBody | FetchRequestBody;
    return conversation.ask(
      tokenId,
      (token) => {
        ask = question(token);
        return ask;
      },
      (answer) => new Intake(modules, { ...plan, onCommitted }, answer).run(ask, signal),
      signal,
    );
  }
}
