// Real headers of the main network against the whole chain: rules, links, chain work.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECKPOINTS } from '../../src/chain/checkpoints.ts';
import { ChainError } from '../../src/chain/errors.ts';
import { HEADER_BYTES } from '../../src/chain/header.ts';
import { HeaderChain } from '../../src/chain/header-chain.ts';
import { FakeClock, hashOf, nth, sharedFile } from '../support/chain.ts';
import { MemoryHeaderDisk } from '../support/header-disk.ts';

const first = sharedFile('vectors', 'headers', 'mainnet-0-499.bin');
const recent = sharedFile('vectors', 'headers', 'mainnet-900000-916817.bin');
const table = sharedFile('vectors', 'headers', 'mainnet-checkpoints.json');
const missing =
  first === undefined || recent === undefined || table === undefined ? 'shared vectors are not here' : false;
const BASE = 900_000;

async function openMain(disk = new MemoryHeaderDisk()): Promise<HeaderChain> {
  return HeaderChain.open({ network: 'main' }, { disk, clock: new FakeClock() });
}

function slice(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return bytes.subarray(from * HEADER_BYTES, to * HEADER_BYTES);
}

test('the first 500 headers are accepted from block 0', { skip: missing }, async () => {
  const chain = await openMain();
  const update = await chain.add(first!);
  assert.equal(update.added, 499);
  assert.equal(update.known, 1, 'block 0 is built in');
  assert.equal(update.tip.height, 499);
  assert.equal(update.tip.hash, hashOf(nth(first!, -1)));
  // Difficulty 1 throughout: 2^256 / (0xffff << 208 + 1) each.
  assert.equal(update.tip.chainWork, 500n * 0x100010001n);
  assert.equal(chain.baseHeight(), 0);
  assert.equal(
    chain.header(170)?.merkleRoot,
    '7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff',
  );
});

test('all 16,818 recent headers are accepted above the checkpoint, and give its chain work', {
  skip: missing,
}, async () => {
  const disk = new MemoryHeaderDisk();
  const chain = await openMain(disk);
  const update = await chain.add(recent!);
  assert.deepEqual([update.added, update.known, update.undone], [16_818, 0, undefined]);
  assert.equal(chain.baseHeight(), BASE);
  const last = CHECKPOINTS.main.at(-1);
  assert.deepEqual(chain.tip(), { height: last?.height, hash: last?.hash, chainWork: last?.chainWork });
  assert.equal(chain.rootAt(905_506), 'cf7868803802a7c1e36e5944a3c0c7f027df9bb51c244d749c4c0409dd3c9d4e');
  for (let i = 0; i < 16_818; i += 97) {
    const raw = nth(recent!, i);
    assert.deepEqual(chain.header(BASE + i)?.raw, Uint8Array.from(raw));
    assert.equal(chain.heightOf(hashOf(raw)), BASE + i);
  }
  const again = await openMain(disk);
  assert.deepEqual(again.tip(), chain.tip());
  assert.deepEqual(await again.verify(), { headers: 16_818, sideHeaders: 0 });
  assert.deepEqual(await again.add(recent!), {
    added: 0,
    known: 16_818,
    undone: undefined,
    tip: chain.tip(),
  });
});

test('the built-in checkpoints are those of the vectors', { skip: missing }, () => {
  const { checkpoints } = JSON.parse(table!.toString('utf8')) as {
    checkpoints: { height: number; hash: string; chainWork: string }[];
  };
  assert.equal(checkpoints.length, 10);
  for (const { height, hash, chainWork } of checkpoints) {
    const built = CHECKPOINTS.main.find((c) => c.height === height);
    assert.deepEqual([built?.hash, built?.chainWork], [hash, BigInt(`0x${chainWork}`)], `height ${height}`);
  }
});

