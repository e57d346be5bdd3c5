import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { audit, importAll, openTestCore } from '../support/core.ts';
import { readFrames } from '../support/corpus/frames.ts';
import { generateCorpus } from '../support/corpus/generate.ts';
import { Prng } from '../support/corpus/prng.ts';
import { Histogram, type Lines, type Phase, runAndKill } from '../support/kill-lane.ts';
import { tempDir } from '../support/temp-dir.ts';

const TRIES = process.env['BTCFED_TEST_LONG'] === '1' ? 200 : 12;
const SEED = process.env['BTCFED_KILL_SEED'] ?? 'purge kill';
const CHILD = join(import.meta.dirname, `purge-child${extname(import.meta.filename)}`);
const PHASES: Record<string, Phase> = { begin: 'import', swap: 'closing' };
const LINES: Lines = { from: 'stdout', phaseOf: (line) => PHASES[line] };

/** State of the store as the next start finds it, and what is in its folder then. */
async function stateAt(
  path: string,
  follow: readonly string[],
): Promise<{ digest: string; names: string[] }> {
  const core = await openTestCore({ path, follow });
  const { problems, stateDigest } = await audit(core);
  await core.close();
  assert.deepEqual(problems, []);
  return { digest: stateDigest, names: readdirSync(path).sort() };
}

test(`${TRIES} kills of a purge leave the old store or the new one, and nothing of the old beside the new`, async (t) => {
  const root = tempDir(t);
  const corpus = join(root, 'corpus');
  const [original, path] = [join(root, 'original'), join(root, 'store')];
  mkdirSync(corpus);
  const shape = { transfers: 120, owners: 30, tokens: 2, minedShare: 0.5, blockTransactions: 50 };
  const { tokens } = generateCorpus({ directory: corpus, seed: SEED, ...shape });
  const [gone, ...follow] = tokens.map((token) => token.tokenId) as [string, ...string[]];
  const core = await openTestCore({ path: original, follow: [gone, ...follow] });
  await core.chain.add(readFileSync(join(corpus, 'headers.bin')));
  for (const name of ['history.bin', 'transfers.bin'])
    await importAll(core, readFrames(readFileSync(join(corpus, name))));
  await core.ingest.follow(follow);
  const { stateDigest: before } = await audit(core);
  await core.close();
  const fresh = (): void => {
    rmSync(path, { recursive: true, force: true });
    cpSync(original, path, { recursive: true });
  };

  const command = [process.execPath, CHILD, JSON.stringify({ path, follow, tokenId: gone })];
  fresh();
  const whole = await runAndKill(command, LINES, undefined);
  const lengthMs = Number(whole.lines.find((line) => line.startsWith('took '))?.slice(5));
  const after = whole.lines.at(-1)?.slice(5);
  assert.match(whole.lines.at(-1) ?? whole.stderr, /^done /);
  assert.notEqual(after, before);
  assert.equal((await stateAt(path, follow)).digest, after);

  const prng = new Prng(SEED);
  const histogram = new Histogram();
  let fromOld = 0;
  for (let tries = 0; tries < TRIES; tries++) {
    fresh();
    // Every other one falls into the swap, which takes some milliseconds.
    const isSwap = tries % 2 === 0;
    const afterMs = isSwap ? prng.below(5) : (lengthMs * prng.below(1000)) / 1000;
    const killed = await runAndKill(command, LINES, { phase: isSwap ? 'closing' : 'import', afterMs });
    assert.ok(killed.wasKilled || killed.exitCode === 0, killed.stderr);
    const { digest, names } = await stateAt(path, follow);
    assert.ok(
      digest === before || digest === after,
      `killed ${killed.afterMs.toFixed(1)} ms into ${killed.phase}`,
    );
    histogram.add(
      `${killed.wasKilled ? `killed in ${killed.phase}` : 'completed'}: ${digest === before ? 'old' : 'new'}`,
    );
    if (digest === after) assert.deepEqual(names, ['index', 'store.json']);
    else if (fromOld++ < 2) {
      const again = await runAndKill(command, LINES, undefined);
      assert.equal(again.lines.at(-1), `done ${after}`, again.stderr);
      assert.deepEqual(readdirSync(path).sort(), ['index', 'store.json']);
    }
  }
  for (const line of histogram.lines()) t.diagnostic(line);
  assert.ok(fromOld > 0 && histogram.total('killed in closing') > 0, histogram.lines().join('\n'));
});
