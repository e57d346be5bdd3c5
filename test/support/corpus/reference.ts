import {
  type ActiveSet,
  activeSet,
  type ChainView,
  outpointsSpent,
  type Position,
  type ViewTx,
} from './active.ts';
import { AUTHORITY_OPS, type DecodedToken, decodeToken, VALUE_OPS } from './decode.ts';

/** L1. Outputs of a transaction that does not stand have none and are not listed. */
export type Verdict = 'valid' | 'invalid' | 'pending';

export interface ReferenceOutput extends DecodedToken {
  readonly outpoint: string;
  readonly txid: string;
  readonly vout: number;
  readonly verdict: Verdict;
  readonly position: Position | undefined;
  /** Active transaction that spends it. */
  readonly spentBy: string | undefined;
}

export interface ReferenceAmounts {
  /** Amount of unspent coins made by mined transactions; by others. */
  readonly confirmed: bigint;
  readonly unconfirmed: bigint;
  readonly coins: number;
}

/** Over all kinds of lock, ordlock listings included, and each kind apart. */
export interface ReferenceBalance extends ReferenceAmounts {
  readonly byLock: ReadonlyMap<string, ReferenceAmounts>;
}

export interface ReferenceSupply {
  readonly issued: bigint;
  readonly burned: bigint;
  readonly lost: bigint;
  readonly circulating: bigint;
}

/** What one transaction did to one owner, counting valid outputs only. */
export interface ReferenceHistoryEntry {
  readonly txid: string;
  readonly position: Position | undefined;
  readonly arrival: number;
  /** Amounts of value coins (deploy+mint, mint, transfer); burn and authority outputs are listed and count 0. */
  readonly received: bigint;
  readonly sent: bigint;
  readonly created: readonly string[];
  readonly spent: readonly string[];
}

export interface ReferenceToken {
  readonly tokenId: string;
  readonly outputs: ReadonlyMap<string, ReferenceOutput>;
  /** Transactions with a pending verdict, and the outpoints that would decide it. */
  readonly undecided: ReadonlyMap<string, readonly string[]>;
  readonly balances: ReadonlyMap<string, ReferenceBalance>;
  /** Valid, unspent, value: what balances are made of. */
  readonly coins: readonly ReferenceOutput[];
  /** Valid, unspent deploy+auth and auth outputs. */
  readonly authorities: readonly ReferenceOutput[];
  readonly supply: ReferenceSupply;
  /** Per owner (hex as in DecodedToken): mined in block order, then the rest in order of arrival. */
  readonly history: ReadonlyMap<string, readonly ReferenceHistoryEntry[]>;
}

export interface ReferenceState {
  readonly set: ActiveSet;
  readonly tokens: ReadonlyMap<string, ReferenceToken>;
}

interface Judged {
  readonly verdict: Verdict;
  readonly token: DecodedToken;
}

/** One (transaction, token): value spent, whether transfers and burns passed, and what it waits for. */
interface Account {
  readonly each: ViewTx;
  readonly valueIn: bigint;
  readonly valueOut: bigint;
  readonly passed: boolean;
  readonly undecided: readonly string[];
}

/**
 * The state that follows from a set of transactions by token-rules.md, computed from nothing each time: plain loops, no shared code with
 * what it tests. All tokens that occur are listed; an unknown deploy leaves its token with no valid output.
 */
export function referenceState(view: ChainView): ReferenceState {
  const set = activeSet(view);
  const decoded = new Map<string, readonly (DecodedToken | undefined)[]>();
  const tokenIds = new Set<string>();
  for (const { txid, tx } of set.active) {
    const outputs = tx.outputs.map((output, vout) => decodeToken(output.script, txid, vout));
    decoded.set(txid, outputs);
    for (const output of outputs) {
      if (output !== undefined) {
        tokenIds.add(output.tokenId);
      }
    }
  }
  const tokens = new Map([...tokenIds].map((id) => [id, tokenState(id, set, decoded)]));
  return { set, tokens };
}

function tokenState(
  tokenId: string,
  set: ActiveSet,
  decoded: ReadonlyMap<string, readonly (DecodedToken | undefined)[]>,
): ReferenceToken {
  const judged = new Map<string, Judged>();
  const accounts: Account[] = [];
  for (const each of set.active) {
    const outputs = decoded.get(each.txid)!.map((t) => (t?.tokenId === tokenId ? t : undefined));
    accounts.push(judge(each, outputs, judged, decoded));
  }
  const outputs = new Map<string, ReferenceOutput>();
  for (const each of set.active) {
    for (const vout of each.tx.outputs.keys()) {
      const outpoint = `${each.txid}_${vout}`;
      const found = judged.get(outpoint);
      if (found !== undefined) {
        const spentBy = set.spentBy.get(outpoint)?.txid;
        const { verdict, token } = found;
        outputs.set(outpoint, {
          ...token,
          outpoint,
          txid: each.txid,
          vout,
          verdict,
          position: each.position,
          spentBy,
        });
      }
    }
  }
  const valid = [...outputs.values()].filter((output) => output.verdict === 'valid');
  const unspent = valid.filter((output) => output.spentBy === undefined);
  const coins = unspent.filter((output) => VALUE_OPS.includes(output.op));
  return {
    tokenId,
    outputs,
    undecided: new Map(accounts.filter((a) => a.undecided.length > 0).map((a) => [a.each.txid, a.undecided])),
    balances: balancesOf(coins),
    coins,
    authorities: unspent.filter((output) => AUTHORITY_OPS.includes(output.op)),
    supply: supplyOf(valid, accounts),
    history: historyOf(valid, set),
  };
}

