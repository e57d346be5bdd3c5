// npm run demo: three daemons on this machine, two tokens, one daemon that comes late; in the end all have the same.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Demo } from './demo.ts';
import { readOptions } from './options.ts';
import { Screen } from './screen.ts';

const options = readOptions(process.argv.slice(2));
if (typeof options === 'string') {
  process.stderr.write(`${options}\n`);
  process.exit(3);
}
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
// Whoever read it has gone.
process.stdout.on('error', () => stop.abort());
const root = mkdtempSync(join(tmpdir(), 'btcfed-demo-'));
const demo = new Demo(root, options, new Screen(process.stdout));
let failure: unknown;
try {
  await demo.run(stop.signal);
} catch (error) {
  failure = error;
}
const crashes = await demo.end();
rmSync(root, { recursive: true, force: true });
// At Ctrl-C the daemons hear of it as well, and may be gone before this process knows.
if (stop.signal.aborted) process.exitCode = 130;
else if (failure !== undefined) {
  const reason = failure instanceof Error ? failure.message : String(failure);
  process.stderr.write(`${[reason, ...crashes].join('\n')}\n`);
  process.exitCode = 1;
}
