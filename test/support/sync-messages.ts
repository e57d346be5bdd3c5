import fc from 'fast-check';
import * as c from '../../protocols/token-sync/constants.ts';
import type { MessageBody, SyncMessage } from '../../protocols/token-sync/messages.ts';
import { encodeRuns } from '../../protocols/token-sync/runs.ts';
import type { Kind } from '../../protocols/token-sync/shapes.ts';

/** Messages of every kind as they are allowed, small ones mostly. */

const u32 = fc.nat({ max: 0xffff_ffff });
const height = fc.oneof(fc.nat({ max: 300 }), u32);
const bytes = (min: number, max = min) => fc.uint8Array({ minLength: min, maxLength: max });
const hash = bytes(c.HASH_BYTES);
const tip = fc.record({ height, hash });
const token = fc.nat({ max: c.MAX_TOKENS - 1 });
const credit = fc.integer({ min: 1, max: c.MAX_CREDIT });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const ascending = (max: number, maxLength: number, minLength = 0) =>
  fc.uniqueArray(fc.nat({ max }), { minLength, maxLength }).map((list) => list.sort((a, b) => a - b));
const units = (unitBytes: number, max: number, min = 0) =>
  fc
    .array(bytes(unitBytes), { minLength: min, maxLength: max })
    .map((list) => new Uint8Array(Buffer.concat(list)));

const facts = fc
  .record({
    token,
    firstHeight: maybe(height),
    tac: maybe(hash),
    entries: fc.nat({ max: 1e6 }),
    unmined: fc.nat({ max: 1e6 }),
    unminedDigest: maybe(hash),
  })
  .map((f) => (f.firstHeight === undefined ? { ...f, entries: 0 } : f));

const places = ascending(5_000, 20, 1);
const runs = places.map(encodeRuns);
const raw = bytes(0, 40);
const block = places.chain((at) =>
  fc.record({
    height,
    hash,
    runs: fc.constant(encodeRuns(at)),
    bump: bytes(1, 80),
    txs: fc.array(raw, { minLength: at.length, maxLength: at.length }),
  }),
);
const salted = { salt: bytes(c.SALT_BYTES) };

const BODIES: { readonly [K in Kind]: fc.Arbitrary<Omit<Extract<MessageBody, { kind: K }>, 'kind'>> } = {
  hello: fc.record({
    version: fc.integer({ min: 1, max: 9 }),
    network: fc.constantFrom('main', 'test', 'regtest'),
    rules: u32,
    ...salted,
    digests: units(c.DIGEST_BYTES, 8),
  }),
  welcome: fc.record({
    version: fc.integer({ min: 1, max: 9 }),
    tip,
    tokens: fc.array(facts, { maxLength: 5 }),
  }),
  update: fc.record({
    tip,
    tokens: fc.array(facts, { maxLength: 5 }),
    gone: fc.array(token, { maxLength: 5 }),
  }),
  anchorsRequest: fc.record({ token, heights: ascending(1e6, c.MAX_ANCHOR_HEIGHTS, 1) }),
  anchors: fc.array(fc.tuple(hash, u32), { maxLength: 5 }).chain((list) =>
    fc.record({
      tip,
      tacs: fc.constant(new Uint8Array(Buffer.concat(list.map(([tac]) => tac)))),
      entries: fc.constant(list.map(([, entries]) => entries)),
    }),
  ),
  rangeRequest: fc
    .record({ token, a: height, b: height, bodies: fc.boolean(), credit, only: maybe(runs) })
    .map(({ a, b, ...rest }) => ({
      ...rest,
      fromHeight: Math.min(a, b),
      toHeight: rest.only === undefined ? Math.max(a, b) : Math.min(a, b),
    })),
  head: fc.record({ tip, entries: u32 }),
  listing: fc.record({ blocks: fc.array(fc.record({ height, hash, runs }), { maxLength: 5 }) }),
  chunk: fc.record({
    blocks: fc.array(block, { maxLength: 4 }),
    loose: fc.array(raw, { maxLength: 4 }),
    context: fc.array(raw, { maxLength: 4 }),
    proven: fc.array(block, { maxLength: 2 }),
  }),
  piece: fc.record({
    total: fc.integer({ min: c.MAX_INLINE_TX_BYTES + 1, max: c.MAX_TX_BYTES }),
    bytes: bytes(1, 200),
  }),
  credit: fc.oneof(fc.record({ frames: credit, stop: fc.boolean() }), fc.constant({ frames: 0, stop: true })),
  unminedRequest: fc.record({
    token,
    ask: maybe(fc.record({ ...salted, buckets: ascending(255, 9, 1).map((list) => Uint8Array.from(list)) })),
  }),
  unmined: fc.oneof(
    fc.record({ sums: bytes(c.UNMINED_BUCKETS * c.BUCKET_SUM_BYTES), shortIds: fc.constant(undefined) }),
    fc.record({ sums: fc.constant(undefined), shortIds: units(c.SHORT_ID_BYTES, 9) }),
  ),
  fetchRequest: fc.record({
    token,
    credit,
    ids: fc.oneof(
      fc.record({ by: fc.constant('txid' as const), txids: units(c.HASH_BYTES, 5, 1) }),
      fc.record({ by: fc.constant('shortId' as const), ...salted, shortIds: units(c.SHORT_ID_BYTES, 5, 1) }),
    ),
  }),
  done: fc.record({ entries: u32, missing: ascending(c.MAX_FETCH_IDS, 9) }),
  failure: fc.record({
    code: fc.constantFrom(...(Object.keys(c.FAILURE_CODES) as c.FailureCode[])),
    retryAfterMs: maybe(u32),
  }),
};

export const BARE: ReadonlySet<string> = new Set(['hello', 'welcome', 'update']);

/** A message of one kind. */
export function messageOf(kind: Kind): fc.Arbitrary<SyncMessage> {
  const id = BARE.has(kind) ? fc.constant(0) : fc.integer({ min: 1, max: 0xffff_ffff });
  const body = BODIES[kind] as fc.Arbitrary<object>;
  return fc.record({ id, body: body.map((fields) => ({ kind, ...fields }) as MessageBody) });
}

/** Bytes as hex, so that messages can be compared and written down. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}
