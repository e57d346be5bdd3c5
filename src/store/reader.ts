import { buildBeef } from './beef-builder.ts';
import { StoreError } from './errors.ts';
import { decodeEvents, EVENTS_PER_ROW, type EventRecord } from './event-row.ts';
import { historyRequest, type TimeOfHeight } from './history-request.ts';
import { STORE_FORMAT } from './identity-row.ts';
import * as keys from './keys.ts';
import {
  type CoinRow,
  decodeBalance,
  decodeCoin,
  decodeHistory,
  decodeHolder,
  type LockBalance,
  totalOf,
} from './owner-rows.ts';
import { readPage } from './pages.ts';
import { RecordsAt } from './records-at.ts';
import { RowReader, RowWriter } from './row-bytes.ts';
import type { ReadPoint, Store } from './store.ts';
import type { TokenRecord } from './token-row.ts';
import { txView } from './tx-view.ts';
import type {
  Balance,
  Coin,
  HistoryEntry,
  HistoryFilter,
  Holder,
  Page,
  PageRequest,
  StoreFacts,
  StoreView,
  TokenEvent,
  TokenInfo,
  TokenState,
  TxView,
} from './view.ts';

export interface ReaderModules {
  readonly store: Store;
  readonly isFollowed: (tokenId: string) => boolean;
  /** Time of the block at a height of the best chain, Unix seconds. */
  readonly timeOfHeight: TimeOfHeight;
  readonly tipHeight: () => number;
}

const EVERYONE = new Uint8Array(0);
const EVENTS_END = keys.afterPrefix(Buffer.of(keys.PREFIX.event));
/** Rows of the event log that are read at one point: some 2,000 events. */
export const EVENT_ROWS_A_SLICE = 16;

/** Answers from the last commit, whatever is being written meanwhile. */
export class StoreReader implements StoreView {
  private readonly modules: ReaderModules;
  private readonly keys = new RowWriter();

  constructor(modules: ReaderModules) {
    this.modules = modules;
  }

  facts(): StoreFacts {
    const { store } = this.modules;
    const tip = store.tip();
    const lost = store.lostFacts();
    return {
      transactions: tip.transactions,
      outputs: tip.outputs,
      pending: tip.waiting,
      conflicts: tip.conflicts,
      commit: BigInt(tip.commit),
      sequence: BigInt(tip.sequence),
      format: STORE_FORMAT,
      databaseId: store.database.identity.databaseId,
      ...(lost === undefined ? {} : { lost }),
    };
  }

  tokenState(tokenId: string): TokenState {
    if (this.modules.isFollowed(tokenId)) return 'followed';
    return this.modules.store.tokenNos.has(tokenId) ? 'unfollowed' : 'unknown';
  }

  tokens(): readonly TokenInfo[] {
    return [...this.modules.store.tokens.values()]
      .filter((t) => t.tracked || this.modules.isFollowed(t.tokenId))
      .map((t) => this.info(t));
  }

  token(tokenId: string): TokenInfo | undefined {
    const no = this.modules.store.tokenNos.get(tokenId);
    const record = no === undefined ? undefined : this.modules.store.tokens.get(no);
    return record === undefined ? undefined : this.info(record);
  }

  async balance(tokenId: string, owner: Uint8Array): Promise<Balance> {
    return this.at(async (point) => {
      const tokenNo = this.tokenNo(tokenId);
      const key = keys.balanceKey(this.keys, tokenNo, owner);
      const value = this.modules.store.database.get(key, point.snapshot);
      const byLock = value === undefined ? [] : decodeBalance(key, value);
      await this.crossCheck(point, tokenNo, owner, byLock);
      return sumUp(byLock);
    });
  }

  async coins(tokenId: string, owner: Uint8Array | undefined, page: PageRequest): Promise<Page<Coin>> {
    return this.at(async (point) => {
      const tokenNo = this.tokenNo(tokenId);
      const prefix =
        owner === undefined
          ? this.keys.begin().u8(keys.PREFIX.coin).u32(tokenNo).end()
          : keys.ownerPrefix(this.keys, keys.PREFIX.coin, tokenNo, owner);
      const found = await this.page(point, prefix, page);
      const rows = found.rows.map(({ key, value }) => decodeCoin(key, value));
      const isWhole = page.cursor === undefined && found.cursor === undefined;
      if (owner !== undefined && isWhole) this.checkSum(point, tokenNo, owner, rows);
      const items = rows.map(({ txid, vout, op, amt, lock, position, owner: of }): Coin => {
        const base = { outpoint: `${txid}_${vout}`, op, amt, lock, owner: of };
        return position === undefined ? base : { ...base, position };
      });
      return found.cursor === undefined ? { items } : { items, cursor: found.cursor };
    });
  }

