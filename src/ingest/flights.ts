import type { Transaction } from '../spv/transaction.ts';
import type { Carried, Item } from './item.ts';

interface Flight {
  readonly item: Item;
  /** Number of the batch that has it checked. */
  readonly checkedBy: number;
  batches: number;
}

/** Transactions between their check and their commit, so that one that comes from several sides is checked once. */
export class Flights {
  private readonly byTxid = new Map<string, Flight[]>();

  /** The item whose check answers for this one too. Not of a later batch: its check may end after this one is placed. */
  find(carried: Carried, batch: number): Item | undefined {
    if (carried.isRetry) return undefined;
    const flights = this.byTxid.get(carried.tx.txid);
    return flights?.find((flight) => flight.checkedBy <= batch && answersFor(flight.item, carried))?.item;
  }

  tx(txid: string): Transaction | undefined {
    return this.byTxid.get(txid)?.[0]?.item.tx;
  }

  /** Once for each batch that holds the item; the first one has it checked. */
  claim(item: Item, batch: number): void {
    const flights = this.byTxid.get(item.tx.txid);
    const flight = flights?.find((f) => f.item === item);
    if (flight !== undefined) flight.batches++;
    else if (flights !== undefined) flights.push({ item, checkedBy: batch, batches: 1 });
    else this.byTxid.set(item.tx.txid, [{ item, checkedBy: batch, batches: 1 }]);
  }

  release(items: Iterable<Item>): void {
    for (const item of items) {
      const flights = this.byTxid.get(item.tx.txid) ?? [];
      const flight = flights.find((f) => f.item === item);
      if (flight === undefined) continue;
      flight.batches--;
      if (flight.batches > 0) continue;
      if (flights.length === 1) this.byTxid.delete(item.tx.txid);
      else flights.splice(flights.indexOf(flight), 1);
    }
  }
}

/**
 * A check that failed for want of parents or a header may succeed now, one that failed for a false proof says nothing of
 * the same transaction with another proof, and one that found a block says nothing of another block.
 */
function answersFor(item: Item, { bumps }: Carried): boolean {
  const isSame = hasSameProof(item, bumps);
  switch (item.checked?.kind) {
    case undefined:
      return isSame && item.tried.length === 0;
    case 'proven':
      return isSame || bumps.length === 0;
    case 'verified':
      return bumps.length === 0;
    default:
      return false;
  }
}

function hasSameProof(item: Item, bumps: Carried['bumps']): boolean {
  const [mine] = item.bumps;
  const [other] = bumps;
  if (mine === other) return true;
  return mine !== undefined && other !== undefined && Buffer.compare(mine.bytes, other.bytes) === 0;
}
