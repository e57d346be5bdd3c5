import { checkShape } from '../shape.ts';
import * as c from './constants.ts';
import { TokenSyncError } from './errors.ts';
import * as wire from './messages.pb.ts';
import type { ChunkBlock, FetchRequestBody, MessageBody, SyncMessage, Tip, TokenFacts } from './messages.ts';
import { countRuns } from './runs.ts';
import { FIRST_KIND_FIELD, KINDS, type Kind, MESSAGE } from './shapes.ts';

const NO_BYTES = new Uint8Array(0);
const WITHOUT_ID: ReadonlySet<string> = new Set(['hello', 'welcome', 'update']);

/**
 * One message from one frame, its length prefix already off. Counts and lengths are checked before anything is allocated
 * for them. Byte fields are views of the frame.
 * @throws TokenSyncError FRAME_*, MESSAGE_AMBIGUOUS, VERSION_UNSUPPORTED, FIELD_INVALID, TOO_MANY
 */
export function decodeMessage(frame: Uint8Array): SyncMessage {
  if (frame.length === 0) throw new TokenSyncError('FRAME_EMPTY', 'an empty frame is no message');
  if (frame.length > c.MAX_FRAME_BYTES) {
    throw new TokenSyncError('FRAME_TOO_LARGE', `frame has ${frame.length} bytes`, { bytes: frame.length });
  }
  const fields = checkShape(frame, MESSAGE, TokenSyncError);
  const kinds = KINDS.filter((_, i) => fields.has(FIRST_KIND_FIELD + i));
  if (kinds.length > 1) throw new TokenSyncError('MESSAGE_AMBIGUOUS', 'one message has several kinds');
  const message = wire.Message.decode(frame);
  const { version = c.MESSAGE_VERSION, id = 0 } = message;
  if (version > c.MESSAGE_VERSION) {
    throw new TokenSyncError('VERSION_UNSUPPORTED', `message wants version ${version}`, { version });
  }
  const [kind] = kinds;
  if (kind === undefined) return { id, body: { kind: 'unknown' } };
  if ((id === 0) !== WITHOUT_ID.has(kind)) throw invalid('id', `${kind} with id ${id}`);
  const read = READ[kind] as (value: unknown) => MessageBody;
  return { id, body: read(message[kind]) };
}

type Wire<K extends Kind> = NonNullable<wire.Message[K]>;

