import { hash } from 'node:crypto';
import { type FastLock, matchFastLock, matchFastUnlock } from './fastlock.ts';
import type { TxLayout } from './layout.ts';
import {
  SIGHASH_ALL,
  SIGHASH_BASE_MASK,
  SIGHASH_CHRONICLE,
  SIGHASH_FORKID,
  SIGHASH_SINGLE,
  type Sighash,
} from './sighash.ts';
import { decodeSignature, isHighS, verifySignature } from './signature.ts';

/** Script result of one input: true, a reason against it, or undefined: only the interpreter knows. */
export type Verdict = true | string | undefined;

/** Versions above 1 are free of the rules against malleability (Chronicle); the network reads versions signed. */
export function isRelaxed(layout: TxLayout): boolean {
  return layout.version > 1;
}

const digest = Buffer.alloc(32);
const compact = Buffer.alloc(64);
const keyDigest = Buffer.alloc(32);
/** No hash type: the signature before had none that counts. */
const NO_DIGEST = -1;

/**
 * Checks input `vin` without an interpreter, where lock and unlocking script have one of the forms of fastlock.ts.
 *
 * satoshis and lock: of the output it spends. The verdict is that of the interpreter with the network's flags
 * (spend.ts); test/property/verify-differential.test.ts holds the two against each other.
 */
export function verifyDirect(sighash: Sighash, vin: number, satoshis: number, lock: Uint8Array): Verdict {
  const form = matchFastLock(lock);
  if (!form) return undefined;
  const { raw, unlockAt, sequenceAt } = sighash.layout;
  const withCosigner = form.cosignerKeyAt >= 0;
  const unlock = matchFastUnlock(raw, unlockAt[vin] as number, sequenceAt[vin] as number, withCosigner);
  if (!unlock) return undefined;
  const check = new SignatureCheck(sighash, vin, satoshis, lock, form);
  const key = view(raw, unlock.keyStart, unlock.keyEnd);
  if (!hashesTo(key, lock, form.ownerHashAt)) return 'the public key is not the one the lock names';
  const owner = check.run(unlock.ownerStart, unlock.ownerEnd, key);
  if (owner !== true || !withCosigner) return owner;
  const cosignerKey = view(lock, form.cosignerKeyAt, form.cosignerKeyAt + 33);
  const cosigner = check.run(unlock.cosignerStart, unlock.cosignerEnd, cosignerKey);
  return typeof cosigner === 'string' ? `cosigner: ${cosigner}` : cosigner;
}

/** The signatures of one input; a second one with the same hash type signs the same digest. */
class SignatureCheck {
  private readonly sighash: Sighash;
  private readonly vin: number;
  private readonly satoshis: number;
  private readonly lock: Uint8Array;
  private readonly form: FastLock;
  private digestType = NO_DIGEST;

  constructor(sighash: Sighash, vin: number, satoshis: number, lock: Uint8Array, form: FastLock) {
    this.sighash = sighash;
    this.vin = vin;
    this.satoshis = satoshis;
    this.lock = lock;
    this.form = form;
  }

  /** Checks the signature at raw[start, end), hash type included, against the key. */
  run(start: number, end: number, key: Uint8Array): Verdict {
    const { layout } = this.sighash;
    if (!decodeSignature(layout.raw, start, end, compact))
      return 'the signature is not strict DER of 32-byte numbers';
    const hashType = layout.raw[end - 1] as number;
    // Original digest (Chronicle): rare, so the interpreter does it.
    if ((hashType & SIGHASH_CHRONICLE) !== 0) return undefined;
    const fault = hashTypeFault(hashType);
    if (fault !== undefined) return fault;
    if (isHighS(compact) && !isRelaxed(layout)) return 'the signature has a high S, which version 1 forbids';
    if (hashType !== this.digestType) {
      this.sighash.digest(this.vin, this.lock, this.form.codeAt, this.satoshis, hashType, digest);
      this.digestType = hashType;
    }
    return verifySignature(compact, digest, key) || 'the signature does not fit key and transaction';
  }
}

function hashTypeFault(hashType: number): string | undefined {
  const base = hashType & SIGHASH_BASE_MASK;
  if (base < SIGHASH_ALL || base > SIGHASH_SINGLE)
    return `hash type 0x${hashType.toString(16)} is not defined`;
  if ((hashType & SIGHASH_FORKID) === 0) return `hash type 0x${hashType.toString(16)} lacks FORKID (0x40)`;
  return undefined;
}

/** True if the HASH160 of `key` stands in `lock` at `at`. */
function hashesTo(key: Uint8Array, lock: Uint8Array, at: number): boolean {
  // Digests as binary strings: a third of the cost of Buffers (see sha256dInto).
  keyDigest.write(hash('sha256', key, 'binary'), 0, 'latin1');
  const hash160 = hash('ripemd160', keyDigest, 'binary');
  for (let i = 0; i < 20; i++) if (hash160.charCodeAt(i) !== lock[at + i]) return false;
  return true;
}

function view(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}
