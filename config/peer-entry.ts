import { canonicalAddress, parseTcpAddress, wrongToDial } from './multiaddr.ts';
import { nearestName } from './nearest.ts';
import { EXPECTED_KEY, isPublicKey, peerIdOf, readPublicKey } from './public-key.ts';
import { quote } from './secret.ts';
import { describe, isMap, type ReadContext, type YamlMap, type YamlValue } from './value.ts';

/** Per peer (limits of peer exchange). */
export const MAX_PEER_ADDRESSES = 8;
/** Texts that come from other nodes. */
const MAX_TEXT_CHARS = 64;

const EXPECTED_ENTRY = 'an entry with "public_key" and "addresses"';
const EXPECTED_ADDRESSES = 'a list of multiaddrs such as ["/ip4/203.0.113.7/tcp/9000"]';
const EXPECTED_TIME = 'a time such as 2026-01-31T12:00:00Z';
const EXPECTED_TEXT = `at most ${MAX_TEXT_CHARS} printable ASCII characters`;

/** One peer as peers.yaml holds it. */
export interface PeerEntry {
  /** Base64 of the 32 raw bytes of an Ed25519 key. */
  readonly publicKey: string;
  /** Canonical multiaddrs without `/p2p/`, each once, 1 to 8. */
  readonly addresses: readonly string[];
  /** Unix milliseconds; never in the future of who read or wrote it. */
  readonly lastSeenMs?: number;
  /** From whom it was learned; printable ASCII. */
  readonly source?: string;
  /** What it says it runs; printable ASCII. */
  readonly version?: string;
}

export function sameEntry(left: PeerEntry, right: PeerEntry): boolean {
  return (
    left.publicKey === right.publicKey &&
    sameTexts(left.addresses, right.addresses) &&
    left.lastSeenMs === right.lastSeenMs &&
    left.source === right.source &&
    left.version === right.version
  );
}

export function sameTexts(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, index) => text === right[index]);
}

/** The first list, then what the second adds, as far as there is room. */
export function unionOfAddresses(first: readonly string[], second: readonly string[]): readonly string[] {
  return [...new Set([...first, ...second])].slice(0, MAX_PEER_ADDRESSES);
}

/**
 * One element of `peers`. An address that is no good is reported and left out; undefined if nothing is left to
 * identify or to dial. Of the fields that only we write, one that is no good is reported and left out, too.
 */
export function readPeerEntry(input: YamlValue, context: ReadContext, nowMs: number): PeerEntry | undefined {
  if (input === null) return context.fail('NO_VALUE', 'has no value', EXPECTED_ENTRY);
  if (!isMap(input)) return context.fail('WRONG_TYPE', `is ${describe(input)}`, EXPECTED_ENTRY);
  const keyValue = required(input, 'public_key', EXPECTED_KEY, context);
  const publicKey = keyValue === undefined ? undefined : readPublicKey(keyValue, context.at('public_key'));
  const listed = required(input, 'addresses', EXPECTED_ADDRESSES, context);
  const addresses =
    listed === undefined ? undefined : readAddresses(listed, publicKey, context.at('addresses'));
  if (publicKey === undefined || addresses === undefined) return undefined;
  const lastSeenMs = readTime(input['last_seen'], context.at('last_seen'), nowMs);
  const source = readText(input, 'source', context);
  const version = readText(input, 'version', context);
  return peerEntry({ publicKey, addresses, lastSeenMs, source, version });
}

function required(
  input: YamlMap,
  name: string,
  expected: string,
  context: ReadContext,
): YamlValue | undefined {
  const value = input[name];
  if (value !== undefined) return value;
  const slip = Object.keys(input).find((key) => nearestName(key, [name]) !== undefined);
  const hint = slip === undefined ? '' : `, unless ${quote(slip)} is meant to be it`;
  return context.at(name).fail('MISSING_KEY', `required key is missing${hint}`, expected);
}

/** The fields of an entry, some of which may be undefined. */
export interface PeerFields {
  readonly publicKey: string;
  readonly addresses: readonly string[];
  readonly lastSeenMs?: number | undefined;
  readonly source?: string | undefined;
  readonly version?: string | undefined;
}

/** Without the fields that are undefined. */
export function peerEntry(fields: PeerFields): PeerEntry {
  const { publicKey, addresses, lastSeenMs, source, version } = fields;
  return {
    publicKey,
    addresses,
    ...(lastSeenMs === undefined ? {} : { lastSeenMs }),
    ...(source === undefined ? {} : { source }),
    ...(version === undefined ? {} : { version }),
  };
}

