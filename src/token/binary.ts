import { OP_0, OP_1, OP_2DROP, OP_16, OP_DROP, opEnd, pushEnd, uint32 } from './script.ts';

/**
 * A BRC-162 prefix (token-rules §11): `<id | OP_0> <amount | OP_0> OP_2DROP [<payload> OP_DROP] <lock>`.
 * Detected only, until the codec exists: such an output is no JSON token, and the token named shows incomplete.
 */
export interface BinaryPrefix {
  /** deploy: id is OP_0 (a real deploy only at output 0); authority: amount 0; value: the rest. */
  readonly role: 'deploy' | 'authority' | 'value';
  /** `<txid>_<vout>`; undefined on a deploy, whose id is its own outpoint. */
  readonly tokenId: string | undefined;
  readonly amt: bigint;
  /** Offset of the lock, after the payload if there is one. */
  readonly end: number;
}

const ID_BYTES = 32;
const LEGACY_ID_BYTES = 36;
/** 2^64-1 as script number: eight bytes and a zero for the sign. */
const MAX_AMOUNT_BYTES = 9;
const SIGN_BIT = 0x80;

/**
 * Whether the script begins with a valid BRC-162 prefix; one does win over a JSON envelope in the same script, at
 * whatever output it stands. The second op of a JSON envelope is OP_IF, so the usual token costs two comparisons.
 */
export function hasBinaryPrefix(script: Uint8Array): BinaryPrefix | undefined {
  const first = script[0];
  if (first !== OP_0 && first !== ID_BYTES && first !== LEGACY_ID_BYTES) return undefined;
  const amountAt = opEnd(script, 0);
  if (amountAt < 0 || amountAt >= script.length) return undefined;
  const dropAt = amountEnd(script, amountAt);
  if (dropAt < 0 || script[dropAt] !== OP_2DROP) return undefined;
  const amt = amountOf(script, amountAt, dropAt);
  if (amt === undefined) return undefined;
  const end = payloadEnd(script, dropAt + 1);
  if (first === OP_0) return { role: 'deploy', tokenId: undefined, amt, end };
  const vout = first === LEGACY_ID_BYTES ? uint32(script, 1 + ID_BYTES) : 0;
  if (first === LEGACY_ID_BYTES && vout === 0) return undefined; // one token, one wire form
  return { role: amt === 0n ? 'authority' : 'value', tokenId: `${displayTxid(script)}_${vout}`, amt, end };
}

/** Only the forms an amount may take: OP_0, OP_1-OP_16, a direct push of 1-9 bytes. */
function amountEnd(script: Uint8Array, pos: number): number {
  const op = script[pos]!;
  return op <= MAX_AMOUNT_BYTES || (op >= OP_1 && op <= OP_16) ? opEnd(script, pos) : -1;
}

/** Minimal script number, not negative, at most 2^64-1. */
function amountOf(script: Uint8Array, pos: number, end: number): bigint | undefined {
  const op = script[pos]!;
  if (op === OP_0) return 0n;
  if (op >= OP_1) return BigInt(op - OP_1 + 1);
  const last = script[end - 1]!;
  if ((last & SIGN_BIT) !== 0) return undefined;
  if (last === 0 && (op === 1 || (script[end - 2]! & SIGN_BIT) === 0)) return undefined;
  if (op === MAX_AMOUNT_BYTES && last !== 0) return undefined;
  let amt = 0n;
  for (let i = end - 1; i > pos; i -= 1) amt = (amt << 8n) | BigInt(script[i]!);
  return amt > 16n ? amt : undefined; // smaller ones have an opcode of their own
}

function payloadEnd(script: Uint8Array, pos: number): number {
  const end = pushEnd(script, pos);
  return end >= 0 && script[end] === OP_DROP ? end + 1 : pos;
}

function displayTxid(script: Uint8Array): string {
  return Buffer.from(script.subarray(1, 1 + ID_BYTES))
    .reverse()
    .toString('hex');
}
