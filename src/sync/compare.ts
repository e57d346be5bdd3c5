import { tacOverEmptyBlocks } from './anchor-chain.ts';
import { HEADERS_WAIT_MS, MAX_CONTINUED_HEIGHTS } from './client-limits.ts';
import type { SyncHeaders, SyncIndex } from './client-modules.ts';
import type { Anchor } from './commitments.ts';
import { SyncError } from './errors.ts';
import type { PeerFacts, Session } from './session.ts';

/** A commitment of a peer at a block that both have. */
export interface Claim {
  /** The same as long as the peer says the same: blocks without any of the token's history change nothing. */
  readonly key: string;
  readonly height: number;
  /** Of that block, display order. */
  readonly hash: string;
  readonly tac: Buffer;
  /** Mined history transactions, as the peer tells. */
  readonly entries: number;
  readonly firstHeight: number | undefined;
}

/** What the peer answered when it was asked for its commitment at a height; `key`: what it had said before that. */
export interface Asked extends Anchor {
  readonly key: string;
  /** Of our block at that height. */
  readonly hash: string;
}

export type Comparison =
  /** The peer cannot tell its commitment now, or we cannot tell ours. */
  | { readonly kind: 'untold' }
  /** Its index follows a block that our best chain does not have: headers first. */
  | { readonly kind: 'headers' }
  /** What it said does not tell its commitment at this height: it is to be asked. */
  | { readonly kind: 'ask'; readonly key: string; readonly height: number; readonly hash: string }
  | {
      readonly kind: 'agrees' | 'differs';
      readonly claim: Claim;
      /** Ours at the same height. */
      readonly entries: number;
      readonly firstHeight: number | undefined;
    };

export interface CompareModules {
  readonly index: Pick<SyncIndex, 'commitments'>;
  readonly headers: SyncHeaders;
}

export interface CompareOptions {
  readonly asked: Asked | undefined;
  /** For how long headers have been waited for already. */
  readonly waitedMs: number;
}

/**
 * Holds what a peer says of a token against our own commitment at the highest block that both indexes have followed to.
 * @throws SyncError NOT_READY: our index is following the header chain
 */
export async function compare(
  { headers, index }: CompareModules,
  session: Session,
  tokenId: string,
  { asked, waitedMs }: CompareOptions,
): Promise<Comparison> {
  const told = session.of(tokenId);
  const { tip } = session;
  if (told?.facts.tac === undefined || tip === undefined) return { kind: 'untold' };
  const own = index.commitments.indexTip();
  const isOnOurs =
    headers.hashAt(tip.height) === tip.hash && headers.hashAt(told.tip.height) === told.tip.hash;
  if (!isOnOurs) {
    headers.poke(session.peerId);
    // Below our tip it is a branch of its own; above it, it may well have our tip, and no header need ever come.
    if (tip.height <= own.height || waitedMs < HEADERS_WAIT_MS) return { kind: 'headers' };
  }
  const height = isOnOurs ? Math.min(tip.height, own.height) : own.height;
  const hash = headers.hashAt(height);
  // Nothing at all is there to compare at, before the first header.
  if (hash === undefined) return { kind: 'headers' };
  const key = keyOf(told);
  const claim = claimAt(headers, told, { key, height, hash }, asked);
  if (claim === undefined) return { kind: 'ask', key, height, hash };
  const { tac, firstHeight } = await index.commitments.tip(tokenId);
  if (tac === undefined) return { kind: 'untold' };
  const [ours] = (await index.commitments.anchors(tokenId, [height])).anchors;
  if (ours === undefined) throw new SyncError('NOT_READY', 'our tip went down meanwhile', { height });
  const kind = ours.tac.equals(claim.tac) ? 'agrees' : 'differs';
  return { kind, claim, entries: ours.entries, firstHeight };
}

/** What it told, continued over the blocks since; or what it answered. */
function claimAt(
  headers: SyncHeaders,
  { facts, tip }: PeerFacts,
  at: Pick<Claim, 'key' | 'height' | 'hash'>,
  asked: Asked | undefined,
): Claim | undefined {
  const { firstHeight, entries, tac = new Uint8Array(0) } = facts;
  // No transaction yet: zeros, whatever the blocks.
  if (firstHeight === undefined) return { ...at, firstHeight, tac: Buffer.from(tac), entries };
  if (tip.height <= at.height && at.height - tip.height <= MAX_CONTINUED_HEIGHTS) {
    const continued = tacOverEmptyBlocks(tac, tip.height, at.height, (height) => hashBytes(headers, height));
    return { ...at, firstHeight, tac: continued, entries };
  }
  if (asked?.key !== at.key || asked.height !== at.height || asked.hash !== at.hash) return undefined;
  return { ...at, firstHeight, tac: asked.tac, entries: asked.entries };
}

function keyOf({ facts: { tac, entries }, tip }: PeerFacts): string {
  return `${tip.hash}:${entries}:${Buffer.from(tac ?? []).toString('hex')}`;
}

function hashBytes({ hashAt }: Pick<SyncHeaders, 'hashAt'>, height: number): Buffer {
  const hash = hashAt(height);
  if (hash === undefined) throw new SyncError('NOT_READY', `no header of height ${height}`, { height });
  return Buffer.from(hash, 'hex').reverse();
}
