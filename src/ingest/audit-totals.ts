import { hash } from 'node:crypto';
import type { LockBalance } from '../store/owner-rows.ts';
import type { TxRecord } from '../store/records.ts';
import { ownerId } from '../store/store.ts';
import type { PartEffect } from './effects.ts';

export interface TokenTotals {
  issued: bigint;
  burned: bigint;
  lost: bigint;
  circulating: bigint;
  coins: number;
  holders: number;
  transactions: number;
  undecided: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface OwnerTotals {
  readonly tokenNo: number;
  readonly owner: Uint8Array;
  readonly byLock: Map<string, Mutable<LockBalance>>;
}

/** What the derived rows must come to, added up from the transactions. */
export class AuditTotals {
  readonly tokens = new Map<number, TokenTotals>();
  readonly owners = new Map<string, OwnerTotals>();
  readonly counts = {
    transactions: 0,
    outputs: 0,
    conflicts: 0,
    unmined: 0,
    coins: 0,
    history: 0,
    spends: 0,
  };
  /** Sum of the transactions' digests: the same whatever order they are kept in. */
  private digest = 0n;

  token(tokenNo: number): TokenTotals {
    let totals = this.tokens.get(tokenNo);
    if (totals === undefined) {
      totals = {
        issued: 0n,
        burned: 0n,
        lost: 0n,
        circulating: 0n,
        coins: 0,
        holders: 0,
        transactions: 0,
        undecided: 0,
      };
      this.tokens.set(tokenNo, totals);
    }
    return totals;
  }

  addCoin(tokenNo: number, record: TxRecord, output: TxRecord['tokens'][number]['outputs'][number]): void {
    this.counts.coins++;
    const totals = this.token(tokenNo);
    totals.coins++;
    totals.circulating += output.amt;
    const id = ownerId(tokenNo, output.owner);
    const entry = this.owners.get(id) ?? { tokenNo, owner: output.owner, byLock: new Map() };
    this.owners.set(id, entry);
    const { lock } = output;
    const balance = entry.byLock.get(lock) ?? { lock, confirmed: 0n, unconfirmed: 0n, coins: 0 };
    entry.byLock.set(lock, balance);
    balance[record.place === undefined ? 'unconfirmed' : 'confirmed'] += output.amt;
    balance.coins++;
  }

  addEffect(tokenNo: number, effect: PartEffect): void {
    const totals = this.token(tokenNo);
    totals.issued += effect.issued;
    totals.burned += effect.burned;
    totals.lost += effect.lost;
    totals.undecided += Number(effect.undecided);
    totals.transactions += Number(effect.history.size > 0);
    this.counts.history += effect.history.size;
  }

  /** Over what the state is, without what differs between nodes (arrival, token numbers). */
  addToDigest(record: TxRecord, tokenIdOf: (tokenNo: number) => string): void {
    const { place } = record;
    const parts = record.tokens
      .map((p) => {
        const outputs = p.outputs.map((o) => `${o.vout}${o.verdict}`);
        return [tokenIdOf(p.tokenNo), p.valueIn, p.lost, ...outputs].join(':');
      })
      .sort();
    const state = [record.txid, record.status, place?.height, place?.index, ...parts].join(' ');
    this.digest = BigInt.asUintN(256, this.digest + BigInt(`0x${hash('sha256', state)}`));
  }

  /** 64 hex digits. */
  stateDigest(): string {
    return this.digest.toString(16).padStart(64, '0');
  }
}
