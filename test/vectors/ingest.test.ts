import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CHECKPOINTS } from '../../src/chain/checkpoints.ts';
import { addressOf } from '../../src/token/address.ts';
import { readFrames } from '../support/corpus/frames.ts';
import { ownerOfAddress } from '../support/corpus/keys.ts';
import { Prng } from '../support/corpus/prng.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import { sharedPath } from '../support/corpus/shared.ts';
import type { TestTx } from '../support/corpus/testtx.ts';
import { viewOfBeefs } from '../support/corpus/view.ts';
import { type TestNode, withNode } from '../support/node.ts';
import { assertState } from '../support/node-state.ts';
import { skipWithout, type Vector, vectorBytes, vectorsOf } from '../support/shared.ts';

const skip = skipWithout('vectors');

const MNEE = 'ae59f3b898ec61acbdb6cc7a245fabeded0c094bf046f35206a3aec60ef88127_0';
const SANDBOX = '833a7720966a2a435db28d967385e8aa7284b6150ebb39482cc5228b73e1703f_0';
/** Of the two BEEFs' blocks the only one above the checkpoint, so that real headers tell of it. */
const KNOWN_HEIGHT = 905_506;
const CHECKPOINT_HEIGHT = 899_999;

interface TokenVector extends Vector {
  readonly txs?: readonly {
    readonly txid: string;
    readonly bumpIndex?: number;
    readonly tokens?: readonly Stated[];
  }[];
  readonly tokens?: readonly Stated[];
}

interface Stated {
  readonly vout: number;
  readonly op: string;
  readonly amt: string;
  readonly lock: { readonly type: string; readonly address: string };
}

function named(name: string): TokenVector {
  const found = vectorsOf(/./).find((vector) => vector.name === name);
  assert.ok(found !== undefined, `no vector ${name}`);
  return found;
}

/** What a node says of a transaction's token outputs, in the words of the manifest. */
function outputsOf(node: TestNode, txid: string): string[] {
  const outputs = node.reader.tx(txid)?.tokens.flatMap((part) => part.outputs) ?? [];
  return outputs.map((o) => `${o.vout} ${o.op} ${o.amt} ${o.lock} ${addressOf('main', o.owner)}`);
}

function stated(tokens: readonly Stated[] = []): string[] {
  return tokens.map((t) => `${t.vout} ${t.op} ${t.amt} ${t.lock.type} ${t.lock.address}`);
}

