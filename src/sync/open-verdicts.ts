import { hashBytes } from '../../protocols/token-sync/digests.ts';
import { UNMINED_HEIGHT } from '../store/keys.ts';
import { type HistoryPlace, TokenHistory } from '../store/token-history.ts';
import { MAX_OPEN_WAIT_MS, UNMINED_LASTS_MS, WANTED_AT_ONCE } from './client-limits.ts';
import type { SyncIndex } from './client-modules.ts';
import type { Session } from './session.ts';
import type { Transfers } from './transfer.ts';
import { Turns } from './turns.ts';

const TXS_A_TURN = 256;
const START: HistoryPlace = { height: 0, order: 0 };

/**
 * History transactions that spend more than they are known to have, while a parent is not held that may bring the rest: a proof
 * that came by gossip brings no parents. A commitment counts them whatever their outputs are worth, so no comparison shows that
 * something is missing; whoever agrees is asked for them, and sends the parents along. Ever more rarely where that decides nothing.
 */
export class OpenVerdicts {
  private readonly index: SyncIndex;
  private readonly transfers: Transfers;
  private readonly tokenId: string;
  /** Monotonic ms of the next question; undefined: there are none. */
  private atMs: number | undefined;
  private barren = 0;
  /** Where the next search begins: those before may be such as nobody can decide. */
  private place: HistoryPlace = START;

  constructor({ index, transfers }: { index: SyncIndex; transfers: Transfers }, tokenId: string) {
    this.index = index;
    this.transfers = transfers;
    this.tokenId = tokenId;
  }

  /** When somebody is to be asked; undefined: nothing is open. Many are for a moment, so only what lasts counts. */
  dueMs(nowMs: number): number | undefined {
    if (this.count() === 0) this.atMs = undefined;
    else this.atMs ??= nowMs + this.waitMs();
    return this.atMs;
  }

  /** Of these the one whose turn it is. */
  pick<T>(agreeing: readonly T[]): T | undefined {
    return agreeing[this.barren % Math.max(1, agreeing.length)];
  }

  /** How many it decided. @throws what asking throws; PeerFault; SyncError; the reason of the signal */
  async run(session: Session, signal: AbortSignal): Promise<number> {
    const before = this.count();
    this.barren++;
    this.atMs = undefined;
    const txids = await this.find(signal);
    if (txids.length === 0) return 0;
    const by = { by: 'txid', txids: Buffer.concat(txids.map(hashBytes)) } as const;
    await this.transfers.fetch(session, this.tokenId, by, signal);
    const decided = Math.max(0, before - this.count());
    if (decided > 0) this.barren = 0;
    return decided;
  }

  private count(): number {
    const { store } = this.index;
    return store.tokens.get(store.tokenNos.get(this.tokenId) ?? 0)?.undecided ?? 0;
  }

  private waitMs(): number {
    return Math.min(MAX_OPEN_WAIT_MS, UNMINED_LASTS_MS * 2 ** Math.min(this.barren, 20));
  }

  /** Some of them, in turn: there is no list, so the whole history is read. */
  private async find(signal: AbortSignal): Promise<string[]> {
    const { store } = this.index;
    const tokenNo = store.tokenNos.get(this.tokenId) ?? 0;
    const turns = new Turns(TXS_A_TURN);
    const found: string[] = [];
    const from = this.place;
    this.place = START;
    for await (const entry of new TokenHistory(store).entries(tokenNo, from, UNMINED_HEIGHT)) {
      const txid = entry.txid.toString('hex');
      const part = store.tx(txid)?.tokens.find((each) => each.tokenNo === tokenNo);
      if (part?.outputs.some(({ verdict }) => verdict === 'pending') === true) found.push(txid);
      if (found.length >= WANTED_AT_ONCE) {
        this.place = { height: entry.height, order: entry.order + 1 };
        break;
      }
      await turns.next();
      signal.throwIfAborted();
    }
    return found;
  }
}
