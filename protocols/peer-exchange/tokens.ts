import { createHash } from 'node:crypto';
import { TOKEN_HINT_BYTES, TOKEN_ID_BYTES } from './constants.ts';

const TXID_BYTES = 32;
const TOKEN_ID = /^([0-9a-f]{64})_(0|[1-9][0-9]{0,9})$/;
const MAX_VOUT = 0xffff_ffff;

/** Wire form of a token id `<txid>_<vout>`; undefined if the text is none. */
export function tokenIdBytes(text: string): Uint8Array | undefined {
  const [, txid, vout] = TOKEN_ID.exec(text) ?? [];
  if (txid === undefined || Number(vout) > MAX_VOUT) return undefined;
  const bytes = Buffer.alloc(TOKEN_ID_BYTES);
  bytes.write(txid, 'hex');
  bytes.writeUInt32BE(Number(vout), TXID_BYTES);
  return bytes;
}

/** Text form of 36 bytes. */
export function tokenIdText(bytes: Uint8Array): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return `${view.toString('hex', 0, TXID_BYTES)}_${view.readUInt32BE(TXID_BYTES)}`;
}

/** What a record says of a followed token. */
export function tokenHint(id: Uint8Array): Uint8Array {
  return createHash('sha256').update(id).digest().subarray(0, TOKEN_HINT_BYTES);
}

/** True if the hints of a record name the token; false positives happen, they cost one connection. */
export function hintsToken(hints: Uint8Array, id: Uint8Array): boolean {
  const wanted = tokenHint(id);
  for (let at = 0; at + TOKEN_HINT_BYTES <= hints.length; at += TOKEN_HINT_BYTES) {
    if (wanted.every((byte, i) => hints[at + i] === byte)) return true;
  }
  return false;
}
