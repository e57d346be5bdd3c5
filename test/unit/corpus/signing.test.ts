import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { P2PKH, Transaction } from '@bsv/sdk';
import secp256k1 from 'secp256k1';
import { Cursor, varint } from '../../support/corpus/bytes.ts';
import { CorpusError } from '../../support/corpus/errors.ts';
import { addressOf, makeKey, ownerOfAddress, TEST_ADDRESS } from '../../support/corpus/keys.ts';
import { MerkleTree, readBump } from '../../support/corpus/merkle.ts';
import { Prng } from '../../support/corpus/prng.ts';
import { p2pkhScript } from '../../support/corpus/script.ts';
import { signFast } from '../../support/corpus/signer.ts';
import { parseTransaction, serialize, txidOf } from '../../support/corpus/transaction.ts';

describe('corpus building blocks', () => {
  it('signs fast and still valid, with low S, under every nonce', () => {
    const prng = new Prng('signatures');
    const keys = ['a', 'b', 'c'].map(makeKey);
    for (let i = 0; i < 300; i++) {
      const digest = prng.bytes(32);
      const key = prng.pick(keys);
      const signature = secp256k1.signatureImport(signFast(digest, key));
      assert.ok(secp256k1.ecdsaVerify(signature, digest, key.publicKey));
      digest[5]! ^= 1;
      assert.equal(secp256k1.ecdsaVerify(signature, digest, key.publicKey), false);
    }
  });

  it('agrees with the SDK on addresses, locks and txids', () => {
    for (let i = 0; i < 20; i++) {
      const key = makeKey(`address ${i}`);
      const address = addressOf(key.hash160);
      assert.equal(new P2PKH().lock(address).toHex(), p2pkhScript(key.hash160).toString('hex'));
      assert.equal(ownerOfAddress(address), key.hash160.toString('hex'));
      assert.equal(ownerOfAddress(addressOf(key.hash160, TEST_ADDRESS)), key.hash160.toString('hex'));
      const raw = serialize({
        version: 2,
        inputs: [{ prevTxid: 'ab'.repeat(32), prevVout: i, script: key.publicKey, sequence: 7 }],
        outputs: [{ satoshis: 21e14, script: Buffer.alloc(60_000 + i) }],
        lockTime: 99,
      });
      assert.equal(Transaction.fromBinary([...raw]).id('hex'), txidOf(raw));
      assert.deepEqual(serialize(parseTransaction(raw)), raw);
    }
    assert.throws(() => ownerOfAddress('1CAnwff7TSdMz9YtwemHsfSBvjEmWbQBaV'), CorpusError);
  });

  it('counts through the whole range of variable-length integers', () => {
    for (const value of [0, 0xfc, 0xfd, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000]) {
      assert.equal(new Cursor(varint(value)).varint(), value);
    }
  });

  it('proves any set of leaves of a tree of any size', () => {
    const prng = new Prng('trees');
    for (let size = 1; size <= 20; size++) {
      const txids = Array.from({ length: size }, () => prng.bytes(32).toString('hex'));
      const tree = new MerkleTree(txids);
      const places = prng.shuffle([...txids.keys()]).slice(0, prng.between(1, size));
      const bump = readBump(new Cursor(tree.bump(7, places)));
      assert.equal(bump.height, 7);
      assert.equal(bump.root, Buffer.from(tree.root).reverse().toString('hex'));
      for (const place of places) {
        assert.equal(bump.places.get(txids[place]!), place);
      }
    }
  });

  it('sees a BUMP whose leaves disagree', () => {
    const prng = new Prng('bad tree');
    const txids = Array.from({ length: 8 }, () => prng.bytes(32).toString('hex'));
    const bytes = new MerkleTree(txids).bump(1, [0, 5]);
    const whole = readBump(new Cursor(bytes));
    bytes[bytes.length - 1]! ^= 1; // in the last hash of the upper levels, or a leaf's
    const changed = (): string => readBump(new Cursor(bytes)).root;
    assert.notEqual(outcome(changed), whole.root);
  });
});

function outcome(read: () => string): string {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof CorpusError);
    return error.code;
  }
}
