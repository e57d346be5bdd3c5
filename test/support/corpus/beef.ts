import { Cursor, toDisplay, toInternal, u32, varint } from './bytes.ts';
import { CorpusError } from './errors.ts';
import { type ReadBump, readBump } from './merkle.ts';
import { type RawTransaction, readTransaction, txidOf } from './transaction.ts';

const V1 = 0xefbe_0001;
const V2 = 0xefbe_0002;
const ATOMIC = 0x0101_0101;

/** One place in a BEEF: a transaction, with the number of its BUMP if it has one; or (V2 only) its txid alone. */
export type BeefEntry = { readonly raw: Buffer; readonly bump?: number } | { readonly txidOnly: string };

export interface BeefParts {
  readonly version: 1 | 2;
  readonly atomicTxid?: string;
  readonly bumps: readonly Buffer[];
  readonly entries: readonly BeefEntry[];
}

/** BEEF bytes of BRC-62 (V1), BRC-96 (V2), BRC-95 (atomic); the parts stand in the order given, sensible or not. */
export function encodeBeef(beef: BeefParts): Buffer {
  const parts: Buffer[] = [];
  if (beef.atomicTxid !== undefined) {
    parts.push(u32(ATOMIC), toInternal(beef.atomicTxid));
  }
  parts.push(u32(beef.version === 1 ? V1 : V2), varint(beef.bumps.length), ...beef.bumps);
  parts.push(varint(beef.entries.length));
  for (const entry of beef.entries) {
    if ('txidOnly' in entry) {
      if (beef.version === 1) {
        throw new CorpusError('BAD_OPTION', 'BEEF V1 has no txid-only entries');
      }
      parts.push(Buffer.of(2), toInternal(entry.txidOnly));
    } else if (beef.version === 1) {
      parts.push(entry.raw, entry.bump === undefined ? Buffer.of(0) : Buffer.of(1), bumpIndex(entry.bump));
    } else {
      parts.push(entry.bump === undefined ? Buffer.of(0) : Buffer.of(1), bumpIndex(entry.bump), entry.raw);
    }
  }
  return Buffer.concat(parts);
}

function bumpIndex(bump: number | undefined): Buffer {
  return bump === undefined ? Buffer.alloc(0) : varint(bump);
}

export interface ReadBeefTx {
  readonly txid: string;
  readonly raw: Buffer;
  readonly tx: RawTransaction;
  readonly bump: ReadBump | undefined;
}

export interface ReadBeef {
  readonly version: 1 | 2;
  readonly atomicTxid: string | undefined;
  readonly bumps: readonly ReadBump[];
  /** In the order of the file, duplicates kept. */
  readonly txs: readonly ReadBeefTx[];
  readonly txidsOnly: readonly string[];
}

/** Reads well-formed BEEF, for the oracle; it sets no limits and is no model for reading what strangers send. */
export function readBeef(bytes: Uint8Array): ReadBeef {
  const cursor = new Cursor(bytes);
  let magic = cursor.u32();
  let atomicTxid: string | undefined;
  if (magic === ATOMIC) {
    atomicTxid = toDisplay(cursor.take(32));
    magic = cursor.u32();
  }
  if (magic !== V1 && magic !== V2) {
    throw new CorpusError('NOT_BEEF', `starts with ${magic.toString(16)}`);
  }
  const bumps: ReadBump[] = [];
  for (let n = cursor.varint(); n > 0; n--) {
    bumps.push(readBump(cursor));
  }
  const txs: ReadBeefTx[] = [];
  const txidsOnly: string[] = [];
  for (let n = cursor.varint(); n > 0; n--) {
    const form = magic === V2 ? cursor.u8() : 0;
    if (form === 2) {
      txidsOnly.push(toDisplay(cursor.take(32)));
      continue;
    }
    let bump = form === 1 ? bumps[cursor.varint()] : undefined;
    const { tx, raw } = readTransaction(cursor);
    if (magic === V1 && cursor.u8() === 1) {
      bump = bumps[cursor.varint()];
    }
    txs.push({ txid: txidOf(raw), raw, tx, bump });
  }
  if (cursor.left > 0) {
    throw new CorpusError('NOT_BEEF', `${cursor.left} bytes behind the last transaction`);
  }
  return { version: magic === V1 ? 1 : 2, atomicTxid, bumps, txs, txidsOnly };
}
