import type { ConnectionState } from './types.ts';

/** Every step that a peer's state may take. */
export const LEGAL_STEPS: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  idle: ['connecting'],
  connecting: ['connected', 'failed', 'idle'],
  connected: ['disconnecting'],
  disconnecting: ['idle'],
  failed: ['connecting', 'idle'],
};

interface Link {
  readonly id: string;
  /** Identify is done: the peer is there and takes us. */
  readonly isProven: boolean;
  /** We are closing it. */
  readonly isLeaving: boolean;
}

/** One peer with all its connections: the state belongs to the peer, whatever its connections do. */
export interface PeerLinks {
  readonly state: ConnectionState;
  /** Living connections, the oldest first. */
  readonly links: readonly Link[];
  readonly isDialing: boolean;
  /**
   * The last proven connection is gone, but not by our will: simultaneous dials swap connections with up to 9 ms of
   * none (measured with the Go node), so the peer stays connected for a while. overdue: only those being proven count.
   */
  readonly swap: 'no' | 'waiting' | 'overdue';
}

export const NO_LINKS: PeerLinks = { state: 'idle', links: [], isDialing: false, swap: 'no' };

export type LinkEvent =
  | { readonly type: 'dial-started' }
  | { readonly type: 'dial-ended'; readonly hasFailed: boolean }
  | { readonly type: 'opened' | 'proven' | 'closed'; readonly id: string }
  /** We close all connections that there are now. */
  | { readonly type: 'hang-up' }
  | { readonly type: 'swap-overdue' }
  /** A failure is old enough to be forgotten. */
  | { readonly type: 'forget' };

interface LinkStep {
  readonly peer: PeerLinks;
  /** States passed through, in order, the last one that of `peer`; empty if it stayed. */
  readonly passed: readonly ConnectionState[];
}

/** What an event makes of a peer. Events that do not fit (a connection closed twice) change nothing. */
export function reduceLinks(peer: PeerLinks, event: LinkEvent): LinkStep {
  const facts = settleSwap(peer, takeIn(peer, event));
  const target = targetState(facts, event);
  return { peer: { ...facts, state: target }, passed: pathBetween(peer.state, target) };
}

function takeIn(peer: PeerLinks, event: LinkEvent): PeerLinks {
  switch (event.type) {
    case 'dial-started':
      return { ...peer, isDialing: true };
    case 'dial-ended':
      return { ...peer, isDialing: false };
    case 'opened': {
      if (peer.links.some(({ id }) => id === event.id)) return peer;
      return { ...peer, links: [...peer.links, { id: event.id, isProven: false, isLeaving: false }] };
    }
    case 'proven':
      return {
        ...peer,
        links: peer.links.map((link) => (link.id === event.id ? { ...link, isProven: true } : link)),
      };
    case 'closed':
      return { ...peer, links: peer.links.filter(({ id }) => id !== event.id) };
    case 'hang-up':
      return { ...peer, links: peer.links.map((link) => ({ ...link, isLeaving: true })), swap: 'no' };
    case 'swap-overdue':
      return peer.swap === 'waiting' ? { ...peer, swap: 'overdue' } : peer;
    case 'forget':
      return peer;
  }
}

function settleSwap(before: PeerLinks, after: PeerLinks): PeerLinks {
  if (hasProven(after)) return { ...after, swap: 'no' };
  const isLost = before.state === 'connected' && hasProven(before) && !after.links.some((l) => l.isLeaving);
  if (isLost) return { ...after, swap: 'waiting' };
  const isOver = after.swap === 'overdue' && !after.links.some((link) => !link.isLeaving);
  return isOver ? { ...after, swap: 'no' } : after;
}

function hasProven(peer: PeerLinks): boolean {
  return peer.links.some((link) => link.isProven && !link.isLeaving);
}

function targetState(peer: PeerLinks, event: LinkEvent): ConnectionState {
  if (hasProven(peer) || peer.swap !== 'no') return 'connected';
  const isLeaving = peer.links.some((link) => link.isLeaving);
  if (isLeaving && (peer.state === 'connected' || peer.state === 'disconnecting')) return 'disconnecting';
  if (peer.links.length > 0 || peer.isDialing) return 'connecting';
  if (event.type === 'dial-ended' && event.hasFailed) return 'failed';
  return peer.state === 'failed' && event.type !== 'forget' ? 'failed' : 'idle';
}

/** The shortest legal way; a peer that is lost and found in one event is seen to pass through idle. */
function pathBetween(from: ConnectionState, to: ConnectionState): readonly ConnectionState[] {
  const ways: ConnectionState[][] = [[]];
  const seen = new Set([from]);
  for (const way of ways) {
    const at = way.at(-1) ?? from;
    if (at === to) return way;
    for (const next of LEGAL_STEPS[at]) {
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return [];
}
