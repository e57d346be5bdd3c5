import fc from 'fast-check';
import { type CommitRecord, decodeCommit, encodeCommit } from '../../src/store/commit-row.ts';
import { decodeEvents, type EventRecord, encodeEvents } from '../../src/store/event-row.ts';
import * as keys from '../../src/store/keys.ts';
import {
  decodeBalance,
  decodeCoin,
  decodeHistory,
  decodeHolder,
  encodeBalance,
  encodeCoin,
  encodeHistory,
  encodeHolder,
  type LockBalance,
} from '../../src/store/owner-rows.ts';
import { decodeProof, encodeProof } from '../../src/store/proof-row.ts';
import {
  decodeArrival,
  decodeSpends,
  decodeTx,
  encodeArrival,
  encodeSpends,
  encodeTx,
  type TxRecord,
} from '../../src/store/records.ts';
import { RowReader, RowWriter } from '../../src/store/row-bytes.ts';
import { decodeToken, encodeToken, type TokenRecord } from '../../src/store/token-row.ts';
import type { EventType } from '../../src/store/view.ts';
import { decodeWaiting, encodeWaiting, type WaitingRecord } from '../../src/store/waiting-row.ts';
import type { LockType, TokenOp } from '../../src/token/types.ts';

export interface SealedRow {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** One kind of row: records of it, how they are written, and what is read back. */
export interface RowCodec<T> {
  readonly name: keyof typeof keys.PREFIX;
  readonly records: fc.Arbitrary<T>;
  readonly encode: (record: T) => SealedRow;
  readonly decode: (row: SealedRow) => unknown;
}

const OPS: readonly TokenOp[] = ['deploy+mint', 'deploy+auth', 'mint', 'auth', 'transfer', 'burn'];
const LOCKS: readonly LockType[] = ['p2pkh', 'cosign', 'ordlock', 'pow20', 'ltm', 'other'];
const EVENTS: readonly EventType[] = [
  'created',
  'createdMined',
  'createdUnmined',
  'removed',
  'spent',
  'spentMined',
  'spentUnmined',
  'unspent',
];

const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((b) => Buffer.from(b));
const u32 = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, 0x7f, 0x80, 0xffff_ffff));
const count = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constant(Number.MAX_SAFE_INTEGER));
/** Balances may exceed 2^64: a token with an authority has no ceiling. */
export const amount = fc.oneof(
  fc.bigInt(0n, 2n ** 64n),
  fc.bigInt(0n, 300n),
  fc.bigInt(0n, 2n ** 100n),
  fc.constantFrom(0n, 1n, 2n ** 48n - 1n, 2n ** 48n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 256n),
);
export const owner = fc
  .constantFrom(20, 32)
  .chain((n) => fc.uint8Array({ minLength: n, maxLength: n }).map((b) => Buffer.from(b)));
const op = fc.constantFrom(...OPS);
const lock = fc.constantFrom(...LOCKS);
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const position = fc.record({ height: u32, index: count });

const part = fc.record({
  tokenNo: u32,
  outputs: fc.array(
    fc.record({
      vout: count,
      op,
      verdict: fc.constantFrom('valid', 'invalid', 'pending'),
      lock,
      amt: amount,
      owner,
    }),
    { maxLength: 4 },
  ),
  inputs: fc.array(fc.record({ vin: count, txid: hash, vout: count, op, lock, amt: amount, owner }), {
    maxLength: 4,
  }),
  undecided: fc.array(count, { maxLength: 4 }),
  valueIn: amount,
  lost: amount,
});

const tx: fc.Arbitrary<TxRecord> = fc.record({
  txid: hash,
  raw: bytes(300),
  status: fc.constantFrom('active', 'conflicted', 'dead', 'waiting'),
  place: optional(fc.record({ height: u32, index: count, blockHash: hash })),
  verified: fc.boolean(),
  arrival: count,
  firstSeenMs: count,
  tokens: fc.array(part, { maxLength: 3 }),
});

const token: fc.Arbitrary<TokenRecord> = fc.record({
  tokenNo: u32,
  tokenId: fc.tuple(hash, u32).map(([txid, vout]) => `${txid}_${vout}`),
  tracked: fc.boolean(),
  deploy: optional(
    fc.record({
      sym: optional(fc.string({ unit: 'grapheme' })),
      dec: fc.nat(18),
      icon: optional(fc.string()),
    }),
  ),
  binaryOutputsSeen: fc.boolean(),
  issued: amount,
  burned: amount,
  lost: amount,
  circulating: amount,
  holders: count,
  coins: count,
  transactions: count,
  undecided: count,
});

const waiting: fc.Arbitrary<WaitingRecord> = fc.record({
  txid: hash,
  raw: bytes(300),
  waitingFor: fc.constantFrom('parents', 'header', 'history'),
  missingParents: fc.array(hash, { maxLength: 4 }),
  proofs: fc.array(fc.record({ height: u32, path: bytes(80) }), { maxLength: 3 }),
  arrival: count,
  firstSeenMs: count,
});

const event: fc.Arbitrary<EventRecord> = fc.record({
  type: fc.constantFrom(...EVENTS),
  tokenNo: count,
  created: count,
  vout: count,
  spender: optional(count),
  position: optional(position),
});

const commit: fc.Arbitrary<CommitRecord & { rowSum: number }> = fc.record({
  commit: count,
  digest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => Buffer.from(b)),
  rowSum: count,
  sequence: count,
  arrival: count,
  transactions: count,
  outputs: count,
  waiting: count,
  conflicts: count,
  unmined: count,
  tableSum: count,
  tipHeight: u32,
  tipHash: hash,
});

