import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { peerIdOfKey } from '../../protocols/peer-exchange/peer-id.ts';
import { connectClient, type RpcClient } from '../../src/api/client.ts';
import { freePorts } from './federation.ts';
import { cleanEnv } from './operator.ts';
import { testKey } from './p2p.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', `main${extname(import.meta.filename)}`);
/** Kept of what a daemon logs: the first lines. */
const MAX_LINES = 20_000;
/** Shown of it when it fails. */
const TAIL_LINES = 30;
/** Of /proc/PID/stat, on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;
/** A daemon that does not end by itself is killed. */
const STOP_LIMIT_MS = 15_000;

export interface LoopbackConf {
  readonly follow: readonly string[];
  /** Further lines of the section `peers:`, each with two spaces in front. */
  readonly peers?: string;
  readonly level?: 'debug' | 'info' | 'warn';
}

/** A line of a daemon's log. */
export interface LogLine {
  /** Unix ms. */
  readonly atMs: number;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A real daemon on regtest at 127.0.0.1, in a folder of its own, with the options of Node.js of this process: for benchmarks and the demo. */
export class LoopbackNode {
  readonly name: string;
  readonly home: string;
  readonly peerId: string;
  readonly publicKey: string;
  readonly port: number;
  private readonly key: string;
  private readonly flags: readonly string[];
  private readonly listed = new Map<string, number>();
  private process: ChildProcess | undefined;
  private exit: Promise<unknown[]> | undefined;
  private connection: RpcClient | undefined;
  /** It closed our connection: it is about to end. */
  private isEnding = false;
  /** What it logged since its start. */
  readonly lines: LogLine[] = [];
  private rest = '';
  private tail: string[] = [];
  private readonly waiting = new Set<() => void>();

  private constructor(root: string, name: string, port: number, flags: readonly string[]) {
    const key = testKey();
    this.name = name;
    this.home = join(root, name);
    this.port = port;
    this.flags = flags;
    this.key = Buffer.from(key).toString('base64');
    this.peerId = peerIdOfKey(key.subarray(32));
    this.publicKey = Buffer.from(key.subarray(32)).toString('base64');
    mkdirSync(this.home, { recursive: true });
  }

  /** Folders below `root`, one for each name. `flags`: of Node.js, besides those of this process. */
  static async create<const N extends readonly string[]>(
    root: string,
    names: N,
    flags: readonly string[] = [],
  ): Promise<{ readonly [I in keyof N]: LoopbackNode }> {
    const ports = await freePorts(names.length);
    const nodes = names.map((name, i) => new LoopbackNode(root, name, ports[i] ?? 0, flags));
    return nodes as unknown as { readonly [I in keyof N]: LoopbackNode };
  }

  configure({ follow, peers, level = 'info' }: LoopbackConf): void {
    const lines = [
      `node: { private_key: "${this.key}" }`,
      `network: { addresses: [/ip4/127.0.0.1/tcp/${this.port}] }`,
      'peers:',
      '  connection_timeout: 3s',
      ...(peers === undefined ? [] : [peers]),
      `logging: { level: ${level}, format: json }`,
      'chain: { network: regtest }',
      `tokens: { follow: [${follow.join(', ')}] }`,
      '',
    ];
    writeFileSync(join(this.home, 'conf.yaml'), lines.join('\n'), { mode: 0o600 });
  }

  /** Writes another daemon into the list of peers; at a port that leads to it, or at its own. */
  list(other: LoopbackNode, port = other.port): void {
    this.listed.set(other.publicKey, port);
    const entries = [...this.listed].map(
      ([key, at]) => `  - public_key: "${key}"\n    addresses: ["/ip4/127.0.0.1/tcp/${at}"]\n`,
    );
    writeFileSync(join(this.home, 'peers.yaml'), `peers:\n${entries.join('')}`);
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const args = [...process.execArgv, ...this.flags, MAIN, 'run', '--home', this.home];
    const child = spawn(process.execPath, args, {
      cwd: this.home,
      env: cleanEnv(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.process = child;
    this.isEnding = false;
    this.lines.length = 0;
    this.rest = '';
    const exit = once(child, 'close');
    this.exit = exit;
    void exit.finally(() => this.wake());
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.hear(text);
    });
    await this.logged(({ event }) => event === 'node.started');
    const connection = await connectClient({ socketPath: join(this.home, 'btcfed.sock') });
    this.connection = connection;
    void connection.closed.then(() => {
      if (this.connection === connection) this.isEnding = true;
    });
  }

  get rpc(): RpcClient {
    if (this.connection === undefined) throw new Error(`${this.name} does not run`);
    return this.connection;
  }

  get pid(): number {
    return this.process?.pid ?? 0;
  }

  /** The first line since its start that is wanted, once it is there. */
  async logged(isWanted: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const found = this.lines.find(isWanted);
      if (found !== undefined) return found;
      if (this.process === undefined || this.process.exitCode !== null || this.process.signalCode !== null)
        throw new Error(`${this.name} ended:\n${this.tail.join('\n')}`);
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  reload(): void {
    this.process?.kill('SIGHUP');
  }

  /** Ends it as an operator does. @throws Error: its exit code is not 0 */
  async stop(): Promise<void> {
    const code = await this.end('SIGTERM');
    if (code !== undefined && code !== 0) throw new Error(this.lastWords(code));
  }

  /** Ends it without a word, if it runs. If it ended by itself: how, with the last lines of its log. */
  async kill(): Promise<string | undefined> {
    const code = await this.end('SIGKILL');
    const isKilled = code === 'SIGKILL' && !this.isEnding;
    return code === undefined || isKilled ? undefined : this.lastWords(code);
  }

  /** Most memory that it has held at once since its start, in bytes. */
  peakRss(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1_024;
  }

  /** Processor time of all its threads, in seconds. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  private lastWords(code: unknown): string {
    return `${this.name} ended with ${code}:\n${this.tail.join('\n')}`;
  }

  /** Its exit code or the signal that it died of; undefined: it did not run. */
  private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<unknown> {
    const { process: child, exit, connection } = this;
    this.process = undefined;
    this.connection = undefined;
    if (child === undefined) return undefined;
    await connection?.close();
    // What ends by itself is let, so that its log tells why.
    if (!this.isEnding) child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    const [code, by] = (await exit) ?? [];
    clearTimeout(timer);
    return code ?? by;
  }

  private hear(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) if (this.lines.length < MAX_LINES) this.lines.push(parsed(line));
    this.tail = [...this.tail, ...lines].slice(-TAIL_LINES);
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}

/** A line that is none of ours (a fault of Node.js itself) has no event. */
function parsed(line: string): LogLine {
  try {
    const fields = JSON.parse(line) as Record<string, unknown>;
    return { atMs: Date.parse(String(fields['time'])), event: String(fields['event']), fields };
  } catch {
    return { atMs: Date.now(), event: '', fields: { message: line } };
  }
}
