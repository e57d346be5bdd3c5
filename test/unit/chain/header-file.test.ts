import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ChainError } from '../../../src/chain/errors.ts';
import { importHeaderFile, readHeaderFile } from '../../../src/chain/header-file.ts';
import { mineChain, openRegtest } from '../../support/chain.ts';

const folder = await mkdtemp(join(tmpdir(), 'btcfed-header-file-'));
after(() => rm(folder, { recursive: true }));
const trunk = mineChain(50);

async function file(name: string, content: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function read(path: string): Promise<Buffer> {
  const blocks: Uint8Array[] = [];
  for await (const block of readHeaderFile(path)) blocks.push(block);
  return Buffer.concat(blocks);
}

async function code(path: string): Promise<[code: string, offset: unknown]> {
  const error = await read(path).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ChainError, String(error));
  assert.equal(error.data['path'], path);
  assert.ok(error.message.startsWith(path), error.message);
  return [error.code, error.data['offset']];
}

test('binary and hex files, with any white space, give the same headers', async () => {
  const hex = trunk.toString('hex');
  const lines = Array.from({ length: 50 }, (_, i) => hex.slice(i * 160, i * 160 + 160));
  const files: readonly [string, Uint8Array | string][] = [
    ['binary', trunk],
    ['hex', hex],
    ['upper', hex.toUpperCase()],
    ['lines', `${lines.join('\n')}\n`],
    ['dos', `\r\n  ${lines.join(' \t\r\n')}`],
    ['ragged', hex.replace(/.{7}/g, '$&\n')],
  ];
  for (const [name, content] of files) assert.deepEqual(await read(await file(name, content)), trunk, name);
});

test('files larger than a block come in blocks of whole headers', async () => {
  const many = Buffer.concat(Array.from({ length: 400 }, () => trunk));
  assert.deepEqual(await read(await file('big', many)), many);
  assert.deepEqual(await read(await file('big-hex', many.toString('hex').replace(/.{99}/g, '$&\n'))), many);
});

test('a file that is no whole number of headers is refused with the place where it ends', async () => {
  const { chain } = await openRegtest();
  const path = await file('cut', trunk.subarray(0, 1990));
  assert.deepEqual(await code(path), ['HEADER_FILE_LENGTH', 1920]);
  await assert.rejects(importHeaderFile(chain, path), { code: 'HEADER_FILE_LENGTH' });
  assert.equal(chain.tip().height, 0, 'a binary file is refused before its first header');
  assert.deepEqual(await code(await file('cut-hex', trunk.toString('hex').slice(0, 3999))), [
    'HEADER_FILE_LENGTH',
    1920,
  ]);
  const half = trunk.toString('hex').slice(0, 1601);
  assert.deepEqual(await code(await file('half-byte', half)), ['HEADER_FILE_LENGTH', 800]);
  assert.deepEqual(await code(await file('one', Buffer.from([1, 0, 0]))), ['HEADER_FILE_LENGTH', 0]);
});

test('text that is not hex is refused at its byte', async () => {
  const hex = trunk.toString('hex');
  assert.deepEqual(await code(await file('letter', `${hex.slice(0, 1000)}g${hex.slice(1000)}`)), [
    'HEADER_FILE_NOT_HEX',
    1000,
  ]);
  const many = `${hex.repeat(100)}!`;
  assert.deepEqual(await code(await file('late', many)), ['HEADER_FILE_NOT_HEX', many.length - 1]);
});

test('empty, missing and unreadable files are named', async () => {
  assert.deepEqual(await code(await file('empty', '')), ['HEADER_FILE_EMPTY', undefined]);
  assert.deepEqual(await code(await file('blank', ' \n\t ')), ['HEADER_FILE_EMPTY', undefined]);
  assert.deepEqual(await code(join(folder, 'nowhere')), ['HEADER_FILE_UNREADABLE', undefined]);
  assert.deepEqual(await code(folder), ['HEADER_FILE_UNREADABLE', undefined]);
});

test('an import reports progress and totals; again it finds everything known', async () => {
  const many = mineChain(9000);
  const path = await file('many', many);
  const { chain } = await openRegtest();
  const seen: [number, number][] = [];
  const result = await importHeaderFile(chain, path, ({ headers, tip }) => seen.push([headers, tip.height]));
  assert.deepEqual(result, { headers: 9000, added: 9000, known: 0, tip: chain.tip() });
  assert.deepEqual(seen, [
    [8192, 8192],
    [9000, 9000],
  ]);
  const again = await importHeaderFile(chain, path);
  assert.deepEqual([again.added, again.known], [0, 9000]);
});

test('a bad header in a file is named by number and byte; those before it are kept', async () => {
  const many = mineChain(9000);
  many[8500 * 80 + 72]! ^= 1;
  const path = await file('bad', many);
  const { chain } = await openRegtest();
  await assert.rejects(importHeaderFile(chain, path), (thrown) => {
    assert.ok(thrown instanceof ChainError);
    assert.equal(thrown.code, 'BITS_WRONG');
    assert.deepEqual(
      [thrown.data['index'], thrown.data['offset'], thrown.data['height']],
      [8500, 680_000, 8501],
    );
    assert.match(thrown.message, /bad: header 8500 \(byte 680000\): /);
    return true;
  });
  assert.equal(chain.tip().height, 8500);
});
