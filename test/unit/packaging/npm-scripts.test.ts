import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../support/temp-dir.ts';

const ROOT = join(import.meta.dirname, '../../..', import.meta.filename.endsWith('.js') ? '..' : '.');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const skip = spawnSync('npm', ['--version']).status === 0 ? false : 'needs npm';

/** Says that it runs, and ends when it is told to. */
const PROGRAM = `process.on('SIGTERM', () => process.exit(7));
process.stdout.write('pid ' + process.pid + '\\n');
setInterval(() => undefined, 1000);`;

for (const name of ['start', 'btcfed', 'bench']) {
  test(`npm run ${name}: who stops npm stops the program, with its exit code`, { skip }, async (t) => {
    const folder = tempDir(t);
    const script = scripts[name]!;
    const program = join(folder, /dist\/\S+/.exec(script)![0]);
    mkdirSync(dirname(program), { recursive: true });
    writeFileSync(program, PROGRAM);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'x', scripts: { [name]: script } }));
    // As in a checkout, where the pinned Node.js comes first.
    const PATH = `${dirname(process.execPath)}:${process.env['PATH']}`;
    const npm = spawn('npm', ['run', '-s', name], {
      cwd: folder,
      env: { ...process.env, PATH },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve, reject) => {
      npm.on('exit', (code) => reject(new Error(`npm ended with ${code}`)));
      npm.stdout.on('data', (text: Buffer) => resolve(Number(/pid (\d+)/.exec(String(text))?.[1])));
    });
    t.after(() => {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    });
    npm.kill('SIGTERM');
    const code = await new Promise((resolve) => npm.on('exit', resolve));
    assert.deepEqual([code, isAlive(pid)], [7, false]);
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
