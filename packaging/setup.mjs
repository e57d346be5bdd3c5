// Makes a checkout ready to run: locked dependencies (the pinned Node.js among them), then a build.
// Plain JavaScript for any Node.js >= 20, since it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stamp = join(root, 'node_modules', '.installed');

/** Runs a command from the checkout's root; on failure prints what it said and ends with its exit code. */
function run(command, args) {
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (done.status === 0) return;
  process.stderr.write(
    `${done.stdout ?? ''}${done.stderr ?? ''}${done.error ? `${done.error.message}\n` : ''}`,
  );
  process.stderr.write(`setup: \`${command} ${args.join(' ')}\` failed\n`);
  process.exit(done.status ?? 1);
}

const locked = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(`${process.platform}-${process.arch}`)
  .digest('hex');
const installed = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
if (installed !== locked) {
  process.stderr.write('setup: installing the locked dependencies\n');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, locked);
}
run(join(root, 'node_modules', '.bin', 'tsc'), ['-p', '.']);
