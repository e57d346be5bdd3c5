import { sha256, varint } from './bytes.ts';

export const VALUE_OPS: readonly string[] = ['deploy+mint', 'mint', 'transfer'];
export const AUTHORITY_OPS: readonly string[] = ['deploy+auth', 'auth'];

/** A token output as token-rules.md sections 1, 2, 9 and 11 read it. */
export interface DecodedToken {
  readonly tokenId: string;
  readonly op: string;
  readonly amt: bigint;
  readonly lockType: string;
  /** Hex: 20-byte key hash of p2pkh, cosign and ordlock; else SHA-256 of the lock script. */
  readonly owner: string;
  readonly sym?: string;
  readonly dec?: number;
}

interface Op {
  readonly code: number;
  readonly data: Buffer | undefined;
  readonly start: number;
  readonly end: number;
}

/** Opcode by opcode; ends at the first push that runs past the end. */
function walk(script: Buffer): Op[] {
  const ops: Op[] = [];
  for (let at = 0; at < script.length; ) {
    const code = script[at]!;
    let head = 1;
    let length = code <= 0x4b ? code : 0;
    if (code >= 0x4c && code <= 0x4e) {
      const width = 1 << (code - 0x4c);
      if (at + 1 + width > script.length) {
        break;
      }
      length = script.readUIntLE(at + 1, width);
      head += width;
    }
    const end = at + head + length;
    if (end > script.length) {
      break;
    }
    ops.push({ code, data: code <= 0x4e ? script.subarray(at + head, end) : undefined, start: at, end });
    at = end;
  }
  return ops;
}

