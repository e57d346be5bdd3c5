import { hash } from 'node:crypto';
import { shown, TokenError } from './errors.ts';
import type { Lock } from './types.ts';

/** Networks that differ in how an address is shown; the same names as the chain's. */
export type AddressNetwork = 'main' | 'test' | 'regtest';

export type AddressFault = 'characters' | 'length' | 'checksum' | 'version' | 'network';

/** Regtest shows the version byte of main, as the tools people run beside it do. */
const SHOWN_VERSION: Readonly<Record<AddressNetwork, number>> = { main: 0x00, test: 0x6f, regtest: 0x00 };
/** An address of the test network on main is a mistake that costs money; test and regtest take what their tools show. */
const ACCEPTED_VERSIONS: Readonly<Record<AddressNetwork, readonly number[]>> = {
  main: [0x00],
  test: [0x00, 0x6f],
  regtest: [0x00, 0x6f],
};
const KNOWN_VERSIONS: readonly number[] = [0x00, 0x6f];

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const DIGIT_OF: ReadonlyMap<string, number> = new Map([...ALPHABET].map((letter, digit) => [letter, digit]));
const HASH_BYTES = 20;
const CHECKSUM_BYTES = 4;
const ADDRESS_BYTES = 1 + HASH_BYTES + CHECKSUM_BYTES;
/** 25 bytes are 25 to 35 base58 digits. */
const MAX_ADDRESS_CHARS = 35;
const SCRIPT_HASH = /^[0-9a-fA-F]{64}$/;

/** The address of a 20-byte key hash. */
export function addressOf(network: AddressNetwork, keyHash: Uint8Array): string {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  bytes[0] = SHOWN_VERSION[network];
  bytes.set(keyHash, 1);
  bytes.set(checksum(bytes), 1 + HASH_BYTES);
  return encodeBase58(bytes);
}

/**
 * The key hash of an address; on `test` and `regtest` of either version, on `main` of its own alone.
 *
 * @returns 20 bytes
 * @throws TokenError ADDRESS_INVALID, `data.fault` an AddressFault
 */
export function parseAddress(network: AddressNetwork, text: string): Uint8Array {
  const bytes = decodeBase58(text, ADDRESS_BYTES);
  if (typeof bytes === 'string') throw invalid(network, text, bytes);
  const sum = checksum(bytes);
  for (let i = 0; i < CHECKSUM_BYTES; i += 1) {
    if (bytes[1 + HASH_BYTES + i] !== sum[i]) throw invalid(network, text, 'checksum');
  }
  const version = bytes[0]!;
  if (!KNOWN_VERSIONS.includes(version)) throw invalid(network, text, 'version');
  if (!ACCEPTED_VERSIONS[network].includes(version)) throw invalid(network, text, 'network');
  return bytes.subarray(1, 1 + HASH_BYTES);
}

/** An owner as people see it: the address of a key hash, else the hex digits of the script hash. */
export function ownerToString(network: AddressNetwork, lock: Pick<Lock, 'owner'>): string {
  if (lock.owner.length === HASH_BYTES) return addressOf(network, lock.owner);
  return Buffer.from(lock.owner).toString('hex');
}

/**
 * An owner as people write it: an address, or 64 hex digits for the script hash of any other lock.
 *
 * @returns 20 or 32 bytes, as in Lock.owner
 * @throws TokenError ADDRESS_INVALID
 */
export function parseOwner(network: AddressNetwork, text: string): Uint8Array {
  return SCRIPT_HASH.test(text) ? new Uint8Array(Buffer.from(text, 'hex')) : parseAddress(network, text);
}

const FAULTS: Readonly<Record<AddressFault, string>> = {
  characters: 'it has a character that is not in the base58 alphabet',
  length: 'it does not hold 25 bytes',
  checksum: 'its checksum does not match, so a character is wrong or missing',
  version: 'it is not the address of a key hash',
  network: 'it is an address of the test network',
};

function invalid(network: AddressNetwork, text: string, fault: AddressFault): TokenError {
  const expected = `an address beginning with ${network === 'test' ? 'm or n' : '1'}, or 64 hex digits of a script hash`;
  return new TokenError(
    'ADDRESS_INVALID',
    `"${shown(text)}" is no address: ${FAULTS[fault]}; expected ${expected}`,
    { text: shown(text), fault, expected },
  );
}

function checksum(bytes: Uint8Array): Uint8Array {
  const once = hash('sha256', bytes.subarray(0, 1 + HASH_BYTES), 'buffer');
  return hash('sha256', once, 'buffer').subarray(0, CHECKSUM_BYTES);
}

function encodeBase58(bytes: Uint8Array): string {
  const digits: number[] = []; // base 58, lowest first
  let zeros = 0;
  while (bytes[zeros] === 0) zeros += 1;
  for (const byte of bytes.subarray(zeros)) {
    let carry = byte;
    for (let i = 0; i < digits.length; i += 1) {
      carry += digits[i]! * 256;
      digits[i] = carry % 58;
      carry = Math.trunc(carry / 58);
    }
    for (; carry > 0; carry = Math.trunc(carry / 58)) digits.push(carry % 58);
  }
  const text = digits.reduceRight((rest, digit) => rest + ALPHABET[digit]!, '');
  return '1'.repeat(zeros) + text;
}

/** The bytes, if the text is the one base58 form of exactly `length` bytes. */
function decodeBase58(text: string, length: number): Uint8Array | 'characters' | 'length' {
  if (text.length > MAX_ADDRESS_CHARS) return 'length';
  const bytes = new Uint8Array(length);
  for (const letter of text) {
    const digit = DIGIT_OF.get(letter);
    if (digit === undefined) return 'characters';
    let carry = digit;
    for (let i = length - 1; i >= 0; i -= 1) {
      carry += bytes[i]! * 58;
      bytes[i] = carry & 0xff;
      carry >>>= 8;
    }
    if (carry > 0) return 'length';
  }
  let zeros = 0;
  while (zeros < length && bytes[zeros] === 0) zeros += 1;
  let ones = 0;
  while (text[ones] === '1') ones += 1;
  return ones === zeros ? bytes : 'length';
}
