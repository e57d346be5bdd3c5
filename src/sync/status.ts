import type { PeerIdText } from '../p2p/types.ts';
import { DISPUTE_MS, MAX_MOVED_BLOCKS, TIP_GRACE_MS } from './client-limits.ts';

/** How a peer's history of a token stands to ours. Times are monotonic ms. */
export type Relation =
  /** Not compared: it does not tell its commitment, or its index follows a block that we do not have. */
  | { readonly kind: 'unknown'; readonly sinceMs: number }
  /** Equal commitments at `height`. */
  | { readonly kind: 'agrees'; readonly sinceMs: number; readonly height: number; readonly hash: string }
  /** It has, as far as its commitment tells, what we lack. */
  | { readonly kind: 'ahead'; readonly sinceMs: number; readonly firstHeight: number | undefined }
  /** We have all that it has, and more. */
  | { readonly kind: 'lacks'; readonly sinceMs: number; readonly firstHeight: number | undefined }
  /** It has, or says so, what our rules refuse, what it does not give, or what does not fit its commitment. */
  | {
      readonly kind: 'refused';
      readonly sinceMs: number;
      readonly firstHeight: number | undefined;
      readonly code: string;
    };

/** What is known of one peer that follows the token. */
export interface PeerView {
  readonly peerId: PeerIdText;
  readonly tipHeight: number;
  /** Mined history transactions that it tells of. */
  readonly entries: number;
  readonly unmined: number;
  /** When its commitment was ours at our tip last, monotonic ms; -Infinity: never. */
  readonly agreedMs: number;
  /** When it last told another mined history, monotonic ms. */
  readonly changedMs: number;
  readonly relation: Relation;
  /** Its unmined set differs from ours, and this has lasted. */
  readonly isUnminedDue: boolean;
  /** Its chain has more work than ours, and headers are being taken. */
  readonly isHeadersDue: boolean;
}

/** What is known of our own side. */
export interface OwnView {
  readonly tipHeight: number;
  /** History transactions that we have, unmined ones included. */
  readonly entries: number;
  /** History transactions a second that came lately. */
  readonly perSecond: number;
}

/**
 * `behind`: a peer has, by its commitment at a block of our chain, more than we have, until we agree with it or have all that it
 *   gives; also while the unmined transactions of a peer that agrees have not been looked at for the first time; and while the headers of more than
 *   a few blocks are being taken, since nobody can say what those hold. Of a peer that
 *   agreed until now only what lasts longer than BLOCK_LASTS_MS counts: gossip brings the proofs of a new block.
 * `disputed`: a peer has what our rules refuse, or its commitment stays another one for DISPUTE_MS though we have all it has.
 * `synced`: none of these, and the commitment of at least one peer is ours at our tip, or was so less than TIP_GRACE_MS ago and
 *   has only a part of ours since: a block and what is mined in it do not reach everybody at once.
 * `alone`: none of these: no peer follows it, or those that do cannot confirm it (they have only a part of ours).
 */
export type SyncState = 'synced' | 'behind' | 'alone' | 'disputed';

export interface Disagreement {
  readonly peerId: PeerIdText;
  /** First height at which the commitments differ; undefined: not found yet. */
  readonly firstHeight: number | undefined;
  /** ahead: it has more; lacks: it has a part of ours; otherwise why we do not take what it has. */
  readonly why: string;
  /** Monotonic ms. */
  readonly sinceMs: number;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly perSecond: number;
  /** Undefined: nothing has come yet. */
  readonly secondsLeft: number | undefined;
}

export interface TokenStatus {
  readonly state: SyncState;
  /** Monotonic ms. */
  readonly sinceMs: number;
  /** Peers whose commitment is ours at the tip, or was so a moment ago. */
  readonly agree: readonly PeerIdText[];
  readonly disagree: readonly Disagreement[];
  /** Peers that follow it and cannot be compared with at our tip now. */
  readonly unknown: readonly PeerIdText[];
  /** While behind. */
  readonly progress: Progress | undefined;
}