interface Envelope {
  readonly contentType: string;
  readonly body: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The first well-formed envelope (E1 to E6), or none. */
function findEnvelope(script: Buffer): Envelope | undefined {
  const ops = walk(script);
  for (let i = 0; i + 2 < ops.length; ) {
    const starts = ops[i]!.code === 0x00 && ops[i + 1]!.code === 0x63 && isOrd(ops[i + 2]!);
    const found = starts ? readPairs(ops, i) : i + 1;
    if (typeof found !== 'number') {
      return found;
    }
    i = found;
  }
  return undefined;
}

function isOrd(op: Op): boolean {
  return op.code === 3 && op.data!.toString('latin1') === 'ord';
}

/** The envelope; or undefined when E3 forbids a token here; or, when OP_ENDIF is missing (E4), the op where the walk goes on. */
function readPairs(ops: readonly Op[], first: number): Envelope | number | undefined {
  let contentType = '';
  for (let i = first + 3; i + 1 < ops.length; i += 2) {
    const tag = tagOf(ops[i]!);
    const value = ops[i + 1]!;
    if (tag === undefined || value.code === 0x50 || value.code > 0x60) {
      return undefined;
    }
    if (tag === 0) {
      const close = ops[i + 2];
      const body = value.data ?? Buffer.alloc(0);
      return close?.code === 0x68 ? { contentType, body, start: ops[first]!.start, end: close.end } : i + 2;
    }
    if (tag === 1 && value.data !== undefined) {
      contentType = value.data.toString('latin1');
    }
  }
  return undefined;
}

/** E3. Unknown tags are 256; undefined means that this is no envelope. */
function tagOf(op: Op): number | undefined {
  if (op.data !== undefined) {
    return op.data.length === 0 ? 0 : op.data.length === 1 ? op.data[0]! : 256;
  }
  return op.code >= 0x51 && op.code <= 0x60 ? op.code - 0x50 : undefined;
}

/** Decodes one output, or says that it carries no token. */
export function decodeToken(script: Uint8Array, txid: string, vout: number): DecodedToken | undefined {
  const bytes = Buffer.from(script.buffer, script.byteOffset, script.byteLength);
  if (hasBinaryPrefix(bytes)) {
    return undefined;
  }
  const found = findEnvelope(bytes);
  if (found === undefined || found.contentType !== 'application/bsv-20') {
    return undefined;
  }
  const json = parseObject(found.body);
  if (json === undefined || json.get('p') !== 'bsv-20') {
    return undefined;
  }
  const opField = json.get('op');
  const op = typeof opField === 'string' ? opField.replace(/[A-Z]/g, (c) => c.toLowerCase()) : '';
  const authority = AUTHORITY_OPS.includes(op);
  if (!authority && !VALUE_OPS.includes(op) && op !== 'burn') {
    return undefined;
  }
  const amt = authority ? (json.has('amt') ? undefined : 0n) : amountOf(json.get('amt'));
  const deploy = op.startsWith('deploy');
  const tokenId = deploy ? `${txid}_${vout}` : idOf(json.get('id'));
  if (amt === undefined || tokenId === undefined) {
    return undefined;
  }
  const decoded = { tokenId, op, amt, ...lockOf(bytes.subarray(0, found.start), bytes.subarray(found.end)) };
  return deploy ? { ...decoded, ...displayOf(json) } : decoded;
}

/** Own members only, `__proto__` being a name like any other; a byte order mark is not JSON. */
function parseObject(body: Buffer): Map<string, unknown> | undefined {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(body);
  try {
    const value: unknown = JSON.parse(text);
    const object = typeof value === 'object' && value !== null && !Array.isArray(value);
    return object ? new Map(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}

function amountOf(field: unknown): bigint | undefined {
  if (typeof field !== 'string' || !/^[0-9]+$/.test(field)) {
    return undefined;
  }
  const amount = BigInt(field);
  return amount <= 0xffff_ffff_ffff_ffffn ? amount : undefined;
}

function idOf(field: unknown): string | undefined {
  if (typeof field !== 'string' || !/^[0-9a-f]{64}_(0|[1-9][0-9]{0,9})$/.test(field)) {
    return undefined;
  }
  return Number(field.slice(65)) <= 0xffff_ffff ? field : undefined;
}

function displayOf(json: Map<string, unknown>): { sym?: string; dec: number } {
  const sym = json.get('sym');
  const dec = json.get('dec');
  const decimals = typeof dec === 'string' && /^[0-9]+$/.test(dec) && BigInt(dec) <= 18n ? Number(dec) : 0;
  return typeof sym === 'string' && sym !== '' ? { sym, dec: decimals } : { dec: decimals };
}

/** Section 9: the lock is what stands behind the envelope, or before it when nothing but data stands behind. */
function lockOf(prefix: Buffer, suffix: Buffer): { readonly lockType: string; readonly owner: string } {
  const nothingBehind = suffix.length === 0 || suffix[0] === 0x6a;
  if (!nothingBehind && prefix.length > 0) {
    // The rule names no bytes for this case; the hash is taken over both sides.
    return { lockType: 'other', owner: sha256(Buffer.concat([prefix, suffix])).toString('hex') };
  }
  const lock = nothingBehind ? prefix : suffix[0] === 0xab ? suffix.subarray(1) : suffix;
  const hex = lock.toString('hex');
  const keyed =
    /^76a914(?<p2pkh>[0-9a-f]{40})88ac(6a([0-9a-f]{2})*)?$/.exec(hex) ??
    /^76a914(?<cosign>[0-9a-f]{40})88ad21[0-9a-f]{66}ac$/.exec(hex);
  for (const [lockType, owner] of Object.entries(keyed?.groups ?? {})) {
    return { lockType, owner: owner! };
  }
  const seller = ordlockSeller(lock);
  return seller === undefined
    ? { lockType: 'other', owner: sha256(lock).toString('hex') }
    : { lockType: 'ordlock', owner: seller };
}

const ORDLOCK_HEAD = Buffer.from(
  '2097dfd76851bf465e8f715593b217714858bbe9570ff3bd5e33840a34e20ff0262102ba79df5f8ae7604a9830f03c79330281' +
    '86aede0675a16f025dc4f8be8eec0382201008ce7480da41702918d1ec8e6849ba32b4d65b1e40dc669c31a1e6306b266c0000',
  'hex',
);
const ORDLOCK_TAIL_HASH = 'a208540ae84c8c389126731c9e69958a778e0bde2c2b4cbb4c1e3fe11973a1ad';
const ORDLOCK_TAIL_BYTES = 702;

/** Version 1 only: version 2 was never seen with a token and counts as other here. */
function ordlockSeller(lock: Buffer): string | undefined {
  const tail = lock.subarray(-ORDLOCK_TAIL_BYTES);
  const middle = lock.subarray(ORDLOCK_HEAD.length, -ORDLOCK_TAIL_BYTES);
  const framed =
    lock.subarray(0, ORDLOCK_HEAD.length).equals(ORDLOCK_HEAD) &&
    sha256(tail).toString('hex') === ORDLOCK_TAIL_HASH;
  if (!framed || middle[0] !== 0x14) {
    return undefined;
  }
  const pushes = walk(middle);
  const payout = pushes[1]?.data;
  const whole = pushes.length === 2 && pushes[1]!.end === middle.length && payout !== undefined;
  if (!whole || payout.length < 9) {
    return undefined;
  }
  const script = payout.subarray(8);
  const width = script[0]! < 0xfd ? 1 : script[0] === 0xfd ? 3 : 5;
  return varint(script.length - width).equals(script.subarray(0, width))
    ? pushes[0]!.data!.toString('hex')
    : undefined;
}

/** Section 11: `<id | OP_0> <amount | OP_0> 6d` at offset 0 makes the output a binary one, whatever JSON it carries. */
function hasBinaryPrefix(script: Buffer): boolean {
  const [id, amount, drop] = walk(script);
  const amountBytes = amount === undefined ? undefined : numberBytes(amount);
  if (drop?.code !== 0x6d || amountBytes === undefined) {
    return false;
  }
  return id!.code === 0x00 || id!.code === 32 || (id!.code === 36 && id!.data!.readUInt32LE(32) !== 0);
}

/** A minimal script number from 0 to 2^64-1: its bytes, or undefined. */
function numberBytes(op: Op): Buffer | undefined {
  if (op.code === 0x00 || (op.code >= 0x51 && op.code <= 0x60)) {
    return Buffer.alloc(0);
  }
  const data = op.data;
  if (data === undefined || op.code > 9 || (data.length === 9 && data[8] !== 0)) {
    return undefined;
  }
  const top = data.at(-1)!;
  const padded = top === 0 && (data.length === 1 || (data.at(-2)! & 0x80) === 0);
  const smallNumber = data.length === 1 && top >= 1 && top <= 16;
  return (top & 0x80) !== 0 || padded || smallNumber ? undefined : data;
}
