import type { Deploy, TokenOp } from './types.ts';

/** The members of a JSON body that mean something. A deploy has no id: it is its own outpoint (J6). */
export type TokenFields =
  | { readonly op: TokenOp; readonly amt: bigint; readonly id: string; readonly deploy: undefined }
  | { readonly op: TokenOp; readonly amt: bigint; readonly id: undefined; readonly deploy: Deploy };

/**
 * The largest body that is parsed; a longer one is no token. Bounds one JSON.parse (measured at most 75 ms for this
 * size, deep nesting included, and V8 parses without recursion). Part of RULES_VERSION: every node must agree.
 */
export const MAX_BODY_BYTES = 1_048_576;
const MAX_AMOUNT = 18_446_744_073_709_551_615n;
const MAX_AMOUNT_DIGITS = 20;
const MAX_VOUT = 4_294_967_295;

const OPS: ReadonlyMap<string, TokenOp> = new Map<string, TokenOp>([
  ['deploy+mint', 'deploy+mint'],
  ['deploy+auth', 'deploy+auth'],
  ['mint', 'mint'],
  ['auth', 'auth'],
  ['transfer', 'transfer'],
  ['burn', 'burn'],
]);
const TOKEN_ID = /^[0-9a-f]{64}_(?:0|[1-9][0-9]{0,9})$/;
const VOUT_AT = 65;
const DIGITS = /^[0-9]+$/;
const LEADING_ZEROS = /^0+(?=[0-9])/;
const DECIMALS = /^0*([0-9]|1[0-8])$/;
const ICON = /^([0-9a-fA-F]{64})?_(0|[1-9][0-9]{0,9})$/;
// ignoreBOM keeps U+FEFF in the text, so that JSON.parse refuses it; not fatal: bad bytes become U+FFFD (§2)
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Whether `text` is a token id in its one and only form (J5). */
export function isTokenId(text: string): boolean {
  return TOKEN_ID.test(text) && (text.length < VOUT_AT + 10 || Number(text.slice(VOUT_AT)) <= MAX_VOUT);
}

export function isDeployOp(op: TokenOp): op is 'deploy+mint' | 'deploy+auth' {
  return op === 'deploy+mint' || op === 'deploy+auth';
}

/**
 * Reads a JSON body (token-rules §2, J1-J9).
 *
 * @param txid of the transaction that carries it, which a relative icon points into
 * @returns undefined if the body is no token; never throws
 */
export function parseFields(body: Uint8Array, txid: string): TokenFields | undefined {
  const json = parseObject(body);
  if (json === undefined || own(json, 'p') !== 'bsv-20') return undefined;
  const op = parseOp(own(json, 'op'));
  if (op === undefined) return undefined;
  const amt = carriesAmount(op) ? parseAmount(own(json, 'amt')) : Object.hasOwn(json, 'amt') ? undefined : 0n;
  if (amt === undefined) return undefined;
  if (isDeployOp(op)) return { op, id: undefined, amt, deploy: parseDeploy(json, txid) };
  const id = own(json, 'id');
  if (typeof id !== 'string' || !isTokenId(id)) return undefined;
  return { op, id, amt, deploy: undefined };
}

type Json = Record<string, unknown>;

function parseObject(body: Uint8Array): Json | undefined {
  if (body.length > MAX_BODY_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(UTF8.decode(body));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined; // anybody may write anything there
  }
}

/** Own members only: what a prototype holds was never in the body. */
function own(json: Json, key: string): unknown {
  return Object.hasOwn(json, key) ? json[key] : undefined;
}

/** J2. */
function parseOp(value: unknown): TokenOp | undefined {
  if (typeof value !== 'string') return undefined;
  return OPS.get(value) ?? OPS.get(value.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
}

/** J3, J4. */
function carriesAmount(op: TokenOp): boolean {
  return op !== 'auth' && op !== 'deploy+auth';
}

/** J3: digits only, at most 2^64-1 once leading zeros are gone. */
function parseAmount(value: unknown): bigint | undefined {
  if (typeof value !== 'string' || !DIGITS.test(value)) return undefined;
  const digits = value.length > MAX_AMOUNT_DIGITS ? value.replace(LEADING_ZEROS, '') : value;
  if (digits.length > MAX_AMOUNT_DIGITS) return undefined; // before BigInt(), which is slow on long ones
  const amt = BigInt(digits);
  return amt <= MAX_AMOUNT ? amt : undefined;
}

/** J7-J9: display only, so that nothing here refuses an output. */
function parseDeploy(json: Json, txid: string): Deploy {
  const sym = own(json, 'sym');
  const dec = own(json, 'dec');
  const icon = own(json, 'icon');
  const decimals = typeof dec === 'string' ? DECIMALS.exec(dec) : null;
  const iconOutpoint = typeof icon === 'string' ? expandIcon(icon, txid) : undefined;
  return {
    ...(typeof sym === 'string' && sym !== '' ? { sym: sym.toWellFormed() } : {}),
    dec: decimals === null ? 0 : Number(decimals[1]),
    ...(iconOutpoint === undefined ? {} : { icon: iconOutpoint }),
    // a lone surrogate has no UTF-8 form: what is stored must be what is served
    ...(typeof icon === 'string' ? { iconRaw: icon.toWellFormed() } : {}),
  };
}

/** J9: `<64 hex>_<vout>` or `_<vout>`. */
function expandIcon(icon: string, txid: string): string | undefined {
  const match = ICON.exec(icon);
  if (match === null || Number(match[2]) > MAX_VOUT) return undefined;
  return `${match[1]?.toLowerCase() ?? txid}_${match[2]}`;
}
