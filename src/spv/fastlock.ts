import { isKeyForm, MAX_SIGNATURE_BYTES, MIN_SIGNATURE_BYTES } from './signature.ts';

const OP_0 = 0x00;
const OP_PUSHDATA1 = 0x4c;
const OP_PUSHDATA2 = 0x4d;
const OP_PUSHDATA4 = 0x4e;
const OP_RESERVED = 0x50;
const OP_16 = 0x60;
const OP_IF = 0x63;
const OP_ENDIF = 0x68;
const OP_RETURN = 0x6a;
const OP_DUP = 0x76;
const OP_EQUALVERIFY = 0x88;
const OP_HASH160 = 0xa9;
const OP_CODESEPARATOR = 0xab;
const OP_CHECKSIG = 0xac;
const OP_CHECKSIGVERIFY = 0xad;

/** A locking script whose meaning we know without interpreting it. */
export interface FastLock {
  /** Place of the 20 bytes HASH160 of the owner's key. */
  readonly ownerHashAt: number;
  /** Place of the 33 bytes key that must sign as well, or -1. */
  readonly cosignerKeyAt: number;
  /** Where the signed part of the script starts: 0, or behind an OP_CODESEPARATOR. */
  readonly codeAt: number;
}

/** An unlocking script of exactly the pushes that a FastLock wants; all places are into the script. */
export interface FastUnlock {
  /** Signature of the cosigner, or an empty range. */
  readonly cosignerStart: number;
  readonly cosignerEnd: number;
  readonly ownerStart: number;
  readonly ownerEnd: number;
  readonly keyStart: number;
  readonly keyEnd: number;
}

/**
 * The lock that `script` is, or undefined: then only the interpreter knows.
 *
 *   [ envelope [ OP_CODESEPARATOR ] ] lock [ envelope ] [ OP_RETURN anything ]
 *   lock      76 a9 14 <20 bytes> 88 ac                    P2PKH
 *          or 76 a9 14 <20 bytes> 88 ad 21 <33 bytes> ac   the same with a cosigner, as MNEE has it
 *   envelope  00 63 pushes 68                              never runs: an inscription, whatever it says
 *
 * Nothing but pushes may stand in the envelope: an OP_ELSE would make its rest run.
 */
export function matchFastLock(script: Uint8Array): FastLock | undefined {
  let at = 0;
  let codeAt = 0;
  if (script[0] === OP_0) {
    at = skipEnvelope(script, 0);
    if (at < 0) return undefined;
    if (script[at] === OP_CODESEPARATOR) {
      at++;
      codeAt = at;
    }
  }
  if (!isOwnerPart(script, at)) return undefined;
  const ownerHashAt = at + 3;
  at += 24;
  let cosignerKeyAt = -1;
  if (script[at] === OP_CHECKSIGVERIFY) {
    cosignerKeyAt = at + 2;
    if (script[at + 1] !== 33 || !isKeyForm(script[cosignerKeyAt], 33)) return undefined;
    at += 35;
  }
  if (script[at] !== OP_CHECKSIG || !endsHarmless(script, at + 1)) return undefined;
  return { ownerHashAt, cosignerKeyAt, codeAt };
}

/** 76 a9 14 <20 bytes> 88 at `at`. */
function isOwnerPart(script: Uint8Array, at: number): boolean {
  return (
    script[at] === OP_DUP &&
    script[at + 1] === OP_HASH160 &&
    script[at + 2] === 20 &&
    script[at + 23] === OP_EQUALVERIFY
  );
}

/** True if what starts at `at` can change nothing any more: an envelope, data behind OP_RETURN, the end. */
function endsHarmless(script: Uint8Array, at: number): boolean {
  if (at === script.length) return true;
  const next = script[at] === OP_0 ? skipEnvelope(script, at) : at;
  return next === script.length || (next >= 0 && script[next] === OP_RETURN);
}

/** The place behind the OP_0 OP_IF pushes OP_ENDIF at `at`, or -1 if it is not one. */
function skipEnvelope(script: Uint8Array, start: number): number {
  if (script[start + 1] !== OP_IF) return -1;
  let at = start + 2;
  while (at < script.length) {
    const op = script[at] as number;
    if (op === OP_ENDIF) return at + 1;
    if (op > OP_16 || op === OP_RESERVED) return -1;
    at = skipPush(script, at, op);
  }
  return -1;
}

/** The place behind the push at `at`; beyond the end of the script (or NaN) where the script ends inside it. */
function skipPush(script: Uint8Array, at: number, op: number): number {
  if (op < OP_PUSHDATA1) return at + 1 + op;
  const b = (i: number): number => script[at + i] as number;
  if (op === OP_PUSHDATA1) return at + 2 + b(1);
  if (op === OP_PUSHDATA2) return at + 3 + b(1) + b(2) * 0x100;
  if (op === OP_PUSHDATA4) return at + 5 + b(1) + b(2) * 0x100 + b(3) * 0x1_0000 + b(4) * 0x100_0000;
  return at + 1;
}

/**
 * The parts of an unlocking script for a FastLock, or undefined if it is anything but
 * `<signature> <key>`, or with a cosigner `<cosigner's signature> <owner's signature> <owner's key>`
 * (OP_CHECKSIGVERIFY takes the owner's from the top of the stack, OP_CHECKSIG finds the cosigner's below).
 * Signatures of 9 to 73 bytes, keys in a form nodes take, each pushed by the shortest opcode.
 */
export function matchFastUnlock(
  raw: Uint8Array,
  start: number,
  end: number,
  withCosigner: boolean,
): FastUnlock | undefined {
  const cosignerStart = withCosigner ? start + 1 : start;
  const cosignerEnd = withCosigner ? start + 1 + (raw[start] as number) : start;
  const ownerStart = cosignerEnd + 1;
  const ownerEnd = ownerStart + (raw[cosignerEnd] as number);
  const keyStart = ownerEnd + 1;
  if (keyStart >= end) return undefined;
  const keyBytes = raw[ownerEnd] as number;
  if (keyStart + keyBytes !== end || !isKeyForm(raw[keyStart], keyBytes)) return undefined;
  if (!isSignatureLength(ownerEnd - ownerStart)) return undefined;
  if (withCosigner && !isSignatureLength(cosignerEnd - cosignerStart)) return undefined;
  return { cosignerStart, cosignerEnd, ownerStart, ownerEnd, keyStart, keyEnd: end };
}

/** 9 to 73 bytes: also exactly the lengths that one opcode of the same number pushes. */
function isSignatureLength(length: number): boolean {
  return length >= MIN_SIGNATURE_BYTES && length <= MAX_SIGNATURE_BYTES;
}
