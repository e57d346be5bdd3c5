import { ZERO_TAC } from './anchor-chain.ts';
import { clientFault } from './client-faults.ts';
import { MAX_SINGLE_BLOCKS } from './client-limits.ts';
import type { Anchor } from './commitments.ts';
import type { Camp, HuntEnd, HuntModules } from './hunt.ts';
import { tacOver } from './own-tacs.ts';
import { askAnchors, askPlaces, type PeerBlock } from './questions.ts';

/** Blocks above `low`, up to and with `high`: anchors of the peer. */
export interface Interval {
  /** Both sides agree there, or what lies below was dealt with. */
  readonly low: Anchor;
  readonly high: Anchor;
  /** Transactions in it: the peer's, ours. */
  readonly theirs: number;
  readonly ours: number;
}

/** What an interval came to. */
export type Settled =
  /** We have all that the peer has there; `keptFrom`: the first block in which we have more. */
  | { readonly kind: 'settled'; readonly keptFrom: number | undefined }
  | Extract<HuntEnd, { kind: 'refused' | 'moved' }>;

/** What we have in the listed blocks: txids in internal order, by height and place. */
interface Held {
  readonly places: ReadonlyMap<number, ReadonlyMap<number, Buffer>>;
  /** First block in which we have something that is not listed. */
  readonly more: number | undefined;
}

type Blocks = ReadonlyMap<number, PeerBlock>;

/**
 * Compares a few blocks place by place, fetches what we lack, and holds the peer to what it says: with all that it lists
 * in our hands, the list must make up its commitment.
 */
export class Settling {
  private readonly modules: HuntModules;
  private readonly camp: Camp;
  private readonly signal: AbortSignal;

  constructor(modules: HuntModules, camp: Camp, signal: AbortSignal) {
    this.modules = modules;
    this.camp = camp;
    this.signal = signal;
  }

  /** @throws PeerFault WITHHELD, COMMITMENT_WRONG, or by the ingest's code; what asking the leader throws */
  async run(interval: Interval): Promise<Settled> {
    const { low, high, theirs } = interval;
    const from = low.height + 1;
    const to = high.height;
    const { leader, tokenId } = this.camp;
    const { headers } = this.modules;
    const ask = { from, to, most: theirs };
    const blocks: Blocks =
      theirs === 0 ? new Map() : await askPlaces(leader.conversation(), tokenId, ask, this.signal);
    for (const [height, { hash }] of blocks) {
      if (headers.hashAt(height) === hash) continue;
      headers.poke(leader.peerId);
      return { kind: 'moved' };
    }
    const missing = lackedOf(blocks, await this.held(blocks, from, to));
    const end = missing.size === 0 ? undefined : await this.fetch(missing, ask);
    if (end !== undefined) return end;
    const held = await this.held(blocks, from, to);
    const [refused] = lackedOf(blocks, held).keys();
    if (refused !== undefined) return { kind: 'refused', firstHeight: refused, code: 'RULES_DIFFER' };
    const listed = [...blocks].map(([height, { places }]) => {
      const leaves = places.map((place) => held.places.get(height)?.get(place) as Buffer);
      return [height, leaves] as const;
    });
    const tac = await tacOver(headers.hashAt.bind(headers), low, listed, to);
    if (tac.equals(high.tac)) return { kind: 'settled', keptFrom: held.more };
    if (await this.hasChanged([low, high])) return { kind: 'moved' };
    throw clientFault(leader.peerId, 'COMMITMENT_WRONG', { height: to });
  }

  private async held(blocks: Blocks, from: number, to: number): Promise<Held> {
    const places = new Map<number, Map<number, Buffer>>();
    let more: number | undefined;
    let at: { readonly height: number; readonly listed: ReadonlySet<number> } | undefined;
    const { commitments } = this.modules.index;
    for await (const { height, order, txid } of commitments.entries(this.camp.tokenId, from, to)) {
      if (at?.height !== height) at = { height, listed: new Set(blocks.get(height)?.places) };
      if (!at.listed.has(order)) {
        more ??= height;
        continue;
      }
      const block = places.get(height) ?? new Map<number, Buffer>();
      block.set(order, Buffer.from(txid).reverse());
      places.set(height, block);
    }
    return { places, more };
  }

  /** Few blocks one by one, only what is missing in them; else all of the interval. Undefined: the peer gave it. */
  private async fetch(
    missing: ReadonlyMap<number, readonly number[]>,
    whole: { readonly from: number; readonly to: number; readonly most: number },
  ): Promise<Settled | undefined> {
    const { leader, tokenId } = this.camp;
    const parts =
      missing.size > MAX_SINGLE_BLOCKS
        ? [{ from: whole.from, to: whole.to, entries: whole.most }]
        : [...missing].map(([height, only]) => ({ from: height, to: height, only, entries: only.length }));
    for (const part of parts) {
      const transfer = await this.modules.transfers.range(leader, tokenId, part, {}, this.signal);
      // Not taken for reasons of our own, such as a full pending set; later perhaps.
      if (transfer.refused.size > 0 || transfer.txids.some((txid) => this.waitsForHeader(txid)))
        return { kind: 'moved' };
      if (transfer.isCut || transfer.entries >= part.entries) continue;
      // It listed them a moment ago; but it may have undone blocks since.
      if (await this.hasChanged([])) return { kind: 'moved' };
      throw clientFault(leader.peerId, 'WITHHELD', { height: part.from, entries: transfer.entries });
    }
    return undefined;
  }

  private waitsForHeader(txid: string): boolean {
    return this.modules.index.store.waiting.get(txid)?.waitingFor === 'header';
  }

  /** True if the leader tells another history of these heights than it did, or its chain or ours is another one. */
  private async hasChanged(anchors: readonly Anchor[]): Promise<boolean> {
    const { claim, leader, tokenId } = this.camp;
    const { headers } = this.modules;
    // Zeros below the first transaction are no word of the peer.
    const told = anchors.filter(({ height, tac }) => height < claim.height && !tac.equals(ZERO_TAC));
    const known = [...told, claim];
    const heights = known.map(({ height }) => height);
    const { tip, anchors: now } = await askAnchors(leader.conversation(), tokenId, heights, this.signal);
    if (headers.hashAt(claim.height) !== claim.hash || headers.hashAt(tip.height) !== tip.hash) return true;
    return now.length !== known.length || now.some(({ tac }, i) => !tac.equals(known[i]?.tac as Buffer));
  }
}

/** Places that the peer has and we do not, by height. */
function lackedOf(blocks: Blocks, { places: held }: Held): Map<number, number[]> {
  const missing = new Map<number, number[]>();
  for (const [height, { places }] of blocks) {
    const lacked = places.filter((place) => held.get(height)?.has(place) !== true);
    if (lacked.length > 0) missing.set(height, lacked);
  }
  return missing;
}
