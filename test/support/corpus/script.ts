import type { Key } from './keys.ts';

/** What a token output's JSON says. A deploy names no id. `extra` members are appended as they are, so that a test can write nonsense. */
export interface TokenSpec {
  readonly op: string;
  readonly id?: string;
  readonly amt?: bigint | string;
  readonly sym?: string;
  readonly dec?: string;
  readonly icon?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Builders of the six operations of token-rules.md. */
export const token = {
  deployMint: (amt: bigint, deploy: { sym?: string; dec?: string; icon?: string } = {}): TokenSpec => ({
    op: 'deploy+mint',
    amt,
    ...deploy,
  }),
  deployAuth: (deploy: { sym?: string; dec?: string; icon?: string } = {}): TokenSpec => ({
    op: 'deploy+auth',
    ...deploy,
  }),
  mint: (id: string, amt: bigint): TokenSpec => ({ op: 'mint', id, amt }),
  auth: (id: string): TokenSpec => ({ op: 'auth', id }),
  transfer: (id: string, amt: bigint): TokenSpec => ({ op: 'transfer', id, amt }),
  burn: (id: string, amt: bigint): TokenSpec => ({ op: 'burn', id, amt }),
};

/** How an output can be spent. */
export type LockSpec =
  | { readonly kind: 'p2pkh'; readonly key: Key; readonly data?: Buffer }
  | { readonly kind: 'cosign'; readonly key: Key; readonly cosigner: Key }
  | { readonly kind: 'script'; readonly script: Buffer; readonly unlock: Buffer };

/** P2PKH; `data` is carried behind it after an OP_RETURN. */
export function p2pkh(key: Key, data?: Buffer): LockSpec {
  return data === undefined ? { kind: 'p2pkh', key } : { kind: 'p2pkh', key, data };
}

export function cosign(key: Key, cosigner: Key): LockSpec {
  return { kind: 'cosign', key, cosigner };
}

/** OP_1: anyone may spend. */
export function anyone(): LockSpec {
  return { kind: 'script', script: Buffer.of(0x51), unlock: Buffer.alloc(0) };
}

/** OP_SHA256 <hash> OP_EQUAL: whoever shows the preimage (the hash is given, so that this file needs no hashing). */
export function hashLock(preimage: Buffer, digest: Buffer): LockSpec {
  return {
    kind: 'script',
    script: Buffer.concat([Buffer.of(0xa8), push(digest), Buffer.of(0x87)]),
    unlock: push(preimage),
  };
}

/** The shortest push of bytes (an empty push is OP_0). */
export function push(bytes: Uint8Array): Buffer {
  const length = bytes.length;
  if (length <= 0x4b) {
    return Buffer.concat([Buffer.of(length), bytes]);
  }
  if (length <= 0xff) {
    return Buffer.concat([Buffer.of(0x4c, length), bytes]);
  }
  return length <= 0xffff
    ? Buffer.concat([Buffer.of(0x4d, length & 0xff, length >>> 8), bytes])
    : Buffer.concat([
        Buffer.of(0x4e, length & 0xff, (length >>> 8) & 0xff, (length >>> 16) & 0xff, length >>> 24),
        bytes,
      ]);
}

const P2PKH_HEAD = Buffer.from('76a914', 'hex');
const P2PKH_TAIL = Buffer.from('88ac', 'hex');

export function p2pkhScript(keyHash: Uint8Array): Buffer {
  return Buffer.concat([P2PKH_HEAD, keyHash, P2PKH_TAIL]);
}

export function lockScript(lock: LockSpec): Buffer {
  switch (lock.kind) {
    case 'p2pkh':
      return lock.data === undefined
        ? p2pkhScript(lock.key.hash160)
        : Buffer.concat([p2pkhScript(lock.key.hash160), Buffer.of(0x6a), push(lock.data)]);
    case 'cosign':
      return Buffer.concat([
        P2PKH_HEAD,
        lock.key.hash160,
        Buffer.of(0x88, 0xad),
        push(lock.cosigner.publicKey),
        Buffer.of(0xac),
      ]);
    case 'script':
      return lock.script;
  }
}

/** OP_FALSE OP_IF "ord" OP_1 "application/bsv-20" OP_0 */
const ENVELOPE_HEAD = Buffer.from(
  `0063036f72645112${Buffer.from('application/bsv-20').toString('hex')}00`,
  'hex',
);

/** The envelope of token-rules.md section 1 around one JSON body. */
export function envelope(body: Uint8Array): Buffer {
  return Buffer.concat([ENVELOPE_HEAD, push(body), Buffer.of(0x68)]);
}

export function tokenJson(spec: TokenSpec): Buffer {
  const body: Record<string, unknown> = { p: 'bsv-20', op: spec.op };
  for (const name of ['sym', 'dec', 'icon', 'id'] as const) {
    if (spec[name] !== undefined) {
      body[name] = spec[name];
    }
  }
  if (spec.amt !== undefined) {
    body['amt'] = spec.amt.toString();
  }
  return Buffer.from(JSON.stringify({ ...body, ...spec.extra }));
}

/** The usual transfer: envelope, then P2PKH of a key hash. */
export function transferScript(tokenId: string, amount: number, keyHash: Uint8Array): Buffer {
  return Buffer.concat([envelope(tokenJson(token.transfer(tokenId, BigInt(amount)))), p2pkhScript(keyHash)]);
}

/** Where the envelope stands: before the lock, after it, or before it with an OP_CODESEPARATOR between (rule E2). */
export type Placement = 'before' | 'after' | 'separator';

const OP_CODESEPARATOR = 0xab;

/** The whole locking script, and the part of it that a signature covers (what follows the last executed OP_CODESEPARATOR). */
export function outputScript(
  lock: LockSpec,
  spec?: TokenSpec,
  placement: Placement = 'before',
): { readonly script: Buffer; readonly scriptCode: Buffer } {
  const bare = lockScript(lock);
  if (spec === undefined) {
    return { script: bare, scriptCode: bare };
  }
  const body = envelope(tokenJson(spec));
  if (placement === 'separator') {
    return { script: Buffer.concat([body, Buffer.of(OP_CODESEPARATOR), bare]), scriptCode: bare };
  }
  const script = Buffer.concat(placement === 'before' ? [body, bare] : [bare, body]);
  return { script, scriptCode: script };
}