for (const [name, parent] of [
  ['bsv21-mnee-atomic-v2-unconfirmed', '0a1a35aa72b01b14d1fee3b65dff715bfa1c76a48a15ce97021243a5b1447843'],
  [
    'bsv21-mnee-beef-v1-unconfirmed-chain',
    '9d9eed2d6c0526193a909c2f4543a84f683523bcde9bcd0d37028414a9eb1224',
  ],
] as const) {
  test(`${name}: verified, decoded, pending for exactly the history that it lacks, and never counted`, {
    skip,
  }, async () => {
    const vector = named(name);
    const subject = vector.subjectTxid!;
    const roots = new Map(
      (vector.bumps ?? []).filter((b) => b.height < KNOWN_HEIGHT).map((b) => [b.merkleRoot, b.height]),
    );
    const asked: number[] = [];
    const verifyRoot = (height: number, root: string) => {
      asked.push(height);
      return Promise.resolve(roots.get(root) === height ? ('confirmed' as const) : ('invalid' as const));
    };
    const checkpoint = CHECKPOINTS.main.find(({ height }) => height === CHECKPOINT_HEIGHT)!;
    const options = {
      network: 'main',
      checkpoint,
      verifyRoot,
      tokens: [MNEE],
      coinbaseMatures: true,
    } as const;
    await withNode(options, async (first, use) => {
      const headers = readFileSync(sharedPath('vectors', 'headers', 'mainnet-900000-916817.bin')!);
      await first.headers(headers.subarray(0, (KNOWN_HEIGHT + 10 - CHECKPOINT_HEIGHT) * 80));
      const outcome = await first.offer(vectorBytes(vector));
      // The token parent is mined and its own parents are unknown; all else was in the BEEF.
      const missing = spentBy(first, parent);
      assert.ok(missing.length >= 2);
      assert.deepEqual(outcome, { status: 'pending', txid: subject, waitingFor: 'history', missing });
      const below = (vector.bumps ?? []).filter((b) => b.height < KNOWN_HEIGHT).map((b) => b.height);
      assert.deepEqual([...new Set(asked)].sort(), below.sort());
      const node = use(await first.restart());
      for (const { txid, bumpIndex, tokens } of vector.txs ?? []) {
        const held = node.reader.tx(txid);
        assert.equal(held?.status, 'active', txid);
        const height = bumpIndex === undefined ? undefined : vector.bumps?.[bumpIndex]?.height;
        assert.equal(held?.position?.height, height);
        assert.deepEqual(outputsOf(node, txid), stated(tokens));
        for (const output of held?.tokens[0]?.outputs ?? []) assert.equal(output.verdict, 'pending');
      }
      const token = node.reader.token(MNEE);
      assert.deepEqual(
        [token?.supply.circulating, token?.coins, token?.holders, token?.transactions],
        [0n, 0, 0, 0],
      );
      assert.equal(token?.undecided, 2);
      for (const { lock } of vector.txs?.flatMap((tx) => tx.tokens ?? []) ?? []) {
        const owner = Buffer.from(ownerOfAddress(lock.address), 'hex');
        const balance = await node.reader.balance(MNEE, owner);
        assert.deepEqual([balance.confirmed, balance.unconfirmed, balance.coins], [0n, 0n, 0]);
      }
      assert.equal((await node.reader.events(0n, 10)).length, 0);
      await node.audit();
    });
  });
}

function spentBy(node: TestNode, txid: string): string[] {
  const part = node.reader.tx(txid)?.tokens.find(({ tokenId }) => tokenId === MNEE);
  return [...(part?.undecided ?? [])].sort();
}

test('a changed root at 905,506 is refused by the real header', { skip }, async () => {
  const vector = named('bsv21-mnee-beef-v1-unconfirmed-chain');
  const checkpoint = CHECKPOINTS.main.find(({ height }) => height === CHECKPOINT_HEIGHT)!;
  const verifyRoot = () => Promise.resolve('confirmed' as const);
  await withNode({ network: 'main', checkpoint, verifyRoot, tokens: [MNEE] }, async (node) => {
    const headers = readFileSync(sharedPath('vectors', 'headers', 'mainnet-900000-916817.bin')!);
    // So many that no reorganisation reaches down to it.
    await node.headers(headers.subarray(0, (KNOWN_HEIGHT - CHECKPOINT_HEIGHT + 200) * 80));
    const bytes = Buffer.from(vectorBytes(vector));
    const height = Buffer.from('fe22d10d00', 'hex');
    const at = bytes.indexOf(height);
    assert.ok(at > 0, 'the BUMP of 905,506');
    bytes.writeUInt32LE(KNOWN_HEIGHT - 1, at + 1);
    const outcome = await node.offer(bytes);
    assert.equal(outcome.status === 'rejected' && outcome.code, 'PARENT_INVALID');
    assert.equal(node.reader.tx(vector.subjectTxid!), undefined);
  });
});

