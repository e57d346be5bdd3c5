import { createRequire } from 'node:module';
import type { Transaction } from './transaction.ts';

/**
 * The one place that knows @bsv/sdk: its script interpreter `Spend`, for what direct.ts does not decide.
 *
 * Loaded at the first call (25 ms, 3 MB), since a daemon that sees standard locks only never needs it.
 */

type Sdk = typeof import('@bsv/sdk');
type Spend = InstanceType<Sdk['Spend']>;
type SpendParams = ConstructorParameters<Sdk['Spend']>[0];

/** Largest sum of the items on each of the two stacks. An item costs 8 bytes of memory a byte, as number[]. */
export const SPEND_STACK_BYTES = 2_000_000;
/** Most items on both stacks and open conditionals together; empty items count nothing in bytes. */
export const SPEND_STACK_ITEMS = 100_000;
/** Largest script that is interpreted: parsed, it takes about 40 bytes of memory an opcode. Token contracts have 32 kB. */
export const SPEND_SCRIPT_BYTES = 1_000_000;

/**
 * What the network demands of every script today (consensus after Genesis and Chronicle). Without explicit flags
 * `Spend` would also accept signatures without FORKID over the original digest, which no node takes.
 */
const CONSENSUS_FLAGS = [
  'UTXO_AFTER_GENESIS',
  'UTXO_AFTER_CHRONICLE',
  'DERSIG',
  'STRICTENC',
  'SIGHASH_FORKID',
];
/** Against malleability, for transaction versions up to 1 only. */
const MALLEABILITY_FLAGS = ['LOW_S', 'NULLFAIL', 'NULLDUMMY', 'MINIMALDATA', 'SIGPUSHONLY', 'CLEANSTACK'];

/** Flags for a transaction version, which the network reads as signed. */
export function networkFlags(version: number): string[] {
  return (version | 0) > 1 ? CONSENSUS_FLAGS : [...CONSENSUS_FLAGS, ...MALLEABILITY_FLAGS];
}

/** Result of interpreting one input. `unverified`: a limit of ours was in the way, so it is not known to be invalid. */
export type SpendResult =
  | { readonly kind: 'valid' }
  | { readonly kind: 'invalid' | 'unverified'; readonly reason: string };

/** Interprets inputs of one transaction; what they share is prepared once. */
export class SpendRunner {
  private readonly tx: Transaction;
  private readonly inputs: SpendParams['otherInputs'];
  private readonly outputs: SpendParams['outputs'];

  constructor(tx: Transaction) {
    this.tx = tx;
    this.inputs = tx.inputs.map((input) => ({
      sourceTXID: input.prevTxid,
      sourceOutputIndex: input.prevVout,
      sequence: input.sequence,
    }));
    const { LockingScript } = sdk();
    this.outputs = tx.outputs.map((output) => ({
      satoshis: output.satoshis,
      lockingScript: new LockingScript([], output.script, undefined, false),
    }));
  }

  /** Interprets input `vin`; satoshis and lock are of the output it spends. Never throws. */
  run(vin: number, satoshis: number, lock: Uint8Array): SpendResult {
    const input = this.tx.inputs[vin];
    if (!input) return { kind: 'invalid', reason: `there is no input ${vin}` };
    const scriptBytes = Math.max(lock.length, input.script.length);
    if (scriptBytes > SPEND_SCRIPT_BYTES) {
      return {
        kind: 'unverified',
        reason: `a script of ${scriptBytes} bytes; we interpret up to ${SPEND_SCRIPT_BYTES}`,
      };
    }
    const { LockingScript, UnlockingScript } = sdk();
    try {
      const spend = new (guardedSpend())({
        sourceTXID: input.prevTxid,
        sourceOutputIndex: input.prevVout,
        sourceSatoshis: satoshis,
        lockingScript: new LockingScript([], lock, undefined, false),
        transactionVersion: this.tx.version,
        otherInputs: this.inputs.filter((_, i) => i !== vin),
        outputs: this.outputs,
        inputIndex: vin,
        unlockingScript: new UnlockingScript([], input.script, undefined, false),
        inputSequence: input.sequence,
        lockTime: this.tx.lockTime,
        memoryLimit: SPEND_STACK_BYTES,
        verifyFlags: networkFlags(this.tx.version),
      });
      return spend.validate() ? { kind: 'valid' } : { kind: 'invalid', reason: 'the script ends false' };
    } catch (error) {
      return resultOf(error);
    }
  }
}

function resultOf(error: unknown): SpendResult {
  if (error instanceof ResourceLimit) return { kind: 'unverified', reason: error.message };
  // The first line; the rest of the message prints the whole stack.
  const text = error instanceof Error ? error.message : String(error);
  const reason = text.slice(0, text.indexOf('\n') < 0 ? 200 : Math.min(200, text.indexOf('\n')));
  // RangeError: V8's own limit on arrays, strings or big integers.
  const ours = error instanceof RangeError || reason.includes('memory usage has exceeded');
  return { kind: ours ? 'unverified' : 'invalid', reason: reason.replace(/^Script evaluation error: /, '') };
}

class ResourceLimit extends Error {}

const require = createRequire(import.meta.url);
let loaded: Sdk | undefined;
let guarded: Sdk['Spend'] | undefined;

function sdk(): Sdk {
  loaded ??= require('@bsv/sdk/script') as Sdk;
  return loaded;
}

const OP_NUM2BIN = 0x80;
const OP_LSHIFT = 0x98;
const OP_LSHIFTNUM = 0xb6;

/**
 * `Spend` that checks before each opcode what its memory limit does not cover.
 *
 * Three opcodes have a result as large as a number says, and Spend 2.1.0 allocates it before it looks at the limit: the
 * lock `51 04 ffffff3f 80` (1 as a number of 2^30 bytes) ends the whole process, also from within a worker thread with
 * resource limits, since V8 cannot recover from one allocation that large (measured, Node 24).
 */
function guardedSpend(): Sdk['Spend'] {
  guarded ??= class GuardedSpend extends sdk().Spend {
    override step(): boolean {
      refuseHugeResult(this);
      refuseManyItems(this);
      return super.step();
    }
  };
  return guarded;
}

function refuseHugeResult(spend: Spend): void {
  const script = spend.context === 'UnlockingScript' ? spend.unlockingScript : spend.lockingScript;
  const op = script.chunks[spend.programCounter]?.op;
  if (op !== OP_NUM2BIN && op !== OP_LSHIFT && op !== OP_LSHIFTNUM) return;
  if (spend.returningFromConditional || spend.ifStack.includes(false)) return;
  const operand = magnitude(spend.stack.at(-1) ?? []);
  const limit = op === OP_NUM2BIN ? SPEND_STACK_BYTES : SPEND_STACK_BYTES * 8;
  if (operand > limit) {
    throw new ResourceLimit(`opcode 0x${op.toString(16)} asks for ${operand}, we interpret up to ${limit}`);
  }
}

function refuseManyItems(spend: Spend): void {
  const items = spend.stack.length + spend.altStack.length + spend.ifStack.length;
  if (items <= SPEND_STACK_ITEMS) return;
  throw new ResourceLimit(`${items} items on the stacks, we interpret up to ${SPEND_STACK_ITEMS}`);
}

/** A script number (little-endian, sign in the top bit) without its sign; Infinity where it does not matter any more. */
function magnitude(item: readonly number[]): number {
  let value = 0;
  for (let i = item.length - 1; i >= 0; i--) {
    const byte = i === item.length - 1 ? (item[i] as number) & 0x7f : (item[i] as number);
    value = value * 0x100 + byte;
  }
  return value;
}
