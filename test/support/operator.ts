import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { connectClient, type RpcClient } from '../../src/api/client.ts';
import { RawClient } from './raw-client.ts';

/** The program itself, as compiled beside this file (or as source, where this runs from source). */
export const MAIN = join(import.meta.dirname, '..', '..', 'src', `main${extname(import.meta.filename)}`);

/** What takes longer hangs: it is killed, and its exit is a signal. */
const COMMAND_LIMIT_MS = 60_000;
const DAEMON_LIMIT_MS = 180_000;

/** What ends with a test, or with a file of tests. */
export interface Cleanup {
  after(run: () => void | Promise<void>): void;
}

/** How a process ended: its exit code, or the signal that killed it. */
export type Exit = number | NodeJS.Signals;

export interface CommandRun {
  readonly exit: Exit;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Of a conf.yaml; what is not given has its default. */
export interface Conf {
  readonly network?: 'main' | 'test' | 'regtest';
  readonly follow?: readonly string[];
  /** URLs of block-headers-services. */
  readonly sources?: readonly string[];
  /** Further lines. */
  readonly more?: string;
}

export function confText({ network = 'regtest', follow = [], sources = [], more = '' }: Conf): string {
  const services = sources.map((url) => `{ url: "${url}" }`).join(', ');
  return [
    'network: { addresses: [/ip4/127.0.0.1/tcp/0] }',
    'peers: { connection_timeout: 10s }',
    'logging: { level: info, format: text }',
    `chain: { network: ${network}, header_sources: [${services}] }`,
    `tokens: { follow: [${follow.join(', ')}] }`,
    more,
    '',
  ].join('\n');
}

/** The environment without what would reach from the test runner into a process of its own. */
export function cleanEnv(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _context, BTCFED_HOME: _home, NODE_OPTIONS: _options, ...env } = process.env;
  return { ...env, ...more };
}

/** A home directory of its own, what runs on it, and all that was said there. */
export class Home {
  readonly dir: string;
  readonly #daemons: Daemon[] = [];
  readonly #running = new Set<ChildProcess>();
  /** Everything that processes of this home wrote. */
  #heard = '';

