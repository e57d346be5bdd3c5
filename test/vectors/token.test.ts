/** Real and synthetic token outputs of the vector set: each decodes as its manifest says, and nothing else is a token. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Beef, Transaction } from '@bsv/sdk';
import { addressOf } from '../../src/token/address.ts';
import { hasBinaryPrefix } from '../../src/token/binary.ts';
import { decodeTokenOutput } from '../../src/token/decode.ts';
import { classifySpent, judge } from '../../src/token/judge.ts';
import type { TokenOutput } from '../../src/token/types.ts';

interface ManifestLock {
  readonly type: string;
  readonly address?: string;
  readonly cosigner?: string;
}
interface ManifestToken {
  readonly vout: number;
  readonly op: string;
  readonly tokenId: string;
  readonly amt: string | null;
  readonly sym?: string;
  readonly dec?: string;
  readonly icon?: string;
  readonly lock: ManifestLock;
}
interface Vector {
  readonly name: string;
  readonly file: string;
  readonly kind: string;
  readonly tokens?: readonly ManifestToken[];
  readonly txs?: readonly { readonly txid: string; readonly tokens?: readonly ManifestToken[] }[];
  readonly token?: ManifestToken;
  readonly expected?: { readonly cancelPkh: string };
  readonly decoded?: ManifestToken;
}

function vectorFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(process.env['BTCFED_SHARED'] ?? join(folder, '..', 'shared'), 'vectors');
}

const FOLDER = vectorFolder();
const PRESENT = existsSync(join(FOLDER, 'manifest.json'));
const OPTIONS = PRESENT ? {} : { skip: 'no vectors beside the checkout' };
const VECTORS: readonly Vector[] = PRESENT
  ? (JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8')) as { vectors: Vector[] }).vectors
  : [];

const bytesOf = ({ file }: Vector): Uint8Array =>
  new Uint8Array(Buffer.from(readFileSync(join(FOLDER, file), 'utf8').trim(), 'hex'));
const named = (name: string): Vector => VECTORS.find((vector) => vector.name === name)!;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The manifest was made by a decoder that knows p2pkh and cosign only; §9 names the rest. */
const LOCK_OF_NAME: Readonly<Record<string, string>> = {
  'bsv21-bamboo-ltm-deploy': 'ltm',
  'ordlock-v1-bsv21-tvzn': 'ordlock',
};

function lockName(vector: Vector, lock: ManifestLock): string {
  return LOCK_OF_NAME[vector.name] ?? (lock.type === 'empty' ? 'other' : lock.type);
}

function icon(token: ManifestToken, txid: string): string | undefined {
  if (token.icon?.startsWith('_')) return txid + token.icon;
  return /^[0-9a-f]{64}_[0-9]+$/.test(token.icon ?? '') ? token.icon : undefined;
}

/** A decoded output in the words of the manifest. */
function summary(output: TokenOutput): Record<string, unknown> {
  const { deploy, lock } = output;
  return {
    vout: output.vout,
    op: output.op,
    tokenId: output.tokenId,
    amt: output.amt,
    sym: deploy?.sym,
    dec: deploy?.dec,
    icon: deploy?.icon,
    iconRaw: deploy?.iconRaw,
    lock: lock.type,
    address: lock.owner.length === 20 ? addressOf('main', lock.owner) : undefined,
    cosigner: lock.cosigner === undefined ? undefined : hex(lock.cosigner),
  };
}

function expectation(
  vector: Vector,
  token: ManifestToken,
  txid: string,
  vout: number,
): Record<string, unknown> {
  return {
    vout,
    op: token.op,
    tokenId: token.tokenId.replace('TXID', txid),
    amt: BigInt(token.amt ?? 0),
    sym: token.sym,
    dec: token.op.startsWith('deploy') ? Number(token.dec ?? 0) : undefined,
    icon: icon(token, txid),
    iconRaw: token.icon,
    lock: lockName(vector, token.lock),
    address: token.lock.address,
    cosigner: token.lock.cosigner,
  };
}

function decodeAll(tx: Transaction): TokenOutput[] {
  const txid = tx.id('hex');
  return tx.outputs.flatMap((output, vout) => {
    return decodeTokenOutput(Uint8Array.from(output.lockingScript.toBinary()), txid, vout) ?? [];
  });
}

/** All tokens of the manifest for this transaction, and no other output. */
function assertTransaction(vector: Vector, tx: Transaction, tokens: readonly ManifestToken[]): void {
  assert.deepEqual(
    decodeAll(tx).map(summary),
    tokens.map((token) => expectation(vector, token, tx.id('hex'), token.vout)),
  );
}

