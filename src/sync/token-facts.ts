import type { TokenFacts } from '../../protocols/token-sync/messages.ts';
import type { Commitments, IndexTip } from './commitments.ts';
import { SyncError } from './errors.ts';
import type { FollowedTokens } from './serve-modules.ts';

/** Tips that pass by while many tokens are looked at. */
const MAX_TRIES = 8;

export interface FactsAtTip {
  readonly tip: IndexTip;
  /** Ascending by token. */
  readonly tokens: readonly TokenFacts[];
}

/**
 * What we can say of some tokens, all at one tip; `tokens` by their place in the hello.
 * @throws SyncError NOT_READY: the index is following the header chain; INCONSISTENT; StoreError
 */
export async function factsOf(
  commitments: Commitments,
  followed: FollowedTokens,
  tokens: ReadonlyMap<number, string>,
): Promise<FactsAtTip> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const tip = commitments.indexTip();
    const facts: TokenFacts[] = [];
    for (const [token, tokenId] of [...tokens].sort(([a], [b]) => a - b)) {
      const { tip: at, ...fact } = await factOf(commitments, followed, token, tokenId);
      if (at !== undefined && !at.hash.equals(tip.hash)) break;
      facts.push(fact);
    }
    if (facts.length === tokens.size) return { tip, tokens: facts };
  }
  throw new SyncError('NOT_READY', 'the tip moves faster than the tokens can be looked at');
}

async function factOf(
  commitments: Commitments,
  followed: FollowedTokens,
  token: number,
  tokenId: string,
): Promise<TokenFacts & { readonly tip: IndexTip | undefined }> {
  if (!followed.isComplete(tokenId)) {
    const nothing = { firstHeight: undefined, tac: undefined, unminedDigest: undefined };
    return { token, tip: undefined, entries: 0, unmined: 0, ...nothing };
  }
  const { tip, firstHeight, tac, entries, unmined, unminedDigest } = await commitments.tip(tokenId);
  return { token, tip, firstHeight, tac, entries, unmined, unminedDigest };
}
