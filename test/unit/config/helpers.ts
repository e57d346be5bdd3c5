import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ConfigDisk, FileFacts, FileOwner } from '../../../config/disk.ts';
import { ConfigError } from '../../../config/errors.ts';
import { keyPairOf } from '../../../config/key.ts';
import { type ParsedConfig, parseConfig } from '../../../config/parse.ts';
import { type Fault, pathText, ReadContext, type ValueType, type YamlValue } from '../../../config/value.ts';

export const HOME = '/home/btcfed';

/** The least that a file must say; the key is missing. */
export const MINIMAL = `network:
  addresses: [/ip4/0.0.0.0/tcp/9000]
peers:
  connection_timeout: 10s
logging:
  level: info
  format: json
`;

/** Of fixed bytes, used nowhere. */
export const KEY_PAIR = keyPairOf(Uint8Array.from({ length: 32 }, (_, index) => index));

export const WITH_KEY = `node:\n  private_key: "${KEY_PAIR.privateKey}"\n${MINIMAL}`;

export const TOKEN = 'ae59f3b898ec61acbdb6cc7a245fabeded0c094bf046f35206a3aec60ef88127';

/** The top of the checkout, from source and from `dist` alike. */
export function checkoutRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

export function parse(text: string): ParsedConfig {
  return parseConfig(text, { file: 'conf.yaml', home: HOME });
}

/** The error a function ends with; fails if it does not, or with anything but a ConfigError. */
export async function configErrorOf(run: () => unknown): Promise<ConfigError> {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  assert.fail('no error');
}

/** The lines of the error that a text gives. */
export async function errorsOf(text: string): Promise<readonly string[]> {
  return (await configErrorOf(() => parse(text))).message.split('\n');
}

/** Reads one value; `faults` as `path: code message`, a warning with `!` before. */
export function readWith<T>(
  type: ValueType<T>,
  input: YamlValue,
): { readonly value: T | undefined; readonly faults: readonly string[]; readonly raw: readonly Fault[] } {
  const raw: Fault[] = [];
  const value = type.read(input, new ReadContext(HOME, ['key'], (fault) => raw.push(fault)));
  const faults = raw.map(
    ({ warning, path, code, message }) => `${warning ? '!' : ''}${pathText(path)}: ${code} ${message}`,
  );
  return { value, faults, raw };
}

/** An error as Node's file system throws it. */
export function errno(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

interface FakeFile {
  bytes: Uint8Array;
  mode: number;
  uid: number;
  inode: number;
  mtimeMs: number;
}

/** A file system in memory that notes every call and can fail at any. */
export class FakeDisk implements ConfigDisk {
  readonly files = new Map<string, FakeFile>();
  readonly links = new Map<string, string>();
  readonly calls: string[] = [];
  readonly owners: (FileOwner | undefined)[] = [];
  /** Called before each operation; may throw to fail it. */
  before: (call: string, index: number) => void = () => {};
  /** Set: `create` leaves half of the file behind when it fails. */
  tornCreate = false;
  #inode = 1;

  put(path: string, content: string | Uint8Array, mode = 0o600): void {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.files.set(path, { bytes, mode, uid: 1000, inode: this.#inode++, mtimeMs: this.#inode });
  }

  text(path: string): string | undefined {
    const file = this.files.get(path);
    return file && Buffer.from(file.bytes).toString();
  }

  /** Calls that change something. */
  writes(): readonly string[] {
    return this.calls.filter((call) => /^(create|rename|link|remove|syncFolder)/.test(call));
  }

  #call(call: string): void {
    this.calls.push(call);
    this.before(call, this.calls.length - 1);
  }

  #find(path: string): FakeFile {
    const file = this.files.get(this.links.get(path) ?? path);
    if (file === undefined) throw errno('ENOENT');
    return file;
  }

  async stat(path: string): Promise<FileFacts> {
    this.#call(`stat ${path}`);
    const { bytes, mode, uid, inode, mtimeMs } = this.#find(path);
    return { isFile: true, mode, uid, gid: uid, inode, sizeBytes: bytes.length, mtimeMs, birthtimeMs: inode };
  }

  async isLink(path: string): Promise<boolean> {
    this.#call(`isLink ${path}`);
    if (this.links.has(path)) return true;
    this.#find(path);
    return false;
  }

  async read(path: string): Promise<Uint8Array> {
    this.#call(`read ${path}`);
    return this.#find(path).bytes;
  }

  async realPath(path: string): Promise<string> {
    this.#call(`realPath ${path}`);
    return this.links.get(path) ?? path;
  }

  async list(folder: string): Promise<readonly string[]> {
    this.#call(`list ${folder}`);
    return [...this.files.keys()]
      .filter((path) => dirname(path) === folder)
      .map((path) => path.slice(folder.length + 1));
  }

  async create(path: string, bytes: Uint8Array, owner: FileOwner | undefined): Promise<void> {
    if (this.files.has(path)) throw errno('EEXIST');
    if (this.tornCreate) this.put(path, bytes.subarray(0, bytes.length / 2));
    this.#call(`create ${path}`);
    this.put(path, bytes);
    this.owners.push(owner);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#call(`rename ${from} ${to}`);
    const file = this.#find(from);
    this.files.delete(from);
    this.files.set(to, file);
  }

  async link(from: string, to: string): Promise<void> {
    this.#call(`link ${from} ${to}`);
    const file = this.#find(from);
    if (this.files.has(to)) throw errno('EEXIST');
    this.files.set(to, file);
  }

  async remove(path: string): Promise<void> {
    this.#call(`remove ${path}`);
    if (!this.files.delete(path)) throw errno('ENOENT');
  }

  async syncFolder(folder: string): Promise<void> {
    this.#call(`syncFolder ${folder}`);
  }
}

/** Bytes 0, 1, 2, ...: the seed of `KEY_PAIR`. */
export function countingBytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => index);
}

/** For loads that meet nobody else. */
export const unlocked = <T>(_file: string, work: () => Promise<T>): Promise<T> => work();
