import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { audit, importAll, openTestCore } from '../support/core.ts';
import { readFrames } from '../support/corpus/frames.ts';
import { generateCorpus } from '../support/corpus/generate.ts';
import { Prng } from '../support/corpus/prng.ts';
import { Histogram, type Lines, runAndKill } from '../support/kill-lane.ts';
import { tempDir } from '../support/temp-dir.ts';

const KILLS = process.env['BTCFED_TEST_LONG'] === '1' ? 200 : 20;
const SEED = process.env['BTCFED_KILL_SEED'] ?? 'rebuild kill';
const CHILD = join(import.meta.dirname, `rebuild-child${extname(import.meta.filename)}`);
const LINES: Lines = { from: 'stdout', phaseOf: (line) => (line === 'begin' ? 'import' : undefined) };

/** State of the store as the next start finds it. */
async function digestAt(path: string, follow: readonly string[]): Promise<string> {
  const copy = `${path}.copy`;
  rmSync(copy, { recursive: true, force: true });
  cpSync(path, copy, { recursive: true });
  const core = await openTestCore({ path: copy, follow });
  const { problems, stateDigest } = await audit(core);
  await core.close();
  assert.deepEqual(problems, []);
  return stateDigest;
}

test(`${KILLS} kills of a rebuild leave the old store or the new one, and it can be begun again`, async (t) => {
  const root = tempDir(t);
  const corpus = join(root, 'corpus');
  const path = join(root, 'store');
  mkdirSync(corpus);
  const shape = { transfers: 250, owners: 30, tokens: 2, minedShare: 0.5, blockTransactions: 50 };
  const { tokens } = generateCorpus({ directory: corpus, seed: SEED, ...shape });
  const follow = tokens.map((token) => token.tokenId);
  const core = await openTestCore({ path, follow });
  await core.chain.add(readFileSync(join(corpus, 'headers.bin')));
  for (const name of ['history.bin', 'transfers.bin'])
    await importAll(core, readFrames(readFileSync(join(corpus, name))));
  const { stateDigest, transactions } = await audit(core);
  await core.close();

  const command = [process.execPath, CHILD, JSON.stringify({ path, follow })];
  const whole = await runAndKill(command, LINES, undefined);
  const lengthMs = Number(whole.lines.find((line) => line.startsWith('took '))?.slice(5));
  assert.equal(whole.lines.at(-1), `done ${stateDigest} ${transactions}`);

  const prng = new Prng(SEED);
  const histogram = new Histogram();
  const leftovers = new Set<string>();
  let kills = 0;
  while (kills < KILLS) {
    const afterMs = prng.below(Math.ceil(lengthMs * 1000)) / 1000;
    const killed = await runAndKill(command, LINES, { phase: 'import', afterMs });
    assert.ok(killed.wasKilled || killed.exitCode === 0, killed.stderr);
    kills += Number(killed.wasKilled);
    const share = Math.min(9, Math.floor((killed.afterMs / lengthMs) * 10)) * 10;
    histogram.add(killed.wasKilled ? `killed at ${share} %` : 'completed');
    for (const name of readdirSync(path)) leftovers.add(name);
    assert.equal(
      await digestAt(path, follow),
      stateDigest,
      `killed ${killed.afterMs.toFixed(1)} ms into the rebuild`,
    );
  }
  for (const line of histogram.lines()) t.diagnostic(line);
  assert.ok(leftovers.has('rebuild'), 'no kill fell into the rebuild itself');

  const last = await runAndKill(command, LINES, undefined);
  assert.equal(last.lines.at(-1), `done ${stateDigest} ${transactions}`);
  assert.deepEqual(readdirSync(path).sort(), ['index', 'index.damaged', 'store.json']);
  assert.ok(!existsSync(join(path, 'rebuild')));
});
