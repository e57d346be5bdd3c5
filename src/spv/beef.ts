import { type BeefGraph, linkBeef } from './beef-graph.ts';
import { type Bump, readBump, txidAbsent } from './bump.ts';
import { ByteReader, ByteWriter, displayHexAt, internalBytes, limitExceeded } from './bytes.ts';
import { SpvError } from './errors.ts';
import {
  MAX_BEEF_BUMPS,
  MAX_BEEF_BYTES,
  MAX_BEEF_TXS,
  MAX_VARINT_BYTES,
  MIN_BUMP_BYTES,
  MIN_TX_BYTES,
} from './limits.ts';
import { readTransaction, type Transaction } from './transaction.ts';

/** The first four bytes, read as little-endian. */
const MAGIC_V1 = 0xefbe_0001;
const MAGIC_V2 = 0xefbe_0002;
const MAGIC_ATOMIC = 0x0101_0101;

/** What a V2 entry is (BRC-96). In V1 the byte behind the transaction is 0 or 1 in the same sense. */
const ENTRY_RAW = 0;
const ENTRY_PROVEN = 1;
const ENTRY_TXID = 2;
/** format byte, txid */
const MIN_V2_ENTRY_BYTES = 33;
const MIN_V1_ENTRY_BYTES = MIN_TX_BYTES + 1;

/** As long as two hashes: one could be passed off as the other. */
const NODE_PAIR_BYTES = 64;

export interface BeefTx {
  /** Display order. */
  readonly txid: string;
  /** Undefined for a txid-only entry (V2): the sender thinks we have it. */
  readonly tx: Transaction | undefined;
  /** Index into `bumps` of a BUMP that has the txid as a leaf. Its root is NOT checked: call bumpRoot. */
  readonly bump: number | undefined;
}

export interface Beef {
  readonly version: 1 | 2;
  readonly atomicTxid: string | undefined;
  /** The stated transaction if atomic, else the last in the file that no other one spends. */
  readonly subjectTxid: string;
  /** Structure checked, not hashed: whoever uses one must call bumpRoot and compare with the header. */
  readonly bumps: readonly Bump[];
  /** One entry a txid, parents first, otherwise in the order of the file. */
  readonly txs: readonly BeefTx[];
}

/** A BeefTx while its duplicates are being merged. */
interface MergedTx {
  readonly txid: string;
  tx: Transaction | undefined;
  bump: number | undefined;
}

