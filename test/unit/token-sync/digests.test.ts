import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  BucketSums,
  differingBuckets,
  hashBytes,
  hashHex,
  shortId,
  tokenDigest,
} from '../../../protocols/token-sync/digests.ts';
import { countRuns, decodeRuns, encodeRuns } from '../../../protocols/token-sync/runs.ts';
import { sha256d } from '../../../src/spv/bytes.ts';

const BUILT = import.meta.filename.endsWith('.js');
const FOLDER = join(import.meta.dirname, BUILT ? '../../../..' : '../../..', 'protocols/token-sync/vectors');

interface Vectors {
  readonly unmined: readonly {
    readonly count: number;
    readonly digest: string;
    readonly sumsSha256d: string;
  }[];
  readonly tokenDigest: Record<'salt' | 'asker' | 'answerer' | 'tokenId' | 'digest', string>;
  readonly shortId: Record<'salt' | 'txid' | 'shortId', string>;
  readonly runs: readonly { readonly places: readonly number[]; readonly runs: string }[];
}
const vectors = JSON.parse(readFileSync(join(FOLDER, 'commitments.json'), 'utf8')) as Vectors;
const txid = (i: number): Buffer => sha256d(Buffer.from(`unmined ${i}`));

describe('digests of the token sync', () => {
  it('names of tokens and short ids are those of the vectors', () => {
    const { salt, asker, answerer, tokenId, digest } = vectors.tokenDigest;
    assert.equal(tokenDigest(Buffer.from(salt, 'hex'), asker, answerer, tokenId).toString('hex'), digest);
    const short = vectors.shortId;
    assert.equal(
      shortId(Buffer.from(short.salt, 'hex'), hashBytes(short.txid)).toString('hex'),
      short.shortId,
    );
    assert.equal(hashHex(hashBytes(short.txid)), short.txid);
  });

  for (const { count, digest, sumsSha256d } of vectors.unmined) {
    it(`sums of ${count} unmined transactions, in any order, with others in between`, () => {
      for (const order of ['up', 'down'] as const) {
        const sums = new BucketSums();
        const numbers = Array.from({ length: count }, (_, i) => (order === 'up' ? i : count - 1 - i));
        for (const i of numbers) {
          sums.add(txid(i));
          sums.add(txid(10_000 + i));
        }
        for (const i of numbers) sums.remove(txid(10_000 + i));
        assert.equal(sums.digest().toString('hex'), digest);
        assert.equal(sha256d(sums.bytes()).toString('hex'), sumsSha256d);
      }
    });
  }

  it('a difference of one transaction shows in its bucket alone', () => {
    const [ours, theirs] = [new BucketSums(), new BucketSums()];
    for (let i = 0; i < 500; i++) {
      if (i !== 77) ours.add(txid(i));
      theirs.add(txid(i));
    }
    assert.deepEqual(differingBuckets(ours.bytes(), theirs.bytes()), [txid(77)[0]]);
    assert.deepEqual(differingBuckets(ours.bytes(), ours.bytes()), []);
  });

  for (const { places, runs } of vectors.runs) {
    it(`places ${places.slice(0, 4)} are the runs ${runs}`, () => {
      assert.equal(Buffer.from(encodeRuns(places)).toString('hex'), runs);
      assert.deepEqual(decodeRuns(Buffer.from(runs, 'hex'), 100), places);
      assert.equal(countRuns(Buffer.from(runs, 'hex'), 100), places.length);
    });
  }

  it('a run of a billion places is counted, not made', () => {
    const runs = Buffer.from('00ffffffff03', 'hex');
    assert.throws(() => decodeRuns(runs, 1_000), { code: 'TOO_MANY' });
    assert.equal(countRuns(runs, Number.POSITIVE_INFINITY), 2 ** 30);
  });
});
