import type { TokenOp, TokenOutput } from './types.ts';

/**
 * Version of the rules in force: token-rules §1-§4, §9, §11 with the defaults of §12, and MAX_BODY_BYTES. Whatever
 * changes a verdict changes this number; verdicts of two versions are never mixed.
 */
export const RULES_VERSION = 1;

export type Verdict = 'valid' | 'invalid' | 'pending';

/** What an input brings to one token. */
export type InputClass =
  | { readonly kind: 'value'; readonly amt: bigint }
  | { readonly kind: 'authority' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'undecided' };

/** The output an input spends: its transaction unknown, known to carry no token there, or a token with its verdict. */
export type SpentOutput =
  | 'unknown'
  | 'none'
  | { readonly tokenId: string; readonly op: TokenOp; readonly amt: bigint; readonly verdict: Verdict };

export interface Judgement {
  /** In the order of the outputs given. */
  readonly outputs: readonly Verdict[];
  /** Every input is decided: verdicts and `lost` are final. Outputs may all be valid before that (L1). */
  readonly decided: boolean;
  /** Indices of the inputs still undecided. */
  readonly undecided: readonly number[];
  /** I: the sum of the value inputs decided so far. */
  readonly valueIn: bigint;
  /** I - O if the transfers and burns are covered, else I (§4); provisional until `decided`. */
  readonly lost: bigint;
}

const AUTHORITY: InputClass = { kind: 'authority' };
const NOTHING: InputClass = { kind: 'nothing' };
const UNDECIDED: InputClass = { kind: 'undecided' };
const NO_INDICES: readonly number[] = [];

/** What spending `spent` brings to token `tokenId` (token-rules §3, first table). */
export function classifySpent(tokenId: string, spent: SpentOutput): InputClass {
  if (spent === 'unknown') return UNDECIDED;
  // T2: another token is nothing to this one, pending or not. A7: a burn counts 0 whatever its verdict.
  if (spent === 'none' || spent.tokenId !== tokenId || spent.op === 'burn') return NOTHING;
  if (spent.verdict === 'pending') return UNDECIDED;
  if (spent.verdict === 'invalid') return NOTHING; // A9
  return spent.op === 'auth' || spent.op === 'deploy+auth' ? AUTHORITY : { kind: 'value', amt: spent.amt };
}

/**
 * The verdicts of one transaction for one token (token-rules §3, §4, L1): a pure function of its arguments (A10).
 * Undecided inputs can only raise I, so what is valid now stays valid.
 *
 * @param inputs one a transaction input, order without meaning
 * @param outputs those of this token only (T1); may be empty (A8)
 */
export function judge(
  inputs: readonly InputClass[],
  outputs: readonly Pick<TokenOutput, 'op' | 'amt'>[],
): Judgement {
  let valueIn = 0n;
  let hasValue = false;
  let hasAuthority = false;
  let undecided: number[] | undefined;
  for (let i = 0; i < inputs.length; i += 1) {
    const input = inputs[i]!;
    if (input.kind === 'value') {
      valueIn += input.amt;
      hasValue = true;
    } else if (input.kind === 'authority') {
      hasAuthority = true;
    } else if (input.kind === 'undecided') {
      undecided ??= [];
      undecided.push(i);
    }
  }
  let moved = 0n; // O: bigint sums are exact and cannot wrap (A6)
  for (const { op, amt } of outputs) if (op === 'transfer' || op === 'burn') moved += amt;
  // §12: amounts of zero need a value input too, else strangers could write into the token's history
  const covered = hasValue && valueIn >= moved;
  const open: Verdict = undecided === undefined ? 'invalid' : 'pending';
  const balance: Verdict = covered ? 'valid' : open;
  const authority: Verdict = hasAuthority ? 'valid' : open;
  return {
    outputs: outputs.map(({ op }) => verdictOf(op, balance, authority)),
    decided: undecided === undefined,
    undecided: undecided ?? NO_INDICES,
    valueIn,
    lost: covered ? valueIn - moved : valueIn,
  };
}

function verdictOf(op: TokenOp, balance: Verdict, authority: Verdict): Verdict {
  switch (op) {
    case 'transfer':
    case 'burn':
      return balance; // A2, all or nothing over both
    case 'mint':
    case 'auth':
      return authority; // A3, whatever the balance says (A4)
    default:
      return 'valid'; // A1
  }
}
