import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { CorpusFacts } from '../support/corpus/generate.ts';
import { cleanEnv, type Exit, exitOf } from '../support/operator.ts';

// The commands of the README, run as they stand there: only their folders are replaced.
const here = join(import.meta.dirname, '..', '..');
const root = basename(here) === 'dist' ? join(here, '..') : here;
const README = readFileSync(join(root, 'README.md'), 'utf8');

/** Lines of the `sh` blocks of a section, without comments. */
function commandsOf(section: string): string[] {
  const start = README.indexOf(`\n## ${section}\n`);
  assert.ok(start >= 0, `the README has no section "${section}"`);
  const end = README.indexOf('\n## ', start + 1);
  const blocks = [...README.slice(start, end).matchAll(/```sh\n([\s\S]*?)```/g)].map(
    (match) => match[1] ?? '',
  );
  return blocks
    .join('\n')
    .split('\n')
    .map((line) => line.trim().replace(/\s+# .*$/, ''))
    .filter((line) => line !== '');
}

interface Shell {
  readonly child: ChildProcess;
  /** Everything that it has written. */
  text(): string;
}

/** A shell of its own process group in the checkout, ended with the test at the latest. */
function shell(t: TestContext, script: string, env: Record<string, string> = {}): Shell {
  let text = '';
  const child = spawn('sh', ['-e', '-c', script], {
    cwd: root,
    env: cleanEnv(env),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  const end = exitOf(child);
  t.after(async () => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // gone by itself
    }
    await end;
  });
  return { child, text: () => text };
}

async function ran(t: TestContext, script: string, env?: Record<string, string>): Promise<string> {
  const started = shell(t, script, env);
  assert.equal(await exitOf(started.child), 0, `${script}\n${started.text()}`);
  return started.text();
}

/** Waits until the shell has written what matches; fails if it ends before. */
async function written(started: Shell, pattern: RegExp): Promise<void> {
  let over = false;
  void exitOf(started.child).then(() => {
    over = true;
  });
  while (!pattern.test(started.text())) {
    assert.ok(!over, `it ended before ${String(pattern)}:\n${started.text()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What Ctrl-C does: a signal to all that the terminal runs. */
async function ctrlC(started: Shell): Promise<Exit> {
  process.kill(-(started.child.pid as number), 'SIGINT');
  return exitOf(started.child);
}

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'btcfed-readme-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('Run it: npm start makes conf.yaml, data/ and btcfed.sock in its home, and Ctrl-C stops it in order', async (t) => {
  const commands = commandsOf('Run it');
  assert.deepEqual(commands, ['npm start', 'npm run demo', 'npm test']);
  const home = folder(t);
  const started = shell(t, commands[0]!, { BTCFED_HOME: home });
  await written(started, /event=node\.started/);
  for (const name of ['conf.yaml', 'data', 'btcfed.sock']) assert.ok(existsSync(join(home, name)), name);
  assert.equal(statSync(join(home, 'conf.yaml')).mode & 0o777, 0o600);
  await ctrlC(started);
  assert.match(started.text(), /event=node\.stopped/);
  assert.doesNotMatch(started.text(), /event=node\.stop_forced/);
  assert.equal(existsSync(join(home, 'btcfed.sock')), false);
});

test('Run it: npm run demo ends with all equal', async (t) => {
  const command = commandsOf('Run it')[1];
  assert.match(await ran(t, `${command} -- --seconds 2`), /\nEQUAL: /);
});

test('Run it: npm test runs tests', async (t) => {
  // All of them would run this one again, and so on: those of one small file stand for them.
  const command = commandsOf('Run it').at(-1);
  const text = await ran(t, `${command} -- unit/config/nearest`);
  assert.match(text, /pass [1-9]\d*\n/);
  assert.match(text, /fail 0\n/);
});

test('Try it with generated data, and ask: every command runs, and the figures are those of the facts', async (t) => {
  const dir = folder(t);
  const block = README.slice(README.indexOf('\n## Try it with generated data\n'));
  const script = (/```sh\n([\s\S]*?)```/.exec(block)?.[1] ?? '').replaceAll('/tmp/', `${dir}/`);
  const lines = script.trimEnd().split('\n');
  const run = lines.pop() ?? '';
  assert.match(run, / run( |$)/);
  const imported = await ran(t, lines.join('\n'));
  assert.match(imported, /admitted +4\d{3}\n +known +0\n +pending +0\n +conflict +0\n +rejected +0\n/);
  assert.match(imported, /\nno problems\n/);
  const started = shell(t, run);
  await written(started, /event=node\.started/);
  const home = join(dir, 'demo');
  const facts = JSON.parse(readFileSync(join(dir, 'corpus', 'facts.json'), 'utf8')) as CorpusFacts;
  const [address = '', balance = ''] = Object.entries(facts.balances)[0] ?? [];
  const ask = async (line: string) =>
    ran(t, line.replace(/^btcfed /, 'npm run -s btcfed -- '), { BTCFED_HOME: home });

  const history = JSON.parse(await ask(`btcfed history ${facts.tokenId} --limit 1 --json`)) as {
    items: { txid: string }[];
  };
  const values: Record<string, string> = {
    TOKEN: facts.tokenId,
    'ADDRESS...': address,
    '[ADDRESS]': address,
    ADDRESS: address,
    TXID: history.items[0]?.txid ?? '',
  };
  const answers = new Map<string, string>();
  for (const command of commandsOf('Ask for a balance').filter((line) => line.startsWith('btcfed '))) {
    const line = command
      .split(' ')
      .map((word) => values[word] ?? word)
      .join(' ');
    // The one that goes on for ever ends after its first event here.
    answers.set(
      command.split(' ')[1] ?? '',
      await ask(line.startsWith('btcfed watch') ? `${line} --after 0 --count 1` : line),
    );
  }
  assert.deepEqual(
    [...answers.keys()],
    ['balance', 'utxos', 'history', 'holders', 'token', 'watch', 'tx', 'status', 'rpc'],
  );
  const amount = `${BigInt(balance) / 100n}.${String(BigInt(balance) % 100n).padStart(2, '0')}`;
  assert.match(
    answers.get('balance') ?? '',
    new RegExp(`\n${address} +${amount.replace('.', '\\.')} BENCH `),
  );
  assert.match(
    answers.get('token') ?? '',
    new RegExp(`\ncirculating +${BigInt(facts.supply) / 100n}\\.00 BENCH\n`),
  );
  assert.match(answers.get('status') ?? '', /running, healthy {2}regtest/);

  await ctrlC(started);
  assert.match(started.text(), /event=node\.stopped/);
});

test('Follow a token: the commands of the steps are commands, and the configuration shown is valid', async (t) => {
  const dir = folder(t);
  const section = README.slice(
    README.indexOf('\n## Follow a token\n'),
    README.indexOf('\n## Ask for a balance\n'),
  );
  const yaml = (/```yaml\n([\s\S]*?)```/.exec(section)?.[1] ?? '').replace(/^ {3}/gm, '');
  const required =
    'network: { addresses: [/ip4/127.0.0.1/tcp/0] }\npeers: { connection_timeout: 10s }\nlogging: { level: info, format: text }\n';
  const text = await ran(t, `printf '%s' "$CONF" > ${dir}/conf.yaml; npm run -s btcfed -- config check`, {
    BTCFED_HOME: dir,
    CONF: required + yaml,
  });
  assert.match(text, /conf\.yaml is valid\n/);
  const commands = commandsOf('Follow a token');
  assert.deepEqual(commands, [
    'btcfed headers import FILE',
    'btcfed headers tip',
    'btcfed import history.bin transfers.bin',
  ]);
  for (const command of commands) {
    const [, ...words] = command.split(' ');
    const name = words[0] === 'headers' ? words.slice(0, 2).join(' ') : words[0];
    assert.match(await ran(t, `npm run -s btcfed -- ${name} --help`), new RegExp(`Usage: btcfed ${name}`));
  }
});
