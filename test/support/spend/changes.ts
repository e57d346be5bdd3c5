import type { Draft, Parts } from './cases.ts';
import {
  CURVE_ORDER,
  cosign,
  der,
  derInteger,
  derOf,
  hash160,
  KEYS,
  p2pkh,
  push,
  pushWith,
} from './scripts.ts';

/** What can be done to a sound spend. Most make it invalid, some leave it valid, some only for version 2. */
export interface Change {
  readonly name: string;
  readonly cosignOnly?: boolean;
  readonly beforeSigning?: (draft: Draft) => void;
  readonly afterSigning?: (draft: Draft) => void;
  readonly afterUnlocking?: (draft: Draft, input: Parts['inputs'][number]) => void;
}

type Edit = (draft: Draft) => void;
type EditScript = (script: Buffer, draft: Draft) => Buffer;
const before = (name: string, beforeSigning: Edit): Change => ({ name, beforeSigning });
const after = (name: string, afterSigning: Edit): Change => ({ name, afterSigning });
const unlock = (name: string, edit: EditScript): Change => ({
  name,
  afterUnlocking: (draft, input) => {
    input.script = edit(input.script, draft);
  },
});

/** Replaces the owner's or, half of the time where there is one, the cosigner's signature. */
function signature(name: string, edit: (der: Buffer, draft: Draft) => Uint8Array): Change {
  return after(name, (draft) => {
    const which = draft.cosigner && draft.random.chance(0.5) ? 'cosignerSignature' : 'ownerSignature';
    const old = draft[which];
    if (old.length > 0) draft[which] = Buffer.concat([edit(old.subarray(0, -1), draft), old.subarray(-1)]);
  });
}

function numbersOf(bytes: Buffer): { r: Buffer; s: Buffer } {
  const rBytes = bytes[3] ?? 0;
  return { r: bytes.subarray(4, 4 + rBytes), s: bytes.subarray(6 + rBytes) };
}