/** Every code that a flipped bit of a field may give; anything else, or acceptance, fails the test. */
const EXPECTED = {
  version: ['POW_FAILED'],
  prev: ['UNKNOWN_PARENT'],
  root: ['POW_FAILED'],
  time: ['POW_FAILED'],
  bits: ['BITS_WRONG', 'BITS_INVALID'],
  nonce: ['POW_FAILED'],
} as const;

function fieldOf(byte: number): keyof typeof EXPECTED {
  if (byte < 4) return 'version';
  if (byte < 36) return 'prev';
  if (byte < 68) return 'root';
  if (byte < 72) return 'time';
  return byte < 76 ? 'bits' : 'nonce';
}

async function flip(chain: HeaderChain, raw: Uint8Array, bit: number): Promise<string> {
  const changed = Uint8Array.from(raw);
  changed[bit >>> 3]! ^= 1 << (bit & 7);
  const before = chain.tip();
  const code = await chain.add(changed).then(
    () => 'accepted',
    (thrown: unknown) => (thrown instanceof ChainError ? thrown.code : `not a ChainError: ${String(thrown)}`),
  );
  assert.deepEqual(chain.tip(), before);
  return code;
}

test('a header with one bit changed is refused with the code of its field', { skip: missing }, async () => {
  const chain = await openMain();
  const counts = new Map<string, number>();
  let fed = 0;
  // Every bit of a few headers (the first under the full rule, one in the middle, the last), 13 bits of many more.
  const whole = new Set([147, 8_000, 16_817]);
  const samples = [...whole];
  for (let i = 150; i < 16_800; i += 151) samples.push(i);
  for (const i of samples.sort((a, b) => a - b)) {
    await chain.add(slice(recent!, fed, i));
    fed = i;
    const raw = nth(recent!, i);
    for (let bit = whole.has(i) ? 0 : i % 47; bit < 640; bit += whole.has(i) ? 1 : 47) {
      const field = fieldOf(bit >>> 3);
      const code = await flip(chain, raw, bit);
      assert.ok(
        (EXPECTED[field] as readonly string[]).includes(code),
        `header ${i}, bit ${bit} (${field}): ${code}`,
      );
      counts.set(`${field} ${code}`, (counts.get(`${field} ${code}`) ?? 0) + 1);
    }
  }
  await chain.add(slice(recent!, fed, 16_818));
  assert.equal(chain.tip().height, 916_817, 'the unchanged headers still pass');
  for (const field of Object.keys(EXPECTED)) {
    assert.ok(
      [...counts].some(([name, n]) => name.startsWith(field) && n > 20),
      `${field} was tried`,
    );
  }
});

test('just above a checkpoint bits may not be easier than the bound, and work is always needed', {
  skip: missing,
}, async () => {
  const chain = await openMain();
  await chain.add(slice(recent!, 0, 50));
  const raw = nth(recent!, 50);
  const easier = Buffer.from(raw);
  easier.writeUInt32LE(0x1d00ffff, 72);
  await assert.rejects(chain.add(easier), { code: 'BITS_IMPLAUSIBLE' });
  easier.writeUInt32LE(raw.readUInt32LE(72) + 1, 72);
  await assert.rejects(chain.add(easier), { code: 'POW_FAILED' });
  easier.writeUInt32LE(0x1d01ffff, 72);
  await assert.rejects(chain.add(easier), { code: 'BITS_INVALID' });
});

test('a changed header in the middle of many: those before it stay, the error says which', {
  skip: missing,
}, async () => {
  const chain = await openMain();
  const bytes = Uint8Array.from(recent!);
  bytes[5_000 * HEADER_BYTES + 40]! ^= 1;
  await assert.rejects(chain.add(bytes), (thrown) => {
    assert.ok(thrown instanceof ChainError);
    assert.equal(thrown.code, 'POW_FAILED');
    assert.deepEqual([thrown.data['index'], thrown.data['height']], [5_000, 905_000]);
    return true;
  });
  assert.equal(chain.tip().height, 904_999);
  await chain.add(recent!);
  assert.equal(chain.tip().height, 916_817);
});
