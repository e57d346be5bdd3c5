import { randomBytes } from 'node:crypto';
import { generateKeyPair } from '../../../config/key.ts';
import { didYouMean } from '../../api/nearest.ts';
import { isLogLevel, LOG_LEVELS } from '../../observe/levels.ts';
import type { Command } from '../command.ts';
import { completionScript, SHELLS } from '../completion.ts';
import type { Context } from '../context.ts';
import { EXIT, usage } from '../errors.ts';
import { table } from '../format.ts';
import { commandHelp, programHelp } from '../help.ts';
import { manPage } from '../man.ts';
import { versionFacts } from '../version.ts';

function runKeygen({ out }: Context): Promise<number> {
  const { privateKey, publicKey } = generateKeyPair(randomBytes);
  const keys = { private_key: privateKey, public_key: publicKey };
  out.data(keys, () => `private_key: ${privateKey}\npublic_key: ${publicKey}`);
  return Promise.resolve(EXIT.ok);
}

function runCompletion(context: Context): Promise<number> {
  context.out.text(completionScript(context.arg(0), context.commands));
  return Promise.resolve(EXIT.ok);
}

async function runHelp(context: Context): Promise<number> {
  const { out, commands, args } = context;
  if (context.flag('man')) {
    out.text(manPage(commands, versionFacts().version));
    return EXIT.ok;
  }
  if (args.length === 0) {
    out.text(programHelp(commands));
    return EXIT.ok;
  }
  const name = args.join(' ');
  const found = commands.filter((c) => c.name === name || c.name.startsWith(`${name} `));
  if (found.length === 0)
    throw usage(
      `unknown command "${name}"${didYouMean(
        name,
        commands.map((c) => c.name),
      )}`,
    );
  out.text(found.map(commandHelp).join('\n'));
  return EXIT.ok;
}

async function runLogLevel(context: Context): Promise<number> {
  const [first, second] = context.args;
  const level = second ?? (first !== undefined && isLogLevel(first) ? first : undefined);
  if (level !== undefined && !isLogLevel(level)) {
    throw usage(`"${level}" is no level; there is ${LOG_LEVELS.join(', ')}`);
  }
  const module = second !== undefined || level === undefined ? first : undefined;
  const params = { ...(module === undefined ? {} : { module }), ...(level === undefined ? {} : { level }) };
  const answer = await context.with(context.daemon(), (caller) => caller.call('log.level', params));
  context.out.data(answer, () => {
    const said = level === undefined ? [] : [answer.changed ? 'changed' : 'nothing changed'];
    const shown = Object.entries(answer.levels).filter(([name]) => module === undefined || name === module);
    return [...said, table(shown)].join('\n');
  });
  return EXIT.ok;
}

function paramsOf(text: string | undefined): unknown {
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw usage(`PARAMS is no JSON: ${text.slice(0, 80)}`);
  }
}

/** Any method by name; what the socket can do, this can. */
async function callRaw(context: Context, method: string, params: unknown): Promise<number> {
  const result = await context.with(context.daemon(), (caller) => caller.request(method, params));
  context.out.data(result as object, () => JSON.stringify(result, null, 2));
  return EXIT.ok;
}

const METHOD_ARGS = [
  { name: 'METHOD', doc: 'Name of the method; `rpc rpc.discover` lists them.' },
  { name: 'PARAMS', doc: 'Its parameters as a JSON object.', optional: true },
] as const;

export const toolCommands: readonly Command[] = [
  {
    name: 'rpc',
    summary: 'Call any method of the socket.',
    args: METHOD_ARGS,
    options: {},
    examples: [
      ['rpc rpc.discover', 'all methods with their schemas'],
      [`rpc headers.get '{"height": 5}'`, 'one call'],
    ],
    run: (context) => callRaw(context, context.arg(0), paramsOf(context.args[1])),
  },
  {
    name: 'check',
    summary: 'Run all checks of a method without calling it.',
    args: METHOD_ARGS,
    options: {},
    examples: [
      [`check token.balance '{"token": "ID", "address": "ADDRESS"}'`, 'would this call be accepted?'],
    ],
    run: (context) => {
      const params = { method: context.arg(0), params: paramsOf(context.args[1]) };
      return callRaw(context, 'rpc.check', params);
    },
  },
  {
    name: 'log level',
    summary: 'Show or set log levels of the running daemon, until its restart or the next reload.',
    args: [
      { name: 'MODULE', doc: 'Part of the daemon; without it all of them.', optional: true },
      { name: 'LEVEL', doc: LOG_LEVELS.join(', '), optional: true },
    ],
    options: {},
    examples: [
      ['log level', 'all levels'],
      ['log level api debug', 'one module'],
    ],
    run: runLogLevel,
  },
  {
    name: 'keygen',
    summary: 'Make a key pair, in the form of conf.yaml and peers.yaml; nothing is written.',
    args: [],
    options: {},
    examples: [['keygen', 'private_key for conf.yaml, public_key for peers.yaml of others']],
    run: runKeygen,
  },
  {
    name: 'completion',
    summary: 'Completion script of a shell.',
    args: [{ name: 'SHELL', doc: SHELLS.join(', ') }],
    options: {},
    examples: [['completion bash > /etc/bash_completion.d/btcfed', 'for every user']],
    run: runCompletion,
  },
  {
    name: 'help',
    summary: 'Help of the program or of a command; the manual page.',
    args: [{ name: 'COMMAND', doc: 'One or two words.', optional: true, many: true }],
    options: { man: { type: 'flag', doc: 'The manual page, for man(1).' } },
    examples: [
      ['help balance', 'help of a command'],
      ['help --man > btcfed.1', 'the manual page'],
    ],
    run: runHelp,
  },
];
