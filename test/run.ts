// Runs the compiled tests with the test runner of Node.js: `npm test`, or `npm run test:long` for the campaigns.
// Arguments that are no options choose the files whose path contains one of them. `--cover=FOLDER`, once or more, measures
// line and branch coverage of folders, without generated code, and fails below 95 %: `npm run test:coverage`.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const args = process.argv.slice(2);
const isLong = args.includes('--long');
const covered = args.flatMap((arg) => /^--cover=(.+)$/.exec(arg)?.[1] ?? []);
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
const coverage = [
  '--experimental-test-coverage',
  '--test-coverage-lines=95',
  '--test-coverage-branches=95',
  '--test-coverage-exclude=**/*.pb.js',
  ...covered.map((folder) => `--test-coverage-include=dist/${folder}/**`),
];
const done = spawnSync(
  process.execPath,
  [
    '--test',
    `--test-concurrency=${availableParallelism()}`,
    '--test-reporter=spec',
    ...(covered.length > 0 ? coverage : []),
    ...files,
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...(isLong ? { BTCFED_TEST_LONG: '1' } : {}) } },
);
process.exit(done.status ?? 1);
