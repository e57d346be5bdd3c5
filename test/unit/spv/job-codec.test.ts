import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { packedBytes, packJobs, unpackJobs } from '../../../src/spv/job-codec.ts';
import { transfer } from '../../support/spend/transfer.ts';

/** deepEqual compares prototypes too. */
const PLAIN = { noNullPrototype: true };

describe('job codec', () => {
  const { tx } = transfer();
  const bytes = fc.uint8Array({ maxLength: 300 });
  const prevout = fc.record({ satoshis: fc.integer({ min: 0, max: 21e14 }), script: bytes }, PLAIN);
  const job = fc.record({ raw: bytes, prevouts: fc.array(prevout, { maxLength: 5 }) }, PLAIN);

  it('gives back what went in, in the bytes it said', () => {
    fc.assert(
      fc.property(fc.array(job, { maxLength: 8 }), (contents) => {
        const jobs = contents.map(({ raw, prevouts }) => ({ tx: { ...tx, raw }, prevouts }));
        const buffer = packJobs(jobs);
        assert.equal(
          buffer.byteLength,
          jobs.reduce((sum, each) => sum + packedBytes(each), 4),
        );
        assert.deepEqual(unpackJobs(buffer), contents);
      }),
    );
  });
});