  async history(tokenId: string, filter: HistoryFilter, page: PageRequest): Promise<Page<HistoryEntry>> {
    return this.at(async (point) => {
      const { store, timeOfHeight, tipHeight } = this.modules;
      const prefix = keys.ownerPrefix(
        this.keys,
        keys.PREFIX.history,
        this.tokenNo(tokenId),
        filter.owner ?? EVERYONE,
      );
      const request = historyRequest(prefix, filter, { timeOfHeight, tipHeight: tipHeight() });
      const found = await readPage(store.database, { ...request, ...pageOf(page), snapshot: point.snapshot });
      const items = found.rows.map(({ key, value }): HistoryEntry => {
        const { txid, seenAt, received, sent, height, order } = decodeHistory(key, value);
        if (height === keys.UNMINED_HEIGHT) return { txid, received, sent, time: seenAt };
        const time = timeOfHeight(height);
        const entry = { txid, received, sent, position: { height, index: order } };
        return time === undefined ? entry : { ...entry, time };
      });
      return found.cursor === undefined ? { items } : { items, cursor: found.cursor };
    });
  }

  async holders(tokenId: string, page: PageRequest): Promise<Page<Holder>> {
    return this.at(async (point) => {
      const prefix = Buffer.from(this.keys.begin().u8(keys.PREFIX.holder).u32(this.tokenNo(tokenId)).end());
      const found = await this.page(point, prefix, page);
      const items = found.rows.map(({ key, value }) => decodeHolder(key, value));
      return found.cursor === undefined ? { items } : { items, cursor: found.cursor };
    });
  }

  async events(after: bigint, limit: number, tokenIds?: readonly string[]): Promise<readonly TokenEvent[]> {
    const { tokenNos } = this.modules.store;
    const wanted = tokenIds === undefined ? undefined : new Set(tokenIds.map((id) => tokenNos.get(id)));
    const events: TokenEvent[] = [];
    for (let upTo = after, isOver = false; !isOver && events.length < limit; ) {
      const slice = await this.eventSlice(upTo, limit - events.length, wanted);
      events.push(...slice.events);
      upTo = slice.upTo;
      isOver = slice.isOver;
    }
    return events;
  }

  /** Some rows of the log: it never changes but at its end, so each may be read at a point of its own. */
  private eventSlice(
    after: bigint,
    limit: number,
    wanted: ReadonlySet<number | undefined> | undefined,
  ): Promise<{ readonly events: readonly TokenEvent[]; readonly upTo: bigint; readonly isOver: boolean }> {
    return this.at(async (point) => {
      const { store } = this.modules;
      const records = new RecordsAt(store.database, point.snapshot);
      const events: TokenEvent[] = [];
      const from = keys.eventKey(this.keys, Math.max(1, Number(after) + 2 - EVENTS_PER_ROW));
      const { snapshot } = point;
      let next: bigint | undefined;
      let rows = 0;
      for await (const { key, value } of store.database.rows(from, EVENTS_END, { snapshot })) {
        if (rows === EVENT_ROWS_A_SLICE) break;
        const row = decodeEvents(key, value);
        let sequence = BigInt(RowReader.ofKey(key).u64());
        if (sequence + BigInt(row.length) <= after + 1n) continue;
        rows++;
        // Sequences have no gaps, so a row that was lost to damage of a file shows.
        if (next === undefined ? sequence > after + 1n : sequence !== next) throw missing(key);
        for (const event of row) {
          const isWanted = sequence > after && (wanted === undefined || wanted.has(event.tokenNo));
          if (isWanted) events.push(publicEvent(store, records, sequence, event));
          if (events.length === limit) return { events, upTo: sequence, isOver: true };
          sequence++;
        }
        next = sequence;
      }
      const newest = BigInt(point.tip.sequence);
      const upTo = next === undefined ? after : next - 1n;
      const isOver = rows < EVENT_ROWS_A_SLICE;
      if (isOver && newest > after && upTo !== newest)
        throw missing(keys.eventKey(this.keys, point.tip.sequence));
      return { events, upTo, isOver };
    });
  }

  tx(txid: string): TxView | undefined {
    return txView(this.modules.store, txid);
  }

  beef(txid: string): Uint8Array | undefined {
    return buildBeef(this.modules.store, txid);
  }

  private info(t: TokenRecord): TokenInfo {
    const { issued, burned, lost, circulating } = t;
    const base = {
      tokenId: t.tokenId,
      state: this.modules.isFollowed(t.tokenId) ? ('followed' as const) : ('unfollowed' as const),
      deployed: t.deploy !== undefined,
      dec: t.deploy?.dec ?? 0,
      supply: { issued, burned, lost, circulating },
      holders: t.holders,
      coins: t.coins,
      transactions: t.transactions,
      undecided: t.undecided,
      binaryOutputsSeen: t.binaryOutputsSeen,
    };
    const { sym, icon } = t.deploy ?? {};
    return { ...base, ...(sym === undefined ? {} : { sym }), ...(icon === undefined ? {} : { icon }) };
  }

