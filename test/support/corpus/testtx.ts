import { CorpusError } from './errors.ts';
import { type LockSpec, outputScript, type Placement, push, type TokenSpec } from './script.ts';
import {
  Digests,
  FINAL_SEQUENCE,
  type RawInput,
  type RawTransaction,
  SIGHASH_ALL,
  SIGHASH_FORKID,
  serialize,
  signDigest,
  txidOf,
} from './transaction.ts';

/** One output to make. With `token` it costs 1 satoshi unless said otherwise, without it 1000. */
export interface OutputSpec {
  readonly lock: LockSpec;
  readonly token?: TokenSpec;
  readonly placement?: Placement;
  readonly satoshis?: number;
  /** Stands instead of what lock and token would give; such an output is not meant to be spent. */
  readonly rawScript?: Buffer;
}

/** An output of a test transaction, to be spent. */
export interface Coin {
  readonly tx: TestTx;
  readonly vout: number;
}

export interface SignOptions {
  readonly version?: number;
  readonly lockTime?: number;
  readonly sequence?: number;
  /** SIGHASH flags of every signature; default ALL | FORKID. */
  readonly hashType?: number;
}

const DEFAULT_SATOSHIS = 1000;

/** A transaction that knows how its outputs were made, so that others can spend them. */
export class TestTx {
  readonly tx: RawTransaction;
  readonly raw: Buffer;
  readonly txid: string;
  readonly outputs: readonly OutputSpec[];
  /** What it spends; empty for coinbases and transactions whose inputs come from outside. */
  readonly spends: readonly Coin[];

  constructor(tx: RawTransaction, outputs: readonly OutputSpec[], spends: readonly Coin[]) {
    this.tx = tx;
    this.raw = serialize(tx);
    this.txid = txidOf(this.raw);
    this.outputs = outputs;
    this.spends = spends;
  }

  outpoint(vout: number): string {
    return `${this.txid}_${vout}`;
  }

  coin(vout: number): Coin {
    if (this.outputs[vout] === undefined) {
      throw new CorpusError('NOT_FOUND', `${this.txid} has no output ${vout}`);
    }
    return { tx: this, vout };
  }

  /** The token that an output carries: its own outpoint for a deploy. */
  tokenId(vout = 0): string {
    const spec = this.outputs[vout]?.token;
    if (spec === undefined) {
      throw new CorpusError('NOT_FOUND', `output ${vout} of ${this.txid} carries no token`);
    }
    return spec.id ?? this.outpoint(vout);
  }

  /** Transactions it spends from, each once. */
  get parents(): readonly TestTx[] {
    return [...new Set(this.spends.map((coin) => coin.tx))];
  }
}

export function satoshisOf(output: OutputSpec): number {
  return output.satoshis ?? (output.token === undefined ? DEFAULT_SATOSHIS : 1);
}

export function coinSatoshis(coin: Coin): number {
  return satoshisOf(coin.tx.outputs[coin.vout]!);
}

/** The output as it stands in a transaction. */
export function rawOutput(output: OutputSpec): { readonly satoshis: number; readonly script: Buffer } {
  const script = output.rawScript ?? outputScript(output.lock, output.token, output.placement).script;
  return { satoshis: satoshisOf(output), script };
}

/** Builds a transaction of exactly these inputs and outputs and unlocks every input for real. Values are not looked at. */
export function signedTx(
  spends: readonly Coin[],
  outputs: readonly OutputSpec[],
  options: SignOptions = {},
): TestTx {
  const inputs: RawInput[] = spends.map((coin) => ({
    prevTxid: coin.tx.txid,
    prevVout: coin.vout,
    script: Buffer.alloc(0),
    sequence: options.sequence ?? FINAL_SEQUENCE,
  }));
  const tx: RawTransaction = {
    version: options.version ?? 1,
    inputs,
    outputs: outputs.map(rawOutput),
    lockTime: options.lockTime ?? 0,
  };
  const digests = new Digests(tx);
  const hashType = options.hashType ?? SIGHASH_ALL | SIGHASH_FORKID;
  for (const [vin, coin] of spends.entries()) {
    inputs[vin]!.script = unlock(digests, vin, coin, hashType);
  }
  return new TestTx(tx, outputs, spends);
}

function unlock(digests: Digests, vin: number, coin: Coin, hashType: number): Buffer {
  const output = coin.tx.outputs[coin.vout]!;
  const { lock, token, placement, rawScript } = output;
  if (rawScript !== undefined) {
    throw new CorpusError('CANNOT_UNLOCK', `output ${coin.tx.outpoint(coin.vout)} was given as a raw script`);
  }
  if (lock.kind === 'script') {
    return lock.unlock;
  }
  const { scriptCode } = outputScript(lock, token, placement);
  const digest = digests.digest(vin, scriptCode, coinSatoshis(coin), hashType);
  const owner = Buffer.concat([push(signDigest(digest, lock.key, hashType)), push(lock.key.publicKey)]);
  return lock.kind === 'p2pkh'
    ? owner
    : Buffer.concat([push(signDigest(digest, lock.cosigner, hashType)), owner]);
}
