import { createHash } from 'node:crypto';
import secp256k1 from 'secp256k1';
import type { Prng } from '../corpus/prng.ts';

/** Keys, locks and signatures for generated spends. */

export const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

export interface KeyPair {
  readonly secret: Buffer;
  readonly compressed: Buffer;
  readonly uncompressed: Buffer;
}

export const KEYS: readonly KeyPair[] = Array.from({ length: 12 }, (_, i) => {
  const secret = createHash('sha256').update(`spend case key ${i}`).digest();
  return {
    secret,
    compressed: Buffer.from(secp256k1.publicKeyCreate(secret, true)),
    uncompressed: Buffer.from(secp256k1.publicKeyCreate(secret, false)),
  };
});

export function hash160(bytes: Uint8Array): Buffer {
  return createHash('ripemd160').update(createHash('sha256').update(bytes).digest()).digest();
}

/** Shortest push. */
export function push(data: Uint8Array): Buffer {
  if (data.length < 0x4c) return Buffer.concat([Buffer.of(data.length), data]);
  return pushWith(data.length < 0x100 ? 0x4c : 0x4d, data);
}

/** Push by OP_PUSHDATA1, 2 or 4, also where a shorter form exists. */
export function pushWith(opcode: 0x4c | 0x4d | 0x4e, data: Uint8Array): Buffer {
  const head = Buffer.alloc(1 + (opcode === 0x4c ? 1 : opcode === 0x4d ? 2 : 4));
  head[0] = opcode;
  head.writeUIntLE(data.length, 1, head.length - 1);
  return Buffer.concat([head, data]);
}

export function p2pkh(key: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0x76, 0xa9, 0x14), hash160(key), Buffer.of(0x88, 0xac)]);
}

export function cosign(key: Uint8Array, cosigner: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.of(0x76, 0xa9, 0x14),
    hash160(key),
    Buffer.of(0x88, 0xad),
    push(cosigner),
    Buffer.of(0xac),
  ]);
}

/** 00 63 "ord" 51 <type> 00 <content> 68, with pushes of every kind inside. */
export function envelope(random: Prng): Buffer {
  const json = JSON.stringify({
    p: 'bsv-20',
    op: 'transfer',
    id: `${'ab'.repeat(32)}_0`,
    amt: `${random.u32()}`,
  });
  const content = random.chance(1 / 4) ? random.bytes(random.below(400)) : Buffer.from(json);
  const opcode = random.pick([0x4c, 0x4d, 0x4e] as const);
  const body =
    random.chance(1 / 2) || content.length > 255
      ? pushWith(opcode === 0x4c ? 0x4d : opcode, content)
      : push(content);
  return Buffer.concat([
    Buffer.of(0x00, 0x63),
    push(Buffer.from('ord')),
    random.chance(1 / 8) ? Buffer.of(0x4f, 0x60) : Buffer.alloc(0),
    Buffer.of(0x51),
    push(Buffer.from('application/bsv-20')),
    Buffer.of(0x00),
    body,
    Buffer.of(0x68),
  ]);
}

/** DER of r and s as given, shortest form. */
export function der(r: bigint, s: bigint): Buffer {
  return derOf(derInteger(r), derInteger(s));
}

/** DER sequence of two integers whose content bytes are given as they are. */
export function derOf(r: Uint8Array, s: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.of(0x30, r.length + s.length + 4, 0x02, r.length),
    r,
    Buffer.of(0x02, s.length),
    s,
  ]);
}

export function derInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return ((bytes[0] as number) & 0x80) === 0 ? bytes : Buffer.concat([Buffer.of(0), bytes]);
}

/** r and s of the signature, s low. */
export function sign(digest: Uint8Array, key: KeyPair): { r: bigint; s: bigint } {
  const { signature } = secp256k1.ecdsaSign(digest, key.secret);
  const hex = Buffer.from(signature).toString('hex');
  return { r: BigInt(`0x${hex.slice(0, 64)}`), s: BigInt(`0x${hex.slice(64)}`) };
}
