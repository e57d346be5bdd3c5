import { ConfigError } from '../../config/errors.ts';
import { ClientError, RpcError } from '../api/client.ts';
import { isCodedError } from '../api/errors.ts';
import { COMMANDS } from './commands/index.ts';
import { Context } from './context.ts';
import { CliError, EXIT } from './errors.ts';
import { clean } from './format.ts';
import { commandHelp, groupHelp, programHelp } from './help.ts';
import type { CliIo } from './io.ts';
import { Output } from './output.ts';
import { type ParsedLine, parseLine } from './parse.ts';
import { versionFacts, versionLine } from './version.ts';

/**
 * Runs one command line.
 *
 * @param argv without the program's name
 * @returns the exit code (errors.ts, and for `run` the daemon's own)
 */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    const line = parseLine(argv, COMMANDS);
    return await runLine(line, io);
  } catch (error) {
    // The form of the error must be known even where the line could not be parsed.
    return report(error, argv.includes('--json'), io);
  }
}

async function runLine(line: ParsedLine, io: CliIo): Promise<number> {
  const { command, options } = line;
  const mode = options['json'] === true ? 'json' : options['flat'] === true ? 'flat' : 'human';
  const color = (options['color'] ?? 'auto') as 'auto' | 'always' | 'never';
  const out = new Output({ mode, color }, io);
  if (options['version'] === true) {
    const facts = versionFacts();
    out.data(facts, () => versionLine(facts));
    return EXIT.ok;
  }
  if (options['help'] === true || command === undefined) {
    const group = COMMANDS.filter(({ name }) => name.startsWith(`${line.group} `));
    const ofNone = group.length > 0 ? groupHelp(group) : programHelp(COMMANDS);
    const text = command === undefined ? ofNone : commandHelp(command);
    if (options['help'] === true) {
      out.text(text);
      return EXIT.ok;
    }
    io.stderr.write(text);
    return EXIT.usage;
  }
  return command.run(new Context({ io, out, args: line.args, options, commands: COMMANDS }));
}

/** One line on stderr, as JSON with the code first where JSON was asked for; the exit code. */
function report(error: unknown, json: boolean, io: CliIo): number {
  const { exit, code, message, data } = judge(error);
  const text = json
    ? JSON.stringify({ code, message, ...(data === undefined ? {} : { data }) })
    : message
        .split('\n')
        .map((line) => `btcfed: ${clean(line, 4_000)}`)
        .join('\n');
  io.stderr.write(`${text}\n`);
  return exit;
}

interface Judged {
  readonly exit: number;
  readonly code: string;
  readonly message: string;
  readonly data?: object;
}

/** A command line that is wrong is told apart from a daemon that refuses (operator-features §3). */
const EXITS: Readonly<Record<string, number>> = {
  INVALID_PARAMS: EXIT.usage,
  ADDRESS_INVALID: EXIT.usage,
};

function judge(error: unknown): Judged {
  if (error instanceof CliError) {
    return { exit: error.exit, code: error.code, message: error.message, data: error.data };
  }
  if (error instanceof RpcError) {
    const exit = EXITS[error.code] ?? EXIT.refused;
    return { exit, code: error.code, message: error.message, data: error.data };
  }
  if (error instanceof ClientError)
    return { exit: EXIT.unreachable, code: error.code, message: error.message };
  if (error instanceof ConfigError) {
    return { exit: EXIT.config, code: error.code, message: error.message, data: error.data };
  }
  // Of the store, the chain or the socket, from a data directory that could not be opened.
  if (isCodedError(error)) {
    return { exit: EXIT.refused, code: error.code, message: error.message, data: error.data };
  }
  // A fault of ours: the stack is what a report needs.
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exit: EXIT.refused, code: 'INTERNAL_ERROR', message: `unexpected fault: ${text}` };
}