const balances: fc.Arbitrary<LockBalance[]> = fc.uniqueArray(
  fc.record({ lock, confirmed: amount, unconfirmed: amount, coins: count }),
  { selector: (b) => b.lock, maxLength: 6 },
);

const w = new RowWriter();
const v = new RowWriter();

function codec<T>(
  name: RowCodec<T>['name'],
  records: fc.Arbitrary<T>,
  key: (record: T) => Buffer,
  value: (key: Buffer, record: T) => Buffer,
  decode: (row: SealedRow) => unknown,
): RowCodec<T> {
  const encode = (record: T): SealedRow => {
    const k = Buffer.from(key(record));
    return { key: k, value: Buffer.from(value(k, record)) };
  };
  return { name, records, encode, decode };
}

const owned = { tokenNo: u32, owner };

function ownedBy(key: Buffer): { tokenNo: number; owner: Buffer } {
  const k = RowReader.ofKey(key);
  return { tokenNo: k.u32(), owner: k.shortBytes() };
}

/** Every kind of row that the store writes in numbers. `decode(encode(x))` gives x back. */
export const CODECS = [
  codec(
    'tx',
    tx,
    (r) => keys.txKey(w, r.arrival),
    (k, r) => encodeTx(v, k, r),
    (r) => decodeTx(r.key, r.value),
  ),
  codec(
    'arrival',
    fc.record({ txid: hash, arrival: count }),
    (r) => keys.arrivalKey(w, r.txid),
    (k, r) => encodeArrival(v, k, r.arrival),
    (r) => ({ txid: r.key.toString('hex', 1), arrival: decodeArrival(r.key, r.value) }),
  ),
  codec(
    'spend',
    fc.record({
      txid: hash,
      bucket: fc.nat(0x0fff_ffff),
      spends: fc.array(fc.record({ at: fc.nat(15), spender: hash, vin: count, active: fc.boolean() }), {
        maxLength: 20,
      }),
    }),
    (r) => keys.spendKey(w, r.txid, r.bucket),
    (k, r) =>
      encodeSpends(
        v,
        k,
        r.spends.map(({ at, ...s }) => ({ ...s, vout: r.bucket * 16 + at })),
      ),
    (r) => {
      const spends = decodeSpends(r.key, r.value);
      const k = RowReader.ofKey(r.key);
      const [txid, bucket] = [k.hash(), k.u32()];
      return { txid, bucket, spends: spends.map(({ vout, ...s }) => ({ ...s, at: vout - 16 * bucket })) };
    },
  ),
  codec(
    'waiting',
    waiting,
    (r) => keys.waitingKey(w, r.txid),
    (k, r) => encodeWaiting(v, k, r),
    (r) => decodeWaiting(r.key, r.value),
  ),
  codec(
    'conflict',
    fc.record({ txid: hash }),
    (r) => keys.conflictKey(w, r.txid),
    (k) => v.begin().seal(k),
    (r) => {
      RowReader.open(r.key, r.value).finish();
      return { txid: r.key.toString('hex', 1) };
    },
  ),
  codec(
    'proof',
    fc.record({ height: u32, blockHash: hash, index: count, txid: hash, path: bytes(200) }),
    (r) => keys.proofKey(w, r.height, r.blockHash, r.index),
    (k, r) => encodeProof(v, k, r.txid, r.path),
    (r) => decodeProof(r.key, r.value),
  ),
  codec(
    'token',
    token,
    (r) => keys.tokenKey(w, r.tokenNo),
    (k, r) => encodeToken(v, k, r),
    (r) => decodeToken(r.key, r.value),
  ),
  codec(
    'event',
    fc.record({ first: count, events: fc.array(event, { maxLength: 6 }) }),
    (r) => keys.eventKey(w, r.first),
    (k, r) => encodeEvents(v, k, r.events),
    (r) => {
      const events = decodeEvents(r.key, r.value);
      return { first: RowReader.ofKey(r.key).u64(), events };
    },
  ),
  codec(
    'commit',
    commit,
    (r) => keys.commitKey(w, r.commit),
    (k, r) => encodeCommit(v, k, r, r.rowSum),
    (r) => decodeCommit(r.key, r.value),
  ),
  codec(
    'balance',
    fc.record({ ...owned, balances }),
    (r) => keys.balanceKey(w, r.tokenNo, r.owner),
    (k, r) => encodeBalance(v, k, r.balances),
    (r) => {
      const decoded = decodeBalance(r.key, r.value);
      return { ...ownedBy(r.key), balances: decoded };
    },
  ),
  codec(
    'coin',
    fc.record({
      ...owned,
      arrival: count,
      vout: u32,
      txid: hash,
      position: optional(position),
      op,
      lock,
      amt: amount,
    }),
    (r) => keys.coinKey(w, r.tokenNo, r.owner, r.arrival, r.vout),
    (k, r) => encodeCoin(v, k, r),
    (r) => ({ ...decodeCoin(r.key, r.value), ...ownedBy(r.key) }),
  ),
  codec(
    'history',
    fc.record({
      ...owned,
      height: u32,
      order: count,
      txid: hash,
      seenAt: count,
      received: amount,
      sent: amount,
    }),
    (r) => keys.historyKey(w, r.tokenNo, r.owner, r.height, r.order),
    (k, r) => encodeHistory(v, k, r),
    (r) => ({ ...decodeHistory(r.key, r.value), ...ownedBy(r.key) }),
  ),
  codec(
    'holder',
    fc.record({ ...owned, balance: amount.filter((a) => a > 0n) }),
    (r) => keys.holderKey(w, r.tokenNo, r.balance, r.owner),
    (k) => encodeHolder(v, k),
    (r) => ({ ...decodeHolder(r.key, r.value), tokenNo: RowReader.ofKey(r.key).u32() }),
  ),
] as const;
