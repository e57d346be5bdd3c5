// Runs the compiled tests with the test runner of Node.js: `npm test`, or `npm run test:long` for the campaigns.
// Arguments that are no options choose the files whose path contains one of them.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const args = process.argv.slice(2);
const isLong = args.includes('--long');
const wanted = args.filter((arg) => !arg.startsWith('-'));
// From the sources, since dist/ may still hold tests that are gone.
const files = globSync('test/**/*.test.ts', { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
  .map((file) => join(root, 'dist', file.replace(/\.ts$/, '.js')));
if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(', ')}\n`);
  process.exit(1);
}
const done = spawnSync(
  process.execPath,
  ['--test', `--test-concurrency=${availableParallelism()}`, '--test-reporter=spec', ...files],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...(isLong ? { BTCFED_TEST_LONG: '1' } : {}) } },
);
process.exit(done.status ?? 1);
