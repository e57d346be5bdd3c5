import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { formatProblem } from '../../../config/errors.ts';
import { loadConfig } from '../../../config/load.ts';
import { checkoutRoot, configErrorOf, countingBytes, FakeDisk, HOME, KEY_PAIR, unlocked } from './helpers.ts';

const FOLDER = join(checkoutRoot(), 'test/fixtures/config');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

/** `BTCFED_UPDATE_FIXTURES=1` writes the expected texts anew: read every change of them. */
const update = process.env['BTCFED_UPDATE_FIXTURES'] === '1';

describe('bad conf.yaml files, each with everything that is said about it', () => {
  it('there are at least 100 of them, and as many expected texts', () => {
    assert.ok(files.length >= 100, `${files.length} files`);
    const texts = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
    assert.deepEqual(
      texts,
      files.map((name) => name.replace(/yaml$/, 'txt')),
    );
  });

  for (const name of files) {
    it(name, async () => {
      const bytes = readFileSync(join(FOLDER, name));
      const disk = new FakeDisk();
      disk.put('conf.yaml', bytes);
      const load = () =>
        loadConfig(
          { file: 'conf.yaml', home: HOME, create: true },
          { disk, randomBytes: countingBytes, lock: unlocked },
        );
      const error = await configErrorOf(load);
      const expectedFile = join(FOLDER, name.replace(/yaml$/, 'txt'));
      const actual = `${error.message}\n`;
      if (update) writeFileSync(expectedFile, actual);
      assert.equal(actual, readFileSync(expectedFile, 'utf8'));
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.equal(error.message, error.problems.map(formatProblem).join('\n'));
      assert.deepEqual(disk.writes(), [], 'a file in error is left alone');
      assert.ok(!/[A-Za-z0-9+/]{60}/.test(actual.replaceAll(/[0-9a-f]{64}/g, '')), 'no key material');
      assert.ok(!actual.includes(KEY_PAIR.privateKey.slice(0, 20)));
      assert.ok(!actual.includes('secret@') && !actual.includes('token=secret'));
    });
  }
});
