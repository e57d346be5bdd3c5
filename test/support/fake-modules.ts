import assert from 'node:assert/strict';
import { z } from 'zod';
import type { MethodTable } from '../../src/api/method.ts';
import { METHODS } from '../../src/api/methods/index.ts';
import type { ApiModules, HeaderView } from '../../src/api/modules.ts';
import type { Offers, Outcome } from '../../src/ingest/outcome.ts';
import type { HealthWarning } from '../../src/observe/health.ts';
import { LOG_MODULES, type LogLevel, type LogModule } from '../../src/observe/levels.ts';
import type { Log, LogFields } from '../../src/observe/log.ts';
import { PromMetrics } from '../../src/observe/prom-metrics.ts';
import type {
  Balance,
  Coin,
  LostFacts,
  Page,
  StoreView,
  TokenEvent,
  TokenInfo,
  TxView,
} from '../../src/store/view.ts';
import { addressOf } from '../../src/token/address.ts';
import { FakeNetwork } from './fake-network.ts';

export const TOKEN = `${'a1'.repeat(32)}_0`;
/** Seen, but not followed. */
export const SEEN = `${'b2'.repeat(32)}_0`;
/** Followed, and nothing of it has arrived. */
export const EMPTY = `${'c3'.repeat(32)}_1`;
export const UNKNOWN = `${'d4'.repeat(32)}_0`;
export const TXID = 'e5'.repeat(32);
export const OWNER = Buffer.alloc(20, 7);
export const ADDRESS = addressOf('main', OWNER);
export const OTHER_ADDRESS = addressOf('main', Buffer.alloc(20, 9));

/** More than 2^53, so that a number on the way would show. */
export const BIG = 18_446_744_073_709_551_615n;

const INFO: TokenInfo = {
  tokenId: TOKEN,
  state: 'followed',
  deployed: true,
  sym: 'GOLD',
  dec: 2,
  supply: { issued: BIG, burned: 1n, lost: 2n, circulating: BIG - 3n },
  holders: 1,
  coins: 2,
  transactions: 3,
  undecided: 1,
  binaryOutputsSeen: false,
};

function coinAt(i: number): Coin {
  const base = { outpoint: `${TXID}_${i}`, op: 'transfer' as const, amt: BigInt(i + 1), owner: OWNER };
  return i % 2 === 0
    ? { ...base, lock: 'p2pkh', position: { height: 100 + i, index: 1 } }
    : { ...base, lock: 'p2pkh' };
}

export function eventAt(sequence: bigint, tokenId: string = TOKEN): TokenEvent {
  return {
    sequence,
    type: 'created',
    tokenId,
    outpoint: `${TXID}_${sequence}`,
    op: 'transfer',
    amt: sequence * 10n,
    owner: OWNER,
    lock: 'p2pkh',
    txid: TXID,
  };
}

/** Cuts a list into pages whose cursor is the number of the next item. */
function paged<T>(all: readonly T[], limit: number, cursor: string | undefined): Page<T> {
  const from = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isInteger(from)) throw storeError('STORE_CURSOR_INVALID', 'no cursor of this list');
  const items = all.slice(from, from + limit);
  return from + limit < all.length ? { items, cursor: String(from + limit) } : { items };
}

export function storeError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code, data: { row: 'x' } });
}

