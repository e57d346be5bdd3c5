import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { SpvError } from '../../../src/spv/errors.ts';
import { defaultWorkers, VerifierPool, type VerifierPoolOptions } from '../../../src/spv/pool.ts';
import type { VerifyJob } from '../../../src/spv/verify.ts';
import { FAULT_EXIT, FAULT_HANG, FAULT_IN_COMPANY, FAULT_THROW } from '../../support/spend/faulty-worker.ts';
import { pushWith } from '../../support/spend/scripts.ts';
import { transfer, withPrevout } from '../../support/spend/transfer.ts';

const EXTENSION = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
const FAULTY = new URL(`../../support/spend/faulty-worker${EXTENSION}`, import.meta.url);
/** Hashes 60 kB ten thousand times: half a minute in the interpreter. */
const ENDLESS = Buffer.concat([
  pushWith(0x4d, Buffer.alloc(60_000, 7)),
  Buffer.from('76a875'.repeat(10_000), 'hex'),
]);

const open = new Set<VerifierPool>();

async function pool(options: Partial<VerifierPoolOptions> = {}): Promise<VerifierPool> {
  const made = new VerifierPool({ workers: 2, ...options });
  open.add(made);
  await made.start();
  return made;
}

after(() => Promise.all([...open].map((each) => each.close())));

function good(nonce: number): VerifyJob {
  return transfer({ nonce, inputs: 1 });
}

function bad(nonce: number): VerifyJob {
  return withPrevout(good(nonce), 0, { satoshis: 11 });
}

const codes = (results: readonly (SpvError | undefined)[]) =>
  results.map((result) => result?.code ?? 'valid');

