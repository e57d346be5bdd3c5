import { join, resolve } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { type Caller, ClientError, connectClient } from '../api/client.ts';
import { LocalCaller } from '../api/local.ts';
import type { Command } from './command.ts';
import { usage } from './errors.ts';
import type { CliIo, OpenLocalOptions } from './io.ts';
import type { Output } from './output.ts';
import type { OptionValue } from './parse.ts';
import { explainLost, explainUnreachable } from './unreachable.ts';

export interface ContextParts {
  readonly io: CliIo;
  readonly out: Output;
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly commands: readonly Command[];
}

/** What a command runs with: its arguments, its output, and the way to the daemon. */
export class Context {
  readonly io: CliIo;
  readonly out: Output;
  readonly args: readonly string[];
  readonly commands: readonly Command[];
  readonly home: string;
  readonly #options: Readonly<Record<string, OptionValue>>;
  #socket: string | undefined;

  constructor(parts: ContextParts) {
    this.io = parts.io;
    this.out = parts.out;
    this.args = parts.args;
    this.commands = parts.commands;
    this.#options = parts.options;
    this.home = homeOf(parts.options['home'], parts.io);
  }

  /** An argument that the table says is there. */
  arg(index: number): string {
    const value = this.args[index];
    if (value === undefined) throw usage('an argument is missing');
    return value;
  }

  flag(name: string): boolean {
    return this.#options[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#options[name];
    return typeof value === 'string' ? value : undefined;
  }

  number(name: string): number | undefined {
    const value = this.#options[name];
    return typeof value === 'number' ? value : undefined;
  }

  get configFile(): string {
    return join(this.home, 'conf.yaml');
  }

  /** `--socket`, else what conf.yaml says, else btcfed.sock in the home directory. */
  async socketPath(): Promise<string> {
    const asked = this.text('socket');
    if (asked !== undefined) return resolve(this.io.cwd, asked);
    this.#socket ??= await configuredSocket(this.configFile, this.home);
    return this.#socket;
  }

  /** @throws CliError UNREACHABLE, which says what is at the path and what to do */
  async daemon(): Promise<Caller> {
    const socketPath = await this.socketPath();
    try {
      return await connectClient({ socketPath });
    } catch (error) {
      throw await explainUnreachable(error, { socketPath, home: this.home });
    }
  }

  /** The daemon, or, when none runs, the data directory itself; says on stderr which. */
  async daemonOrLocal(opts: OpenLocalOptions = { repair: false, create: true }): Promise<Caller> {
    const socketPath = await this.socketPath();
    try {
      const caller = await connectClient({ socketPath });
      this.out.note(`through the daemon on ${socketPath}`);
      return caller;
    } catch (error) {
      const absent =
        error instanceof ClientError && (error.code === 'SOCKET_ABSENT' || error.code === 'SOCKET_DEAD');
      // With a socket given by hand, another daemon was meant than the one of this home.
      if (!absent || this.text('socket') !== undefined) {
        throw await explainUnreachable(error, { socketPath, home: this.home });
      }
    }
    const node = await this.io.openLocal(this.home, opts);
    this.out.note(`no daemon runs; working on the data directory of ${this.home}`);
    return new LocalCaller(node.modules, () => node.close());
  }

  /** Runs a job with a caller and ends the caller whatever happens. */
  async with<T>(open: Promise<Caller>, job: (caller: Caller) => Promise<T>): Promise<T> {
    const caller = await open;
    try {
      return await job(caller);
    } catch (error) {
      throw caller.via === 'daemon' ? explainLost(error, await this.socketPath()) : error;
    } finally {
      await caller.close();
    }
  }
}

function homeOf(option: OptionValue | undefined, io: CliIo): string {
  const env = io.env['BTCFED_HOME'];
  if (typeof option === 'string') return resolve(io.cwd, option);
  return resolve(io.cwd, env === undefined || env === '' ? '.' : env);
}

/** A file that is missing or wrong says nothing: a daemon that runs may have been started with a right one. */
async function configuredSocket(file: string, home: string): Promise<string> {
  try {
    return (await loadConfig({ file, home, create: false })).config.rpc.socket;
  } catch {
    return join(home, 'btcfed.sock');
  }
}
