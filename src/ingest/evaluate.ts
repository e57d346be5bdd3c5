import type { Transaction } from '../spv/transaction.ts';
import { parseTransaction } from '../spv/transaction.ts';
import type { InputRecord, OutputRecord, TokenPart, TxRecord } from '../store/records.ts';
import { type InputClass, judge } from '../token/judge.ts';
import type { TokenOutput } from '../token/types.ts';

/** The token outputs of a transaction that belong to one followed token. */
export interface TokenGroup {
  readonly tokenNo: number;
  readonly outputs: readonly TokenOutput[];
}

/** Records of parents, as of the moment of evaluation. */
export interface Parents {
  tx(txid: string): TxRecord | undefined;
}

const UNDECIDED: InputClass = { kind: 'undecided' };
const NOTHING: InputClass = { kind: 'nothing' };
const AUTHORITY: InputClass = { kind: 'authority' };

/** Bookkeeping of one token while the inputs are walked. */
interface Draft {
  readonly tokenNo: number;
  readonly outputs: readonly OutputLike[];
  readonly classes: InputClass[];
  readonly inputs: InputRecord[];
}

type OutputLike = Omit<OutputRecord, 'verdict'>;

/**
 * What an active transaction means for each followed token (token-rules §3): a pure function of the transaction and of
 * the records of its parents. Parents that are not held, or whose own verdict is open, leave inputs undecided.
 */
export function evaluate(ws: Parents, tx: Transaction, groups: readonly TokenGroup[]): TokenPart[] {
  return evaluateParts(
    ws,
    tx,
    groups.map((g) => ({ tokenNo: g.tokenNo, outputs: g.outputs.map(outputLike) })),
  );
}

/** The same for a stored record, whose outputs are decoded already. Tokens it only spends are found again. */
export function reevaluate(ws: Parents, record: TxRecord): readonly TokenPart[] {
  const own = record.tokens.filter((part) => part.outputs.length > 0);
  if (record.status !== 'active') return own.map(unjudged);
  return evaluateParts(ws, parseTransaction(record.raw), own);
}

/** An inactive transaction keeps its decoded outputs; nothing of it counts. */
export function unjudged(part: {
  readonly tokenNo: number;
  readonly outputs: readonly OutputLike[];
}): TokenPart {
  const outputs = part.outputs.map((o): OutputRecord => ({ ...o, verdict: 'pending' }));
  return { tokenNo: part.tokenNo, outputs, inputs: [], undecided: [], valueIn: 0n, lost: 0n };
}

export function outputLike(o: TokenOutput): OutputLike {
  return { vout: o.vout, op: o.op, amt: o.amt, lock: o.lock.type, owner: o.lock.owner };
}

function evaluateParts(
  ws: Parents,
  tx: Transaction,
  own: readonly { readonly tokenNo: number; readonly outputs: readonly OutputLike[] }[],
): TokenPart[] {
  const drafts: Draft[] = own.map((p) => ({
    tokenNo: p.tokenNo,
    outputs: p.outputs,
    classes: [],
    inputs: [],
  }));
  const unknown: number[] = [];
  for (let vin = 0; vin < tx.inputs.length; vin++) {
    const { prevTxid, prevVout } = tx.inputs[vin]!;
    const parent = ws.tx(prevTxid);
    if (parent === undefined || parent.status !== 'active') {
      unknown.push(vin);
      for (const draft of drafts) draft.classes.push(UNDECIDED);
      continue;
    }
    for (const draft of drafts) draft.classes.push(NOTHING);
    for (const part of parent.tokens) {
      const spent = part.outputs.find((o) => o.vout === prevVout);
      // Also of a token that is no longer followed: what is spent of it must be gone there too.
      if (spent !== undefined) classify(drafts, part.tokenNo, { vin, txid: prevTxid, spent }, unknown);
    }
  }
  // One order for every way a record can come about: its row has the same bytes then.
  if (drafts.length > 1) drafts.sort((a, b) => a.tokenNo - b.tokenNo);
  return drafts.map(finish);
}

/** Puts the class of a spent token output into its token's draft, which a transaction without outputs of it lacks yet. */
function classify(
  drafts: Draft[],
  tokenNo: number,
  input: { readonly vin: number; readonly txid: string; readonly spent: OutputRecord },
  unknown: readonly number[],
): void {
  const { vin, txid, spent } = input;
  if (spent.verdict === 'invalid' || spent.op === 'burn') return; // A9, A7
  let draft = drafts.find((d) => d.tokenNo === tokenNo);
  if (draft === undefined) {
    draft = { tokenNo, outputs: [], classes: new Array<InputClass>(vin + 1).fill(NOTHING), inputs: [] };
    for (const i of unknown) draft.classes[i] = UNDECIDED;
    drafts.push(draft);
  }
  if (spent.verdict === 'pending') {
    draft.classes[vin] = UNDECIDED;
    return;
  }
  const isAuthority = spent.op === 'auth' || spent.op === 'deploy+auth';
  draft.classes[vin] = isAuthority ? AUTHORITY : { kind: 'value', amt: spent.amt };
  const { vout, op, amt, lock, owner } = spent;
  draft.inputs.push({ vin, txid, vout, op, amt, lock, owner });
}

function finish(draft: Draft): TokenPart {
  const verdict = judge(draft.classes, draft.outputs);
  const outputs = draft.outputs.map((o, i): OutputRecord => ({ ...o, verdict: verdict.outputs[i]! }));
  return {
    tokenNo: draft.tokenNo,
    outputs,
    inputs: draft.inputs,
    undecided: verdict.undecided,
    valueIn: verdict.valueIn,
    lost: verdict.lost,
  };
}

/** True where two evaluations of the same transaction say the same. */
export function sameParts(a: readonly TokenPart[], b: readonly TokenPart[]): boolean {
  return a.length === b.length && a.every((part, i) => samePart(part, b[i]!));
}

function samePart(a: TokenPart, b: TokenPart): boolean {
  return (
    a.tokenNo === b.tokenNo &&
    a.valueIn === b.valueIn &&
    a.lost === b.lost &&
    a.outputs.length === b.outputs.length &&
    a.inputs.length === b.inputs.length &&
    a.undecided.length === b.undecided.length &&
    a.outputs.every((o, i) => o.verdict === b.outputs[i]!.verdict) &&
    a.inputs.every((o, i) => o.vin === b.inputs[i]!.vin) &&
    a.undecided.every((vin, i) => vin === b.undecided[i])
  );
}
