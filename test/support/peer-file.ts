import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ConfigDisk, nodeDisk } from '../../config/disk.ts';
import { systemLockClock } from '../../config/file-lock.ts';
import type { PeerEntry } from '../../config/peer-entry.ts';
import type { Log, LogFields } from '../../src/observe/log.ts';
import {
  PeerFile,
  type PeerFileModules,
  type PeersChange,
  type PeersOwner,
} from '../../src/p2p/peer-file.ts';
import { tempDir } from './temp-dir.ts';

/** Base64 of 32 bytes that all are `byte`. */
export function keyOf(byte: number): string {
  return Buffer.alloc(32, byte).toString('base64');
}

export const OWN_KEY = keyOf(0xee);

export function peer(byte: number, fields: Partial<PeerEntry> = {}): PeerEntry {
  return { publicKey: keyOf(byte), addresses: [`/ip4/10.0.0.${byte}/tcp/9000`], ...fields };
}

/** Operator's text of one peer. */
export function entryText(byte: number, more = ''): string {
  return `  - public_key: ${keyOf(byte)}\n    addresses: [/ip4/10.0.0.${byte}/tcp/9000]${more}\n`;
}

/** A clock whose stamps and deadlines a test moves; short waits really pass. */
export class TestClock {
  offsetMs = 0;
  nowMs = (): number => Date.now() + this.offsetMs;
  monotonicMs = (): number => performance.now() + this.offsetMs;
  after = systemLockClock.after;
}

export interface Line {
  readonly event: string;
  readonly fields: LogFields;
}

export function recordingLog(lines: Line[]): Log {
  const log: Log = {
    event: (event, fields = {}) => void lines.push({ event, fields }),
    debug: () => {},
    with: () => log,
  };
  return log;
}

/** A PeerFile in a folder of its own, with a memory that does what the address book does. */
export class PeerFileBench implements PeersOwner {
  readonly dir: string;
  readonly file: string;
  readonly lines: Line[] = [];
  readonly changes: PeersChange[] = [];
  readonly clock = new TestClock();
  readonly disk: ConfigDisk;
  readonly peers: PeerFile;
  memory = new Map<string, PeerEntry>();
  #woken: () => void = () => {};

  constructor(
    t: Pick<TestContext, 'after'>,
    opts: { dir?: string; text?: string | Uint8Array; modules?: Partial<PeerFileModules> } = {},
  ) {
    this.dir = opts.dir ?? tempDir(t as TestContext);
    this.file = join(this.dir, 'peers.yaml');
    if (opts.text !== undefined) writeFileSync(this.file, opts.text);
    this.disk = { ...nodeDisk };
    const modules = {
      disk: this.disk,
      clock: this.clock,
      randomBytes,
      log: recordingLog(this.lines),
      watch: async () => async () => {},
      ...opts.modules,
    };
    this.peers = new PeerFile({ file: this.file, ownKey: OWN_KEY }, modules);
    t.after(() => this.peers.stop());
  }

  learned(): readonly PeerEntry[] {
    return [...this.memory.values()];
  }

  changed(change: PeersChange): void {
    this.changes.push(change);
    for (const entry of change.learned) this.memory.set(entry.publicKey, entry);
    for (const key of change.removed) this.memory.delete(key);
    this.#woken();
  }

  /** Loads and takes over what is there. */
  async run(): Promise<this> {
    const { learned } = await this.peers.load();
    for (const entry of learned) this.memory.set(entry.publicKey, entry);
    await this.peers.start(this);
    return this;
  }

  learn(...entries: readonly PeerEntry[]): void {
    for (const entry of entries) this.memory.set(entry.publicKey, entry);
  }

  /** The next change that is handed on. */
  nextChange(): Promise<PeersChange> {
    return new Promise((resolve) => {
      this.#woken = () => resolve(this.changes.at(-1)!);
    });
  }

  text(name = 'peers.yaml'): string {
    return readFileSync(join(this.dir, name), 'utf8');
  }

  exists(): boolean {
    return existsSync(this.file);
  }

  names(): readonly string[] {
    return readdirSync(this.dir).sort();
  }

  /** Puts a new file in the place, as most editors do. */
  edit(change: (text: string) => string): void {
    const temp = join(this.dir, '.swap');
    writeFileSync(temp, change(this.text()));
    renameSync(temp, this.file);
  }

  events(prefix = 'peers.'): readonly string[] {
    return this.lines.map(({ event }) => event).filter((event) => event.startsWith(prefix));
  }

  line(event: string): LogFields | undefined {
    return this.lines.find((line) => line.event === event)?.fields;
  }

  base(path: unknown): string {
    return basename(String(path));
  }
}

/** One of as many peers as wanted. */
export function peerOfNumber(number: number): PeerEntry {
  const key = Buffer.alloc(32, 0x77);
  key.writeUInt32BE(number);
  const address = `/ip4/10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}/tcp/9000`;
  return { publicKey: key.toString('base64'), addresses: [address], lastSeenMs: 1_700_000_000_000 + number };
}
