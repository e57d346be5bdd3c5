import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface VersionFacts {
  readonly version: string;
  /** Of a checkout; absent where it is unknown. */
  readonly commit?: string;
  readonly node: string;
  /** Version of js-libp2p. */
  readonly libp2p: string;
}

/** Version of the package that this file belongs to, built or not. */
export function versionFacts(): VersionFacts {
  const root = packageRoot(dirname(fileURLToPath(import.meta.url)));
  if (root === undefined) return { version: 'unknown', node: process.version, libp2p: 'unknown' };
  const commit = commitOf(root.dir);
  return {
    version: root.version,
    ...(commit === undefined ? {} : { commit }),
    node: process.version,
    libp2p: versionOf(join(root.dir, 'node_modules', 'libp2p')) ?? 'unknown',
  };
}

export function versionLine(facts: VersionFacts): string {
  return `btcfed ${facts.version} (commit ${facts.commit?.slice(0, 12) ?? 'unknown'}), Node.js ${facts.node}, libp2p ${facts.libp2p}`;
}

function packageRoot(start: string): { dir: string; version: string } | undefined {
  for (let dir = start; ; dir = dirname(dir)) {
    const version = versionOf(dir);
    if (version !== undefined) return { dir, version };
    if (dirname(dir) === dir) return undefined;
  }
}

/** Of the package.json in a folder; undefined if there is none. */
function versionOf(dir: string): string | undefined {
  const text = readText(join(dir, 'package.json'));
  if (text === undefined) return undefined;
  return (JSON.parse(text) as { version?: string }).version ?? 'unknown';
}

/** Without running git, which need not be there: HEAD, and the ref it names. */
function commitOf(dir: string): string | undefined {
  const git = join(dir, '.git');
  const head = readText(join(git, 'HEAD'))?.trim();
  if (head === undefined) return undefined;
  if (!head.startsWith('ref: ')) return asCommit(head);
  const ref = head.slice('ref: '.length);
  const loose = asCommit(readText(join(git, ref))?.trim());
  if (loose !== undefined) return loose;
  const packed = readText(join(git, 'packed-refs'))?.split('\n');
  return asCommit(packed?.find((line) => line.endsWith(` ${ref}`))?.split(' ')[0]);
}

function asCommit(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]{40,64}$/.test(text) ? text : undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
