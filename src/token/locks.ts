import { hash } from 'node:crypto';
import type { Envelope } from './envelope.ts';
import {
  dataStart,
  OP_CODESEPARATOR,
  OP_PUSHDATA4,
  OP_RETURN,
  opEnd,
  pushEnd,
  startsAt,
  uint32,
} from './script.ts';
import type { Lock } from './types.ts';

/** A block of contract code: what is cheap is compared first, the hash of the whole decides. */
export interface CodeBlock {
  readonly bytes: number;
  readonly starts: Uint8Array;
  readonly ends: Uint8Array;
  readonly sha256: string;
}

/** A contract that begins with the shared table: table, fixed bytes, constructor pushes, code, OP_RETURN, state. */
export interface TableContract {
  readonly type: 'pow20' | 'ltm';
  readonly fixed: Uint8Array;
  readonly pushes: number;
  readonly code: CodeBlock;
  readonly statePushes: number;
}

/** Everything that is recognised by its bytes; a parameter only so that tests can stand in small contracts. */
export interface LockTemplates {
  readonly ordlockHead: Uint8Array;
  readonly ordlockTail: CodeBlock;
  readonly ordlock2Head: CodeBlock;
  readonly ordlock2Cancel: Uint8Array;
  readonly table: CodeBlock;
  readonly contracts: readonly TableContract[];
}

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const NONE = new Uint8Array(0);

/** token-rules §9. Head and table are shared with other contracts: neither proves anything alone. */
export const LOCK_TEMPLATES: LockTemplates = {
  ordlockHead: bytes(
    '2097dfd76851bf465e8f715593b217714858bbe9570ff3bd5e33840a34e20ff0262102ba79df5f8ae7604a9830f03c79330281' +
      '86aede0675a16f025dc4f8be8eec0382201008ce7480da41702918d1ec8e6849ba32b4d65b1e40dc669c31a1e6306b266c0000',
  ),
  ordlockTail: {
    bytes: 702,
    starts: bytes('615179547a75'),
    ends: bytes('7767006868'),
    sha256: 'a208540ae84c8c389126731c9e69958a778e0bde2c2b4cbb4c1e3fe11973a1ad',
  },
  ordlock2Head: {
    bytes: 461,
    starts: bytes('76009c637576ab76aa'),
    ends: NONE,
    sha256: '60358109ae367c124d16d5891c4800607288bd77727165415837661c7f9a6834',
  },
  ordlock2Cancel: bytes('7e7c7e7b7eaa7c820128947f7701207f758767519d7b0a6f6c323a63616e63656c8876a9'),
  table: {
    bytes: 2_293,
    starts: bytes('01000100015101630168'),
    ends: new Uint8Array(16),
    sha256: '0387e0a1dc0ba4141c5085b4fdbdebcbcc69d1cd3f13bfd70260700653bb7421',
  },
  contracts: [
    {
      type: 'pow20',
      fixed: NONE,
      pushes: 5, // symbol, maximum supply, decimals, reward, difficulty
      code: {
        bytes: 27_489,
        starts: NONE,
        ends: NONE,
        sha256: 'a3785ef74c2a9899e6ba6e5be6f3f9e0db515a553f3ed2e030fea90df2dfa19c',
      },
      statePushes: 3, // genesis, token id, supply
    },
    {
      type: 'ltm',
      fixed: new Uint8Array(7),
      pushes: 6, // symbol, maximum supply, decimals, multiplier, lock blocks, start height
      code: {
        bytes: 29_209,
        starts: NONE,
        ends: NONE,
        sha256: '807be8f2b3fb5e61e7da041bfebfca9550aba60cb7eb36ca052e1d1a0d8f4538',
      },
      statePushes: 4,
    },
  ],
};

const KEY_HASH_BYTES = 20;
const PUBLIC_KEY_BYTES = 33;
const P2PKH_HEAD = bytes('76a914');
const P2PKH_TAIL = bytes('88ac');
const P2PKH_BYTES = 25;
const COSIGN_MIDDLE = bytes('88ad21');
const COSIGN_BYTES = 60;
const CHECKSIG = 0xac;
const ORDLOCK2_TAIL = bytes('88ac68');
const SATOSHIS_BYTES = 8;
const STATE_TRAILER_BYTES = 5;

/**
 * The lock of a token output (token-rules §9): the script behind the envelope, or the one before it if nothing but
 * OP_RETURN data follows. Decides owner indexing, never validity. Never throws.
 */
export function lockOf(script: Uint8Array, envelope: Pick<Envelope, 'start' | 'end'>): Lock {
  const { start, end } = envelope;
  const behind = end < script.length && script[end] !== OP_RETURN;
  if (!behind) return classifyLock(script.subarray(0, start));
  if (start > 0) return other(Buffer.concat([script.subarray(0, start), script.subarray(end)]));
  return classifyLock(script.subarray(script[end] === OP_CODESEPARATOR ? end + 1 : end));
}

/** Names a lock by its bytes, all of which must match; what nothing matches is `other`. */
export function classifyLock(lock: Uint8Array, templates: LockTemplates = LOCK_TEMPLATES): Lock {
  return (
    keyHashLock(lock) ??
    ordlock(lock, templates) ??
    ordlock2(lock, templates) ??
    contract(lock, templates) ??
    other(lock)
  );
}

/** `other` is owned by its script hash: SHA-256 of the lock bytes, of both sides together where both carry script. */
function other(lock: Uint8Array): Lock {
  return { type: 'other', owner: hash('sha256', lock, 'buffer') };
}

