import { quote } from './secret.ts';
import { describe, type ValueType } from './value.ts';

/** An output number is a u32 in a transaction. */
const MAX_VOUT = 4_294_967_295;

const EXPECTED =
  'a token id: the 64 lower-case hex digits of the deploy transaction, "_" and the output number';

/** `<txid>_<vout>` of the output that deployed the token; compared as text everywhere, so one spelling only. */
export const tokenId: ValueType<string> = {
  name: 'token id',
  expected: EXPECTED,
  read(input, context) {
    if (typeof input !== 'string') return context.fail('WRONG_TYPE', `is ${describe(input)}`, EXPECTED);
    const shown = quote(input);
    const [, txid = '', separator = '', vout = ''] = /^([0-9A-Za-z]*)([^0-9A-Za-z]?)(.*)$/.exec(input) ?? [];
    if (!/^[0-9a-fA-F]*$/.test(txid) || txid === '') {
      return context.fail('BAD_VALUE', `${shown} does not start with a transaction id`, EXPECTED);
    }
    if (txid.length !== 64) {
      return context.fail('BAD_VALUE', `${shown} has ${txid.length} hex digits`, EXPECTED);
    }
    if (/[A-F]/.test(txid)) return context.fail('BAD_VALUE', `${shown} has upper-case digits`, EXPECTED);
    if (separator === '') return context.fail('BAD_VALUE', `${shown} has no output number`, EXPECTED);
    if (separator !== '_') {
      return context.fail('BAD_VALUE', `${shown} has ${quote(separator)} where "_" belongs`, EXPECTED);
    }
    if (!/^(0|[1-9][0-9]{0,9})$/.test(vout) || Number(vout) > MAX_VOUT) {
      return context.fail('BAD_VALUE', `${shown}: ${quote(vout)} is not an output number`, EXPECTED);
    }
    return input;
  },
  show: (value) => value,
};
