import { ownerToString, parseOwner } from '../token/address.ts';
import { formatOutpoint, parseOutpoint } from '../token/tokenid.ts';
import { ApiError, isCodedError } from './errors.ts';
import type { ApiModules, Network } from './modules.ts';

/** The owner that an address or script hash names; ADDRESS_INVALID says what is wrong with the text. */
export function ownerOf(network: Network, text: string): Uint8Array {
  try {
    return parseOwner(network, text);
  } catch (error) {
    if (isCodedError(error)) throw new ApiError('ADDRESS_INVALID', error.data, { instead: error.message });
    throw error;
  }
}

export function addressOf(network: Network, owner: Uint8Array): string {
  return ownerToString(network, { owner });
}

/** The same for a list, in which one owner often comes many times in a row: making an address costs as much as reading the row. */
export function addressesOf(network: Network): (owner: Uint8Array) => string {
  let last: { readonly owner: Uint8Array; readonly address: string } = {
    owner: new Uint8Array(0),
    address: '',
  };
  return (owner) => {
    if (Buffer.compare(owner, last.owner) !== 0) last = { owner, address: addressOf(network, owner) };
    return last.address;
  };
}

/** The one form of a token id that the schema let through (dot, colon, upper case are the caller's freedom). */
export function canonicalToken(text: string): string {
  const { txid, vout } = parseOutpoint(text);
  return formatOutpoint(txid, vout);
}

/**
 * The token, if it is followed. Unknown and not followed are different errors, and both say what to do;
 * a followed token without any transaction is no error.
 */
export function followedToken({ view }: Pick<ApiModules, 'view'>, text: string): string {
  const token = canonicalToken(text);
  const state = view.tokenState(token);
  if (state === 'followed') return token;
  const how = `to follow it, add "${token}" to tokens.follow in conf.yaml and run \`btcfed reload\``;
  if (state === 'unknown') {
    throw new ApiError('TOKEN_UNKNOWN', { token }, `nothing seen here carries ${token}; ${how}`);
  }
  throw new ApiError(
    'TOKEN_NOT_FOLLOWED',
    { token },
    `${token} was seen, but is not kept, or its history is still being evaluated; ${how}`,
  );
}