/** P2PKH, alone or with OP_RETURN data behind, and the 60-byte cosign lock. */
function keyHashLock(lock: Uint8Array): Lock | undefined {
  if (!startsAt(lock, 0, P2PKH_HEAD)) return undefined;
  const owner = P2PKH_HEAD.length;
  const next = owner + KEY_HASH_BYTES;
  if (startsAt(lock, next, P2PKH_TAIL)) {
    if (lock.length > P2PKH_BYTES && lock[P2PKH_BYTES] !== OP_RETURN) return undefined;
    return { type: 'p2pkh', owner: lock.subarray(owner, next) };
  }
  if (lock.length !== COSIGN_BYTES || !startsAt(lock, next, COSIGN_MIDDLE)) return undefined;
  const key = next + COSIGN_MIDDLE.length;
  if (lock[COSIGN_BYTES - 1] !== CHECKSIG) return undefined;
  return {
    type: 'cosign',
    owner: lock.subarray(owner, next),
    cosigner: lock.subarray(key, key + PUBLIC_KEY_BYTES),
  };
}

/** OrdLock v1: head, cancel key hash, payout push, tail. */
function ordlock(lock: Uint8Array, { ordlockHead, ordlockTail }: LockTemplates): Lock | undefined {
  if (!startsAt(lock, 0, ordlockHead) || lock[ordlockHead.length] !== KEY_HASH_BYTES) return undefined;
  const owner = ordlockHead.length + 1;
  const tail = payoutEnd(lock, owner + KEY_HASH_BYTES);
  if (tail < 0 || tail + ordlockTail.bytes !== lock.length || !isBlock(lock, tail, ordlockTail))
    return undefined;
  return { type: 'ordlock', owner: lock.subarray(owner, owner + KEY_HASH_BYTES) };
}

/** OrdLock v2: head, payout push, cancel branch, seller key hash, closing ops. */
function ordlock2(lock: Uint8Array, { ordlock2Head, ordlock2Cancel }: LockTemplates): Lock | undefined {
  if (!startsAt(lock, 0, ordlock2Head.starts)) return undefined;
  const cancel = payoutEnd(lock, ordlock2Head.bytes);
  if (cancel < 0 || !startsAt(lock, cancel, ordlock2Cancel)) return undefined;
  const push = cancel + ordlock2Cancel.length;
  const owner = push + 1;
  const tail = owner + KEY_HASH_BYTES;
  if (lock[push] !== KEY_HASH_BYTES || tail + ORDLOCK2_TAIL.length !== lock.length) return undefined;
  if (!startsAt(lock, tail, ORDLOCK2_TAIL) || !isBlock(lock, 0, ordlock2Head)) return undefined;
  return { type: 'ordlock', owner: lock.subarray(owner, tail) };
}

/** The contracts that open with the shared table. */
function contract(lock: Uint8Array, { table, contracts }: LockTemplates): Lock | undefined {
  if (!startsAt(lock, 0, table.starts)) return undefined;
  for (const candidate of contracts) {
    const code = codeStart(lock, table.bytes, candidate);
    if (code < 0 || !isState(lock, code + candidate.code.bytes, candidate.statePushes)) continue;
    if (!isBlock(lock, 0, table) || !isBlock(lock, code, candidate.code)) continue;
    return { type: candidate.type, owner: hash('sha256', lock, 'buffer') };
  }
  return undefined;
}

function codeStart(lock: Uint8Array, table: number, candidate: TableContract): number {
  if (!startsAt(lock, table, candidate.fixed)) return -1;
  let pos = table + candidate.fixed.length;
  for (let i = 0; i < candidate.pushes; i += 1) {
    pos = pushEnd(lock, pos);
    if (pos < 0) return -1;
  }
  return pos;
}

/** OP_RETURN, pushes, u32 LE length of those pushes, 00, end of script. */
function isState(lock: Uint8Array, pos: number, pushes: number): boolean {
  const start = pos + 1;
  const end = lock.length - STATE_TRAILER_BYTES;
  if (end < start || lock[pos] !== OP_RETURN || lock[lock.length - 1] !== 0) return false;
  if (uint32(lock, end) !== end - start) return false;
  let at = start;
  for (let i = 0; i < pushes; i += 1) {
    at = pushEnd(lock, at);
    if (at < 0 || at > end) return false;
  }
  return at === end;
}

/** End of the push of an output (u64 LE satoshis, varint, script) at `pos`; -1 if there is none. */
function payoutEnd(lock: Uint8Array, pos: number): number {
  if (pos >= lock.length || lock[pos]! > OP_PUSHDATA4) return -1;
  const end = opEnd(lock, pos);
  if (end < 0) return -1;
  const varint = dataStart(lock, pos) + SATOSHIS_BYTES;
  if (varint >= end) return -1;
  const first = lock[varint]!;
  const width = first < 0xfd ? 0 : first === 0xfd ? 2 : first === 0xfe ? 4 : 8;
  const script = varint + 1 + width;
  if (script > end) return -1;
  return script + scriptLength(lock, varint + 1, first, width) === end ? end : -1;
}

function scriptLength(lock: Uint8Array, pos: number, first: number, width: number): number {
  if (width === 0) return first;
  let length = 0;
  for (let i = width - 1; i >= 0; i -= 1) length = length * 0x100 + lock[pos + i]!;
  return length;
}

function isBlock(script: Uint8Array, pos: number, block: CodeBlock): boolean {
  const end = pos + block.bytes;
  if (!startsAt(script, pos, block.starts) || !startsAt(script, end - block.ends.length, block.ends))
    return false;
  return hash('sha256', script.subarray(pos, end), 'hex') === block.sha256;
}
