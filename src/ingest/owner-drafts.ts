import { StoreError } from '../store/errors.ts';
import type { LockBalance } from '../store/owner-rows.ts';
import { ownerId } from '../store/store.ts';
import type { LockType } from '../token/types.ts';
import { type CoinChange, type CoinState, isCoin } from './effects.ts';

/** What a commit adds to and takes from the balances of one owner, by lock. */
export interface OwnerDraft {
  readonly tokenNo: number;
  readonly owner: Uint8Array;
  readonly deltas: Map<LockType, { confirmed: bigint; unconfirmed: bigint; coins: number }>;
}

interface CoinCount {
  coins: number;
  circulating: bigint;
}

/** By owner id, from the coins that came and went; a token's circulation is the same sum. */
export function ownerDrafts(
  changes: readonly CoinChange[],
  token: (tokenNo: number) => CoinCount,
): Map<string, OwnerDraft> {
  const owners = new Map<string, OwnerDraft>();
  const count = (tokenNo: number, state: CoinState | undefined, sign: 1 | -1): void => {
    if (state === undefined || !isCoin(state)) return;
    const { owner, lock, amt } = state.output;
    const signed = sign === 1 ? amt : -amt;
    const figures = token(tokenNo);
    figures.coins += sign;
    figures.circulating += signed;
    const id = ownerId(tokenNo, owner);
    let draft = owners.get(id);
    if (draft === undefined) {
      draft = { tokenNo, owner, deltas: new Map() };
      owners.set(id, draft);
    }
    let delta = draft.deltas.get(lock);
    if (delta === undefined) {
      delta = { confirmed: 0n, unconfirmed: 0n, coins: 0 };
      draft.deltas.set(lock, delta);
    }
    if (state.created === undefined) delta.unconfirmed += signed;
    else delta.confirmed += signed;
    delta.coins += sign;
  };
  for (const change of changes) {
    count(change.tokenNo, change.before, -1);
    count(change.tokenNo, change.after, 1);
  }
  return owners;
}

/** New balances of an owner, undefined where nothing changed. A sum below zero means a broken invariant: nothing is written. */
export function applyDeltas(
  before: readonly LockBalance[],
  draft: OwnerDraft,
): readonly LockBalance[] | undefined {
  const after = new Map(before.map((b) => [b.lock, b]));
  let changed = false;
  for (const [lock, delta] of draft.deltas) {
    if (delta.confirmed === 0n && delta.unconfirmed === 0n && delta.coins === 0) continue;
    changed = true;
    const old = after.get(lock);
    const next = {
      lock,
      confirmed: (old?.confirmed ?? 0n) + delta.confirmed,
      unconfirmed: (old?.unconfirmed ?? 0n) + delta.unconfirmed,
      coins: (old?.coins ?? 0) + delta.coins,
    };
    if (next.confirmed < 0n || next.unconfirmed < 0n || next.coins < 0) {
      const owner = Buffer.from(draft.owner).toString('hex');
      throw new StoreError(
        'STORE_INCONSISTENT',
        `the balance of ${owner} would fall below zero: run \`btcfed verify\``,
        {
          tokenNo: draft.tokenNo,
          owner,
        },
      );
    }
    if (next.coins === 0) after.delete(lock);
    else after.set(lock, next);
  }
  if (!changed) return undefined;
  return [...after.values()].sort((a, b) => (a.lock < b.lock ? -1 : 1));
}