const READ: { readonly [K in Kind]: (m: Wire<K>) => MessageBody } = {
  hello: (m) => ({
    kind: 'hello',
    version: atLeast1('version', m.version),
    network: must('network', m.network),
    rules: must('rules', m.rules),
    salt: must('salt', m.salt),
    digests: m.digests ?? NO_BYTES,
  }),
  welcome: (m) => ({
    kind: 'welcome',
    version: atLeast1('version', m.version),
    tip: tipOf(m.tip),
    tokens: m.tokens.map(factsOf),
  }),
  update: (m) => ({
    kind: 'update',
    tip: tipOf(m.tip),
    tokens: m.tokens.map(factsOf),
    gone: readU32s(m.gone),
  }),
  anchorsRequest: (m) => ({
    kind: 'anchorsRequest',
    token: must('token', m.token),
    heights: ascending('heights', readU32s(must('heights', m.heights))),
  }),
  anchors: (m) => {
    const entries = readU32s(m.entries);
    const tacs = m.tacs ?? NO_BYTES;
    if (tacs.length !== entries.length * c.HASH_BYTES) throw invalid('tacs', 'as many tacs as entries');
    return { kind: 'anchors', tip: tipOf(m.tip), tacs, entries };
  },
  rangeRequest: (m) => {
    const fromHeight = must('from_height', m.fromHeight);
    const toHeight = must('to_height', m.toHeight);
    if (fromHeight > toHeight) throw invalid('to_height', 'the range ends before it begins');
    if (m.only !== undefined) {
      if (fromHeight !== toHeight) throw invalid('only', 'places are of one block');
      countRuns(m.only, c.MAX_BLOCK_ENTRIES);
    }
    const bodies = m.bodies === true;
    const token = must('token', m.token);
    return {
      kind: 'rangeRequest',
      token,
      fromHeight,
      toHeight,
      bodies,
      credit: creditOf(m.credit),
      only: m.only,
    };
  },
  head: (m) => ({ kind: 'head', tip: tipOf(m.tip), entries: m.entries ?? 0 }),
  listing: (m) => ({
    kind: 'listing',
    blocks: m.blocks.map((b) => ({
      height: must('height', b.height),
      hash: must('hash', b.hash),
      runs: must('runs', b.runs),
    })),
  }),
  chunk: (m) => {
    const blocks = m.blocks.map(blockOf);
    const proven = m.proven.map(blockOf);
    let txs = m.loose.length + m.context.length;
    for (const block of blocks) txs += block.txs.length;
    for (const block of proven) txs += block.txs.length;
    if (txs > c.MAX_CHUNK_TXS)
      throw new TokenSyncError('TOO_MANY', `a chunk of ${txs} transactions`, { txs });
    return { kind: 'chunk', blocks, loose: m.loose, context: m.context, proven };
  },
  piece: (m) => {
    const total = must('total', m.total);
    if (total <= c.MAX_INLINE_TX_BYTES || total > c.MAX_TX_BYTES)
      throw invalid('total', `pieces of a transaction of ${total} bytes`);
    return { kind: 'piece', total, bytes: must('bytes', m.bytes) };
  },
  credit: (m) => {
    const stop = m.stop === true;
    const frames = m.frames ?? 0;
    if (frames > c.MAX_CREDIT || (frames === 0 && !stop))
      throw invalid('frames', `a credit of ${frames} frames`);
    return { kind: 'credit', frames, stop };
  },
  unminedRequest: (m) => {
    const { salt, buckets } = m;
    if ((salt === undefined) !== (buckets === undefined))
      throw invalid('buckets', 'salt and buckets go together');
    if (buckets !== undefined) ascending('buckets', [...buckets]);
    const ask = salt === undefined || buckets === undefined ? undefined : { salt, buckets };
    return { kind: 'unminedRequest', token: must('token', m.token), ask };
  },
  unmined: (m) => {
    if ((m.sums === undefined) === (m.shortIds === undefined))
      throw invalid('sums', 'either sums or short ids');
    return { kind: 'unmined', sums: m.sums, shortIds: m.shortIds };
  },
  fetchRequest: (m) => ({
    kind: 'fetchRequest',
    token: must('token', m.token),
    ids: idsOf(m),
    credit: creditOf(m.credit),
  }),
  done: (m) => ({
    kind: 'done',
    entries: m.entries ?? 0,
    missing: ascending('missing', readU32s(m.missing)),
  }),
  failure: (m) => ({
    kind: 'failure',
    code: failureOf(must('code', m.code)),
    retryAfterMs: m.retryAfterMs,
  }),
};

function must<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw invalid(field, 'it is missing');
  return value;
}

function atLeast1(field: string, value: number | undefined): number {
  if (must(field, value) === 0) throw invalid(field, 'it begins at 1');
  return value as number;
}

function tipOf(tip: wire.Tip | undefined): Tip {
  const { height, hash } = must('tip', tip);
  return { height: must('height', height), hash: must('hash', hash) };
}

function factsOf(m: wire.TokenFacts): TokenFacts {
  const { firstHeight, tac, entries = 0, unmined = 0, unminedDigest } = m;
  if (firstHeight === undefined && entries > 0)
    throw invalid('first_height', 'mined transactions without it');
  return { token: must('token', m.token), firstHeight, tac, entries, unmined, unminedDigest };
}

function blockOf(m: wire.Block): ChunkBlock {
  const runs = must('runs', m.runs);
  const { txs } = m;
  if (countRuns(runs, c.MAX_CHUNK_TXS) !== txs.length)
    throw invalid('runs', 'as many places as transactions');
  return {
    height: must('height', m.height),
    hash: must('hash', m.hash),
    runs,
    bump: must('bump', m.bump),
    txs,
  };
}