export class FakeNode {
  readonly events: TokenEvent[] = [eventAt(1n), eventAt(2n, SEEN), eventAt(3n)];
  readonly offered: Uint8Array[] = [];
  readonly logged: { name: string; fields: LogFields }[] = [];
  readonly levels: Record<string, LogLevel> = Object.fromEntries(LOG_MODULES.map((m) => [m, 'info']));
  warnings: HealthWarning[] = [];
  /** What damage took from the store. */
  lost: LostFacts | undefined;
  state: 'starting' | 'running' | 'stopping' = 'running';
  coins: Coin[] = Array.from({ length: 25 }, (_, i) => coinAt(i));
  beef: Uint8Array | undefined = Buffer.from('01010101', 'hex');
  headers: Uint8Array[] = [];
  nowMs = Date.UTC(2025, 6, 1, 12);
  /** What `offer` answers; by default every BEEF is admitted. */
  outcome: (beef: Uint8Array, index: number) => Outcome | Promise<Outcome> = () => ({
    status: 'admitted',
    txid: TXID,
    tokens: [TOKEN],
  });
  /** What became of transactions that were pending, by txid. */
  readonly later = new Map<string, Outcome>();
  readonly #answered = new Map<string, Outcome>();
  ready: () => Promise<void> = () => Promise.resolve();
  verify: ApiModules['verifyStore'] = async (_opts, progress) => {
    progress({ done: 5, total: 10 });
    progress({ done: 10, total: 10 });
    return { rows: 10, transactions: 3, problemCount: 0, problems: [], stateDigest: 'ab'.repeat(32) };
  };
  purge: ApiModules['purgeToken'] = async ({ dryRun }, progress) => {
    const found = { symbol: 'GOLD', transactions: 7, coins: 5 };
    if (dryRun) return { ...found, done: undefined };
    progress({ done: 10, total: 10 });
    const dropped = { transactions: 9, waiting: 1 };
    const bytes = { before: 2000, after: 500 };
    const audit = { rows: 10, transactions: 3, problemCount: 0, problems: [], stateDigest: 'ab'.repeat(32) };
    return { ...found, done: { dropped, kept: { transactions: 3, waiting: 0 }, bytes, audit } };
  };
  importHeaders: ApiModules['chain']['import'] = async (bytes) => {
    this.headers.push(bytes);
    return { added: bytes.length / 80, known: 0, undone: undefined, tip: this.tip };
  };
  /** Set to make every read of the view fail. */
  readFailure: Error | undefined;
  readonly tip = { height: 120, hash: 'f6'.repeat(32), chainWork: 123_456_789n };
  readonly #listeners = new Set<() => void>();

  get listeners(): number {
    return this.#listeners.size;
  }

