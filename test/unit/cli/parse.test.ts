import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GLOBAL_OPTIONS, type OptionSpec } from '../../../src/cli/command.ts';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { CliError } from '../../../src/cli/errors.ts';
import { parseLine } from '../../../src/cli/parse.ts';

function parse(text: string) {
  return parseLine(
    text.split(' ').filter((word) => word !== ''),
    COMMANDS,
  );
}

function refusal(text: string): string {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof CliError && error.exit === 3, String(error));
    return error.message;
  }
  return assert.fail(`${text} was taken`);
}

test('a command, its arguments, and options anywhere', () => {
  const line = parse('--json balance --home /h TOKEN A1 --socket=/s A2 --color never');
  assert.equal(line.command?.name, 'balance');
  assert.deepEqual(line.args, ['TOKEN', 'A1', 'A2']);
  assert.deepEqual(line.options, { json: true, home: '/h', socket: '/s', color: 'never' });
});

test('commands of two words; - is an argument; -- ends the options', () => {
  assert.equal(parse('headers import f.bin').command?.name, 'headers import');
  assert.deepEqual(parse('headers import f.bin').args, ['f.bin']);
  assert.deepEqual(parse('submit -').args, ['-']);
  assert.deepEqual(parse('import -- --strange-file').args, ['--strange-file']);
  assert.equal(parse('').command, undefined);
});

test('numbers and durations are numbers', () => {
  assert.equal(parse('utxos T --limit 10').options['limit'], 10);
  assert.equal(parse('wait --timeout 10s').options['timeout'], 10_000);
  assert.equal(parse('wait --timeout 90').options['timeout'], 90_000);
  assert.equal(parse('wait --timeout 1m30s').options['timeout'], 90_000);
});

test('what is wrong is named, with the nearest name and where to look', () => {
  assert.match(
    refusal('blance T A'),
    /unknown command "blance" \(did you mean "balance"\?\); see: btcfed --help/,
  );
  assert.match(refusal('headers'), /"headers" is no command; there are: headers import, headers tip/);
  assert.match(refusal('headers imprt'), /"headers imprt" is no command/);
  assert.match(refusal('utxos T --limt 5'), /unknown option --limt of "utxos" \(did you mean "limit"\?\)/);
  assert.match(refusal('token T --limit 5'), /unknown option --limit of "token"/);
  assert.match(refusal('-x'), /unknown option -x/);
  assert.match(refusal('utxos T --limit'), /--limit needs a value: --limit N/);
  assert.match(refusal('utxos T --limit --json'), /--limit needs a value/);
  assert.match(refusal('utxos T --limit ten'), /needs a whole number, not "ten"/);
  assert.match(refusal('utxos T --limit=-5'), /needs a whole number/);
  assert.match(refusal('tokens --json=yes'), /--json takes no value/);
  assert.match(refusal('tokens --color sometimes'), /--color is one of auto, always, never/);
  assert.match(refusal('wait --timeout soon'), /needs a duration such as 30s/);
  assert.match(refusal('balance'), /ID is missing: btcfed balance ID ADDRESS\.\.\./);
  assert.match(refusal('balance T'), /ADDRESS is missing/);
  assert.match(refusal('token T extra'), /"extra" is one argument too many/);
});

test('help and version are given for any line', () => {
  assert.equal(parse('balance --help').options['help'], true);
  assert.equal(parse('balance -h').options['help'], true);
  assert.equal(parse('nonsense --version').options['version'], true);
});

test('an option means one kind of value in every command, and none hides a global one', () => {
  const kinds = new Map<string, string>();
  for (const command of COMMANDS) {
    for (const [name, spec] of Object.entries<OptionSpec>(command.options)) {
      assert.equal(name in GLOBAL_OPTIONS, false, `${command.name} --${name}`);
      const kind = spec.type === 'flag' ? 'flag' : 'value';
      assert.equal(kinds.get(name) ?? kind, kind, `--${name}`);
      kinds.set(name, kind);
      assert.equal(
        spec.type === 'flag',
        spec.value === undefined,
        `${command.name} --${name}: name of the value`,
      );
    }
    assert.equal(COMMANDS.filter((c) => c.name === command.name).length, 1);
    const optional = command.args.findIndex((arg) => arg.optional === true);
    if (optional !== -1)
      assert.ok(
        command.args.slice(optional).every((arg) => arg.optional === true),
        command.name,
      );
    assert.ok(
      command.args.slice(0, -1).every((arg) => arg.many !== true),
      command.name,
    );
  }
});
