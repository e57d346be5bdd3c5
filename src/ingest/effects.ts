import type { EventRecord } from '../store/event-row.ts';
import type { OutputRecord, TokenPart, TxRecord } from '../store/records.ts';
import type { EventType, Position } from '../store/view.ts';
import type { Workset } from './workset.ts';

/** One valid token output as the index shows it. */
export interface CoinState {
  readonly output: OutputRecord;
  /** Undefined while its transaction is unmined. */
  readonly created: Position | undefined;
  /** Never of a burn: who takes its satoshi does nothing to the token (A7). */
  readonly spentBy: TxRecord | undefined;
}

/** A valid output before and after a commit; one of the two may be absent. */
export interface CoinChange {
  readonly tokenNo: number;
  /** Of its transaction; and that one's order of arrival. */
  readonly txid: string;
  readonly arrival: number;
  readonly vout: number;
  readonly before: CoinState | undefined;
  readonly after: CoinState | undefined;
}

/** What the store says without the commit's changes, or with them. */
export interface View {
  tx(txid: string): TxRecord | undefined;
  activeSpender(txid: string, vout: number): { readonly spender: string } | undefined;
}

/** The store as it was, seen through the same interface. */
export function viewBefore(ws: Workset): View {
  const { store } = ws;
  return {
    tx: (txid) => store.tx(txid),
    activeSpender: (txid, vout) =>
      store.spendsOf(txid, Math.floor(vout / 16)).find((s) => s.active && s.vout === vout),
  };
}

/** State of output `vout` for the token, undefined unless it is valid in an active transaction. */
export function coinState(
  view: View,
  tokenNo: number,
  record: TxRecord | undefined,
  vout: number,
): CoinState | undefined {
  if (record?.status !== 'active') return undefined;
  const output = record.tokens.find((p) => p.tokenNo === tokenNo)?.outputs.find((o) => o.vout === vout);
  if (output?.verdict !== 'valid') return undefined;
  const spender = output.op === 'burn' ? undefined : view.activeSpender(record.txid, vout)?.spender;
  return { output, created: record.place, spentBy: spender === undefined ? undefined : view.tx(spender) };
}

/** Changes of every output that a changed transaction creates or spends, in the order the transactions were changed. */
export function coinChanges(ws: Workset): CoinChange[] {
  const before = viewBefore(ws);
  const changes: CoinChange[] = [];
  const byTx = new Map<string, CoinChange[]>();
  const touch = (tokenNo: number, txid: string, vout: number): void => {
    let ofTx = byTx.get(txid);
    if (ofTx === undefined) {
      ofTx = [];
      byTx.set(txid, ofTx);
    }
    if (ofTx.some((c) => c.vout === vout && c.tokenNo === tokenNo)) return;
    const record = ws.tx(txid);
    if (record === undefined) return;
    const old = ws.txs.has(txid) ? before.tx(txid) : record;
    const change = {
      tokenNo,
      txid,
      arrival: record.arrival,
      vout,
      before: old === undefined ? undefined : coinState(before, tokenNo, old, vout),
      after: coinState(ws, tokenNo, record, vout),
    };
    ofTx.push(change);
    changes.push(change);
  };
  for (const record of ws.txs.values()) {
    const old = before.tx(record.txid);
    for (const { tokenNo, inputs, outputs } of old === undefined
      ? record.tokens
      : [...old.tokens, ...record.tokens]) {
      for (const i of inputs) touch(tokenNo, i.txid, i.vout);
      for (const o of outputs) touch(tokenNo, record.txid, o.vout);
    }
  }
  return changes;
}

/** Adds the events of a change, in the order a reader can apply them. */
export function addEvents(events: EventRecord[], change: CoinChange): void {
  const { before, after } = change;
  if (before === undefined && after === undefined) return;
  const { tokenNo, arrival: created, vout } = change;
  const emit = (type: EventType, spender: TxRecord | undefined, position: Position | undefined): void => {
    events.push({ type, tokenNo, created, vout, spender: spender?.arrival, position });
  };
  const was = before?.spentBy;
  const is = after?.spentBy;
  const sameSpender = was?.txid === is?.txid && before !== undefined && after !== undefined;
  if (was !== undefined && !sameSpender) emit('unspent', was, was.place);
  if (before === undefined) emit('created', undefined, after?.created);
  else if (after === undefined) emit('removed', undefined, before.created);
  else moved(before.created, after.created, (type, at) => emit(`created${type}`, undefined, at));
  if (is === undefined) return;
  if (!sameSpender) emit('spent', is, is.place);
  else moved(was?.place, is.place, (type, at) => emit(`spent${type}`, is, at));
}

/** Tells how a transaction's place changed: undone first, then mined. */
function moved(
  before: Position | undefined,
  after: Position | undefined,
  emit: (type: 'Mined' | 'Unmined', at: Position) => void,
): void {
  if (before?.height === after?.height && before?.index === after?.index) return;
  if (before !== undefined) emit('Unmined', before);
  if (after !== undefined) emit('Mined', after);
}

/** What a transaction does to the token's supply and to owners' histories; undefined where it does not belong to it. */
export interface PartEffect {
  readonly issued: bigint;
  readonly burned: bigint;
  readonly lost: bigint;
  readonly undecided: boolean;
  /** By owner, and under the empty key for the token as a whole. */
  readonly history: ReadonlyMap<string, OwnerEffect>;
}

export interface OwnerEffect {
  readonly owner: Uint8Array;
  received: bigint;
  sent: bigint;
}

const EVERYONE = new Uint8Array(0);

export function partEffect(
  record: TxRecord | undefined,
  part: TokenPart | undefined,
): PartEffect | undefined {
  if (record?.status !== 'active' || part === undefined) return undefined;
  let issued = 0n;
  let burned = 0n;
  let undecided = false;
  const history = new Map<string, OwnerEffect>();
  for (const o of part.outputs) {
    if (o.verdict === 'pending') undecided = true;
    if (o.verdict !== 'valid') continue;
    if (o.op === 'deploy+mint' || o.op === 'mint') issued += o.amt;
    if (o.op === 'burn') burned += o.amt;
    add(history, o.owner, o.op === 'burn' ? 0n : o.amt, 0n);
  }
  for (const i of part.inputs) add(history, i.owner, 0n, i.amt);
  return { issued, burned, lost: part.lost, undecided, history };
}

function add(history: Map<string, OwnerEffect>, owner: Uint8Array, received: bigint, sent: bigint): void {
  addTo(history, '', EVERYONE, received, sent);
  addTo(
    history,
    Buffer.from(owner.buffer, owner.byteOffset, owner.length).toString('latin1'),
    owner,
    received,
    sent,
  );
}

function addTo(
  history: Map<string, OwnerEffect>,
  id: string,
  owner: Uint8Array,
  received: bigint,
  sent: bigint,
): void {
  const entry = history.get(id);
  if (entry === undefined) history.set(id, { owner, received, sent });
  else {
    entry.received += received;
    entry.sent += sent;
  }
}

/** Unspent and spendable as a token: everything valid but burns. */
export function isCoin(state: CoinState | undefined): boolean {
  return state !== undefined && state.spentBy === undefined && state.output.op !== 'burn';
}
