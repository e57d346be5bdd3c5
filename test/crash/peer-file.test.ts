import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { parsePeers } from '../../config/peers.ts';
import { Prng } from '../support/corpus/prng.ts';
import { Histogram, runAndKill } from '../support/kill-lane.ts';
import { entryText, peer, peerOfNumber } from '../support/peer-file.ts';
import { tempDir } from '../support/temp-dir.ts';

const LONG = process.env['BTCFED_TEST_LONG'] === '1';
const KILLS = LONG ? 1_000 : 150;
const LANES = 2;
const SAVES_EACH = LONG ? 1_000 : 500;
const SEED = process.env['BTCFED_KILL_SEED'] ?? 'peers';
const CHILD = join(import.meta.dirname, `peer-file-child${extname(import.meta.filename)}`);
const OPERATOR = `# mine\npeers:\n${entryText(1, ' # bob')}`;

const read = (text: string) => parsePeers(text, { file: 'peers.yaml', nowMs: Date.now() });

const LINES = {
  from: 'stdout',
  phaseOf: (line: string) =>
    line.startsWith('begin')
      ? ('import' as const)
      : line.startsWith('loaded')
        ? ('opening' as const)
        : undefined,
} as const;

/** Kills savers of one file one after the other, and looks at the file each time. */
async function runLane(
  t: Parameters<typeof tempDir>[0],
  lane: number,
  kills: number,
  histogram: Histogram,
): Promise<void> {
  const prng = new Prng(`${SEED} ${lane}`);
  const dir = tempDir(t);
  const file = join(dir, 'peers.yaml');
  writeFileSync(file, OPERATOR);
  const saved = new Set<string>();
  let first = 0;
  for (let kill = 0; kill < kills; kill++) {
    // Begun anew before the file has so many peers that reading it is all a child does.
    if (kill % 40 === 0) {
      writeFileSync(file, OPERATOR);
      saved.clear();
    }
    const nodeOptions = extname(CHILD) === '.ts' ? ['--disable-warning=ExperimentalWarning'] : [];
    const command = [process.execPath, ...nodeOptions, CHILD, file, String(first)];
    const killed = await runAndKill(command, LINES, { phase: 'import', afterMs: prng.below(12) });
    const where = `lane ${lane} kill ${kill}: ${killed.stderr}`;
    assert.ok(killed.wasKilled, where);
    const begun = killed.lines.filter((line) => line.startsWith('begin')).length;
    const done = killed.lines.filter((line) => line.startsWith('saved'));
    assert.equal(killed.lines.filter((line) => line.startsWith('failed')).length, 0, where);
    for (const line of done) saved.add(peerOfNumber(Number(line.split(' ')[1])).publicKey);
    first += begun + 1;

    const text = readFileSync(file, 'utf8');
    const { operator, learned, problems, notes } = read(text);
    assert.ok(text.startsWith(OPERATOR), where);
    assert.deepEqual([operator, problems, notes], [[peer(1)], [], []], where);
    const keys = new Set(learned.map(({ publicKey }) => publicKey));
    for (const key of saved) assert.ok(keys.has(key), `${where} lost ${key}`);

    const left = readdirSync(dir);
    histogram.add(begun > done.length ? 'in a save' : 'between saves');
    if (left.some((name) => name.startsWith('.peers.yaml.') && !name.includes('.lock.')))
      histogram.add('left: temp file');
    if (left.includes('peers.yaml.lock')) histogram.add('left: lock');
    assert.ok(left.length < 40, `${where} ${left.join(' ')}`);
  }
  // The next start clears up.
  const last = spawn(process.execPath, [CHILD, file, String(first), '1'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  assert.deepEqual(await once(last, 'exit'), [0, null]);
  const names = readdirSync(dir).filter((name) => !/^peers\.yaml(\.bak-\d{6})?$/.test(name));
  assert.deepEqual(names, []);
}

test(`${KILLS} kills of a node that saves its peers: the file always parses, nothing that was saved is lost`, async (t) => {
  const histogram = new Histogram();
  const lanes = Array.from({ length: LANES }, (_, lane) => runLane(t, lane, KILLS / LANES, histogram));
  await Promise.all(lanes);
  for (const line of histogram.lines()) t.diagnostic(line);
  // The faults happened: in the middle of saves, at several places of them.
  assert.ok(histogram.total('in a save') > KILLS / 3);
  assert.ok(histogram.total('left: lock') > 0);
  assert.ok(histogram.total('left: temp file') > 0);
});

/** Resolves with what a child said, line by line, when it has ended well. */
async function linesOf(child: ChildProcess): Promise<readonly string[]> {
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout! });
  reader.on('line', (line) => lines.push(line));
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  return lines;
}

test(`two processes save ${SAVES_EACH} times each at once: no entry is lost, nothing is damaged`, async (t) => {
  const dir = tempDir(t);
  const file = join(dir, 'peers.yaml');
  writeFileSync(file, OPERATOR);
  const startMs = performance.now();
  const children = [0, 1].map((index) =>
    spawn(process.execPath, [CHILD, file, String(index * 100_000), String(SAVES_EACH)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const said = await Promise.all(children.map(linesOf));
  for (const lines of said) {
    assert.deepEqual(
      lines.filter((line) => line.startsWith('failed')),
      [],
    );
    assert.equal(lines.filter((line) => line.startsWith('saved')).length, SAVES_EACH);
  }
  const { operator, learned, problems, notes } = read(readFileSync(file, 'utf8'));
  assert.deepEqual([operator, problems, notes], [[peer(1)], [], []]);
  const expected = [0, 1].flatMap((index) =>
    Array.from({ length: SAVES_EACH }, (_, number) => peerOfNumber(index * 100_000 + number)),
  );
  const byKey = new Map(learned.map((entry) => [entry.publicKey, entry]));
  for (const entry of expected) assert.deepEqual(byKey.get(entry.publicKey), entry);
  assert.equal(learned.length, expected.length);
  // They really met: each has found entries of the other before it was done.
  const order = learned.map(({ lastSeenMs }) => (lastSeenMs! - 1_700_000_000_000 < 100_000 ? 0 : 1));
  const turns = order.filter((who, index) => index > 0 && who !== order[index - 1]).length;
  assert.ok(turns > 5, `${turns} turns`);
  assert.deepEqual(
    readdirSync(dir).filter(
      (name) => name.endsWith('.tmp') || name.includes('.lock') || name.includes('.damaged'),
    ),
    [],
  );
  t.diagnostic(`${2 * SAVES_EACH} saves in ${Math.round(performance.now() - startMs)} ms, ${turns} turns`);
});
