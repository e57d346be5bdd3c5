import type { Offers } from '../ingest/outcome.ts';
import { GOSSIP_LIMITS } from './gossip-limits.ts';
import type { Told } from './told.ts';

/** Offers of the sync: what they bring is not gossiped by us, or whoever catches up would tell everybody of it again. */
export function quietOffers(
  offers: Offers,
  told: Told,
  chain: { tip(): { readonly height: number } },
): Offers {
  return {
    offer: async (beef, source) => {
      const outcome = await offers.offer(beef, source);
      // Whoever reads the event log sees the events of this commit later than this.
      if (outcome.txid !== undefined) told.hush(outcome.txid, undefined);
      return outcome;
    },
    offerSet: (set, source) => {
      // Proofs below that are not gossiped anyway, and a first sync brings very many.
      const from = chain.tip().height - GOSSIP_LIMITS.proofBlocks;
      for (const { tx, bump } of set.txs) {
        if (bump === undefined || bump.height > from) told.hush(tx.txid, bump?.height);
      }
      return offers.offerSet(set, source);
    },
    ready: () => offers.ready(),
    drained: () => offers.drained(),
    outcome: (txid) => offers.outcome(txid),
    facts: () => offers.facts(),
  };
}
