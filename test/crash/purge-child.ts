// Purges a token and says when it begins, when the stores are swapped, and when it is done: made to be killed.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { purgeTestCore } from '../support/core.ts';

const { path, follow, tokenId } = JSON.parse(process.argv[2]!) as {
  path: string;
  follow: string[];
  tokenId: string;
};
// The swap holds the main thread from its beginning to its end.
const watcher = new Worker(
  `const { watch, writeSync } = require('node:fs');
  const { parentPort, workerData } = require('node:worker_threads');
  let isTold = false;
  watch(workerData, (_, name) => {
    if (name !== 'rebuilt' || isTold) return;
    isTold = true;
    writeSync(1, 'swap\\n');
  });
  parentPort.postMessage('ready');`,
  { eval: true, workerData: path },
);
await once(watcher, 'message');
writeSync(1, 'begin\n');
const began = performance.now();
const { audit } = await purgeTestCore({ path, follow, tokenId });
writeSync(1, `took ${performance.now() - began}\ndone ${audit.stateDigest}\n`);
await watcher.terminate();
