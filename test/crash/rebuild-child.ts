// Rebuilds a store and says when it begins and when it is done: made to be killed.
import { writeSync } from 'node:fs';
import { rebuildTestCore } from '../support/core.ts';

const { path, follow } = JSON.parse(process.argv[2]!) as { path: string; follow: string[] };
writeSync(1, 'begin\n');
const began = performance.now();
const { audit, transactions } = await rebuildTestCore({ path, follow });
writeSync(1, `took ${performance.now() - began}\ndone ${audit.stateDigest} ${transactions.kept}\n`);
