import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeBeef } from '../../src/spv/beef.ts';
import { verifyDirect } from '../../src/spv/direct.ts';
import { SpvError } from '../../src/spv/errors.ts';
import { matchFastLock } from '../../src/spv/fastlock.ts';
import { layoutOf } from '../../src/spv/layout.ts';
import { VerifierPool } from '../../src/spv/pool.ts';
import { Sighash } from '../../src/spv/sighash.ts';
import { parseTransaction, type Transaction } from '../../src/spv/transaction.ts';
import { checkTransaction, type Prevout, type VerifyJob, verifyTransaction } from '../../src/spv/verify.ts';
import { throwsSpv } from '../support/assert-spv.ts';
import { corpusFrames, skipWithout, vectorBytes, vectorsOf } from '../support/shared.ts';
import { spendSays } from '../support/spend/oracle.ts';

/** The transactions of a BEEF that have no proof and whose parents are all in it. */
function unprovenJobs(bytes: Uint8Array): VerifyJob[] {
  const { txs } = decodeBeef(bytes);
  const known = new Map(txs.map(({ txid, tx }) => [txid, tx]));
  const jobs: VerifyJob[] = [];
  for (const { tx, bump } of txs) {
    if (!tx || bump !== undefined) continue;
    const prevouts = tx.inputs.map((input) => known.get(input.prevTxid)?.outputs[input.prevVout]);
    if (prevouts.every((prevout) => prevout !== undefined))
      jobs.push({ tx, prevouts: prevouts as Prevout[] });
  }
  return jobs;
}

function sdkAccepts({ tx, prevouts }: VerifyJob): boolean {
  return prevouts.every(({ satoshis, script }, vin) =>
    spendSays(
      {
        label: tx.txid,
        form: 'real',
        changes: [],
        tx: { raw: Buffer.from(tx.raw), txid: tx.txid },
        vin,
        satoshis,
        lock: Buffer.from(script),
      },
      'default',
    ),
  );
}

describe('real unproven transactions', { skip: skipWithout('vectors') }, () => {
  it('all verify on the direct path, as with Spend', () => {
    let verified = 0;
    for (const vector of vectorsOf(/beef/).filter((each) => each.expectedError === undefined)) {
      for (const job of unprovenJobs(vectorBytes(vector))) {
        assert.equal(
          checkTransaction(job.tx.raw, job.prevouts, false),
          undefined,
          `${vector.name} ${job.tx.txid}`,
        );
        assert.equal(sdkAccepts(job), true, `${vector.name} ${job.tx.txid}`);
        verified++;
      }
    }
    assert.ok(verified >= 15, `${verified} transactions`);
  });

  for (const [name, unproven] of [
    ['bsv21-mnee-atomic-v2-unconfirmed', 1],
    ['bsv21-mnee-beef-v1-unconfirmed-chain', 2],
  ] as const) {
    it(`${name}: its cosigned token input verifies, and fails with anything else`, () => {
      const vector = vectorsOf(/beef/).find((each) => each.name === name);
      assert.ok(vector);
      const jobs = unprovenJobs(vectorBytes(vector));
      assert.equal(jobs.length, unproven);
      const job = jobs.at(-1) as VerifyJob;
      assert.equal(job.tx.txid, decodeBeef(vectorBytes(vector)).subjectTxid);
      verifyTransaction(job);

      const vin = job.prevouts.findIndex(({ script }) => (matchFastLock(script)?.cosignerKeyAt ?? -1) >= 0);
      const lock = job.prevouts[vin] as Prevout;
      const form = matchFastLock(lock.script);
      assert.ok(form);
      const changed = (at: number): VerifyJob => {
        const script = Buffer.from(lock.script);
        script[at] = (script[at] as number) ^ 1;
        return {
          tx: job.tx,
          prevouts: job.prevouts.map((each, i) => (i === vin ? { ...each, script } : each)),
        };
      };
      for (const at of [form.ownerHashAt, form.cosignerKeyAt + 5, 10]) {
        throwsSpv(() => verifyTransaction(changed(at)), 'SCRIPT_FAILED', { txid: job.tx.txid, vin });
      }
    });
  }

  it('token transactions whose parent is there: the spending input verifies', () => {
    const byTxid = new Map<string, Transaction>();
    for (const vector of vectorsOf(/^rawtx$/)) {
      const tx = parseTransaction(vectorBytes(vector));
      byTxid.set(tx.txid, tx);
    }
    let spends = 0;
    for (const tx of byTxid.values()) {
      tx.inputs.forEach((input, vin) => {
        const prevout = byTxid.get(input.prevTxid)?.outputs[input.prevVout];
        if (!prevout) return;
        const verdict = verifyDirect(new Sighash(layoutOf(tx.raw)), vin, prevout.satoshis, prevout.script);
        assert.equal(verdict, true, `${tx.txid} input ${vin}`);
        spends++;
      });
    }
    assert.ok(spends >= 2, `${spends} spends`);
  });
});

describe('corpus', { skip: skipWithout('corpus') }, () => {
  it('all transfers verify, in this thread and in the pool; changed ones do not', async () => {
    const frames = corpusFrames('transfers.bin');
    const jobs = frames.map((frame) => {
      const job = unprovenJobs(frame).at(-1);
      assert.ok(job);
      return job;
    });
    assert.equal(jobs.length, 500);
    for (const job of jobs) verifyTransaction(job);

    const mixed = jobs.map((job, i) => (i % 5 === 0 ? withMoreValue(job) : job));
    const pool = new VerifierPool({ workers: 2 });
    await pool.start();
    try {
      const results = await pool.verify(mixed);
      results.forEach((result, i) => {
        assert.equal(
          result instanceof SpvError ? result.code : undefined,
          i % 5 === 0 ? 'SCRIPT_FAILED' : undefined,
        );
        if (result) assert.equal(result.data['txid'], jobs[i]?.tx.txid);
      });
    } finally {
      await pool.close();
    }
  });
});

/** The signature covers the value of the output it spends. */
function withMoreValue(job: VerifyJob): VerifyJob {
  const [first, ...rest] = job.prevouts as [Prevout, ...Prevout[]];
  return { tx: job.tx, prevouts: [{ ...first, satoshis: first.satoshis + 1 }, ...rest] };
}
