import { layoutOf } from '../../../src/spv/layout.ts';
import { Sighash } from '../../../src/spv/sighash.ts';
import { Prng } from '../corpus/prng.ts';
import { makeTx, type TestTx } from '../spv.ts';
import { CHANGES, type Change } from './changes.ts';
import { digestOf } from './oracle.ts';
import { cosign, der, envelope, KEYS, type KeyPair, p2pkh, push, sign } from './scripts.ts';

/** Generated spends for the comparison of the direct path with `Spend`: sound ones, and what changes make of them. */

export interface Parts {
  version: number;
  inputs: { txid: string; vout: number; script: Buffer; sequence: number }[];
  outputs: { satoshis: number; script: Buffer }[];
  lockTime: number;
}

/** A spend in the making. Changes act on it before or after it is signed. */
export interface Draft {
  readonly random: Prng;
  readonly parts: Parts;
  readonly vin: number;
  satoshis: number;
  lock: Buffer;
  /** Where the signed part of the lock starts. */
  codeAt: number;
  readonly owner: KeyPair;
  readonly cosigner: KeyPair | undefined;
  /** What the unlocking script is put together from, in this order. */
  ownerSigner: KeyPair;
  cosignerSigner: KeyPair;
  ownerKey: Buffer;
  ownerHashType: number;
  cosignerHashType: number;
  /** Sign as src/spv hashes, also where the hash type asks for another digest or for none. */
  bip143Only: boolean;
  /** Signatures with hash type, once signed. */
  ownerSignature: Buffer;
  cosignerSignature: Buffer;
}

export interface SpendCase {
  readonly label: string;
  readonly form: string;
  readonly changes: readonly string[];
  readonly tx: TestTx;
  readonly vin: number;
  readonly satoshis: number;
  readonly lock: Buffer;
}

/** Case `index` of a seed; always the same. */
export function spendCase(seed: string, index: number): SpendCase {
  const random = new Prng(`${seed}:${index}`);
  const form = random.pick(FORMS);
  const draft = newDraft(random, form);
  const changes = pickChanges(random, draft);
  for (const change of changes) change.beforeSigning?.(draft);
  signDraft(draft);
  for (const change of changes) change.afterSigning?.(draft);
  const input = draft.parts.inputs[draft.vin] as Parts['inputs'][number];
  input.script = unlockOf(draft);
  for (const change of changes) change.afterUnlocking?.(draft, input);
  return {
    label: `${seed}:${index}`,
    form,
    changes: changes.map((change) => change.name),
    tx: makeTx(draft.parts),
    vin: draft.vin,
    satoshis: draft.satoshis,
    lock: draft.lock,
  };
}

/** Two in seven stay as they are, one in seven gets two changes. */
function pickChanges(random: Prng, draft: Draft): Change[] {
  const fitting = CHANGES.filter((change) => draft.cosigner !== undefined || change.cosignOnly !== true);
  const count = random.pick([0, 0, 1, 1, 1, 1, 2]);
  return Array.from({ length: count }, () => random.pick(fitting));
}

export const FORMS = [
  'p2pkh',
  'p2pkh',
  'p2pkh uncompressed',
  'envelope p2pkh',
  'envelope p2pkh',
  'p2pkh envelope',
  'p2pkh data',
  'envelope p2pkh data',
  'envelope p2pkh envelope',
  'envelope separator p2pkh',
  'cosign',
  'envelope cosign',
  'envelope cosign',
  'envelope separator cosign',
  'cosign data',
  'separator p2pkh',
  'two envelopes p2pkh',
] as const;

function newDraft(random: Prng, form: string): Draft {
  const owner = random.pick(KEYS);
  const cosigner = form.includes('cosign') ? random.pick(KEYS) : undefined;
  const ownerKey = form.includes('uncompressed') ? owner.uncompressed : owner.compressed;
  const { lock, codeAt } = lockOf(random, form, ownerKey, cosigner);
  const parts = randomParts(random);
  return {
    random,
    parts,
    vin: random.below(parts.inputs.length),
    satoshis: random.pick([0, 1, 1, 1000, 21e14, random.u32()]),
    lock,
    codeAt,
    owner,
    cosigner,
    ownerSigner: owner,
    cosignerSigner: cosigner ?? owner,
    ownerKey: Buffer.from(ownerKey),
    ownerHashType: randomHashType(random),
    cosignerHashType: randomHashType(random),
    bip143Only: false,
    ownerSignature: Buffer.alloc(0),
    cosignerSignature: Buffer.alloc(0),
  };
}

function lockOf(
  random: Prng,
  form: string,
  key: Buffer,
  cosigner: KeyPair | undefined,
): { lock: Buffer; codeAt: number } {
  const core = cosigner ? cosign(key, cosigner.compressed) : p2pkh(key);
  let before: Buffer = Buffer.alloc(0);
  if (form.startsWith('envelope') || form.startsWith('two')) before = envelope(random);
  if (form.startsWith('two')) before = Buffer.concat([before, envelope(random)]);
  const separator = form.includes('separator');
  if (separator) before = Buffer.concat([before, Buffer.of(0xab)]);
  const after: Buffer[] = [];
  if (form.endsWith('p2pkh envelope')) after.push(envelope(random));
  if (form.endsWith('data')) after.push(Buffer.of(0x6a), random.bytes(random.below(60)));
  return { lock: Buffer.concat([before, core, ...after]), codeAt: separator ? before.length : 0 };
}

function randomParts(random: Prng): Parts {
  const sequence = () => random.pick([0xffff_ffff, 0xffff_ffff, 0xffff_fffe, 0, random.u32()]);
  return {
    version: random.pick([1, 1, 1, 2, 2, 2, 0, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]),
    inputs: Array.from({ length: 1 + random.below(4) }, () => ({
      txid: random.bytes(32).toString('hex'),
      vout: random.below(4),
      script: random.bytes(random.below(8)),
      sequence: sequence(),
    })),
    outputs: Array.from({ length: 1 + random.below(3) }, () => ({
      satoshis: random.pick([0, 1, random.u32(), 21e14]),
      script: random.bytes(random.pick([0, 25, 60, 300])),
    })),
    lockTime: random.pick([0, 0, 500_000, random.u32()]),
  };
}

/** FORKID with every base and ANYONECANPAY; ALL half of the time, as in life. */
function randomHashType(random: Prng): number {
  return random.pick([0x41, 0x41, 0x41, 0x41, 0x41, 0x42, 0x43, 0xc1, 0xc2, 0xc3]);
}

function signDraft(draft: Draft): void {
  draft.ownerSignature = signWith(draft, draft.ownerSigner, draft.ownerHashType);
  if (draft.cosigner) draft.cosignerSignature = signWith(draft, draft.cosignerSigner, draft.cosignerHashType);
}

function signWith(draft: Draft, key: KeyPair, hashType: number): Buffer {
  const { r, s } = sign(draft.bip143Only ? ourDigest(draft, hashType) : digestOf(draft, hashType), key);
  return Buffer.concat([der(r, s), Buffer.of(hashType)]);
}

function ourDigest(draft: Draft, hashType: number): Buffer {
  const digest = Buffer.alloc(32);
  const sighash = new Sighash(layoutOf(makeTx(draft.parts).raw));
  sighash.digest(draft.vin, draft.lock, draft.codeAt, draft.satoshis, hashType, digest);
  return digest;
}

function unlockOf(draft: Draft): Buffer {
  const parts = [push(draft.ownerSignature), push(draft.ownerKey)];
  if (draft.cosigner) parts.unshift(push(draft.cosignerSignature));
  return Buffer.concat(parts);
}