test('real tokens with their deploy, in blocks of a regtest chain, in any order', { skip }, async () => {
  const chain = new TestChain('real tokens');
  const names = [
    'bsv21-mnee-deploy',
    'bsv21-mnee-mint-transfer',
    'bsv21-mnee-sandbox-deploy',
    'bsv21-mnee-sandbox-mint',
    'bsv21-mnee-sandbox-burn',
  ];
  const vectors = names.map(named);
  const txs = vectors.map((vector) => chain.adopt(vectorBytes(vector)));
  const [deploy, split, other, mint, burn] = txs as [TestTx, TestTx, TestTx, TestTx, TestTx];
  chain.mine([deploy, other]);
  chain.mine([split]);
  chain.mine([mint, burn]);
  const beefs = txs.map((tx) => chain.beef(tx, { parents: 'none' }));
  const random = new Prng('orders');
  for (let order = 0; order < 20; order++) {
    const shuffled = random.shuffle(beefs);
    await withNode({ tokens: [MNEE, SANDBOX] }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      if (order % 2 === 0) await node.offerAll(shuffled);
      else for (const beef of shuffled) await node.offer(beef);
      await assertState(node, viewOfBeefs(shuffled, chain.headers()));
      txs.forEach((tx, i) => {
        assert.deepEqual(outputsOf(node, tx.txid), stated(vectors[i]!.tokens), names[i]);
        const verdicts = node.reader.tx(tx.txid)?.tokens[0]?.outputs.map((o) => o.verdict);
        assert.ok(
          verdicts?.every((verdict) => verdict === (tx === burn ? 'pending' : 'valid')),
          names[i],
        );
      });
      // The deploys mint 18,446,744,073,709,500,000 each, close to 2^64; nothing is lost in any sum.
      assert.equal(node.reader.token(MNEE)?.supply.circulating, 18_446_744_073_709_500_000n);
      assert.equal(node.reader.token(SANDBOX)?.supply.circulating, 18_446_744_073_709_500_000n);
      assert.equal(node.reader.token(SANDBOX)?.undecided, 1);
      assert.equal(node.reader.token(MNEE)?.sym, 'MNEE');
      assert.equal(node.reader.token(MNEE)?.dec, 5);
      const holders = await node.reader.holders(MNEE, { limit: 9 });
      assert.deepEqual(
        holders.items.map(({ owner, balance }) => `${addressOf('main', owner)} ${balance}`),
        [
          '1inHbiwj2jrEcZPiSYnfgJ8FmS1Bmk4Dh 18446744073699500000',
          '1G6CB3Ch4zFkPmuhZzEyChQmrQPfi86qk3 10000000',
        ],
      );
      const pending = await node.offer(beefs[4]!);
      assert.deepEqual(
        pending.status === 'pending' && pending.missing,
        burn.tx.inputs.map((input) => `${input.prevTxid}_${input.prevVout}`).sort(),
      );
    });
  }
});

test('the shared corpus gives its facts, in order and out of order', {
  skip: skipWithout('corpus'),
}, async () => {
  const read = (name: string): Buffer => readFileSync(sharedPath('corpus', name)!);
  const facts = JSON.parse(read('facts.json').toString()) as {
    tokenId: string;
    supply: string;
    balances: Record<string, string>;
  };
  const history = [...readFrames(read('history.bin'))];
  const transfers = [...readFrames(read('transfers.bin'))];
  const random = new Prng('corpus orders');
  const digests = new Set<string>();
  for (const frames of [[...history, ...transfers], random.shuffle([...history, ...transfers])]) {
    await withNode({ tokens: [facts.tokenId] }, async (node) => {
      await node.headers(read('headers.bin').subarray(80));
      await node.offerAll(frames);
      const token = node.reader.token(facts.tokenId);
      assert.equal(token?.supply.circulating, BigInt(facts.supply));
      assert.equal(token?.undecided, 0);
      let untouched = 0;
      const paid = new Map<string, string>();
      const { items } = await node.reader.holders(facts.tokenId, { limit: 1000 });
      for (const { owner } of items) {
        const { confirmed, unconfirmed } = await node.reader.balance(facts.tokenId, owner);
        // The facts tell what the transfers, all unmined, paid; mined coins of 1000 that none of them spends are apart.
        if (unconfirmed > 0n) paid.set(Buffer.from(owner).toString('hex'), `${unconfirmed}`);
        assert.equal(confirmed % 1000n, 0n);
        untouched += Number(confirmed / 1000n);
      }
      const expected = Object.entries(facts.balances).map(
        ([address, sum]) => [ownerOfAddress(address), sum] as const,
      );
      assert.deepEqual(paid, new Map(expected.filter(([owner]) => paid.has(owner))));
      assert.equal(paid.size, expected.length);
      assert.equal(untouched, 29);
      digests.add((await node.audit()).stateDigest);
    });
  }
  assert.equal(digests.size, 1);
});
