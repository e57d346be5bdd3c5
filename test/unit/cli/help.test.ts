import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { parseLine } from '../../../src/cli/parse.ts';
import { cli } from '../../support/fake-io.ts';
import { tempDir } from '../../support/temp-dir.ts';

test('--help of the program starts with examples and names every command and exit code', async (t) => {
  const run = await cli(['--help'], { home: tempDir(t) });
  assert.equal(run.exit, 0);
  assert.ok(run.stdout.startsWith('Examples:\n'));
  for (const command of COMMANDS) assert.ok(run.stdout.includes(`\n  ${command.name}`), command.name);
  assert.match(run.stdout, /Exit codes:\n {2}0 .*ok\n {2}1 .*\n {2}2 .*unreachable\n {2}3 .*usage\n {2}4 /);
  assert.equal(run.stderr, '');
});

test('no command: the help on stderr, exit 3', async (t) => {
  const run = await cli([], { home: tempDir(t) });
  assert.deepEqual([run.exit, run.stdout], [3, '']);
  assert.ok(run.stderr.startsWith('Examples:'));
});

for (const command of COMMANDS) {
  test(`--help of ${command.name} starts with examples that the parser takes, and names its options`, async (t) => {
    const words = command.name.split(' ');
    const run = await cli([...words, '--help'], { home: tempDir(t) });
    assert.equal(run.exit, 0);
    assert.ok(run.stdout.startsWith('Examples:\n  btcfed '), run.stdout.slice(0, 40));
    for (const name of Object.keys(command.options)) assert.ok(run.stdout.includes(`--${name}`), name);
    for (const arg of command.args) assert.ok(run.stdout.includes(arg.name), arg.name);
    assert.match(run.stdout, /Exit codes:/);
    assert.ok(
      run.stdout.split('\n').every((line) => line.length <= 120),
      'lines fit a terminal',
    );
    const viaHelp = await cli(['help', ...words], { home: tempDir(t) });
    assert.ok(viaHelp.stdout.includes(run.stdout));
    assert.ok(command.examples.length > 0);
    for (const [line] of command.examples) {
      const [bare = ''] = line.split(/[|>]/);
      const argv = (bare.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));
      assert.equal(parseLine(argv, COMMANDS).command?.name, command.name, line);
    }
  });
}

test('help of an unknown command names the nearest; of a family, all its members', async (t) => {
  const home = tempDir(t);
  const unknown = await cli(['help', 'balanc'], { home });
  assert.deepEqual([unknown.exit, /did you mean "balance"/.test(unknown.stderr)], [3, true]);
  const family = await cli(['help', 'headers'], { home });
  assert.ok(family.stdout.includes('headers import FILE') && family.stdout.includes('headers tip'));
});

test('the manual page has every command and escapes what troff would take for requests', async (t) => {
  const { exit, stdout } = await cli(['help', '--man'], { home: tempDir(t) });
  assert.equal(exit, 0);
  assert.ok(stdout.startsWith('.TH BTCFED 1 '));
  for (const command of COMMANDS) {
    assert.ok(stdout.includes(`.SS ${command.name.replaceAll('-', '\\-')}`), command.name);
  }
  const requests = new Set(
    stdout
      .split('\n')
      .filter((line) => line.startsWith('.'))
      .map((line) => line.slice(0, 3)),
  );
  assert.deepEqual([...requests].sort(), ['.B ', '.I ', '.PP', '.SH', '.SS', '.TH', '.TP']);
});

test('--version has version, commit and Node.js', async (t) => {
  const home = tempDir(t);
  const text = await cli(['--version'], { home });
  assert.match(text.stdout, /^btcfed \d+\.\d+\.\d+ \(commit ([0-9a-f]{12}|unknown)\), Node\.js v\d+/);
  const facts = JSON.parse((await cli(['--version', '--json'], { home })).stdout) as Record<string, unknown>;
  assert.equal(facts['node'], process.version);
  assert.equal(text.exit, 0);
});

async function script(t: Parameters<typeof tempDir>[0], shell: string): Promise<string> {
  const run = await cli(['completion', shell], { home: tempDir(t) });
  assert.equal(run.exit, 0);
  return run.stdout;
}

const hasBash = spawnSync('bash', ['-c', 'true']).status === 0;

test('completion of bash works in bash', { skip: hasBash ? false : 'no bash here' }, async (t) => {
  const text = await script(t, 'bash');
  const complete = (line: string): string[] => {
    const words = line.split(' ');
    const array = words.map((word) => `'${word}'`).join(' ');
    const run = `${text}\nCOMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _btcfed; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const done = spawnSync('bash', ['-c', run], { encoding: 'utf8' });
    assert.equal(done.stderr, '');
    return done.stdout.split('\n').filter((word) => word !== '');
  };
  assert.deepEqual(complete('btcfed bal'), ['balance']);
  assert.deepEqual(complete('btcfed hea'), ['headers']);
  assert.deepEqual(complete('btcfed headers '), ['import', 'tip']);
  assert.ok(complete('btcfed history T --from').includes('--from-height'));
  assert.ok(complete('btcfed tokens --').includes('--seen'));
  assert.equal(complete('btcfed token --').includes('--seen'), false, 'token is not tokens');
  assert.ok(complete('btcfed --').includes('--version'));
});

test('completion of zsh and fish names every command and option', async (t) => {
  for (const shell of ['zsh', 'fish']) {
    const text = await script(t, shell);
    for (const command of COMMANDS) {
      for (const word of command.name.split(' ')) assert.ok(text.includes(word), `${shell}: ${command.name}`);
      for (const option of Object.keys(command.options))
        assert.ok(text.includes(option), `${shell}: ${option}`);
    }
    if (spawnSync(shell, ['-c', 'true']).status !== 0) continue;
    const done = spawnSync(shell, ['-n'], { input: text, encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
  }
});

test('an unknown shell is a usage error', async (t) => {
  const run = await cli(['completion', 'tcsh'], { home: tempDir(t) });
  assert.deepEqual([run.exit, /bash, zsh, fish/.test(run.stderr)], [3, true]);
});
