import { z } from 'zod';
import type { EventType, TxStatus } from '../store/view.ts';
import type { LockType, TokenOp } from '../token/types.ts';
import { MAX_CURSOR_CHARS, MAX_PAGE } from './limits.ts';

/** Schemas that several methods share. Checks carry their own text: it is what the caller reads. */

const TOKEN_ID = /^[0-9a-fA-F]{64}[_.:](0|[1-9]\d{0,9})$/;
const TXID_CHARS = 64;
const MAX_VOUT = 0xffff_ffff;

export const tokenId = z
  .string()
  .regex(TOKEN_ID, 'must be a token id: <64 hex digits>_<output index>')
  .refine(
    (text) => !(Number(text.slice(TXID_CHARS + 1)) > MAX_VOUT),
    `its output index must be at most ${MAX_VOUT}`,
  )
  .describe('token id <txid>_<vout>; a dot or colon is taken for the underscore');
export const hash = z.string().regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hex digits');
export const txid = hash.describe('transaction id, display order');
export const address = z
  .string()
  .min(1, 'must not be empty')
  .max(128, 'must be an address or a 64-hex script hash')
  .describe('address of this network, or the script hash of a lock without address');
export const amount = z.string().regex(/^\d+$/).describe('base units, decimal');
export const signedAmount = z
  .string()
  .regex(/^-?\d+$/)
  .describe('base units, decimal');
export const sequence = z
  .string()
  .regex(/^\d{1,20}$/, 'must be a decimal number')
  .describe('event sequence');
export const afterSequence = z.union([sequence, z.number().int().min(0)], 'must be a sequence number');
export const height = z.number().int().min(0).max(0xffff_ffff);
export const count = z.number().int().min(0);
export const isoTime = z.string().describe('ISO 8601, UTC');
export const limit = z.number().int().min(1).max(MAX_PAGE).optional().describe('items of the page');
export const cursor = z.string().min(1).max(MAX_CURSOR_CHARS).optional();
export const when = z
  .union([z.number().min(0), z.string().min(1).max(40)], 'must be an ISO date or Unix seconds')
  .optional()
  .describe('ISO date or time, or Unix seconds; a bare date means its whole day, UTC');

const LOCKS = ['p2pkh', 'cosign', 'ordlock', 'pow20', 'ltm', 'other'] as const satisfies LockType[];
const OPS = ['deploy+mint', 'deploy+auth', 'mint', 'auth', 'transfer', 'burn'] as const satisfies TokenOp[];
const EVENTS = [
  'created',
  'createdMined',
  'createdUnmined',
  'removed',
  'spent',
  'spentMined',
  'spentUnmined',
  'unspent',
] as const satisfies EventType[];
const TX_STATES = ['active', 'conflicted', 'waiting', 'dead'] as const satisfies TxStatus[];

export const lock = z.enum(LOCKS);
export const op = z.enum(OPS);
const eventType = z.enum(EVENTS);
export const txStatus = z.enum(TX_STATES);
export const verdict = z.enum(['valid', 'invalid', 'pending']);

/** Block position; both absent while unmined. */
export const position = { height: height.optional(), index: count.optional() };

export const nextCursor = z
  .string()
  .optional()
  .describe('for the next page, also where this one has fewer items than asked for; absent at the end');

/** empty: nothing of it has arrived; waiting: its deploy has not; indexed: figures are real. */
export const tokenState = z.enum(['empty', 'waiting', 'indexed']);

export const tokenHead = {
  token: z.string(),
  symbol: z.string().optional(),
  decimals: count.optional(),
  state: tokenState,
};

/** Why figures may still change, in words; absent where there is nothing to say. */
export const tokenWarnings = {
  warning_incomplete: z.string().optional(),
  warning_syncing: z.string().optional(),
  warning_disputed: z.string().optional(),
  warning_undecided: z.string().optional(),
  warning_deploy: z.string().optional(),
  warning_binary: z.string().optional(),
};

/** How far a followed token is with the histories of peers. */
export const sync = z.object({
  state: z
    .enum(['synced', 'behind', 'alone', 'disputed'])
    .describe(
      'synced: peers have the same history; behind: a peer has more, which is being fetched; alone: no peer confirms it; disputed: a peer has what our rules refuse, or stays different',
    ),
  since: isoTime,
  agree: z
    .array(z.string())
    .describe('peers whose commitment at the tip is ours, or was until less than a minute ago'),
  disagree: z.array(
    z.object({
      peer: z.string(),
      height: z.number().optional().describe('first block in which the histories differ'),
      why: z.string(),
      since: isoTime,
    }),
  ),
  unknown: count.describe('peers that follow it and cannot be compared with at our tip now'),
  progress: z
    .object({ done: count, total: count, perSecond: z.number(), secondsLeft: z.number().optional() })
    .optional(),
  commitment: z
    .object({ height: count, tac: z.string(), entries: count, unmined: count })
    .optional()
    .describe('BRC-136 commitment at the tip of the index'),
});

/** What damage took and is not back. */
export const lost = z.object({
  count,
  txids: z.array(z.string()).describe('the first of them, as far as their names are known'),
  uncertain: z.boolean().describe('true if there may be more'),
});

export const supply = z.object({ issued: amount, burned: amount, lost: amount, circulating: amount });

export const scalar = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);

export const outcome = z.object({
  status: z.enum(['admitted', 'known', 'pending', 'conflict', 'rejected']),
  txid: z.string().optional(),
  tokens: z.array(z.string()).optional(),
  waitingFor: z.enum(['parents', 'header', 'history']).optional(),
  missing: z.array(z.string()).optional(),
  missingCount: count.optional(),
  height: height.optional(),
  conflictsWith: z.array(z.string()).optional(),
  code: z.string().optional(),
  data: z.record(z.string(), scalar).optional(),
});

export const tokenEvent = z.object({
  sequence,
  type: eventType,
  token: z.string(),
  outpoint: z.string(),
  op,
  amount,
  lock,
  address: z.string(),
  txid: z.string(),
  ...position,
});