function readAddresses(
  input: YamlValue,
  publicKey: string | undefined,
  context: ReadContext,
): readonly string[] | undefined {
  if (input === null) return context.fail('NO_VALUE', 'has no value', EXPECTED_ADDRESSES);
  if (!Array.isArray(input)) return context.fail('WRONG_TYPE', `is ${describe(input)}`, EXPECTED_ADDRESSES);
  if (input.length === 0) return context.fail('NO_VALUE', 'is an empty list', EXPECTED_ADDRESSES);
  const read = input.map((item: YamlValue, index) => readAddress(item, publicKey, context.at(index)));
  const found = new Set(read.filter((address) => address !== undefined));
  if (found.size > MAX_PEER_ADDRESSES) {
    const message = `has ${found.size} addresses, the first ${MAX_PEER_ADDRESSES} are used`;
    context.fail('OUT_OF_RANGE', message, `at most ${MAX_PEER_ADDRESSES} addresses`);
  }
  return found.size === 0 ? undefined : [...found].slice(0, MAX_PEER_ADDRESSES);
}

function readAddress(
  input: YamlValue,
  publicKey: string | undefined,
  context: ReadContext,
): string | undefined {
  const expected = 'a multiaddr such as /ip4/203.0.113.7/tcp/9000';
  if (input === null) return context.fail('NO_VALUE', 'has no value', expected);
  if (typeof input !== 'string') return context.fail('WRONG_TYPE', `is ${describe(input)}`, expected);
  // What other tools print for a peer ends with its id; the key already says it.
  const [, address = input, peerId] = /^(.*)\/(?:p2p|ipfs)\/([^/]*)$/.exec(input) ?? [];
  if (peerId !== undefined && publicKey !== undefined && peerId !== peerIdOf(publicKey)) {
    const message = `${quote(`/p2p/${peerId.slice(0, 20)}`)} is another peer than public_key`;
    return context.fail('CONFLICT', message, `no /p2p/, or /p2p/ and the peer of the key`);
  }
  const parts = parseTcpAddress(address, (...wrong) => context.fail(...wrong));
  if (parts === undefined) return undefined;
  const wrong = wrongToDial(parts);
  if (wrong !== undefined) return context.fail('BAD_VALUE', `${quote(address)}${wrong}`, expected);
  return canonicalAddress(parts);
}

/** ISO 8601 with seconds and zone, as we write it; fractions optional. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function readTime(input: YamlValue | undefined, context: ReadContext, nowMs: number): number | undefined {
  if (input === undefined || input === null) return undefined;
  const timeMs = typeof input === 'string' && TIME.test(input) ? Date.parse(input) : Number.NaN;
  if (Number.isNaN(timeMs) || timeMs < 0) {
    return context.fail('BAD_VALUE', `is ${describe(input)}`, EXPECTED_TIME);
  }
  if (timeMs <= nowMs) return timeMs;
  // Another clock, or ours: a peer must not look freshly seen for days because of it.
  context.warn('OUT_OF_RANGE', 'is in the future and counts as now', EXPECTED_TIME);
  return nowMs;
}

function readText(input: YamlMap, name: string, context: ReadContext): string | undefined {
  const value = input[name] ?? undefined;
  if (value === undefined) return undefined;
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text === 'string' && plainText(text) === text && text !== '') return text;
  return context.at(name).fail('BAD_VALUE', `is ${describe(value)}`, EXPECTED_TEXT);
}

/** What may be written: like what is read. Undefined if there is no good key or no address. */
export function storableEntry(fields: PeerFields, nowMs: number): PeerEntry | undefined {
  const { publicKey, addresses, lastSeenMs, source, version } = fields;
  if (!isPublicKey(publicKey) || addresses.length === 0) return undefined;
  const isTime = lastSeenMs !== undefined && lastSeenMs >= 0;
  return peerEntry({
    publicKey,
    addresses: unionOfAddresses(addresses, []),
    lastSeenMs: isTime ? Math.min(Math.trunc(lastSeenMs), nowMs) : undefined,
    source: plainText(source ?? '') || undefined,
    version: plainText(version ?? '') || undefined,
  });
}

/** What of a text from another node may go into the file. */
function plainText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '').slice(0, MAX_TEXT_CHARS);
}
