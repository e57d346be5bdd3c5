import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cleanEnv, exitOf } from '../support/operator.ts';

const here = join(import.meta.dirname, '..', '..');
const root = basename(here) === 'dist' ? join(here, '..') : here;
/** Both sides of the late daemon's start have time for a block. */
const SECONDS = 5;

/** `npm run demo` as somebody types it, with no terminal and a folder of its own for temporary files. */
class DemoRun {
  readonly child: ChildProcess;
  readonly temp: string;
  stdout = '';
  stderr = '';
  private readonly waiting = new Set<() => void>();

  constructor(t: TestContext, ...args: string[]) {
    this.temp = mkdtempSync(join(tmpdir(), 'btcfed-demo-test-'));
    this.child = spawn('npm', ['run', '-s', 'demo', '--', ...args], {
      cwd: root,
      // Else npm itself leaves its compiled code there.
      env: cleanEnv({ TMPDIR: this.temp, NODE_DISABLE_COMPILE_CACHE: '1' }),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { stdout, stderr } = this.child;
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      for (const wake of this.waiting) wake();
    });
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    const end = exitOf(this.child);
    t.after(async () => {
      for (const pid of this.daemons()) process.kill(pid, 'SIGKILL');
      try {
        process.kill(-(this.child.pid as number), 'SIGKILL');
      } catch {
        // gone by itself
      }
      await end;
      rmSync(this.temp, { recursive: true, force: true });
    });
  }

  /** Resolves when it has written that. */
  async written(pattern: RegExp): Promise<void> {
    const end = exitOf(this.child).then(() => true);
    while (!pattern.test(this.stdout)) {
      const more = new Promise<boolean>((resolve) => this.waiting.add(() => resolve(false)));
      assert.ok(!(await Promise.race([more, end])), `it ended before ${String(pattern)}:\n${this.stderr}`);
    }
  }

  /** What Ctrl-C does: a signal to all that the terminal runs. */
  ctrlC(): void {
    process.kill(-(this.child.pid as number), 'SIGINT');
  }

  /** Pids of its daemons that run, in no order. */
  daemons(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => commandOf(pid).includes(`--home\0${this.temp}`))
      .map(Number);
  }

  /** Nothing of it is left. */
  assertGone(): void {
    assert.deepEqual([this.daemons(), readdirSync(this.temp)], [[], []]);
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

test('three daemons, one late, have the same in the end, and nothing is left behind', async (t) => {
  const demo = new DemoRun(t, '--seconds', String(SECONDS));
  assert.equal(await exitOf(demo.child), 0, demo.stdout + demo.stderr);
  assert.equal(demo.stderr, '');
  const last = demo.stdout.slice(demo.stdout.lastIndexOf('\ndaemon '));
  for (const name of ['one', 'two', 'three'])
    assert.match(last, new RegExp(`\n${name} +2 +\\d+ {2}GOLD .* synced\n +SILV .* synced\n`));
  assert.match(last, /\n[1-9]\d\d payments, [4-9] blocks\n/);
  assert.match(last, /\nEQUAL: tip, commitments, supplies and 16 balances of all 3 daemons /);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
  assert.doesNotMatch(demo.stdout, /\u001b|[^\n]{80}/);
  demo.assertGone();
});

test('Ctrl-C ends it at once, and nothing is left behind', async (t) => {
  const demo = new DemoRun(t);
  await demo.written(/payments, \d+ blocks\n/);
  assert.equal(demo.daemons().length, 2);
  demo.ctrlC();
  assert.equal(await exitOf(demo.child), 130, demo.stderr);
  assert.equal(demo.stderr, '');
  demo.assertGone();
});

test('a daemon that ends on the way is named with its last lines, exit 1, and nothing is left behind', async (t) => {
  const demo = new DemoRun(t);
  await demo.written(/payments, \d+ blocks\n/);
  const [daemon = 0] = demo.daemons();
  process.kill(daemon, 'SIGTERM');
  assert.equal(await exitOf(demo.child), 1);
  assert.match(demo.stderr, /\n(one|two) ended with 0:\n(.*\n)*.*"event":"node\.stopped"/);
  demo.assertGone();
});

test('wrong options: the usage, exit 3', async (t) => {
  const demo = new DemoRun(t, '--seconds', 'many');
  assert.equal(await exitOf(demo.child), 3);
  assert.match(demo.stderr, /^usage: npm run demo -- /);
});
