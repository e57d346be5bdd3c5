import { type Command, GLOBAL_OPTIONS, type OptionSpec, type OptionTable, synopsis } from './command.ts';
import { table, wrap } from './format.ts';

const WIDTH = 100;

export const PROGRAM = 'btcfed';
export const TAGLINE = 'follows BSV-21 tokens, verifies every transaction by SPV, keeps an exact index';

const PROGRAM_EXAMPLES = [
  ['run --home /var/lib/btcfed', 'run the daemon'],
  ['import history.bin', 'bring transactions in'],
  ['balance TOKEN ADDRESS', 'ask for a balance'],
] as const;

export const EXIT_CODES = [
  [0, 'ok'],
  [1, 'the daemon refused, or `status` is degraded'],
  [2, 'daemon unreachable'],
  [3, 'usage'],
  [4, 'configuration invalid'],
] as const;

function examples(rows: readonly (readonly [string, string])[]): string {
  return table(rows.map(([line, what]) => [`  ${PROGRAM} ${line}`, what]));
}

export function optionName(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? '' : `-${spec.short}, `;
  return `${short}--${name}${spec.value === undefined ? '' : ` ${spec.value}`}`;
}

function options(of: OptionTable): string {
  const rows = Object.entries<OptionSpec>(of).map(([name, spec]) => [
    `  ${optionName(name, spec)}`,
    spec.doc,
  ]);
  return definitions(rows);
}

/** Two columns, the second wrapped under itself. */
function definitions(rows: readonly (readonly string[])[]): string {
  const indent = Math.max(...rows.map(([left]) => (left ?? '').length)) + 2;
  return rows
    .map(([left = '', right = '']) => {
      const text = wrap(right, WIDTH, ' '.repeat(indent));
      return left.padEnd(indent) + text.slice(indent);
    })
    .join('\n');
}

/** Help of the program: examples first, then the commands. */
export function programHelp(commands: readonly Command[]): string {
  return [
    'Examples:',
    examples(PROGRAM_EXAMPLES),
    '',
    `${PROGRAM}: ${TAGLINE}`,
    '',
    `Usage: ${PROGRAM} COMMAND [ARGUMENTS] [OPTIONS]; details: ${PROGRAM} COMMAND --help`,
    '',
    'Commands:',
    definitions(commands.map((command) => [`  ${synopsis(command)}`, command.summary])),
    '',
    'Options of every command:',
    options(GLOBAL_OPTIONS),
    '',
    'Exit codes:',
    definitions(EXIT_CODES.map(([code, meaning]) => [`  ${code}`, meaning])),
    '',
  ].join('\n');
}

/** Help of the commands that share their first word: examples first. */
export function groupHelp(group: readonly Command[]): string {
  return [
    'Examples:',
    examples(group.flatMap((command) => command.examples)),
    '',
    `Commands; details: ${PROGRAM} COMMAND --help`,
    definitions(group.map((command) => [`  ${synopsis(command)}`, command.summary])),
    '',
  ].join('\n');
}

/** Help of one command: examples first. */
export function commandHelp(command: Command): string {
  const parts = ['Examples:', examples(command.examples), ''];
  parts.push(`Usage: ${PROGRAM} ${synopsis(command)} [OPTIONS]`, '', wrap(command.summary, WIDTH), '');
  for (const paragraph of command.doc ?? []) parts.push(wrap(paragraph, WIDTH), '');
  if (command.args.length > 0) {
    parts.push('Arguments:', definitions(command.args.map((arg) => [`  ${arg.name}`, arg.doc])), '');
  }
  if (Object.keys(command.options).length > 0) parts.push('Options:', options(command.options), '');
  parts.push(`Options of every command: ${PROGRAM} --help`, '');
  const exits = command.exits ?? EXIT_CODES;
  parts.push('Exit codes:', definitions(exits.map(([code, meaning]) => [`  ${code}`, meaning])), '');
  return parts.join('\n');
}