  private tokenNo(tokenId: string): number {
    const no = this.modules.store.tokenNos.get(tokenId);
    if (no === undefined)
      throw new StoreError('STORE_ROW_MISSING', `no token ${tokenId} in the store`, { tokenId });
    return no;
  }

  private page(point: ReadPoint, prefix: Buffer, page: PageRequest) {
    return readPage(this.modules.store.database, { prefix, ...pageOf(page), snapshot: point.snapshot });
  }

  /**
   * A row whose checksum holds may still be an old one, or be missing, after damage to a file (reliability-goals §1). The
   * holder row of the same sum must exist, and an owner without a balance row must have no coin.
   */
  private async crossCheck(
    point: ReadPoint,
    tokenNo: number,
    owner: Uint8Array,
    byLock: readonly LockBalance[],
  ): Promise<void> {
    const { database } = this.modules.store;
    const total = totalOf(byLock);
    if (total > 0n) {
      const holder = keys.holderKey(this.keys, tokenNo, total, owner);
      if (database.get(holder, point.snapshot) === undefined) throw missing(holder);
    } else if (byLock.length === 0) {
      const prefix = keys.ownerPrefix(this.keys, keys.PREFIX.coin, tokenNo, owner);
      const options = { snapshot: point.snapshot, limit: 1 };
      for await (const row of database.rows(prefix, keys.afterPrefix(prefix), options))
        throw missing(row.key);
    }
  }

  /** A list that is told whole must add up to the balance. */
  private checkSum(point: ReadPoint, tokenNo: number, owner: Uint8Array, coins: readonly CoinRow[]): void {
    const key = keys.balanceKey(this.keys, tokenNo, owner);
    const value = this.modules.store.database.get(key, point.snapshot);
    const byLock = value === undefined ? [] : decodeBalance(key, value);
    const count = byLock.reduce((sum, b) => sum + b.coins, 0);
    const total = coins.reduce((sum, coin) => sum + coin.amt, 0n);
    if (count !== coins.length || total !== totalOf(byLock)) throw missing(key);
  }

  private async at<T>(work: (point: ReadPoint) => Promise<T>): Promise<T> {
    const point = this.modules.store.read();
    try {
      return await work(point);
    } finally {
      point.release();
    }
  }
}

function missing(key: Buffer): StoreError {
  return new StoreError(
    'STORE_ROW_MISSING',
    'rows that prove each other disagree, so nothing is told from them: run `btcfed verify`, then `btcfed verify --rebuild`',
    { key: key.toString('hex') },
  );
}

function pageOf(page: PageRequest): { limit: number; cursor: string | undefined } {
  return { limit: page.limit, cursor: page.cursor };
}

/** Listings are for anyone to buy, so they are not what an owner has. */
function sumUp(byLock: readonly LockBalance[]): Balance {
  let confirmed = 0n;
  let unconfirmed = 0n;
  let listed = 0n;
  let coins = 0;
  for (const b of byLock) {
    if (b.lock === 'ordlock') listed += b.confirmed + b.unconfirmed;
    else {
      confirmed += b.confirmed;
      unconfirmed += b.unconfirmed;
      coins += b.coins;
    }
  }
  return { confirmed, unconfirmed, coins, listed, byLock };
}

/** An event with its number, as readers see it; what the output is comes from its transaction. */
function publicEvent(
  store: Pick<Store, 'tokens'>,
  records: RecordsAt,
  sequence: bigint,
  event: EventRecord,
): TokenEvent {
  const { type, tokenNo, created, vout, spender, position } = event;
  const { txid: createdBy, tokens } = records.get(created);
  const output = tokens.find((p) => p.tokenNo === tokenNo)?.outputs.find((o) => o.vout === vout);
  if (output === undefined) {
    throw new StoreError(
      'STORE_INCONSISTENT',
      `event ${sequence} is of an output that its transaction does not have`,
      {
        sequence: String(sequence),
        txid: createdBy,
      },
    );
  }
  const { op, amt, owner, lock } = output;
  const txid = spender === undefined ? createdBy : records.get(spender).txid;
  const tokenId = store.tokens.get(tokenNo)?.tokenId ?? '';
  const base = { sequence, type, tokenId, outpoint: `${createdBy}_${vout}`, op, amt, owner, lock, txid };
  return position === undefined ? base : { ...base, position };
}
