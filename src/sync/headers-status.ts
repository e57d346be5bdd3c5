import { HeadersError } from '../../protocols/headers/errors.ts';
import type { StatusBody, Tip } from '../../protocols/headers/messages.ts';
import { displayHex, internalBytes } from '../chain/header.ts';
import type { HeadersModules, SyncedChain } from './headers-modules.ts';

/** What we tell of ourselves. */
export function ownStatus({ network, chain }: Pick<HeadersModules, 'network' | 'chain'>): StatusBody {
  return { kind: 'status', network, base: chain.baseHeight(), tip: ownTip(chain) };
}

export function ownTip(chain: SyncedChain): Tip {
  const { height, hash, chainWork } = chain.tip();
  return { height, hash: internalBytes(hash), work: chainWork };
}

/**
 * Holds the claim that made us take headers against them, all known now: where the block is, and, if it did not
 * become part of our chain, that it has more work than our tip.
 * @throws HeadersError CLAIM_FALSE
 */
export function checkClaim(chain: SyncedChain, { height, hash, work }: Tip): void {
  const name = displayHex(hash);
  const known = chain.heightOf(name);
  if (known === undefined ? work <= chain.tip().chainWork : known === height) return;
  throw new HeadersError('CLAIM_FALSE', `block ${name} has another height or less work than it was said`, {
    hash: name,
    height,
    ...(known === undefined ? {} : { known }),
  });
}
