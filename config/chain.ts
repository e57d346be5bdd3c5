import { readItem, readMap } from './collections.ts';
import { wholeNumber } from './scalars.ts';
import { quote, REDACTED, Secret } from './secret.ts';
import { describe, type ReadContext, type ValueType, type YamlValue } from './value.ts';

/** Where block headers come from: other daemons, or a block-headers-service over HTTP. */
export type HeaderSource =
  | { readonly kind: 'peers' }
  | { readonly kind: 'service'; readonly url: string; readonly token: Secret | undefined };

/** A header to start at instead of genesis. */
export interface Checkpoint {
  readonly height: number;
  /** Block hash, display order. */
  readonly hash: string;
  /** Work of the header and of all before it. */
  readonly chainWork: bigint;
}

const SOURCE_EXPECTED = 'peers, or { url, token } of a block-headers-service';
const URL_EXPECTED = 'an http or https URL without user, query and fragment, such as http://127.0.0.1:8080';
const TOKEN_EXPECTED = 'the access token of the service, printable ASCII without spaces';
const MAX_TOKEN_CHARS = 4096;
const MAX_HEIGHT = 2 ** 31 - 1;

/** Base URL of a service. A URL may carry credentials, so none of it is quoted in an error. */
const serviceUrl: ValueType<string> = {
  name: 'URL',
  expected: URL_EXPECTED,
  read(input, context) {
    if (typeof input !== 'string') return context.fail('WRONG_TYPE', `is ${describe(input)}`, URL_EXPECTED);
    const url = URL.canParse(input) ? new URL(input) : undefined;
    if (url === undefined) return context.fail('BAD_VALUE', 'is not a URL', URL_EXPECTED);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      return context.fail('NOT_SUPPORTED', `has the scheme ${quote(url.protocol)}`, URL_EXPECTED);
    }
    if (url.username !== '' || url.password !== '') {
      return context.fail('BAD_VALUE', 'has a user or password in it', URL_EXPECTED);
    }
    if (url.search !== '' || url.hash !== '') {
      return context.fail('BAD_VALUE', 'has a query or fragment', URL_EXPECTED);
    }
    return url.href.replace(/\/+$/, '');
  },
  show: (value) => value,
};

const serviceToken: ValueType<Secret> = {
  name: 'text',
  expected: TOKEN_EXPECTED,
  read(input, context) {
    // Neither a number nor a wrong text is quoted: it may well be the token.
    if (typeof input !== 'string') {
      return context.fail('WRONG_TYPE', 'is not a text, put it in quotes', TOKEN_EXPECTED);
    }
    if (input === '') return context.fail('NO_VALUE', 'is empty', TOKEN_EXPECTED);
    if (input.length > MAX_TOKEN_CHARS || !/^[\x21-\x7e]+$/.test(input)) {
      return context.fail('BAD_VALUE', 'cannot be sent in an HTTP header', TOKEN_EXPECTED);
    }
    return new Secret(input);
  },
  show: (value, secrets) => (secrets === 'reveal' ? value.reveal() : REDACTED),
};

export const headerSource: ValueType<HeaderSource> = {
  name: '`peers` or `{ url, token }`',
  expected: SOURCE_EXPECTED,
  read(input, context) {
    if (input === 'peers') return { kind: 'peers' };
    if (typeof input === 'string') {
      // The text may be a URL with credentials in it.
      return context.fail('BAD_VALUE', 'is a text, but not "peers"', SOURCE_EXPECTED);
    }
    const map = readMap(input, context, ['url', 'token'], SOURCE_EXPECTED);
    if (map === undefined) return undefined;
    const url = readField(map, 'url', serviceUrl, context);
    const token = map['token'] === undefined ? undefined : readField(map, 'token', serviceToken, context);
    if (url === undefined || (map['token'] !== undefined && token === undefined)) return undefined;
    return { kind: 'service', url, token };
  },
  show(value, secrets): YamlValue {
    if (value.kind === 'peers') return 'peers';
    const token = value.token === undefined ? {} : { token: serviceToken.show(value.token, secrets) };
    return { url: value.url, ...token };
  },
};

const CHECKPOINT_EXPECTED = '{ height, hash, chain_work } of one block';

export const checkpoint: ValueType<Checkpoint> = {
  name: '`{ height, hash, chain_work }`',
  expected: CHECKPOINT_EXPECTED,
  read(input, context) {
    const map = readMap(input, context, ['height', 'hash', 'chain_work'], CHECKPOINT_EXPECTED);
    if (map === undefined) return undefined;
    const height = readField(map, 'height', wholeNumber(0, MAX_HEIGHT), context);
    const hash = readField(map, 'hash', hexOf64('block hash'), context);
    const work = readField(map, 'chain_work', hexOf64('chain work'), context);
    if (height === undefined || hash === undefined || work === undefined) return undefined;
    return { height, hash, chainWork: BigInt(`0x${work}`) };
  },
  show: ({ height, hash, chainWork }) => {
    return { height, hash, chain_work: chainWork.toString(16).padStart(64, '0') };
  },
};

function readField<T>(
  map: { readonly [key: string]: YamlValue },
  name: string,
  type: ValueType<T>,
  context: ReadContext,
): T | undefined {
  const input = map[name];
  if (input === undefined) return context.at(name).fail('MISSING_KEY', 'is missing', type.expected);
  return readItem(type, input, context.at(name));
}

function hexOf64(what: string): ValueType<string> {
  const expected = `${what} as 64 lower-case hex digits`;
  return {
    name: 'hex',
    expected,
    read(input, context) {
      if (typeof input === 'string' && /^[0-9a-f]{64}$/.test(input)) return input;
      return context.fail('BAD_VALUE', `is ${describe(input)}`, expected);
    },
    show: (value) => value,
  };
}
