import { parentPort } from 'node:worker_threads';
import { unpackJobs, type WorkerReady, type WorkReply, type WorkRequest } from './job-codec.ts';
import { checkTransaction, type Failure, NEEDS_INTERPRETER } from './verify.ts';

/** Body of one thread of VerifierPool: answers each request, one after the other. */

/** The reply to a request; whatever it throws ends the thread, and the pool tries its jobs one by one. */
export function answer(request: WorkRequest): WorkReply {
  const failures: (readonly [number, Failure])[] = [];
  const interpreter: number[] = [];
  unpackJobs(request.buffer).forEach(({ raw, prevouts }, index) => {
    const outcome = checkTransaction(raw, prevouts, request.interpret);
    if (outcome === NEEDS_INTERPRETER) interpreter.push(index);
    else if (outcome) failures.push([index, outcome]);
  });
  return { id: request.id, failures, interpreter };
}

parentPort?.on('message', (request: WorkRequest) => {
  parentPort?.postMessage(answer(request));
});
parentPort?.postMessage({ ready: true } satisfies WorkerReady);
