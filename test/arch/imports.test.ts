import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..', import.meta.filename.endsWith('.js') ? '..' : '.');

/** Which folders a folder may import from, besides itself. ARCHITECTURE.md draws the same. */
const ALLOWED: Record<string, readonly string[]> = {
  protocols: [],
  config: [],
  'src/spv': [],
  'src/p2p': ['protocols', 'config', 'src/observe'],
  'src/token': [],
  'src/observe': ['config'],
  'src/chain': [],
  'src/store': ['src/spv', 'src/token'],
  'src/sync': [
    'protocols',
    'config',
    'src/observe',
    'src/p2p',
    'src/spv',
    'src/chain',
    'src/token',
    'src/store',
    'src/ingest',
  ],
  'src/ingest': ['src/spv', 'src/chain', 'src/token', 'src/store'],
  'src/api': ['config', 'src/observe', 'src/ingest', 'src/store', 'src/spv', 'src/token', 'src/chain'],
  'src/cli': ['config', 'src/api', 'src/observe', 'src/spv', 'src/token', 'src/chain', 'src/store'],
  'src/node': ['*'],
};

/** Packages that only one place may use, with the reason. */
const PACKAGES: Record<string, { readonly where: readonly string[]; readonly why: string }> = {
  '@bsv/sdk': { where: ['src/spv/spend.ts'], why: 'slow and replaceable: behind one module' },
  secp256k1: { where: ['src/spv/signature.ts'], why: 'one place decides about the native backend' },
  'classic-level': { where: ['src/store/open-level.ts'], why: 'one place turns its errors into ours' },
  yaml: { where: ['config'], why: 'files of operators are read by config alone' },
  'prom-client': { where: ['src/observe'], why: 'everyone else counts through src/observe' },
  libp2p: { where: ['src/p2p'], why: 'the network library is behind src/p2p' },
  pino: { where: ['src/observe'], why: 'everyone else logs through src/observe' },
};

interface Import {
  readonly file: string;
  readonly target: string;
}

function imports(): Import[] {
  const files = globSync(['src/**/*.ts', 'config/**/*.ts', 'protocols/**/*.ts'], { cwd: ROOT });
  return files.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const found = text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g);
    return [...found].map(([, target]) => ({ file, target: target! }));
  });
}

function folderOf(file: string): string {
  const parts = file.split('/');
  return parts[0] === 'src' ? (parts.length > 2 ? `src/${parts[1]}` : 'src') : parts[0]!;
}

test('imports between folders go one way', () => {
  const wrong: string[] = [];
  for (const { file, target } of imports()) {
    if (!target.startsWith('.')) continue;
    const from = folderOf(file);
    const to = folderOf(normalize(join(dirname(file), target)));
    if (from === to || from === 'src') continue;
    const allowed = ALLOWED[from];
    if (allowed === undefined) wrong.push(`${file}: folder ${from} has no rule`);
    else if (!allowed.includes('*') && !allowed.includes(to))
      wrong.push(`${file} imports ${target} (${from} -> ${to})`);
  }
  assert.deepEqual(wrong, []);
});

test('packages behind one module are imported nowhere else', () => {
  const wrong: string[] = [];
  for (const { file, target } of imports()) {
    const rule = PACKAGES[target];
    if (rule !== undefined && !rule.where.some((place) => file === place || file.startsWith(`${place}/`))) {
      wrong.push(`${file} imports ${target}: ${rule.why}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('the rules above see the imports they judge', () => {
  const all = imports();
  assert.ok(all.length > 100, `only ${all.length} imports found`);
  assert.ok(all.some(({ target }) => target === '@bsv/sdk'));
});
