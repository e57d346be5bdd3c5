import type { Uint8ArrayList } from 'uint8arraylist';

/** A frame length has at most 32 bits. */
export const MAX_LENGTH_BYTES = 5;

/** Unsigned LEB128, as protobuf and multiformats write lengths. */
export function encodeLength(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Undefined: more bytes are needed. */
export function decodeLength(
  bytes: Uint8ArrayList,
): { readonly value: number; readonly bytes: number } | 'invalid' | undefined {
  let value = 0;
  for (let i = 0; i < MAX_LENGTH_BYTES; i++) {
    if (i >= bytes.length) return undefined;
    const byte = bytes.get(i);
    value += (byte % 0x80) * 0x80 ** i;
    if (byte < 0x80) return value < 2 ** 32 ? { value, bytes: i + 1 } : 'invalid';
  }
  return 'invalid';
}