  append(event: TokenEvent): void {
    this.events.push(event);
    for (const listener of this.#listeners) listener();
  }

  readonly log: Log = {
    event: (name, fields = {}) => void this.logged.push({ name, fields }),
    debug: () => undefined,
    with: () => this.log,
  };

  readonly offers: Offers = {
    offer: async (beef) => {
      const index = this.offered.length;
      this.offered.push(Buffer.from(beef));
      const outcome = await this.outcome(beef, index);
      if (outcome.txid !== undefined) this.#answered.set(outcome.txid, outcome);
      return outcome;
    },
    ready: () => this.ready(),
    drained: () => Promise.resolve(),
    offerSet: () => Promise.resolve({ refused: new Map() }),
    outcome: (txid) => this.later.get(txid) ?? this.#answered.get(txid),
    facts: () => ({ queued: 1, inFlight: 2, admitted: 3, rejectedByCode: { SCRIPT_FAILED: 4 } }),
  };

  readonly view: StoreView = {
    facts: () => ({
      transactions: 3,
      outputs: 5,
      pending: 1,
      conflicts: 0,
      commit: 7n,
      sequence: this.events.at(-1)?.sequence ?? 0n,
      format: 1,
      databaseId: 'db1',
      ...(this.lost === undefined ? {} : { lost: this.lost }),
    }),
    tokenState: (id) => (id === TOKEN || id === EMPTY ? 'followed' : id === SEEN ? 'unfollowed' : 'unknown'),
    tokens: () => [INFO, { ...INFO, tokenId: SEEN, state: 'unfollowed', deployed: false }],
    token: (id) => (id === TOKEN ? INFO : undefined),
    balance: async (_token, owner) => this.#balance(owner),
    coins: async (_token, owner, { limit, cursor }) => {
      if (this.readFailure !== undefined) throw this.readFailure;
      return owner === undefined || OWNER.equals(owner) ? paged(this.coins, limit, cursor) : { items: [] };
    },
    history: async (_token, filter, { limit, cursor }) => {
      const all = [
        { txid: TXID, position: { height: 100, index: 1 }, time: 1_751_371_200, received: BIG, sent: 0n },
        { txid: 'e6'.repeat(32), time: 1_751_371_260, received: 0n, sent: 5n },
      ];
      const kept = all.filter((e) => (e.position?.height ?? 999) >= (filter.fromHeight ?? 0));
      return paged(kept, limit, cursor);
    },
    holders: async (_token, { limit, cursor }) => paged([{ owner: OWNER, balance: BIG }], limit, cursor),
    events: async (after, limit, ids) => {
      if (this.readFailure !== undefined) throw this.readFailure;
      return this.events
        .filter((e) => e.sequence > after && (ids === undefined || ids.includes(e.tokenId)))
        .slice(0, limit);
    },
    tx: (txid) => (txid === TXID ? this.#tx() : undefined),
    beef: (txid) => (txid === TXID ? this.beef : undefined),
  };

  readonly metrics = new PromMetrics(
    { build: { version: '0.0.0', commit: 'unknown', node: process.version, libp2p: '0.0.0' } },
    { onCollectFailure: (error) => this.logged.push({ name: 'metrics', fields: { text: String(error) } }) },
  );
  readonly network = new FakeNetwork(this.nowMs);

  readonly modules: ApiModules = {
    network: 'main',
    view: this.view,
    offers: this.offers,
    chain: {
      tip: () => this.tip,
      baseHeight: () => 100,
      header: (which) => this.#header(which),
      import: (bytes) => this.importHeaders(bytes),
    },
    config: {
      file: '/home/conf.yaml',
      shown: () => [
        { key: 'rpc.mode', value: '0600', source: { from: 'default' }, reload: 'restart' },
        {
          key: 'logging.level',
          value: 'info',
          source: { from: 'file', file: 'conf.yaml', line: 4 },
          reload: 'live',
        },
      ],
      check: async () => ({ file: '/home/conf.yaml', problems: [], warnings: [] }),
    },
    node: {
      facts: () => ({
        state: this.state,
        version: '0.0.0',
        pid: process.pid,
        startedAtMs: this.nowMs - 60_000,
        home: '/home',
      }),
    },
    health: { warnings: () => this.warnings },
    p2p: this.network,
    metrics: this.metrics,
    logs: {
      levels: () => ({ ...this.levels }) as Record<LogModule, LogLevel>,
      setLevel: (level, module) => {
        for (const name of module === undefined ? LOG_MODULES : [module]) this.levels[name] = level;
      },
    },
    events: {
      onAppend: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    },
    verifyStore: (opts, progress) => this.verify(opts, progress),
    purgeToken: (opts, progress) => this.purge(opts, progress),
    maxBeefBytes: 1_000_000,
    clock: { nowMs: () => this.nowMs },
    log: this.log,
  };

  #balance(owner: Uint8Array): Balance {
    if (this.readFailure !== undefined) throw this.readFailure;
    if (!OWNER.equals(owner)) return { confirmed: 0n, unconfirmed: 0n, coins: 0, listed: 0n, byLock: [] };
    const byLock = [{ lock: 'p2pkh' as const, confirmed: BIG, unconfirmed: 1n, coins: 2 }];
    return { confirmed: BIG, unconfirmed: 1n, coins: 2, listed: 3n, byLock };
  }

  #header(which: number | string): HeaderView | undefined {
    if (which !== this.tip.height && which !== this.tip.hash) return undefined;
    const { height, hash } = this.tip;
    const fields = { version: 1, prevHash: 'a0'.repeat(32), merkleRoot: 'a2'.repeat(32) };
    return { height, hash, ...fields, time: 1_751_371_200, bits: 0x180d1d2e, nonce: 5 };
  }

  #tx(): TxView {
    return {
      txid: TXID,
      status: 'active',
      position: { height: 100, index: 1 },
      blockHash: this.tip.hash,
      firstSeenMs: this.nowMs,
      raw: Buffer.from('00', 'hex'),
      tokens: [
        {
          tokenId: TOKEN,
          decided: true,
          valueIn: BIG,
          lost: 0n,
          undecided: [],
          outputs: [{ vout: 0, op: 'transfer', amt: BIG, verdict: 'valid', lock: 'p2pkh', owner: OWNER }],
        },
      ],
      conflictsWith: [],
      missingParents: [],
    };
  }
}

/** Every field of a value is one that its schema documents. */
export function assertDocumented(schema: z.ZodType, value: unknown, what: string): void {
  const parsed = schema.safeParse(value);
  assert.ok(
    parsed.success,
    `${what} does not match its schema: ${z.prettifyError(parsed.error ?? new z.ZodError([]))}`,
  );
  assert.deepEqual(parsed.data, value, `${what} has fields that its schema does not name`);
}

/** The daemon's own table, each answer held against its schema. */
export const CHECKED_METHODS: MethodTable = Object.fromEntries(
  Object.entries<MethodTable[string]>(METHODS).map(([name, method]) => [
    name,
    {
      ...method,
      run: async (modules, params, call) => {
        const result = await method.run(modules, params, call);
        assertDocumented(method.result, result, `answer of ${name}`);
        return result;
      },
    } satisfies MethodTable[string],
  ]),
);
