import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { balanceKey } from '../../../src/store/keys.ts';
import { encodeBalance } from '../../../src/store/owner-rows.ts';
import { RowWriter } from '../../../src/store/row-bytes.ts';
import { Store } from '../../../src/store/store.ts';
import { crashCopy } from '../../support/crash-copy.ts';
import { changeOf, rawOptions } from '../../support/raw-store.ts';
import { tempDir } from '../../support/temp-dir.ts';

const COPIES = 8;

test('a copy of a store in full work is one that a kill could leave: it opens, with all that was acknowledged', async (t) => {
  const folder = tempDir(t);
  const path = join(folder, 'store');
  const [keys, values] = [new RowWriter(), new RowWriter()];
  // Small tables, so that files come and go all the time.
  const store = await Store.open({ ...rawOptions(path), writeBufferBytes: 256 << 10 });
  let isOver = false;
  const write = async (): Promise<void> => {
    for (let number = 1; !isOver; number++) {
      keys.reset();
      values.reset();
      const ops = Array.from({ length: 60 }, (_, i) => {
        const owner = Buffer.alloc(20, i);
        owner.writeUInt32BE((number * 7919 + i * 31) % 5000);
        const key = Buffer.from(balanceKey(keys, 1, owner));
        const balance = {
          lock: 'p2pkh',
          confirmed: BigInt(number),
          unconfirmed: 2n ** 60n,
          coins: 1,
        } as const;
        return { key, value: Buffer.from(encodeBalance(values, key, [balance])) };
      });
      await store.commit(changeOf({ ops }));
    }
  };
  const writing = write();
  try {
    for (let i = 0; i < COPIES; i++) {
      const to = join(folder, `copy-${i}`);
      mkdirSync(to);
      const before = store.tip().commit;
      crashCopy(path, to);
      const after = store.tip().commit;
      const copy = await Store.open(rawOptions(to));
      const { commit } = copy.tip();
      await copy.close();
      rmSync(to, { recursive: true });
      assert.ok(commit >= before && commit <= after + 1, `${before} <= ${commit} <= ${after} + 1`);
    }
  } finally {
    isOver = true;
    await writing;
    await store.close();
  }
});
