import { shown, TokenError } from './errors.ts';
import { isTokenId } from './fields.ts';

export interface Outpoint {
  readonly txid: string;
  readonly vout: number;
}

const TXID_CHARS = 64;
const LENIENT = /^([0-9a-fA-F]{64})[_.:](0|[1-9][0-9]{0,9})$/;

/**
 * A token id in its one form, `<txid>_<vout>` (J5).
 *
 * @throws TokenError TOKEN_ID_INVALID, with the right form in `data.suggestion` if the text is an outpoint otherwise written
 */
export function parseTokenId(text: string): Outpoint {
  if (isTokenId(text)) return split(text);
  const suggestion = canonical(text);
  throw new TokenError(
    'TOKEN_ID_INVALID',
    `"${shown(text)}" is no token id: ${suggestion === undefined ? 'it has the form <transaction id, 64 lower-case hex digits>_<output index>' : `write ${suggestion}`}`,
    { text: shown(text), ...(suggestion === undefined ? {} : { suggestion }) },
  );
}

/**
 * An outpoint as people write it: `_`, `.` or `:` between, hex of either case. For the outer borders only.
 *
 * @throws TokenError OUTPOINT_INVALID
 */
export function parseOutpoint(text: string): Outpoint {
  const form = canonical(text);
  if (form !== undefined) return split(form);
  throw new TokenError(
    'OUTPOINT_INVALID',
    `"${shown(text)}" is no outpoint: it has the form <transaction id, 64 hex digits>_<output index>`,
    { text: shown(text) },
  );
}

/** `<txid>_<vout>`, the form outpoints have everywhere inside. */
export function formatOutpoint(txid: string, vout: number): string {
  return `${txid}_${vout}`;
}

function canonical(text: string): string | undefined {
  const match = LENIENT.exec(text);
  if (match === null) return undefined;
  const form = `${match[1]!.toLowerCase()}_${match[2]!}`;
  return isTokenId(form) ? form : undefined;
}

function split(form: string): Outpoint {
  return { txid: form.slice(0, TXID_CHARS), vout: Number(form.slice(TXID_CHARS + 1)) };
}
