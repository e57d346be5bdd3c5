import { parentPort } from 'node:worker_threads';
import { unpackJobs, type WorkRequest } from '../../../src/spv/job-codec.ts';
import { answer } from '../../../src/spv/verify-worker.ts';

/** verify-worker with faults: a transaction's lock time says what happens when the thread comes to it. */
export const FAULT_EXIT = 0xdead_0001;
export const FAULT_THROW = 0xdead_0002;
export const FAULT_HANG = 0xdead_0003;
/** As FAULT_EXIT, but only in a request with other transactions. */
export const FAULT_IN_COMPANY = 0xdead_0004;

// In place of the real listener, not beside it: a second one would still run after this one has thrown.
parentPort?.removeAllListeners('message');
parentPort?.on('message', (request: WorkRequest) => {
  haveFaults(request);
  parentPort?.postMessage(answer(request));
});

function haveFaults(request: WorkRequest): void {
  const jobs = unpackJobs(request.buffer);
  for (const { raw } of jobs) {
    const lockTime = Buffer.from(raw).readUInt32LE(raw.length - 4);
    if (lockTime === FAULT_EXIT || (lockTime === FAULT_IN_COMPANY && jobs.length > 1)) process.exit(3);
    if (lockTime === FAULT_THROW) throw new Error('fault of the test');
    while (lockTime === FAULT_HANG);
  }
}
