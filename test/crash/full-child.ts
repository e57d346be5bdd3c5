// Writes commits to a store until it is told to end, whatever the disk says, and tells which were acknowledged.
import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { balanceKey } from '../../src/store/keys.ts';
import { encodeBalance } from '../../src/store/owner-rows.ts';
import { RowWriter } from '../../src/store/row-bytes.ts';
import { Store } from '../../src/store/store.ts';
import { changeOf, rawOptions } from '../support/raw-store.ts';

const path = process.argv[2]!;
const keys = new RowWriter();
const values = new RowWriter();
const ROWS = 40;
/** Commits after the first failure that are acknowledged. */
const AFTERWARDS = 100;

function commit(number: number) {
  const ops = Array.from({ length: ROWS }, (_, i) => {
    const owner = Buffer.alloc(20);
    owner.writeUInt32BE(number * ROWS + i);
    const key = Buffer.from(balanceKey(keys, 1, owner));
    const balance = { lock: 'p2pkh', confirmed: 2n ** 60n, unconfirmed: BigInt(number), coins: 1 } as const;
    return { key, value: Buffer.from(encodeBalance(values, key, [balance])) };
  });
  return changeOf({ ops });
}

// All of it stays in one log.
const store = await Store.open({ ...rawOptions(path), writeBufferBytes: 16 << 20 });
let failures = 0;
for (let afterwards = 0; afterwards < AFTERWARDS; ) {
  try {
    const { commit: number } = await store.commit(commit(store.tip().commit + 1));
    writeSync(1, `ack ${number}\n`);
    if (failures > 0) afterwards++;
  } catch (error) {
    failures++;
    if (failures === 1) writeSync(1, `failed ${(error as { code?: string }).code}\n`);
    await setImmediate();
  }
}
// Not closed: the log is what the next start finds.
process.kill(process.pid, 'SIGKILL');
