import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PREFIX } from '../../../src/store/keys.ts';
import { MAX_ROWS_LOOKED_AT, readPage } from '../../../src/store/pages.ts';
import { EVENT_ROWS_A_SLICE } from '../../../src/store/reader.ts';
import type { Row } from '../../../src/store/scan.ts';
import type { TokenEvent } from '../../../src/store/view.ts';
import { importAll, openTestCore } from '../../support/core.ts';
import { readFrames } from '../../support/corpus/frames.ts';
import { generateCorpus } from '../../support/corpus/generate.ts';
import { rowsOf, withDatabase } from '../../support/raw-store.ts';
import { tempDir } from '../../support/temp-dir.ts';

const keyOf = (n: number): Buffer => {
  const key = Buffer.alloc(5, 0x7a);
  key.writeUInt32BE(n, 1);
  return key;
};

test('a page looks at a bounded number of rows, and its cursor leads to what it did not look at', async (t) => {
  const total = 2 * MAX_ROWS_LOOKED_AT + 500;
  const wanted = [0, 1, MAX_ROWS_LOOKED_AT - 1, MAX_ROWS_LOOKED_AT, MAX_ROWS_LOOKED_AT + 7, total - 1];
  await withDatabase(tempDir(t), async (database) => {
    const ops = Array.from({ length: total }, (_, n) => ({ key: keyOf(n), value: Buffer.of(1) }));
    await database.write(ops, false);
    for (const limit of [1, 2, 3, 100]) {
      const found: number[] = [];
      let pages = 0;
      for (let cursor: string | undefined, isOver = false; !isOver; pages++) {
        const { snapshot, release } = database.hold();
        let looked = 0;
        const keep = ({ key }: Row): boolean => {
          looked++;
          return wanted.includes(key.readUInt32BE(1));
        };
        const page = await readPage(database, { prefix: Buffer.of(0x7a), limit, cursor, keep, snapshot });
        release();
        assert.ok(page.rows.length <= limit && looked <= MAX_ROWS_LOOKED_AT);
        found.push(...page.rows.map(({ key }) => key.readUInt32BE(1)));
        cursor = page.cursor;
        isOver = cursor === undefined;
      }
      assert.deepEqual(found, wanted, `limit ${limit}`);
      assert.ok(pages >= 3);
    }
  });
});

test('events are the same in whatever pieces the log is read, also those of one token among others', async (t) => {
  const directory = tempDir(t);
  const { tokens } = generateCorpus({ directory, seed: 'events', transfers: 1_500, owners: 20, tokens: 2 });
  const [first, second] = tokens.map(({ tokenId }) => tokenId) as [string, string];
  const core = await openTestCore({ path: join(directory, 'store'), follow: [first, second] });
  try {
    await core.chain.add(readFileSync(join(directory, 'headers.bin')));
    await importAll(core, readFrames(readFileSync(join(directory, 'history.bin'))));
    const transfers = [...readFrames(readFileSync(join(directory, 'transfers.bin')))];
    // Each alone: rows of a few events between full ones.
    for (const beef of transfers.slice(0, 60)) await importAll(core, [beef]);
    await importAll(core, transfers.slice(60));
    assert.ok((await rowsOf(core.store.database, PREFIX.event)).length > 2 * EVENT_ROWS_A_SLICE);
    const all = await core.reader.events(0n, 100_000);
    assert.equal(all.length, core.store.tip().sequence);
    assert.deepEqual(
      all.map(({ sequence }) => sequence),
      all.map((_, i) => BigInt(i + 1)),
    );
    const pieces = async (limit: number, of?: readonly string[]): Promise<TokenEvent[]> => {
      const events: TokenEvent[] = [];
      for (let isOver = false; !isOver; ) {
        const more = await core.reader.events(events.at(-1)?.sequence ?? 0n, limit, of);
        events.push(...more);
        isOver = more.length === 0;
      }
      return events;
    };
    for (const limit of [5, 127, 128, 3_000]) assert.deepEqual(await pieces(limit), all, `limit ${limit}`);
    for (const tokenId of [first, second]) {
      const own = all.filter((event) => event.tokenId === tokenId);
      assert.ok(own.length > 100);
      assert.deepEqual(await pieces(100, [tokenId]), own);
    }
  } finally {
    await core.close();
  }
});
