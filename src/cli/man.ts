import { type Command, GLOBAL_OPTIONS, type OptionSpec, type OptionTable, synopsis } from './command.ts';
import { EXIT_CODES, optionName, PROGRAM, TAGLINE } from './help.ts';

/** Text for troff: backslashes, and dots or quotes that would begin a request. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

function options(of: OptionTable): string[] {
  return Object.entries<OptionSpec>(of).flatMap(([name, spec]) => [
    '.TP',
    `.B ${roff(optionName(name, spec))}`,
    roff(spec.doc),
  ]);
}

function commandPage(command: Command): string[] {
  const args = command.args.flatMap((arg) => ['.TP', `.I ${roff(arg.name)}`, roff(arg.doc)]);
  return [
    `.SS ${roff(synopsis(command))}`,
    roff(command.summary),
    ...(command.doc ?? []).flatMap((paragraph) => ['.PP', roff(paragraph)]),
    ...args,
    ...options(command.options),
    ...command.examples.flatMap(([line, what]) => ['.TP', `.B ${roff(`${PROGRAM} ${line}`)}`, roff(what)]),
  ];
}

/** The manual page, made of the command table. */
export function manPage(commands: readonly Command[], version: string): string {
  const lines = [
    `.TH BTCFED 1 "" "btcfed ${roff(version)}" "User Commands"`,
    '.SH NAME',
    `${PROGRAM} \\- ${roff(TAGLINE)}`,
    '.SH SYNOPSIS',
    `.B ${PROGRAM}`,
    '.I COMMAND',
    '[ARGUMENTS] [OPTIONS]',
    '.SH COMMANDS',
    ...commands.flatMap(commandPage),
    '.SH OPTIONS OF EVERY COMMAND',
    ...options(GLOBAL_OPTIONS),
    '.SH EXIT STATUS',
    ...EXIT_CODES.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, roff(meaning)]),
    '.SH FILES',
    ...['conf.yaml', 'peers.yaml', 'data/', 'btcfed.sock'].flatMap((name) => [
      '.TP',
      `.I ${roff(name)}`,
      'in the home directory',
    ]),
    '.SH ENVIRONMENT',
    '.TP',
    '.B BTCFED_HOME',
    'home directory, if there is no \\-\\-home',
    '.TP',
    '.B NO_COLOR',
    'no colour, if set and not empty',
    '',
  ];
  return lines.join('\n');
}
