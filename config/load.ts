import { createHash, randomBytes } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { replaceFile } from './atomic-file.ts';
import { type ConfigDisk, nodeDisk } from './disk.ts';
import { ConfigError, type ConfigProblem, fileProblem } from './errors.ts';
import { exampleYaml } from './example.ts';
import { FileLockError, withFileLock } from './file-lock.ts';
import { insertPrivateKey } from './insert-key.ts';
import { generateKeyPair, publicKeyOf } from './key.ts';
import type { ConfigSources, ParsedConfig } from './parse.ts';
import { deepFreeze, type ParseOptions, parseConfig } from './parse.ts';
import { errnoText, readConfigFile } from './read-file.ts';
import type { Config } from './schema.ts';
import { Secret } from './secret.ts';

const OTHERS_MAY = 0o077;

export interface LoadOptions extends ParseOptions {
  /**
   * True when the daemon starts: a missing file is written with defaults and a fresh key, a missing key is
   * made and written. False for checks and reloads: nothing is written, and a missing file is an error.
   */
  readonly create: boolean;
}

export interface LoadModules {
  readonly disk: ConfigDisk;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Keeps two starts at the same instant from making a key each. */
  readonly lock: <T>(file: string, work: () => Promise<T>) => Promise<T>;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly sources: ConfigSources;
  readonly warnings: readonly ConfigProblem[];
  /** Base64 of the 32 bytes that other nodes' peers.yaml must hold. */
  readonly publicKey: string;
  /** SHA-256 of the file, hex: tells operators whether two nodes, or a file and a node, agree. */
  readonly digest: string;
  readonly written: 'nothing' | 'key' | 'file';
}

export const NODE_MODULES: LoadModules = { disk: nodeDisk, randomBytes, lock: withFileLock };

/**
 * Loads conf.yaml. It is written (mode 0600, atomically) only with `create`, and only after all of it was
 * found right. Of several starts at once one writes, and all have what it wrote.
 * @throws ConfigError with every problem of the file at once
 */
export async function loadConfig(
  opts: LoadOptions,
  modules: LoadModules = NODE_MODULES,
): Promise<LoadedConfig> {
  const asItIs = await loadUnwritten(opts, modules);
  if (asItIs !== undefined) return asItIs;
  const there = (await readConfigFile(modules.disk, opts.file)) !== undefined;
  const what = there ? 'new private key' : 'default file';
  try {
    // A link is not replaced by a file: what it leads to is.
    const path = there ? await modules.disk.realPath(opts.file) : resolve(opts.file);
    // Another process may have written while we waited for the lock; then there is nothing to be made any more.
    return await modules.lock(path, async () => {
      return (await loadUnwritten(opts, modules)) ?? (await complete(path, opts, modules));
    });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = error instanceof FileLockError ? error.message : errnoText(error);
    const expected = `the folder ${dirname(resolve(opts.file))} to be writable, or a file with a key from \`btcfed keygen\``;
    throw unwritable(opts.file, `the ${what} cannot be written, ${reason}`, expected);
  }
}

/** Undefined if something must be written first. */
async function loadUnwritten(opts: LoadOptions, modules: LoadModules): Promise<LoadedConfig | undefined> {
  const found = await readConfigFile(modules.disk, opts.file);
  if (found === undefined) {
    if (opts.create) return undefined;
    const expected = 'a file; `btcfed run` writes one with defaults';
    const problem = fileProblem(opts.file, 'NOT_FOUND', 'does not exist', expected);
    throw new ConfigError('CONFIG_NOT_FOUND', [problem]);
  }
  const parsed = parseConfig(found.text, opts);
  if (parsed.needsKey && opts.create) return undefined;
  const keyed = parsed.needsKey ? withUnsavedKey(parsed, opts.file, modules) : parsed;
  const warnings = [...modeWarnings(opts.file, found.facts.mode), ...keyed.warnings];
  return loaded({ ...keyed, warnings }, found.text, 'nothing');
}

/** Writes what is missing: the file, or its key. What is written was parsed, so that it can be read again. */
async function complete(path: string, opts: LoadOptions, modules: LoadModules): Promise<LoadedConfig> {
  const { privateKey } = generateKeyPair(modules.randomBytes);
  const found = await readConfigFile(modules.disk, opts.file);
  const text = found === undefined ? exampleYaml(privateKey) : insertPrivateKey(found.text, privateKey);
  if (text === undefined) throw noPlaceForKey(opts.file);
  const parsed = parseConfig(text, opts);
  await replaceFile({ path, bytes: Buffer.from(text), owner: found?.facts }, modules);
  return loaded(parsed, text, found === undefined ? 'file' : 'key');
}

function loaded(parsed: ParsedConfig, text: string, written: LoadedConfig['written']): LoadedConfig {
  const { config, sources, warnings } = parsed;
  const digest = createHash('sha256').update(text).digest('hex');
  return { config, sources, warnings, publicKey: publicKeyOf(config.node.privateKey), digest, written };
}

/** For a check: what a start would do, without doing it. */
function withUnsavedKey(parsed: ParsedConfig, file: string, modules: LoadModules): ParsedConfig {
  const privateKey = new Secret(generateKeyPair(modules.randomBytes).privateKey);
  const config = deepFreeze({ ...parsed.config, node: { ...parsed.config.node, privateKey } });
  const sources = { ...parsed.sources, 'node.private_key': { from: 'generated' } } as const;
  const warning: ConfigProblem = {
    ...fileProblem(file, 'KEY_MISSING', 'is empty or missing', 'a key; the next start makes and writes one'),
    key: 'node.private_key',
  };
  return { ...parsed, config, sources, warnings: [...parsed.warnings, warning] };
}

function modeWarnings(file: string, mode: number): readonly ConfigProblem[] {
  if ((mode & OTHERS_MAY) === 0) return [];
  const shown = mode.toString(8).padStart(4, '0');
  const message = `the file holds the private key and has mode ${shown}`;
  return [fileProblem(file, 'FILE_MODE', message, `mode 0600: chmod 600 ${file}`)];
}

function noPlaceForKey(file: string): ConfigError {
  const message = 'a private key is missing and cannot be added to a file written like this';
  return unwritable(file, message, 'a plain section "node:" with "private_key:", as in conf.example.yaml');
}

function unwritable(file: string, message: string, expected: string): ConfigError {
  return new ConfigError('CONFIG_UNWRITABLE', [fileProblem(file, 'UNWRITABLE', message, expected)]);
}
