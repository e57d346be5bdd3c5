import { parseArgs } from 'node:util';
import { parseDuration } from '../../config/duration.ts';
import { didYouMean } from '../api/nearest.ts';
import { type Command, GLOBAL_OPTIONS, type OptionSpec, type OptionTable, synopsis } from './command.ts';
import { usage } from './errors.ts';

export type OptionValue = string | number | boolean;

export interface ParsedLine {
  /** Undefined: no command was named. */
  readonly command: Command | undefined;
  /** Positionals after the command's words. */
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, OptionValue>>;
  /** The first word of commands of two, where help was asked of it alone. */
  readonly group?: string | undefined;
}

interface Token {
  readonly kind: string;
  readonly name?: string;
  readonly rawName?: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

/**
 * Splits a command line by the table. Options may stand anywhere.
 *
 * @throws CliError USAGE: unknown command or option with the nearest name, missing or wrong value
 */
export function parseLine(argv: readonly string[], commands: readonly Command[]): ParsedLine {
  const { positionals, tokens } = split(argv, commands);
  const command = findCommand(positionals, commands);
  const table: OptionTable = { ...GLOBAL_OPTIONS, ...command?.options };
  const options: Record<string, OptionValue> = {};
  for (const token of tokens) {
    if (token.kind !== 'option' || token.name === undefined) continue;
    const given = token.rawName ?? `--${token.name}`;
    const spec = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
    if (spec === undefined) throw unknownOption(given, token.name, table, command);
    options[token.name] = optionValue(given, spec, token);
  }
  if (command === undefined && positionals.length > 0 && !asksOnly(options)) {
    throw unknownCommand(positionals, commands);
  }
  const args = command === undefined ? positionals : positionals.slice(command.name.split(' ').length);
  if (command !== undefined && !asksOnly(options)) checkArgs(command, args);
  const [first = ''] = positionals;
  const isGroup = command === undefined && commands.some((c) => c.name.startsWith(`${first} `));
  return { command, args, options, group: isGroup ? first : undefined };
}

function asksOnly(options: Readonly<Record<string, OptionValue>>): boolean {
  return options['help'] === true || options['version'] === true;
}

/** One pass that knows which options take a value; options of one name have one kind in all commands. */
function split(argv: readonly string[], commands: readonly Command[]) {
  const config: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const table of [...commands.map((c) => c.options), GLOBAL_OPTIONS]) {
    for (const [name, spec] of Object.entries<OptionSpec>(table)) {
      config[name] = {
        type: spec.type === 'flag' ? 'boolean' : 'string',
        ...(spec.short ? { short: spec.short } : {}),
      };
    }
  }
  const parsed = parseArgs({
    args: [...argv],
    options: config,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  return { positionals: parsed.positionals, tokens: parsed.tokens as readonly Token[] };
}

/** The longest name wins: `headers import` before a command `headers`. */
function findCommand(positionals: readonly string[], commands: readonly Command[]): Command | undefined {
  const two = positionals.slice(0, 2).join(' ');
  return commands.find((c) => c.name === two) ?? commands.find((c) => c.name === positionals[0]);
}

function unknownCommand(positionals: readonly string[], commands: readonly Command[]) {
  const [first = '', second] = positionals;
  const family = commands.filter((c) => c.name.startsWith(`${first} `)).map((c) => c.name);
  if (family.length > 0) {
    const given = second === undefined ? first : `${first} ${second}`;
    return usage(`"${given}" is no command; there are: ${family.join(', ')}`);
  }
  const names = [...new Set(commands.flatMap((c) => [c.name, c.name.split(' ')[0] as string]))];
  return usage(`unknown command "${first}"${didYouMean(first, names)}; see: btcfed --help`);
}

function unknownOption(given: string, name: string, table: OptionTable, command: Command | undefined) {
  const hint = didYouMean(name, Object.keys(table));
  const where = command === undefined ? '' : ` of "${command.name}"`;
  const see = command === undefined ? 'btcfed --help' : `btcfed ${command.name} --help`;
  return usage(`unknown option ${given}${where}${hint}; see: ${see}`);
}

function optionValue(given: string, spec: OptionSpec, token: Token): OptionValue {
  if (spec.type === 'flag') {
    if (token.value !== undefined) throw usage(`${given} takes no value`);
    return true;
  }
  const { value } = token;
  // `--limit --json` is a forgotten value, `--limit=--json` is a strange one that was meant.
  if (value === undefined || (token.inlineValue !== true && value.startsWith('--'))) {
    throw usage(`${given} needs a value: ${given} ${spec.value ?? 'VALUE'}`);
  }
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    throw usage(
      `${given} is one of ${spec.choices.join(', ')}, not "${value}"${didYouMean(value, spec.choices)}`,
    );
  }
  if (spec.type === 'int') {
    if (!/^\d{1,15}$/.test(value)) throw usage(`${given} needs a whole number, not "${value}"`);
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = spec;
    if (Number(value) < min || Number(value) > max) {
      const range = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `${min} to ${max}`;
      throw usage(`${given} needs a whole number, ${range}, not ${value}`);
    }
    return Number(value);
  }
  if (spec.type === 'duration') {
    const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : parseDuration(value);
    if (typeof ms === 'string') throw usage(`${given} needs a duration such as 30s or 5m: ${ms}`);
    return ms;
  }
  return value;
}

function checkArgs(command: Command, args: readonly string[]): void {
  const needed = command.args.filter((arg) => arg.optional !== true).length;
  const many = command.args.some((arg) => arg.many === true);
  if (args.length < needed) {
    throw usage(
      `${command.args[args.length]?.name ?? 'an argument'} is missing: btcfed ${synopsis(command)}`,
    );
  }
  if (!many && args.length > command.args.length) {
    throw usage(`"${args[command.args.length]}" is one argument too many: btcfed ${synopsis(command)}`);
  }
}