test('raw transactions: every token output as the manifest says, plain outputs are none', OPTIONS, () => {
  const vectors = VECTORS.filter(({ kind }) => kind === 'rawtx');
  for (const vector of vectors) {
    assertTransaction(vector, Transaction.fromBinary([...bytesOf(vector)]), vector.tokens ?? []);
  }
  assert.ok(vectors.length >= 11, `${vectors.length}`);
});

test('BEEF: every token output as the manifest says, plain outputs are none', OPTIONS, () => {
  let tokens = 0;
  for (const vector of VECTORS.filter(({ file }) => file.startsWith('beef/'))) {
    const beef = Beef.fromBinary([...bytesOf(vector)]);
    for (const { txid, tokens: listed } of vector.txs ?? []) {
      const raw = beef.findTxid(txid)?.rawTx;
      if (raw === undefined) continue;
      assertTransaction(vector, Transaction.fromBinary([...raw]), listed ?? []);
      tokens += listed?.length ?? 0;
    }
  }
  assert.equal(tokens, 12);
});

test('locking scripts: every token as the manifest says', OPTIONS, () => {
  const txid = 'ee'.repeat(32);
  let checked = 0;
  for (const vector of VECTORS.filter(({ file }) => file.startsWith('script/'))) {
    const token = vector.token ?? vector.decoded;
    assert.ok(token, vector.name);
    const found = decodeTokenOutput(bytesOf(vector), txid, 0);
    assert.ok(found, vector.name);
    const expected = expectation(vector, token, txid, 0);
    if (found.lock.type === 'ordlock') expected['address'] = summary(found)['address'];
    assert.deepEqual(summary(found), expected, vector.name);
    checked += 1;
  }
  assert.equal(checked, 9);
});

test('§9 ordlock v1: the real listing belongs to its seller', OPTIONS, () => {
  const vector = named('ordlock-v1-bsv21-tvzn');
  const script = bytesOf(vector);
  const lock = (bytes: Uint8Array) => decodeTokenOutput(bytes, 'ee'.repeat(32), 0)?.lock;
  assert.equal(lock(script)?.type, 'ordlock');
  assert.equal(hex(lock(script)!.owner), vector.expected?.cancelPkh);
  const changed = script.slice();
  changed[script.length - 300]! ^= 1;
  assert.equal(lock(changed)?.type, 'other', 'a changed byte in the contract');
  assert.equal(lock(script.subarray(0, -1))?.type, 'other');
});

test('§9 ltm: the real deploy, and not with one byte of its code changed', OPTIONS, () => {
  const tx = Transaction.fromBinary([...bytesOf(named('bsv21-bamboo-ltm-deploy'))]);
  const script = Uint8Array.from(tx.outputs[0]!.lockingScript.toBinary());
  assert.equal(decodeTokenOutput(script, tx.id('hex'), 0)?.lock.type, 'ltm');
  for (const at of [script.length - 20_000, script.length - 30_000]) {
    const changed = script.slice();
    changed[at]! ^= 1;
    assert.equal(decodeTokenOutput(changed, tx.id('hex'), 0)?.lock.type, 'other', `byte ${at}`);
  }
});

test('§11 the binary outputs are seen, and are no JSON tokens', OPTIONS, () => {
  const prefix = (name: string) => {
    const tx = Transaction.fromBinary([...bytesOf(named(name))]);
    return hasBinaryPrefix(Uint8Array.from(tx.outputs[0]!.lockingScript.toBinary()));
  };
  const legacyTxid = '52f5afaf5e6c0d3d828fd753f67367d304366db42af5ccc1449fec6a10096d93';
  assert.deepEqual(prefix('synth-brc162-value-36byte-id'), {
    role: 'value',
    tokenId: `${legacyTxid}_1`,
    amt: 500_000n,
    end: 42,
  });
  assert.deepEqual(prefix('synth-brc162-deploy'), {
    role: 'deploy',
    tokenId: undefined,
    amt: 10_000_000n,
    end: 7,
  });
});

test(
  '§13 arithmetic: the real chain of MNEE, deploy to split, conserves 18446744073709500000',
  OPTIONS,
  () => {
    for (const [parent, child] of [
      ['bsv21-mnee-deploy', 'bsv21-mnee-mint-transfer'],
      ['bsv21-mnee-sandbox-deploy', 'bsv21-mnee-sandbox-mint'],
    ] as const) {
      const deploy = decodeAll(Transaction.fromBinary([...bytesOf(named(parent))]))[0]!;
      const outputs = decodeAll(Transaction.fromBinary([...bytesOf(named(child))]));
      const input = classifySpent(deploy.tokenId, { ...deploy, verdict: 'valid' });
      assert.deepEqual(judge([input, { kind: 'nothing' }], outputs), {
        outputs: ['valid', 'valid'],
        decided: true,
        undecided: [],
        valueIn: 18_446_744_073_709_500_000n,
        lost: 0n,
      });
    }
  },
);
