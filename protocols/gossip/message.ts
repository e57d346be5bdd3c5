import { ByteReader, malformed } from './byte-reader.ts';
import { ByteWriter, numberBytes } from './byte-writer.ts';
import {
  FORM_1,
  KIND_ANNOUNCEMENTS,
  KIND_BEEFS,
  MAX_ANNOUNCEMENTS,
  MAX_BEEFS,
  MAX_BLOCK_HEIGHT,
  MAX_MESSAGE_BYTES,
  MIN_ANNOUNCEMENT_BYTES,
  MIN_BEEF_BYTES,
  TXID_BYTES,
} from './constants.ts';
import { GossipError } from './errors.ts';

/** A transaction that is to be fetched. All of it is a claim: it only decides what is asked for. */
export interface Announcement {
  /** Display order. */
  readonly txid: string;
  /** Bytes of its BEEF, at least; undefined where the form does not tell. */
  readonly size: number | undefined;
  /** Block that it is mined in; undefined: not mined, or not told. */
  readonly height: number | undefined;
}

export type GossipMessage =
  | { readonly kind: 'beefs'; readonly beefs: readonly Uint8Array[] }
  | { readonly kind: 'announcements'; readonly announcements: readonly Announcement[] };

/** version, kind, repetition, count */
const HEAD_BYTES = 3 + 7;

/** What a BEEF takes in a message. */
export function inMessageBytes(beefBytes: number): number {
  return numberBytes(beefBytes) + beefBytes;
}

/**
 * The bytes of BEEFs in a message of their own. `again`: how often the same was published before, to those who would else
 * take it for the message that they ignored then. @throws GossipError: more than a message may hold
 */
export function encodeBeefs(beefs: readonly Uint8Array[], again = 0): Uint8Array {
  checkCount(beefs.length, MAX_BEEFS);
  const size = beefs.reduce((sum, { length }) => sum + inMessageBytes(length), HEAD_BYTES);
  const writer = new ByteWriter(size).u8(FORM_1).u8(KIND_BEEFS).u8(again).number(beefs.length);
  for (const beef of beefs) writer.number(beef.length).append(beef);
  return checkSize(writer.take());
}

/** The same for announcements. */
export function encodeAnnouncements(announcements: readonly Announcement[], again = 0): Uint8Array {
  checkCount(announcements.length, MAX_ANNOUNCEMENTS);
  const writer = new ByteWriter(HEAD_BYTES + announcements.length * (TXID_BYTES + 14));
  writer.u8(FORM_1).u8(KIND_ANNOUNCEMENTS).u8(again).number(announcements.length);
  for (const { txid, size, height } of announcements) {
    writer.append(Buffer.from(txid, 'hex').reverse());
    writer.number(size ?? 0).number(height === undefined ? 0 : height + 1);
  }
  return checkSize(writer.take());
}

/** Our own form, version 1; the first byte is read already. @throws GossipError GOSSIP_MALFORMED */
export function decodeForm1(bytes: Uint8Array): GossipMessage {
  const reader = new ByteReader(bytes, 1);
  const kind = reader.u8('kind');
  reader.u8('repetition');
  if (kind === KIND_BEEFS) return { kind: 'beefs', beefs: readBeefs(reader) };
  if (kind === KIND_ANNOUNCEMENTS) {
    return { kind: 'announcements', announcements: readAnnouncements(reader) };
  }
  throw malformed(`kind ${kind}`, 1);
}

function readBeefs(reader: ByteReader): Uint8Array[] {
  const count = reader.count('count of BEEFs', MIN_BEEF_BYTES + 1, MAX_BEEFS);
  if (count === 0) throw malformed('no BEEF', 3);
  const beefs: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const length = reader.number('length of a BEEF');
    if (length < MIN_BEEF_BYTES) throw malformed(`a BEEF of ${length} bytes`, 3);
    beefs.push(reader.take(length, 'BEEF'));
  }
  reader.finish();
  return beefs;
}

function readAnnouncements(reader: ByteReader): Announcement[] {
  const count = reader.count('count of announcements', MIN_ANNOUNCEMENT_BYTES, MAX_ANNOUNCEMENTS);
  if (count === 0) throw malformed('no announcement', 3);
  const announcements: Announcement[] = [];
  for (let i = 0; i < count; i++) {
    const txid = reader.txid('txid');
    const size = reader.number('size');
    const place = reader.number('height');
    if (place > MAX_BLOCK_HEIGHT + 1) throw malformed(`height ${place - 1}`, 3);
    announcements.push({
      txid,
      size: size === 0 ? undefined : size,
      height: place === 0 ? undefined : place - 1,
    });
  }
  reader.finish();
  return announcements;
}

function checkCount(count: number, most: number): void {
  if (count > 0 && count <= most) return;
  throw new GossipError('GOSSIP_MALFORMED', `a message holds 1 to ${most}, not ${count}`, { count });
}

function checkSize(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= MAX_MESSAGE_BYTES) return bytes;
  throw new GossipError('GOSSIP_TOO_LARGE', `${bytes.length} bytes`, { bytes: bytes.length });
}
