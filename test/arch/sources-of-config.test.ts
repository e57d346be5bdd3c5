import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..', import.meta.filename.endsWith('.js') ? '..' : '.');

/** Where the environment or the command line may be read, and why: what an operator configures is in conf.yaml alone. */
const READS: Readonly<Record<string, string>> = {
  'src/cli/process.ts': 'the command line itself, and BTCFED_HOME: which conf.yaml it is',
  'src/cli/interrupt.ts': 'whether the command is `run`, before anything is loaded',
  'src/node/logging.ts': 'NO_COLOR, of the terminal',
  'src/node/stderr.ts': 'JOURNAL_STREAM, of systemd',
  'src/node/reports.ts': 'NOTIFY_SOCKET and WATCHDOG_USEC, of systemd',
};

/** Who reads conf.yaml: the loader, and who asks it. */
const LOADERS: Readonly<Record<string, string>> = {
  'src/api/config-check.ts': 'checks without effect',
  'src/cli/commands/config.ts': 'config show',
  'src/cli/context.ts': 'where the socket is',
  'src/node/daemon.ts': 'start',
  'src/node/local.ts': 'commands on the data directory',
  'src/node/settled-config.ts': 'reload',
};

function filesWith(pattern: RegExp): string[] {
  return globSync(['src/**/*.ts', 'protocols/**/*.ts'], { cwd: ROOT })
    .filter((file) => pattern.test(readFileSync(join(ROOT, file), 'utf8')))
    .sort();
}

test('configuration is the only source: environment and command line are read where they must be', () => {
  assert.deepEqual(
    filesWith(/process\.(env|argv|execArgv)\b|from 'node:process'/),
    Object.keys(READS).sort(),
  );
});

test('conf.yaml is loaded at the start, at a reload, and by commands; everyone else is handed what was loaded', () => {
  assert.deepEqual(filesWith(/\bloadConfig\(/), Object.keys(LOADERS).sort());
});

test('the configuration in force is replaced in one place', () => {
  assert.deepEqual(filesWith(/\brunning\.replace\(/), ['src/node/reload.ts']);
});