  /** Without `conf` the home is empty, as at a first start. */
  constructor(cleanup: Cleanup, conf?: Conf) {
    this.dir = mkdtempSync(join(tmpdir(), 'btcfed-e2e-'));
    if (conf !== undefined) this.configure(conf);
    cleanup.after(() => this.#close());
  }

  get socket(): string {
    return join(this.dir, 'btcfed.sock');
  }

  get configFile(): string {
    return join(this.dir, 'conf.yaml');
  }

  path(...names: string[]): string {
    return join(this.dir, ...names);
  }

  /** Writes conf.yaml anew; the key stays. */
  configure(conf: Conf): void {
    const key = this.privateKey();
    const node = key === undefined ? '' : `node: { private_key: "${key}" }\n`;
    writeFileSync(this.configFile, node + confText(conf), { mode: 0o600 });
  }

  file(name: string, bytes: string | Uint8Array): string {
    const path = this.path(name);
    writeFileSync(path, bytes);
    return path;
  }

  privateKey(): string | undefined {
    if (!existsSync(this.configFile)) return undefined;
    return /private_key: "([^"]+)"/.exec(readFileSync(this.configFile, 'utf8'))?.[1];
  }

  /** Runs one command line on this home to its end. */
  async cli(...argv: string[]): Promise<CommandRun> {
    return this.cliWith({}, ...argv);
  }

  async cliWith(options: CommandOptions, ...argv: string[]): Promise<CommandRun> {
    const child = this.spawnCli(options, ...argv);
    const out = { stdout: '', stderr: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out.stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      out.stderr += text;
    });
    return { exit: await exitOf(child), ...out };
  }

  /** Starts a command that goes on until it is told to stop; ends with the home at the latest. */
  spawnCli(options: CommandOptions, ...argv: string[]): ChildProcess {
    const { stdin, env, cwd } = options;
    const child = spawn(process.execPath, [MAIN, ...argv], {
      cwd: cwd ?? this.dir,
      env: cleanEnv({ BTCFED_HOME: this.dir, ...env }),
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      timeout: COMMAND_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    // A command may end before it has read all.
    child.stdin?.on('error', () => undefined).end(stdin);
    this.#listen(child);
    return child;
  }

  /** A command that must succeed, its one JSON object. */
  async json<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
    const { exit, stdout, stderr } = await this.cli(...argv, '--json');
    assert.equal(exit, 0, `btcfed ${argv.join(' ')}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Starts the daemon and waits until it serves. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    const daemon = this.spawn(env);
    await daemon.line(/event=node\.started/);
    return daemon;
  }

  /** Starts the daemon and waits for nothing. */
  spawn(env: Readonly<Record<string, string>> = {}, ...argv: string[]): Daemon {
    const child = spawn(process.execPath, [MAIN, ...(argv.length > 0 ? argv : ['run'])], {
      cwd: this.dir,
      env: cleanEnv({ BTCFED_HOME: this.dir, ...env }),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DAEMON_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    this.#listen(child);
    const daemon = new Daemon(child);
    this.#daemons.push(daemon);
    return daemon;
  }

  /** A connection to this home's socket, to call methods on. */
  async client(cleanup: Cleanup): Promise<RpcClient> {
    const client = await connectClient({ socketPath: this.socket });
    cleanup.after(() => client.close());
    return client;
  }

  /** A connection that sends whatever it is told. */
  async raw(cleanup: Cleanup): Promise<RawClient> {
    const client = await RawClient.open(this.socket);
    cleanup.after(() => client.close());
    return client;
  }

  #listen(child: ChildProcess): void {
    this.#running.add(child);
    void exitOf(child).finally(() => this.#running.delete(child));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#heard += chunk.toString('latin1');
      });
    }
  }

  async #close(): Promise<void> {
    const ends = [...this.#running].map((child) => exitOf(child));
    for (const child of this.#running) child.kill('SIGKILL');
    await Promise.all(ends);
    const key = this.privateKey();
    rmSync(this.dir, { recursive: true, force: true });
    if (key === undefined) return;
    const seed = Buffer.from(key, 'base64').subarray(0, 32);
    for (const secret of [key, seed.toString('hex'), seed.toString('base64').slice(0, 42)]) {
      assert.ok(!this.#heard.includes(secret), 'the private key was written to an output');
    }
  }
}

/** A daemon that runs as a process of its own. */
export class Daemon {
  readonly child: ChildProcess;
  /** How it ended. */
  readonly exit: Promise<Exit>;
  #log = '';
  #isOver = false;
  readonly #waiting = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
      this.#wake();
    });
    this.exit = exitOf(child).finally(() => {
      this.#isOver = true;
      this.#wake();
    });
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Its stderr so far. */
  get log(): string {
    return this.#log;
  }

  /**
   * The first whole line of the log that matches, from `from` (a length of the log) on, once it is there; fails if the
   * daemon ends without one.
   */
  async line(pattern: RegExp, from = 0): Promise<string> {
    for (;;) {
      const found = this.#log
        .slice(from, this.#log.lastIndexOf('\n') + 1)
        .split('\n')
        .find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.#isOver) throw new Error(`the daemon ended before ${String(pattern)}:\n${this.#log}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.child.kill(signal);
    return this.exit;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

const exits = new WeakMap<ChildProcess, Promise<Exit>>();

/** Waits for the end of a process and of its output; to be asked for the first time when the process is started. */
export function exitOf(child: ChildProcess): Promise<Exit> {
  const known = exits.get(child);
  if (known !== undefined) return known;
  const exit = once(child, 'close').then(
    ([code, signal]: (number | string | null)[]) => (code ?? signal) as Exit,
  );
  exits.set(child, exit);
  return exit;
}

/** Resolves when `done` says so; looks again and again, for what no event tells of, and gives up after a while. */
export async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`gave up waiting until ${what}`);
}