function toBigInt(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`);
}

function withR(r: bigint) {
  return (bytes: Buffer) => derOf(derInteger(r), numbersOf(bytes).s);
}

function withS(s: (old: bigint) => bigint) {
  return (bytes: Buffer) => derOf(numbersOf(bytes).r, derInteger(s(toBigInt(numbersOf(bytes).s))));
}

function flipBit(bytes: Buffer, draft: Draft): Buffer {
  const out = Buffer.from(bytes);
  if (out.length === 0) return out;
  const at = draft.random.below(out.length);
  out[at] = (out[at] as number) ^ (1 << draft.random.below(8));
  return out;
}

const zero = Buffer.of(0);

/** Half of all R begin with a zero byte, since they would be negative without. */
function unpadded(number: Buffer): Buffer {
  return number[0] === 0 ? number.subarray(1) : number;
}

const SIGNATURES: Change[] = [
  signature(
    'high S',
    withS((s) => CURVE_ORDER - s),
  ),
  signature(
    'high S',
    withS((s) => CURVE_ORDER - s),
  ),
  signature(
    'high S',
    withS((s) => CURVE_ORDER - s),
  ),
  signature('S of another', (bytes, { random }) => withS(() => toBigInt(random.bytes(31)))(bytes)),
  signature(
    'S zero',
    withS(() => 0n),
  ),
  signature(
    'S half order',
    withS(() => CURVE_ORDER / 2n),
  ),
  signature(
    'S above half order',
    withS(() => CURVE_ORDER / 2n + 1n),
  ),
  signature(
    'S the order',
    withS(() => CURVE_ORDER),
  ),
  signature(
    'S plus the order',
    withS((s) => s + CURVE_ORDER),
  ),
  signature('R zero', withR(0n)),
  signature('R the order', withR(CURVE_ORDER)),
  signature('R of 34 bytes', withR(1n << 266n)),
  signature('tiny signature', () => der(1n, 1n)),
  signature('bit flipped in DER', flipBit),
  signature('R padded', (bytes) => derOf(Buffer.concat([zero, numbersOf(bytes).r]), numbersOf(bytes).s)),
  signature('S padded', (bytes) => derOf(numbersOf(bytes).r, Buffer.concat([zero, numbersOf(bytes).s]))),
  signature('R without its padding', (bytes) => derOf(unpadded(numbersOf(bytes).r), numbersOf(bytes).s)),
  signature('R without its padding', (bytes) => derOf(unpadded(numbersOf(bytes).r), numbersOf(bytes).s)),
  signature('R negative', (bytes) =>
    derOf(Buffer.of(0x80, ...numbersOf(bytes).r.subarray(1)), numbersOf(bytes).s),
  ),
  signature('S empty', (bytes) => derOf(numbersOf(bytes).r, Buffer.alloc(0))),
  signature('sequence length long form', (b) =>
    Buffer.concat([Buffer.of(0x30, 0x81, b.length - 2), b.subarray(2)]),
  ),
  signature('byte behind DER', (bytes) => Buffer.concat([bytes, zero])),
  signature('sequence length wrong', (b) => Buffer.concat([Buffer.of(0x30, b.length - 1), b.subarray(2)])),
  signature('sequence tag wrong', (bytes) => Buffer.concat([Buffer.of(0x31), bytes.subarray(1)])),
  signature('cut', (bytes, { random }) => bytes.subarray(0, random.below(bytes.length))),
  signature('random DER', ({ length }, { random }) => random.bytes(length)),
  after('signature empty', (draft) => {
    draft.ownerSignature = Buffer.alloc(0);
  }),
  after('hash type exchanged', (draft) => {
    const type = draft.ownerSignature.length - 1;
    if (type >= 0) draft.ownerSignature[type] = draft.random.below(256);
  }),
];

const HASH_TYPES: Change[] = [
  before('any hash type', (draft) => {
    draft.ownerHashType = draft.random.below(256);
  }),
  before('any hash type', (draft) => {
    draft.ownerHashType = draft.random.below(256);
    draft.cosignerHashType = draft.random.below(256);
  }),
  before('without FORKID', (draft) => {
    draft.ownerHashType &= ~0x40;
  }),
  before('original digest', (draft) => {
    draft.ownerHashType |= 0x20;
  }),
  before('single without output', (draft) => {
    draft.ownerHashType = draft.random.pick([0x43, 0xc3]);
    draft.parts.outputs.length = Math.min(draft.parts.outputs.length, Math.max(1, draft.vin));
  }),
  before('BIP-143 digest under any hash type', (draft) => {
    draft.ownerHashType = draft.random.pick([
      0x01, 0x02, 0x03, 0x81, 0x83, 0x40, 0x44, 0x5f, 0xc4, 0x00, 0x61,
    ]);
    draft.bip143Only = true;
  }),
  before('base undefined', (draft) => {
    draft.ownerHashType = 0x40 | draft.random.pick([0, 4, 5, 0x1f]);
  }),
];

const KEY_CHANGES: Change[] = [
  before('signed by another', (draft) => {
    draft.ownerSigner = draft.random.pick(KEYS);
  }),
  before('key and signature of another', (draft) => {
    draft.ownerSigner = draft.random.pick(KEYS);
    draft.ownerKey = draft.ownerSigner.compressed;
  }),
  before('cosigned by another', (draft) => {
    draft.cosignerSigner = draft.random.pick(KEYS);
  }),
  after('key in the other form', (draft) => {
    draft.ownerKey = draft.ownerKey.length === 33 ? draft.owner.uncompressed : draft.owner.compressed;
  }),
  before('lock to hybrid key', (draft) => {
    const hybrid = Buffer.from(draft.owner.uncompressed);
    hybrid[0] = 0x06 | ((hybrid[64] as number) & 1);
    lockTo(draft, hybrid);
  }),
  before('lock to uncompressed key', (draft) => lockTo(draft, draft.owner.uncompressed)),
  before('lock to a key of odd form', (draft) => {
    const { random, owner } = draft;
    const first = random.pick([0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xff]);
    lockTo(
      draft,
      Buffer.concat([Buffer.of(first), owner.uncompressed.subarray(1, random.pick([32, 33, 34, 64, 65]))]),
    );
  }),
  before('lock to a key off the curve', (draft) =>
    lockTo(draft, Buffer.concat([Buffer.of(draft.random.pick([2, 3])), Buffer.alloc(31), Buffer.of(5)])),
  ),
  before('lock to a key above the field', (draft) =>
    lockTo(draft, Buffer.concat([Buffer.of(2), Buffer.alloc(32, 0xff)])),
  ),
  after('bit flipped in key', (draft) => {
    draft.ownerKey = flipBit(draft.ownerKey, draft);
  }),
];

/** Gives the lock the hash of `key`, which the unlocking script will show; the signer stays. */
function lockTo(draft: Draft, key: Buffer): void {
  const old = hash160(draft.ownerKey);
  const at = draft.lock.indexOf(old);
  draft.ownerKey = key;
  if (at >= 0) hash160(key).copy(draft.lock, at);
}

const LOCKS: Change[] = [
  after('bit flipped in lock', (draft) => {
    draft.lock = flipBit(draft.lock, draft);
  }),
  before('bit flipped in lock before signing', (draft) => {
    draft.lock = flipBit(draft.lock, draft);
  }),
  before('byte behind the lock', (draft) => {
    draft.lock = Buffer.concat([
      draft.lock,
      Buffer.of(draft.random.pick([0x00, 0x51, 0x61, 0x68, 0x69, 0x6a, 0xac])),
    ]);
  }),
  before('byte before the lock', (draft) => {
    draft.lock = Buffer.concat([
      Buffer.of(draft.random.pick([0x00, 0x51, 0x61, 0x6a, 0x76, 0xab])),
      draft.lock,
    ]);
  }),
  before('lock cut', (draft) => {
    draft.lock = draft.lock.subarray(0, draft.random.below(draft.lock.length));
  }),
  before('code before the separator signed too', (draft) => {
    draft.codeAt = 0;
  }),
  before('only the code behind the envelope signed', (draft) => {
    draft.codeAt = Math.max(0, draft.lock.indexOf(Buffer.of(0x76, 0xa9, 0x14)));
  }),
  before('separator in the lock', (draft) => {
    const at = draft.lock.indexOf(Buffer.of(0x76, 0xa9, 0x14)) + draft.random.pick([0, 1, 23, 24, 25]);
    draft.lock = Buffer.concat([draft.lock.subarray(0, at), Buffer.of(0xab), draft.lock.subarray(at)]);
    if (draft.random.chance(0.7)) draft.codeAt = at + 1;
  }),
  before('opcode in the envelope', (draft) => {
    const at = draft.lock.indexOf(Buffer.from('036f7264', 'hex'));
    if (at < 0) return;
    const opcodes = [
      0x50, 0x61, 0x63, 0x64, 0x65, 0x67, 0x67, 0x67, 0x68, 0x6a, 0x6a, 0x76, 0xac, 0xba, 0xff,
    ];
    draft.lock = Buffer.concat([
      draft.lock.subarray(0, at),
      Buffer.of(draft.random.pick(opcodes)),
      draft.lock.subarray(at),
    ]);
  }),
  before('envelope that runs', (draft) => {
    if (draft.lock[0] === 0x00) draft.lock = Buffer.concat([Buffer.of(0x51), draft.lock.subarray(1)]);
  }),
  before('data prefix', (draft) => {
    draft.lock = Buffer.concat([Buffer.from('006a0568656c6c6f', 'hex'), draft.lock]);
  }),
  before('other script', (draft) => {
    const { random, owner, cosigner } = draft;
    draft.lock = random.pick([
      Buffer.concat([push(owner.compressed), Buffer.of(0xac)]),
      Buffer.concat([p2pkh(draft.ownerKey).subarray(0, -1), Buffer.of(0xad, 0x51)]),
      Buffer.concat([Buffer.of(0x51, 0x75), p2pkh(draft.ownerKey)]),
      cosign(draft.ownerKey, (cosigner ?? owner).uncompressed),
      Buffer.of(0x51),
      Buffer.alloc(0),
    ]);
    draft.codeAt = 0;
  }),
  before('cosigner key of odd form', (draft) => {
    const at = draft.cosigner ? draft.lock.lastIndexOf(draft.cosigner.compressed) : -1;
    if (at >= 0) draft.lock[at] = draft.random.pick([0, 4, 5, 6, 7]);
  }),
];

const TRANSACTION: Change[] = [
  after('sequence changed', ({ parts, random }) => {
    const input = random.pick(parts.inputs);
    input.sequence = (input.sequence ^ 1) >>> 0;
  }),
  after('other input added', ({ parts, random }) => {
    parts.inputs.push({
      txid: random.bytes(32).toString('hex'),
      vout: 0,
      script: Buffer.alloc(0),
      sequence: 0,
    });
  }),
  after('outpoint changed', ({ parts, random }) => {
    random.pick(parts.inputs).vout ^= 1;
  }),
  after('lock time changed', ({ parts }) => {
    parts.lockTime = (parts.lockTime ^ 1) >>> 0;
  }),
  after('version changed', ({ parts, random }) => {
    parts.version = random.pick([1, 2]);
  }),
  after('output changed', ({ parts, random }) => {
    random.pick(parts.outputs).satoshis = random.below(1000);
  }),
  after('output added', ({ parts }) => {
    parts.outputs.push({ satoshis: 1, script: Buffer.of(0x51) });
  }),
  after('value changed', (draft) => {
    draft.satoshis = draft.satoshis === 0 ? 1 : draft.satoshis - 1;
  }),
];

const UNLOCKING: Change[] = [
  unlock('push in front', (script, { random }) =>
    Buffer.concat([push(random.bytes(random.below(5))), script]),
  ),
  unlock('opcode in front', (script, { random }) =>
    Buffer.concat([Buffer.of(random.pick([0x00, 0x4f, 0x51, 0x61, 0xab])), script]),
  ),
  unlock('push behind', (script, { random }) => Buffer.concat([script, push(random.bytes(3))])),
  unlock('opcode behind', (script, { random }) =>
    Buffer.concat([script, Buffer.of(random.pick([0x00, 0x51, 0x61, 0x6a, 0x75, 0xab]))]),
  ),
  unlock('drop behind', (script) => Buffer.concat([script, Buffer.of(0x51, 0x75)])),
  unlock('byte behind', (script, { random }) => Buffer.concat([script, random.bytes(1)])),
  unlock('cut', (script, { random }) => script.subarray(0, random.below(script.length + 1))),
  unlock('bit flipped in unlocking script', flipBit),
  unlock('unlocking script empty', () => Buffer.alloc(0)),
  unlock('key before signature', (_, d) => Buffer.concat([push(d.ownerKey), push(d.ownerSignature)])),
  unlock('signature pushed long', (_, d) =>
    Buffer.concat([
      d.cosigner ? push(d.cosignerSignature) : Buffer.alloc(0),
      pushWith(d.random.pick([0x4c, 0x4d, 0x4e] as const), d.ownerSignature),
      push(d.ownerKey),
    ]),
  ),
  unlock('key pushed long', (_, d) =>
    Buffer.concat([
      d.cosigner ? push(d.cosignerSignature) : Buffer.alloc(0),
      push(d.ownerSignature),
      pushWith(d.random.pick([0x4c, 0x4d, 0x4e] as const), d.ownerKey),
    ]),
  ),
  unlock('signature doubled', (script, d) => Buffer.concat([push(d.ownerSignature), script])),
];

const COSIGN: Change[] = [
  unlock('signatures in the other order', (_, d) =>
    Buffer.concat([push(d.ownerSignature), push(d.cosignerSignature), push(d.ownerKey)]),
  ),
  unlock('no cosigner signature', (_, d) => Buffer.concat([push(d.ownerSignature), push(d.ownerKey)])),
  unlock('cosigner signature empty', (_, d) =>
    Buffer.concat([zero, push(d.ownerSignature), push(d.ownerKey)]),
  ),
  unlock('owner signature twice', (_, d) =>
    Buffer.concat([push(d.ownerSignature), push(d.ownerSignature), push(d.ownerKey)]),
  ),
].map((change) => ({ ...change, cosignOnly: true }));

export const CHANGES: readonly Change[] = [
  ...SIGNATURES,
  ...HASH_TYPES,
  ...HASH_TYPES,
  ...KEY_CHANGES,
  ...LOCKS,
  ...TRANSACTION,
  ...UNLOCKING,
  ...COSIGN,
  ...COSIGN,
];
