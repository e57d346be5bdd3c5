import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Core } from '../../src/node/core.ts';
import { importAll, openTestCore } from '../support/core.ts';
import { readFrames } from '../support/corpus/frames.ts';
import { generateCorpus } from '../support/corpus/generate.ts';
import { Prng } from '../support/corpus/prng.ts';
import { damage, filesOf, KINDS, type Kind, TARGETS, type Target } from '../support/damage.ts';
import { type CellAnswer, CellReader, type Verdict, verdictOf } from '../support/damage-cells.ts';
import { richChain } from '../support/rich-chain.ts';

const LONG = process.env['BTCFED_TEST_LONG'] === '1';
const SEEDS = LONG ? 60 : 3;
const COMPACTIONS = LONG ? 60 : 5;
/** Fixed, so that a failing cell can be run again. */
const SEED = process.env['BTCFED_DAMAGE_SEED'] ?? 'damage';

interface Base {
  readonly label: string;
  readonly path: string;
  readonly follow: readonly string[];
}

const bases: Base[] = [];
const reader = new CellReader();
let root: string;

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'btcfed-test-'));
  bases.push(
    await incompressible(join(root, 'incompressible')),
    await compressible(join(root, 'compressible')),
  );
  for (const base of bases) {
    for (const target of TARGETS) {
      const sizes = filesOf(base.path, target).map((file) => statSync(file).size);
      const enough = target === 'ldb' || target === 'log' ? 15_000 : 1;
      assert.ok(Math.max(0, ...sizes) >= enough, `${base.label}: ${target} files of ${sizes.join()} bytes`);
    }
    // Copies, since opening a store makes a table of its log.
    const clean = `${base.path}-clean`;
    const second = `${base.path}-second`;
    cpSync(base.path, clean, { recursive: true });
    cpSync(base.path, second, { recursive: true });
    const request = { path: second, clean, follow: base.follow, compact: false, reader: 'store' } as const;
    const answers = await reader.read(request);
    assert.equal(
      verdictOf(answers),
      'harmless',
      `${base.label}, undamaged: ${JSON.stringify(answers).slice(0, 1000)}`,
    );
  }
});

after(() => {
  reader.close();
  rmSync(root, { recursive: true, force: true });
});

/** Signed transfers of a generated corpus: signatures and hashes. */
async function incompressible(path: string): Promise<Base> {
  const directory = join(path, 'corpus');
  mkdirSync(directory, { recursive: true });
  const shape = { transfers: 60, owners: 12, tokens: 2, minedShare: 0.4, blockTransactions: 20 };
  const { tokens } = generateCorpus({ directory, seed: 'damage', ...shape });
  const follow = tokens.map((token) => token.tokenId);
  const headers = readFileSync(join(directory, 'headers.bin'));
  const files = ['history.bin', 'transfers.bin'].map((name) => readFileSync(join(directory, name)));
  const frames = files.flatMap((file) => [...readFrames(file)]);
  const store = join(path, 'store');
  const halves = [frames.slice(0, frames.length / 2), frames.slice(frames.length / 2)];
  for (const half of halves) {
    const core = await openTestCore({ path: store, follow });
    await core.chain.add(half === halves[0] ? headers.subarray(0, headers.length - 3 * 80) : headers);
    for (let at = 0; at < half.length; at += 10) await importAll(core, half.slice(at, at + 10));
    await core.ingest.drained();
    await core.close();
  }
  return { label: 'incompressible', path: store, follow };
}

/** Forks, conflicts and waiting transactions, most bytes of which are zeros. */
async function compressible(path: string): Promise<Base> {
  const rich = richChain('damage', 'zeros');
  const store = join(path, 'store');
  const open = (): Promise<Core> => openTestCore({ path: store, follow: rich.follow });
  let core = await open();
  let steps = 0;
  await rich.feed(
    () => core,
    async () => {
      if (++steps !== 2) return;
      await core.close();
      core = await open();
    },
  );
  await core.close();
  return { label: 'compressible', path: store, follow: rich.follow };
}

interface Cell {
  readonly base: Base;
  readonly target: Target;
  readonly kind: Kind;
  readonly seed: number;
  readonly compact: boolean;
  readonly reader: 'store' | 'raw';
}

async function runCell(cell: Cell): Promise<{ verdict: Verdict; what: string; result: CellAnswer }> {
  const { base, target, kind, seed, compact } = cell;
  const path = join(root, 'cell');
  rmSync(path, { recursive: true, force: true });
  cpSync(base.path, path, { recursive: true });
  const prng = new Prng(`${SEED} ${base.label} ${target} ${kind} ${seed} ${compact}`);
  const what = `${base.label}, seed ${seed}${compact ? ', compacted' : ''}: ${damage(path, target, kind, prng)}`;
  const result = await reader.read({
    path,
    clean: `${base.path}-clean`,
    follow: base.follow,
    compact,
    reader: cell.reader,
  });
  return { verdict: verdictOf(result), what, result };
}

/** Runs cells, prints one line of verdicts, fails on silence, on an untyped error, and on a wrong balance. */
async function runCells(cells: readonly Cell[], print: (line: string) => void): Promise<void> {
  const counts = new Map<Verdict, number>();
  const failures: string[] = [];
  for (const cell of cells) {
    const { verdict, what, result } = await runCell(cell);
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    const told =
      typeof result === 'string' ? '' : JSON.stringify({ ...result, wrong: result.wrong.slice(0, 5) });
    if (verdict === 'SILENT' || verdict === 'FAULT' || verdict === 'hung')
      failures.push(`${verdict}: ${what}: ${told}`);
    const wrongBalance =
      typeof result !== 'string' && result.wrong.some((question) => question.startsWith('balance'));
    if (wrongBalance) failures.push(`a wrong balance is told: ${what}: ${told}`);
  }
  const text = [...counts].map(([verdict, count]) => `${verdict} ${count}`).join(', ');
  print(`${cells[0]!.target.padEnd(10)} ${cells[0]!.kind.padEnd(8)} ${text}`);
  assert.deepEqual(failures, []);
}

function cellsOf(
  target: Target,
  kind: Kind,
  seeds: number,
  options: Pick<Cell, 'compact' | 'reader'>,
): Cell[] {
  return bases.flatMap((base) =>
    Array.from({ length: seeds }, (_, seed) => ({ base, target, kind, seed, ...options })),
  );
}

for (const target of TARGETS) {
  for (const kind of KINDS) {
    test(`${target}, ${kind}: detected or harmless`, async (t) => {
      const cells = cellsOf(target, kind, SEEDS, { compact: false, reader: 'store' });
      await runCells(cells, (line) => t.diagnostic(line));
    });
  }
}

test('ldb, bit, then merged by LevelDB into new files: detected or harmless', async (t) => {
  const cells = cellsOf('ldb', 'bit', COMPACTIONS, { compact: true, reader: 'store' });
  await runCells(cells, (line) => t.diagnostic(`${line} (compacted)`));
});

test('canary: believed as LevelDB gives them, damaged rows pass in silence', async () => {
  const verdicts: Verdict[] = [];
  for (const cell of cellsOf('ldb', 'bit', SEEDS, { compact: false, reader: 'raw' })) {
    const { verdict } = await runCell(cell);
    verdicts.push(verdict);
  }
  assert.ok(verdicts.includes('SILENT'), verdicts.join());
});