/** Section 3 for one transaction; the verdicts of its outputs of the token are added to `judged`. */
function judge(
  each: ViewTx,
  outputs: readonly (DecodedToken | undefined)[],
  judged: Map<string, Judged>,
  decoded: ReadonlyMap<string, readonly unknown[]>,
): Account {
  let valueIn = 0n;
  let spendsValue = false;
  let spendsAuthority = false;
  const undecided: string[] = [];
  for (const outpoint of outpointsSpent(each.tx)) {
    const coin = judged.get(outpoint);
    if (coin?.token.op === 'burn') {
      continue; // A7: counts 0 and is never missing, whatever its verdict
    }
    if (!decoded.has(outpoint.slice(0, 64)) || coin?.verdict === 'pending') {
      undecided.push(outpoint);
    } else if (coin?.verdict === 'valid' && VALUE_OPS.includes(coin.token.op)) {
      valueIn += coin.token.amt;
      spendsValue = true;
    } else if (coin?.verdict === 'valid' && AUTHORITY_OPS.includes(coin.token.op)) {
      spendsAuthority = true;
    }
  }
  const moved = outputs.filter((t) => t?.op === 'transfer' || t?.op === 'burn');
  const valueOut = moved.reduce((sum, t) => sum + t!.amt, 0n);
  // A transaction that moves nothing (amounts of 0) is let in only if it spends value of the token: section 12.
  const passed = moved.length > 0 && spendsValue && valueIn >= valueOut;
  const otherwise: Verdict = undecided.length > 0 ? 'pending' : 'invalid';
  let waits = false;
  for (const [vout, token] of outputs.entries()) {
    if (token !== undefined) {
      const deploy = token.op.startsWith('deploy');
      const minted = token.op === 'mint' || token.op === 'auth';
      const valid = deploy || (minted ? spendsAuthority : passed);
      waits ||= !valid && otherwise === 'pending';
      judged.set(`${each.txid}_${vout}`, { verdict: valid ? 'valid' : otherwise, token });
    }
  }
  return { each, valueIn, valueOut, passed, undecided: waits ? undecided : [] };
}

function balancesOf(coins: readonly ReferenceOutput[]): Map<string, ReferenceBalance> {
  const balances = new Map<string, ReferenceBalance>();
  for (const [owner, owned] of Map.groupBy(coins, (coin) => coin.owner)) {
    const byLock = Map.groupBy(owned, (coin) => coin.lockType);
    const apart = [...byLock].map(([lockType, held]) => [lockType, amountsOf(held)] as const);
    balances.set(owner, { ...amountsOf(owned), byLock: new Map(apart) });
  }
  return balances;
}

function amountsOf(coins: readonly ReferenceOutput[]): ReferenceAmounts {
  const sum = (some: readonly ReferenceOutput[]): bigint =>
    some.reduce((total, coin) => total + coin.amt, 0n);
  return {
    confirmed: sum(coins.filter((coin) => coin.position !== undefined)),
    unconfirmed: sum(coins.filter((coin) => coin.position === undefined)),
    coins: coins.length,
  };
}

/** Section 4. */
function supplyOf(valid: readonly ReferenceOutput[], accounts: readonly Account[]): ReferenceSupply {
  const sum = (ops: readonly string[]): bigint =>
    valid.reduce((total, output) => total + (ops.includes(output.op) ? output.amt : 0n), 0n);
  const issued = sum(['deploy+mint', 'mint']);
  const burned = sum(['burn']);
  const lost = accounts.reduce((total, a) => total + a.valueIn - (a.passed ? a.valueOut : 0n), 0n);
  return { issued, burned, lost, circulating: issued - burned - lost };
}

function historyOf(
  valid: readonly ReferenceOutput[],
  set: ActiveSet,
): Map<string, readonly ReferenceHistoryEntry[]> {
  const byOwner = new Map<string, Map<string, { created: ReferenceOutput[]; spent: ReferenceOutput[] }>>();
  const entry = (owner: string, txid: string): { created: ReferenceOutput[]; spent: ReferenceOutput[] } => {
    const rows =
      byOwner.get(owner) ?? new Map<string, { created: ReferenceOutput[]; spent: ReferenceOutput[] }>();
    byOwner.set(owner, rows);
    const row = rows.get(txid) ?? { created: [], spent: [] };
    rows.set(txid, row);
    return row;
  };
  for (const output of valid) {
    entry(output.owner, output.txid).created.push(output);
    if (output.spentBy !== undefined) {
      entry(output.owner, output.spentBy).spent.push(output);
    }
  }
  const amount = (outputs: readonly ReferenceOutput[]): bigint =>
    outputs.reduce((total, output) => total + (VALUE_OPS.includes(output.op) ? output.amt : 0n), 0n);
  const history = new Map<string, readonly ReferenceHistoryEntry[]>();
  for (const [owner, rows] of byOwner) {
    const entries = [...rows].map(([txid, { created, spent }]) => ({
      txid,
      position: set.known.get(txid)!.position,
      arrival: set.known.get(txid)!.arrival,
      received: amount(created),
      sent: amount(spent),
      created: created.map((output) => output.outpoint).sort(),
      spent: spent.map((output) => output.outpoint).sort(),
    }));
    history.set(owner, entries.sort(inOrder));
  }
  return history;
}

type Placed = Pick<ReferenceHistoryEntry, 'position' | 'arrival'>;

function inOrder(a: Placed, b: Placed): number {
  if (a.position !== undefined && b.position !== undefined) {
    return a.position.height - b.position.height || a.position.index - b.position.index;
  }
  if (a.position === undefined && b.position === undefined) {
    return a.arrival - b.arrival;
  }
  return a.position === undefined ? 1 : -1;
}