function idsOf(m: wire.FetchRequest): FetchRequestBody['ids'] {
  const { txids, salt, shortIds } = m;
  if (txids !== undefined && salt === undefined && shortIds === undefined) return { by: 'txid', txids };
  if (txids === undefined && salt !== undefined && shortIds !== undefined)
    return { by: 'shortId', salt, shortIds };
  throw invalid('txids', 'either txids, or short ids with their salt');
}

function creditOf(credit: number | undefined): number {
  if (credit === undefined || credit < 1 || credit > c.MAX_CREDIT)
    throw invalid('credit', 'frames it may send');
  return credit;
}

function failureOf(code: number): c.FailureCode {
  for (const [name, value] of Object.entries(c.FAILURE_CODES))
    if (value === code) return name as c.FailureCode;
  return 'UNAVAILABLE';
}

function ascending(field: string, numbers: readonly number[]): readonly number[] {
  for (let i = 1; i < numbers.length; i++) {
    if ((numbers[i - 1] as number) >= (numbers[i] as number)) throw invalid(field, 'they do not ascend');
  }
  return numbers;
}

function readU32s(bytes: Uint8Array = NO_BYTES): number[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers: number[] = [];
  for (let at = 0; at < view.length; at += 4) numbers.push(view.readUInt32BE(at));
  return numbers;
}

function invalid(field: string, why: string): TokenSyncError {
  return new TokenSyncError('FIELD_INVALID', `${field}: ${why}`, { field });
}

/** Bytes of a message, without length prefix. Says nothing about its limits: `decodeMessage` judges. */
export function encodeMessage({ id, body }: SyncMessage): Uint8Array {
  if (body.kind === 'unknown') return wire.Message.encode(id === 0 ? {} : { id });
  const write = WRITE[body.kind] as (body: MessageBody) => object;
  const message = { ...(id === 0 ? {} : { id }), [body.kind]: write(body) };
  // The generated types forbid read-only parts and views of shared memory; encoding only reads.
  return wire.Message.encode(message as wire.Message);
}

type BodyOf<K extends Kind> = Extract<MessageBody, { kind: K }>;

const WRITE: { readonly [K in Kind]: (body: BodyOf<K>) => { readonly [F in keyof Wire<K>]?: unknown } } = {
  hello: (b) => without(b),
  welcome: (b) => ({ version: b.version, tip: b.tip, tokens: b.tokens.map(present) }),
  update: (b) => ({ tip: b.tip, tokens: b.tokens.map(present), ...u32s('gone', b.gone) }),
  anchorsRequest: (b) => ({ token: b.token, ...u32s('heights', b.heights) }),
  anchors: (b) => ({
    tip: b.tip,
    ...(b.tacs.length === 0 ? {} : { tacs: b.tacs }),
    ...u32s('entries', b.entries),
  }),
  rangeRequest: (b) => present(without(b)),
  head: (b) => without(b),
  listing: (b) => without(b),
  chunk: (b) => without(b),
  piece: (b) => without(b),
  credit: (b) => without(b),
  unminedRequest: ({ token, ask }) => ({ token, ...ask }),
  unmined: (b) => present(without(b)),
  fetchRequest: ({ token, ids, credit }) =>
    ids.by === 'txid'
      ? { token, txids: ids.txids, credit }
      : { token, salt: ids.salt, shortIds: ids.shortIds, credit },
  done: (b) => ({ entries: b.entries, ...u32s('missing', b.missing) }),
  failure: ({ code, retryAfterMs }) => present({ code: c.FAILURE_CODES[code], retryAfterMs }),
};

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Optional fields are left out, not undefined. */
function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Present<T>;
}

function without<T extends { readonly kind: string }>({ kind: _, ...rest }: T): Omit<T, 'kind'> {
  return rest;
}

function u32s<F extends string>(field: F, numbers: readonly number[]): Partial<Record<F, Uint8Array>> {
  if (numbers.length === 0) return {};
  const bytes = Buffer.alloc(4 * numbers.length);
  numbers.forEach((n, i) => {
    bytes.writeUInt32BE(n, 4 * i);
  });
  return { [field]: bytes } as unknown as Record<F, Uint8Array>;
}
