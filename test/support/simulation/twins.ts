import { SHORT_ID_BYTES } from '../../../protocols/token-sync/constants.ts';
import { hashBytes, shortId } from '../../../protocols/token-sync/digests.ts';
import { txidOf } from '../corpus/transaction.ts';
import { brokenSignature } from './forgery.ts';
import type { SimHistory } from './history.ts';

/** For transactions of a history the same with a broken signature, as far as there is one that can be broken. */
export class Twins {
  private readonly rawOf = new Map<string, Buffer>();
  private readonly pairs: (readonly [right: string, broken: string])[] = [];

  constructor(history: SimHistory) {
    for (const { txid, raw } of history.txs) {
      const broken = brokenSignature(raw);
      if (broken === undefined) continue;
      this.rawOf.set(txid, broken);
      this.pairs.push([txid, txidOf(broken)]);
    }
  }

  /** Txids of the broken ones. */
  get txids(): readonly string[] {
    return this.pairs.map(([, broken]) => broken);
  }

  /** The broken one of a transaction, or itself. */
  broken(raw: Uint8Array): Uint8Array {
    return this.rawOf.get(txidOf(raw)) ?? raw;
  }

  /** Short ids with those of the broken ones in the place of the right ones, or the other way round. */
  swapped(ids: Uint8Array, salt: Uint8Array, to: 'broken' | 'right'): Uint8Array {
    const other = new Map<string, string>();
    for (const pair of this.pairs) {
      const [right, broken] = pair.map((txid) => shortId(salt, hashBytes(txid)).toString('hex')) as [
        string,
        string,
      ];
      if (to === 'broken') other.set(right, broken);
      else other.set(broken, right);
    }
    const hex = Buffer.from(ids).toString('hex');
    const list = hex.match(new RegExp(`.{${2 * SHORT_ID_BYTES}}`, 'g')) ?? [];
    const swapped = list.map((id) => other.get(id) ?? id);
    // Those of an answer ascend; those of a question are in the asker's order, which says what is missing.
    return Buffer.from((to === 'broken' ? swapped.sort() : swapped).join(''), 'hex');
  }
}

const known = new WeakMap<SimHistory, Twins>();

export function twinsOf(history: SimHistory): Twins {
  const twins = known.get(history) ?? new Twins(history);
  known.set(history, twins);
  return twins;
}
