import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { diffConfig } from '../../../config/diff.ts';
import { exampleYaml, keyTable, TABLE_END, TABLE_START } from '../../../config/example.ts';
import { SCHEMA } from '../../../config/schema.ts';
import { checkoutRoot, KEY_PAIR, MINIMAL, parse } from './helpers.ts';

const EXAMPLE = join(checkoutRoot(), 'conf.example.yaml');
const README = join(checkoutRoot(), 'config/README.md');
const update = process.env['BTCFED_UPDATE_FIXTURES'] === '1';

describe('generated texts', () => {
  it('conf.example.yaml is what the schema generates, byte by byte', () => {
    if (update) writeFileSync(EXAMPLE, exampleYaml());
    assert.equal(readFileSync(EXAMPLE, 'utf8'), exampleYaml());
  });

  it('the key table of the README is what the schema generates', () => {
    const readme = readFileSync(README, 'utf8');
    const start = readme.indexOf(TABLE_START);
    const end = readme.indexOf(TABLE_END) + TABLE_END.length;
    assert.ok(start > 0 && end > start);
    if (update) writeFileSync(README, readme.slice(0, start) + keyTable() + readme.slice(end));
    const now = readFileSync(README, 'utf8');
    assert.equal(now.slice(start, now.indexOf(TABLE_END) + TABLE_END.length), keyTable());
  });

  it('the example names every key, and loads', () => {
    const text = exampleYaml();
    for (const { name } of SCHEMA) assert.match(text, new RegExp(`^ *(# )?${name}:`, 'm'), name);
    assert.equal(parse(text).needsKey, true);
  });

  it('the example says what an empty file would, the four required keys aside', () => {
    const changes = diffConfig(parse(MINIMAL).config, parse(exampleYaml()).config);
    assert.deepEqual(
      changes.map(({ key, old, new: next }) => [key, old, next]),
      [
        ['network.addresses', ['/ip4/0.0.0.0/tcp/9000'], ['/ip4/0.0.0.0/tcp/9000', '/ip6/::/tcp/9000']],
        ['logging.format', 'json', 'text'],
      ],
    );
  });

  it('the commented keys of the example load too', () => {
    const text = exampleYaml().replaceAll(
      /^ {2}# (file_name:|checkpoint:| {2}(?:height|hash|chain_work):)/gm,
      '  $1',
    );
    const { config } = parse(text);
    assert.equal(config.logging.fileName, '/home/btcfed/btcfed.log');
    assert.equal(config.chain.checkpoint?.height, 899_999);
    assert.equal(config.chain.checkpoint?.chainWork, 0x1664db1f2d50326927f07dfn);
  });

  it('with a key, only the key differs', () => {
    const text = exampleYaml(KEY_PAIR.privateKey);
    assert.equal(text.replace(KEY_PAIR.privateKey, ''), exampleYaml());
    assert.equal(parse(text).config.node.privateKey.reveal(), KEY_PAIR.privateKey);
  });

  it('no line is wider than 110 characters, and none ends in a space', () => {
    for (const line of exampleYaml().split('\n')) {
      assert.ok(line.length <= 110, line);
      assert.equal(line, line.trimEnd());
    }
  });
});
