/** Token scripts for tests, written byte by byte and independent of the decoder. */

export const TXID = 'aa'.repeat(32);
export const TOKEN_ID = `${'bc'.repeat(32)}_0`;
export const CONTENT_TYPE = 'application/bsv-20';
export const KEY_HASH = '11'.repeat(20);
export const COSIGNER = `02${'22'.repeat(32)}`;
export const P2PKH = `76a914${KEY_HASH}88ac`;
export const COSIGN = `76a914${KEY_HASH}88ad21${COSIGNER}ac`;

export type PushForm = 'shortest' | 'pushdata1' | 'pushdata2' | 'pushdata4';

export const toBytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const textHex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');

function littleEndian(value: number, width: number): string {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntLE(value, 0, width);
  return bytes.toString('hex');
}

/** A data push of hex data. */
export function push(data: string, form: PushForm = 'shortest'): string {
  const length = data.length / 2;
  if (form === 'pushdata4' || length > 0xffff) return `4e${littleEndian(length, 4)}${data}`;
  if (form === 'pushdata2' || length > 0xff) return `4d${littleEndian(length, 2)}${data}`;
  if (form === 'pushdata1' || length > 0x4b) return `4c${littleEndian(length, 1)}${data}`;
  return `${littleEndian(length, 1)}${data}`;
}

export interface EnvelopeParts {
  /** hex of the body; text bodies go through `body` */
  readonly bodyHex?: string;
  readonly body?: string;
  readonly type?: string;
  /** hex between the type pair and the body pair */
  readonly pairs?: string;
  readonly end?: string;
  readonly form?: PushForm;
}

/** `00 63 03 "ord" 51 <type> <pairs> 00 <body> 68` */
export function envelope(parts: EnvelopeParts): string {
  const type = push(textHex(parts.type ?? CONTENT_TYPE), parts.form);
  const body = push(parts.bodyHex ?? textHex(parts.body ?? ''), parts.form);
  return `0063036f726451${type}${parts.pairs ?? ''}00${body}${parts.end ?? '68'}`;
}

export function transferJson(amt: string | number = '100', id: string = TOKEN_ID): string {
  return JSON.stringify({ p: 'bsv-20', op: 'transfer', id, amt });
}

/** The usual token output: envelope before the lock. */
export function tokenScript(body: string, lock: string = P2PKH): Uint8Array {
  return toBytes(envelope({ body }) + lock);
}
