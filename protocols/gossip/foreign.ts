import { ByteReader, malformed } from './byte-reader.ts';
import { FOREIGN_VERSION, HEX_TXID_CHARS, MAX_FOREIGN_BYTES, TXID_BYTES } from './constants.ts';
import { GossipError } from './errors.ts';
import type { Announcement } from './message.ts';

const HEX_TXID = /^[0-9a-fA-F]{64}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
/** outputsToAdmit, coinsToRetain and coinsRemoved are u32; the last list is of txids. */
const LIST_ITEM_BYTES = [4, 4, 4, TXID_BYTES] as const;

/** A bare txid in hexadecimal, display order (b-open-io/overlay). @throws GossipError GOSSIP_MALFORMED */
export function decodeHexTxid(bytes: Uint8Array): Announcement {
  const text = bytes.length === HEX_TXID_CHARS ? Buffer.from(bytes).toString('latin1') : '';
  if (!HEX_TXID.test(text)) throw malformed('neither a form of ours nor a txid', 0);
  return { txid: text.toLowerCase(), size: undefined, height: undefined };
}

/**
 * `{"name","data"}` of b-open-io/1sat-stack; data in base64: u8 2, txid, four lists with LEB128 counts, u32 size of the
 * BEEF, u64 price. What the lists say of admission is not believed, only their form is checked.
 * @throws GossipError GOSSIP_MALFORMED | GOSSIP_TOO_LARGE
 */
export function decodeJson(bytes: Uint8Array): Announcement {
  if (bytes.length > MAX_FOREIGN_BYTES) {
    throw new GossipError('GOSSIP_TOO_LARGE', `JSON of ${bytes.length} bytes`, { bytes: bytes.length });
  }
  const reader = new ByteReader(jsonData(bytes));
  const version = reader.u8('version');
  if (version !== FOREIGN_VERSION) throw malformed(`data of version ${version}`, 0);
  const txid = reader.txid('txid');
  for (const itemBytes of LIST_ITEM_BYTES) {
    const count = reader.count('count of a list', itemBytes, Number.MAX_SAFE_INTEGER, false);
    reader.take(count * itemBytes, 'list');
  }
  const size = reader.u32le('size');
  reader.take(8, 'price');
  reader.finish();
  return { txid, size: size === 0 ? undefined : size, height: undefined };
}

function jsonData(bytes: Uint8Array): Uint8Array {
  const data = dataMember(bytes);
  if (typeof data !== 'string' || !BASE64.test(data)) throw malformed('JSON without data in base64', 0);
  return Buffer.from(data, 'base64');
}

/** Members of any case, as Go writes and reads them. */
function dataMember(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw malformed('JSON that does not parse', 0);
  }
  if (typeof value !== 'object' || value === null) throw malformed('JSON that is no object', 0);
  const entry = Object.entries(value).find(([name]) => name.toLowerCase() === 'data');
  return entry?.[1];
}