/** The state of one token from what its peers say: a pure function. `before`: for how long it has been so. */
export function statusOf(
  own: OwnView,
  peers: readonly PeerView[],
  before: Pick<TokenStatus, 'state' | 'sinceMs'> | undefined,
  nowMs: number,
): TokenStatus {
  const agree = peers.filter((peer) => isAtTip(peer, own.tipHeight, nowMs));
  const state = stateOf(own, peers, agree, nowMs);
  return {
    state,
    sinceMs: before?.state === state ? before.sinceMs : nowMs,
    agree: agree.map(({ peerId }) => peerId),
    disagree: peers.flatMap((peer) => (agree.includes(peer) ? [] : (disagreement(peer) ?? []))),
    unknown: peers
      .filter((peer) => !agree.includes(peer) && disagreement(peer) === undefined)
      .map(({ peerId }) => peerId),
    progress: state === 'behind' ? progressOf(own, peers) : undefined,
  };
}

/** When the state may change without anything being said: monotonic ms, undefined: never. */
export function nextChangeMs(
  own: Pick<OwnView, 'tipHeight'>,
  peers: readonly PeerView[],
  nowMs: number,
): number | undefined {
  const times = peers.flatMap(({ relation, changedMs, agreedMs }) => {
    if (relation.kind === 'lacks')
      return [disputedAtMs(relation.sinceMs, changedMs), agreedMs + TIP_GRACE_MS];
    return relation.kind === 'agrees' && relation.height !== own.tipHeight ? [agreedMs + TIP_GRACE_MS] : [];
  });
  const next = Math.min(...times.filter((atMs) => atMs > nowMs));
  return next === Number.POSITIVE_INFINITY ? undefined : next;
}

function stateOf(
  own: OwnView,
  peers: readonly PeerView[],
  agree: readonly PeerView[],
  nowMs: number,
): SyncState {
  if (peers.some((peer) => hasMore(peer, own))) return 'behind';
  if (peers.some((peer) => isDisputed(peer, nowMs))) return 'disputed';
  return agree.length > 0 ? 'synced' : 'alone';
}

function hasMore({ relation, isUnminedDue, isHeadersDue, tipHeight }: PeerView, own: OwnView): boolean {
  if (relation.kind === 'ahead' || isUnminedDue) return true;
  return isHeadersDue && tipHeight > own.tipHeight + MAX_MOVED_BLOCKS;
}

function isAtTip({ relation, agreedMs }: PeerView, tipHeight: number, nowMs: number): boolean {
  if (relation.kind === 'agrees' && relation.height === tipHeight) return true;
  const hasPart = relation.kind === 'agrees' || relation.kind === 'lacks';
  return hasPart && nowMs - agreedMs < TIP_GRACE_MS;
}

function isDisputed({ relation, changedMs }: PeerView, nowMs: number): boolean {
  if (relation.kind === 'refused') return true;
  return relation.kind === 'lacks' && nowMs >= disputedAtMs(relation.sinceMs, changedMs);
}

/** One that is filling up changes all the time. */
function disputedAtMs(sinceMs: number, changedMs: number): number {
  return Math.max(sinceMs, changedMs) + DISPUTE_MS;
}

function disagreement({ peerId, relation }: PeerView): Disagreement | undefined {
  if (relation.kind === 'agrees' || relation.kind === 'unknown') return undefined;
  const why = relation.kind === 'refused' ? relation.code : relation.kind;
  return { peerId, firstHeight: relation.firstHeight, why, sinceMs: relation.sinceMs };
}

function progressOf(own: OwnView, peers: readonly PeerView[]): Progress {
  const { entries, perSecond } = own;
  let total = entries;
  for (const peer of peers) if (hasMore(peer, own)) total = Math.max(total, peer.entries + peer.unmined);
  const left = total - entries;
  const secondsLeft = perSecond > 0 ? left / perSecond : undefined;
  return { done: entries, total, perSecond, secondsLeft: left === 0 ? 0 : secondsLeft };
}
