/** Script bytes opcode by opcode, without building chunks. Offsets in, offsets out; -1 = not possible. */

export const OP_0 = 0x00;
export const OP_PUSHDATA1 = 0x4c;
export const OP_PUSHDATA2 = 0x4d;
export const OP_PUSHDATA4 = 0x4e;
export const OP_RESERVED = 0x50;
export const OP_1 = 0x51;
export const OP_16 = 0x60;
export const OP_IF = 0x63;
export const OP_ENDIF = 0x68;
export const OP_RETURN = 0x6a;
export const OP_2DROP = 0x6d;
export const OP_DROP = 0x75;
export const OP_CODESEPARATOR = 0xab;

/** Offset of the first data byte of the data push at `pos` (an op <= OP_PUSHDATA4). */
export function dataStart(script: Uint8Array, pos: number): number {
  const op = script[pos]!;
  if (op < OP_PUSHDATA1) return pos + 1;
  if (op === OP_PUSHDATA1) return pos + 2;
  return op === OP_PUSHDATA2 ? pos + 3 : pos + 5;
}

/** Offset after the op at `pos`, which must lie in the script; -1 if its data runs past the end. */
export function opEnd(script: Uint8Array, pos: number): number {
  const op = script[pos]!;
  if (op === OP_0 || op > OP_PUSHDATA4) return pos + 1;
  const start = dataStart(script, pos);
  if (start > script.length) return -1;
  const end = start + dataLength(script, pos, op);
  return end <= script.length ? end : -1;
}

function dataLength(script: Uint8Array, pos: number, op: number): number {
  if (op < OP_PUSHDATA1) return op;
  if (op === OP_PUSHDATA1) return script[pos + 1]!;
  if (op === OP_PUSHDATA2) return script[pos + 1]! + script[pos + 2]! * 0x100;
  return uint32(script, pos + 1);
}

/** u32 LE at `at`, all of whose bytes must lie in the script; products, since a shift by 24 can turn negative. */
export function uint32(script: Uint8Array, at: number): number {
  return script[at]! + script[at + 1]! * 0x100 + script[at + 2]! * 0x10000 + script[at + 3]! * 0x1000000;
}

/** As opEnd, but -1 also where there is no op or one that pushes nothing (OP_1NEGATE, OP_1-OP_16 do push). */
export function pushEnd(script: Uint8Array, pos: number): number {
  if (pos >= script.length) return -1;
  const op = script[pos]!;
  if (op > OP_16 || op === OP_RESERVED) return -1;
  return opEnd(script, pos);
}

/** Whether `bytes` stand at `pos`. */
export function startsAt(script: Uint8Array, pos: number, bytes: Uint8Array): boolean {
  if (pos + bytes.length > script.length) return false;
  for (let i = 0; i < bytes.length; i += 1) if (script[pos + i] !== bytes[i]) return false;
  return true;
}