describe('VerifierPool', () => {
  it('gives each job its own result, in order, over many chunks and callers', async () => {
    const verifier = await pool();
    const kinds = Array.from({ length: 300 }, (_, i) => (i * 7919) % 11);
    const make = (base: number) =>
      kinds.map((kind, i) => {
        const nonce = base + i;
        if (kind === 0) return bad(nonce);
        if (kind === 1) return transfer({ nonce, lock: Buffer.of(0x51) });
        if (kind === 2) return transfer({ nonce, lock: Buffer.of(0x00) });
        return good(nonce);
      });
    const batches = [make(0), make(1000), make(2000)];
    const answers = await Promise.all(batches.map((jobs) => verifier.verify(jobs)));
    answers.forEach((results, b) => {
      const jobs = batches[b] as VerifyJob[];
      results.forEach((result, i) => {
        const failing = kinds[i] === 0 || kinds[i] === 2;
        assert.equal(result?.code, failing ? 'SCRIPT_FAILED' : undefined);
        if (result) assert.equal(result.data['txid'], jobs[i]?.tx.txid);
        if (result) assert.match(result.message, new RegExp(jobs[i]?.tx.txid ?? ''));
      });
    });
    const interpreted = kinds.filter((kind) => kind === 1 || kind === 2).length * 3;
    assert.deepEqual(verifier.stats(), {
      waiting: 0,
      lostThreads: 0,
      threads: 2,
      answered: 900,
      interpreted,
    });
    assert.deepEqual(await verifier.verify([]), []);
  });

  it('takes transactions of any size', async () => {
    const verifier = await pool({ workers: 1 });
    const results = await verifier.verify([
      good(1),
      transfer({ inputs: 3000 }),
      bad(2),
      transfer({ inputs: 2000 }),
    ]);
    assert.deepEqual(codes(results), ['valid', 'valid', 'SCRIPT_FAILED', 'valid']);
  });

  for (const [name, lockTime, reason] of [
    ['ends', FAULT_EXIT, /code 3/],
    ['throws', FAULT_THROW, /fault of the test/],
    ['hangs', FAULT_HANG, /no result within 800 ms/],
  ] as const) {
    it(`survives a thread that ${name}: only that job fails`, async () => {
      // Short only where it is waited for: a busy machine must not look like a hanging thread.
      const limit = lockTime === FAULT_HANG ? { timeLimitMs: 800 } : {};
      const verifier = await pool({ workerUrl: FAULTY, ...limit });
      const jobs = Array.from({ length: 130 }, (_, i) => (i % 10 === 3 ? bad(i) : good(i)));
      jobs[40] = transfer({ nonce: 40, inputs: 1, lockTime });
      const results = await verifier.verify(jobs);
      const expected = jobs.map((_, i) =>
        i === 40 ? 'VERIFIER_FAILED' : i % 10 === 3 ? 'SCRIPT_FAILED' : 'valid',
      );
      assert.deepEqual(codes(results), expected);
      assert.match(String(results[40]?.data['reason']), reason);
      assert.equal(results[40]?.data['txid'], jobs[40].tx.txid);
      // Once with its chunk, once alone.
      assert.ok(verifier.stats().lostThreads >= 2);
      assert.deepEqual(codes(await verifier.verify([good(1), bad(2)])), ['valid', 'SCRIPT_FAILED']);
    });
  }

  it('verifies alone what only fails in company', async () => {
    const verifier = await pool({ workerUrl: FAULTY, workers: 1 });
    const jobs = [good(1), transfer({ nonce: 2, inputs: 1, lockTime: FAULT_IN_COMPANY }), bad(3)];
    assert.deepEqual(codes(await verifier.verify(jobs)), ['valid', 'valid', 'SCRIPT_FAILED']);
  });

  it('ends a script that runs too long, and meanwhile verifies transfers', async () => {
    const verifier = await pool({ timeLimitMs: 1500 });
    const order: string[] = [];
    const endless = verifier.verify([transfer({ nonce: 1, lock: ENDLESS })]).then((results) => {
      order.push('endless');
      return results;
    });
    const plain = verifier.verify(Array.from({ length: 200 }, (_, i) => good(i))).then((results) => {
      order.push('plain');
      return results;
    });
    assert.deepEqual(new Set(codes(await plain)), new Set(['valid']));
    const [result] = await endless;
    assert.equal(result?.code, 'VERIFIER_FAILED');
    assert.deepEqual(order, ['plain', 'endless']);
  });

  it('with one thread alternates, so that transfers wait for one long script at most', async () => {
    const verifier = await pool({ workers: 1, timeLimitMs: 800 });
    const order: string[] = [];
    const verify = async (name: string, job: VerifyJob) => {
      await verifier.verify([job]);
      order.push(name);
    };
    const long = [1, 2, 3].map((nonce) => verify(`long ${nonce}`, transfer({ nonce, lock: ENDLESS })));
    await verify('first', good(1));
    // Now the second long script runs, and the third waits.
    await Promise.all([...long, verify('second', good(2))]);
    assert.deepEqual(order, ['long 1', 'first', 'long 2', 'second', 'long 3']);
  });

  it('keeps the event loop free while it works', async () => {
    const verifier = await pool();
    const jobs = Array.from({ length: 2000 }, (_, i) => good(i % 50));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const results = await verifier.verify(jobs);
    clearInterval(timer);
    assert.equal(results.filter(Boolean).length, 0);
    assert.ok(turns >= 5, `${turns} turns`);
  });

  it('close() ends threads and answers what is left', async () => {
    const verifier = await pool({ workers: 1 });
    const answer = verifier.verify(
      Array.from({ length: 500 }, (_, i) => transfer({ nonce: i, lock: ENDLESS })),
    );
    await verifier.close();
    const results = await answer;
    assert.equal(results.length, 500);
    for (const result of results) assert.match(String(result?.data['reason']), /closed/);
    await assert.rejects(verifier.verify([good(1)]), { code: 'VERIFIER_FAILED' });
  });

  it('does nothing before it is started', async () => {
    await assert.rejects(new VerifierPool({ workers: 1 }).verify([good(1)]), { code: 'VERIFIER_FAILED' });
  });

  it('says so when threads do not start', async () => {
    const workerUrl = new URL('./no-such-worker.ts', import.meta.url);
    const verifier = new VerifierPool({ workers: 2, workerUrl });
    open.add(verifier);
    await assert.rejects(verifier.start(), (error: SpvError) => {
      assert.equal(error.code, 'VERIFIER_FAILED');
      assert.match(error.message, /do not start.*no-such-worker/s);
      return true;
    });
    // Later work is a new try, and again an answer, not a wait for ever.
    assert.deepEqual(codes(await verifier.verify([good(1)])), ['VERIFIER_FAILED']);
  });

  it('with an idle time has threads only while there is work', async () => {
    const verifier = await pool({ idleMs: 20 });
    assert.equal(verifier.stats().threads, 0);
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(codes(await verifier.verify([good(1), bad(2)])), ['valid', 'SCRIPT_FAILED']);
      assert.equal(verifier.stats().threads, 2);
      while (verifier.stats().threads > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(verifier.stats().lostThreads, 0);
    // The end of idle threads and new work may meet.
    const answers = Array.from({ length: 50 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 3));
      return codes(await verifier.verify([good(i)]));
    });
    assert.deepEqual((await Promise.all(answers)).flat(), Array(50).fill('valid'));
  });

  it('is sized to the machine', () => {
    assert.ok(Number.isInteger(defaultWorkers()) && defaultWorkers() >= 1);
  });
});
