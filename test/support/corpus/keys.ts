import secp256k1 from 'secp256k1';
import { hash160, sha256, sha256d } from './bytes.ts';
import { CorpusError } from './errors.ts';

export interface Key {
  readonly name: string;
  readonly privateKey: Buffer;
  /** Compressed, 33 bytes. */
  readonly publicKey: Buffer;
  readonly hash160: Buffer;
}

/** Version byte of a P2PKH address: main network; test and regtest. */
export const MAIN_ADDRESS = 0x00;
export const TEST_ADDRESS = 0x6f;

/** A key derived from a text. The chance that SHA-256 is no valid private key is 2^-128. */
export function makeKey(name: string): Key {
  const privateKey = sha256(Buffer.from(`corpus key ${name}`));
  const publicKey = Buffer.from(secp256k1.publicKeyCreate(privateKey, true));
  return { name, privateKey, publicKey, hash160: hash160(publicKey) };
}

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Base58check address of a 20-byte key hash. */
export function addressOf(keyHash: Uint8Array, version: number = MAIN_ADDRESS): string {
  const body = Buffer.concat([Buffer.of(version), keyHash]);
  const bytes = Buffer.concat([body, sha256d(body).subarray(0, 4)]);
  let value = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  while (value > 0n) {
    text = ALPHABET[Number(value % 58n)] + text;
    value /= 58n;
  }
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return '1'.repeat(zeros) + text;
}

/** Key hash of an address of any version, in hex: the form in which the reference model names owners. */
export function ownerOfAddress(address: string): string {
  let value = 0n;
  for (const char of address) {
    const digit = ALPHABET.indexOf(char);
    if (digit < 0) {
      throw new CorpusError('BAD_OPTION', `"${address}" is not a base58 address`);
    }
    value = value * 58n + BigInt(digit);
  }
  const bytes = Buffer.from(value.toString(16).padStart(50, '0'), 'hex');
  const body = bytes.subarray(0, 21);
  if (bytes.length !== 25 || !sha256d(body).subarray(0, 4).equals(bytes.subarray(21))) {
    throw new CorpusError('BAD_OPTION', `the checksum of address "${address}" is wrong`);
  }
  return body.subarray(1).toString('hex');
}