interface Entries {
  /** In order of first occurrence. */
  readonly merged: readonly MergedTx[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Place in the file of the last occurrence, parallel to merged. */
  readonly lastPlace: readonly number[];
}

/**
 * Decodes BEEF V1 (BRC-62), V2 (BRC-96) and either as atomic BEEF (BRC-95).
 *
 * Linear in the bytes, iterative, exact length; scripts, raw transactions and BUMPs are views of `bytes`.
 * Parents may come in any order and entries twice: the one with the transaction and with a proof wins, of two
 * proofs the first. Merkle roots, scripts and values are not checked here.
 * Throws SpvError with a decode code, nothing else.
 */
export function decodeBeef(bytes: Uint8Array): Beef {
  if (bytes.length > MAX_BEEF_BYTES) throw limitExceeded('BEEF bytes', 0, bytes.length, MAX_BEEF_BYTES);
  const reader = new ByteReader(bytes);
  let magic = reader.u32('BEEF version');
  let subjectAt = -1;
  if (magic === MAGIC_ATOMIC) {
    subjectAt = reader.offset;
    reader.skip(32, 'atomic subject txid');
    magic = reader.u32('BEEF version');
  }
  if (magic !== MAGIC_V1 && magic !== MAGIC_V2) throw unknownVersion(reader);
  const version = magic === MAGIC_V1 ? 1 : 2;
  const bumps = readBumps(reader);
  const entries = readEntries(reader, version, bumps);
  reader.finish('BEEF');
  const { merged, indexOf } = entries;
  const graph = linkBeef(merged, indexOf);
  const txs = graph.parentsFirst(merged);
  if (subjectAt < 0) {
    const subjectTxid = (merged[lastUnspent(entries, graph)] as MergedTx).txid;
    return { version, atomicTxid: undefined, subjectTxid, bumps, txs };
  }
  const atomicTxid = atomicSubject(reader, subjectAt, merged, indexOf, graph);
  return { version, atomicTxid, subjectTxid: atomicTxid, bumps, txs };
}

function readBumps(reader: ByteReader): Bump[] {
  const count = reader.count('BUMP count', MIN_BUMP_BYTES, MAX_BEEF_BUMPS);
  const bumps: Bump[] = [];
  for (let i = 0; i < count; i++) bumps.push(readBump(reader));
  return bumps;
}

function readEntries(reader: ByteReader, version: 1 | 2, bumps: readonly Bump[]): Entries {
  const at = reader.offset;
  const minBytes = version === 1 ? MIN_V1_ENTRY_BYTES : MIN_V2_ENTRY_BYTES;
  const count = reader.count('transaction count', minBytes, MAX_BEEF_TXS);
  if (count === 0) {
    throw new SpvError('BEEF_NO_TRANSACTION', `the BEEF holds no transaction (byte ${at})`, { offset: at });
  }
  const merged: MergedTx[] = [];
  const indexOf = new Map<string, number>();
  const lastPlace: number[] = [];
  for (let place = 0; place < count; place++) {
    const entry = version === 1 ? readV1Entry(reader, bumps) : readV2Entry(reader, bumps);
    const index = indexOf.get(entry.txid);
    if (index === undefined) {
      indexOf.set(entry.txid, merged.length);
      merged.push(entry);
      lastPlace.push(place);
    } else {
      const known = merged[index] as MergedTx;
      known.tx ??= entry.tx;
      known.bump ??= entry.bump;
      lastPlace[index] = place;
    }
  }
  return { merged, indexOf, lastPlace };
}

function readV1Entry(reader: ByteReader, bumps: readonly Bump[]): MergedTx {
  const tx = readTransaction(reader);
  const at = reader.offset;
  const flag = reader.u8('BUMP flag');
  if (flag > ENTRY_PROVEN) {
    throw new SpvError('BEEF_BUMP_FLAG_UNKNOWN', `BUMP flag ${flag} at byte ${at}, it is 0 or 1`, {
      offset: at,
      flag,
      txid: tx.txid,
    });
  }
  const bump = flag === ENTRY_PROVEN ? readBumpIndex(reader, bumps) : undefined;
  if (bump !== undefined) checkProven(tx, bumps[bump] as Bump);
  return { txid: tx.txid, tx, bump };
}

function readV2Entry(reader: ByteReader, bumps: readonly Bump[]): MergedTx {
  const at = reader.offset;
  const format = reader.u8('transaction format');
  if (format === ENTRY_TXID) {
    const txidAt = reader.offset;
    reader.skip(32, 'txid');
    return { txid: displayHexAt(reader.bytes, txidAt), tx: undefined, bump: undefined };
  }
  if (format !== ENTRY_RAW && format !== ENTRY_PROVEN) {
    throw new SpvError(
      'BEEF_TX_FORMAT_UNKNOWN',
      `transaction format ${format} at byte ${at}, it is 0 (raw), 1 (raw with BUMP) or 2 (txid only)`,
      { offset: at, format },
    );
  }
  const bump = format === ENTRY_PROVEN ? readBumpIndex(reader, bumps) : undefined;
  const tx = readTransaction(reader);
  if (bump !== undefined) checkProven(tx, bumps[bump] as Bump);
  return { txid: tx.txid, tx, bump };
}

function readBumpIndex(reader: ByteReader, bumps: readonly Bump[]): number {
  const at = reader.offset;
  const index = reader.varint('BUMP index');
  if (index < bumps.length) return index;
  throw new SpvError(
    'BEEF_BUMP_INDEX',
    `BUMP index ${index} at byte ${at}, the BEEF holds ${bumps.length} BUMPs`,
    { offset: at, index, bumps: bumps.length },
  );
}

function checkProven(tx: Transaction, bump: Bump): void {
  if (bump.offsetOf(tx.txid) === undefined) throw txidAbsent(bump, tx.txid);
  if (tx.raw.length !== NODE_PAIR_BYTES) return;
  throw new SpvError(
    'BEEF_PROVEN_TX_AMBIGUOUS',
    `${tx.txid} has ${NODE_PAIR_BYTES} bytes, as two tree nodes have, so a merkle proof does not show that it is a transaction`,
    { txid: tx.txid, bytes: NODE_PAIR_BYTES },
  );
}

function lastUnspent({ merged, lastPlace }: Entries, graph: BeefGraph): number {
  let subject = -1;
  let latest = -1;
  for (let i = 0; i < merged.length; i++) {
    if ((merged[i] as MergedTx).tx === undefined || graph.isSpent(i)) continue;
    const place = lastPlace[i] as number;
    if (place < latest) continue;
    subject = i;
    latest = place;
  }
  if (subject >= 0) return subject;
  throw new SpvError('BEEF_NO_SUBJECT', 'the BEEF holds txids only, no transaction', {
    entries: merged.length,
  });
}

/** BRC-95: the subject is there, in full, and everything else is an ancestor of it. */
function atomicSubject(
  reader: ByteReader,
  at: number,
  merged: readonly MergedTx[],
  indexOf: ReadonlyMap<string, number>,
  graph: BeefGraph,
): string {
  const txid = displayHexAt(reader.bytes, at);
  const subject = indexOf.get(txid);
  if (subject === undefined || merged[subject]?.tx === undefined) {
    const asWritten = Buffer.from(reader.between(at, at + 32)).toString('hex');
    if (indexOf.has(asWritten)) {
      throw new SpvError(
        'ATOMIC_SUBJECT_DISPLAY_ORDER',
        `the subject txid at byte ${at} stands in display order; internal order (reversed) is expected`,
        { offset: at, txid: asWritten, expected: 'internal order' },
      );
    }
    throw new SpvError('ATOMIC_SUBJECT_ABSENT', `the BEEF does not hold its subject ${txid} (byte ${at})`, {
      offset: at,
      txid,
    });
  }
  const unrelated = graph.unrelatedTo(subject);
  if (unrelated < 0) return txid;
  const stranger = (merged[unrelated] as MergedTx).txid;
  throw new SpvError('ATOMIC_UNRELATED_TX', `${stranger} is no ancestor of the atomic subject ${txid}`, {
    txid: stranger,
    subject: txid,
  });
}

function unknownVersion(reader: ByteReader): SpvError {
  const at = reader.offset - 4;
  const found = Buffer.from(reader.between(at, at + 4)).toString('hex');
  return new SpvError(
    'BEEF_VERSION_UNKNOWN',
    `${found} at byte ${at} starts no BEEF; 0100beef (V1), 0200beef (V2) or 01010101 (atomic) is expected`,
    { offset: at, found, expected: ['0100beef', '0200beef', '01010101'] },
  );
}

export interface BeefParts {
  readonly version: 1 | 2;
  /** Display order; makes it atomic BEEF. */
  readonly atomicTxid?: string;
  readonly bumps: readonly Uint8Array[];
  /** Parents first; `bump` is an index into `bumps`. */
  readonly txs: readonly { readonly raw: Uint8Array; readonly bump?: number }[];
}

/**
 * Writes the parts as given, in the order given. SpvError BEEF_BUMP_INDEX, BEEF_NO_TRANSACTION or BAD_HEX for parts
 * that make no BEEF; that the parts belong together is the caller's business.
 */
export function encodeBeef(parts: BeefParts): Uint8Array {
  const { version, atomicTxid, bumps, txs } = parts;
  if (txs.length === 0) throw new SpvError('BEEF_NO_TRANSACTION', 'a BEEF holds at least one transaction');
  let size = 4 + 32 + 4 + 2 * MAX_VARINT_BYTES;
  for (const bump of bumps) size += bump.length;
  for (const { raw } of txs) size += raw.length + 1 + MAX_VARINT_BYTES;
  const writer = new ByteWriter(size);
  if (atomicTxid !== undefined) {
    writer.u32(MAGIC_ATOMIC);
    writer.append(internalBytes(atomicTxid));
  }
  writer.u32(version === 1 ? MAGIC_V1 : MAGIC_V2);
  writer.varint(bumps.length);
  for (const bump of bumps) writer.append(bump);
  writer.varint(txs.length);
  for (const { raw, bump } of txs) {
    if (bump !== undefined && !(bump >= 0 && bump < bumps.length)) {
      throw new SpvError('BEEF_BUMP_INDEX', `BUMP index ${bump}, there are ${bumps.length} BUMPs`, {
        index: bump,
        bumps: bumps.length,
      });
    }
    if (version === 1) writer.append(raw);
    writer.u8(bump === undefined ? ENTRY_RAW : ENTRY_PROVEN);
    if (bump !== undefined) writer.varint(bump);
    if (version === 2) writer.append(raw);
  }
  return writer.take();
}
