import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { nodeDisk } from '../../../config/disk.ts';
import { loadConfig } from '../../../config/load.ts';
import { configErrorOf, MINIMAL } from './helpers.ts';

let home = '';
const file = () => join(home, 'conf.yaml');
const load = (create = true) => loadConfig({ file: file(), home, create });
const isRoot = process.getuid?.() === 0;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'btcfed-config-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('on a real disk', () => {
  it('a first start leaves one file of mode 0600, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      const first = await load();
      assert.equal(first.written, 'file');
      assert.equal(statSync(file()).mode & 0o777, 0o600);
      assert.deepEqual(readdirSync(home), ['conf.yaml']);
      const second = await load();
      assert.equal(second.written, 'nothing');
      assert.equal(second.publicKey, first.publicKey);
      assert.equal(second.digest, first.digest);
    } finally {
      process.umask(umask);
    }
  });

  it('two first starts have two identities', async () => {
    const first = await load();
    rmSync(file());
    assert.notEqual((await load()).publicKey, first.publicKey);
  });

  it('a key is added to a 0644 file, which is 0600 then', async () => {
    writeFileSync(file(), `# mine\n${MINIMAL}`, { mode: 0o644 });
    chmodSync(file(), 0o644);
    const loaded = await load();
    assert.equal(loaded.written, 'key');
    assert.deepEqual(loaded.warnings, []);
    assert.equal(statSync(file()).mode & 0o777, 0o600);
    assert.ok(readFileSync(file(), 'utf8').startsWith(`# mine\n${MINIMAL}`));
    assert.deepEqual(readdirSync(home), ['conf.yaml']);
  });

  it('a 0644 file with a key is told', async () => {
    await load();
    chmodSync(file(), 0o644);
    const { warnings } = await load();
    assert.deepEqual(
      warnings.map(({ message }) => message),
      ['the file holds the private key and has mode 0644'],
    );
  });

  it('a link stays a link', async () => {
    mkdirSync(join(home, 'etc'));
    writeFileSync(join(home, 'etc/real.yaml'), MINIMAL);
    symlinkSync('etc/real.yaml', file());
    await load();
    assert.deepEqual(readdirSync(home), ['conf.yaml', 'etc']);
    assert.deepEqual(readdirSync(join(home, 'etc')), ['real.yaml']);
    assert.match(readFileSync(join(home, 'etc/real.yaml'), 'utf8'), /private_key: "/);
    assert.ok(await nodeDisk.isLink(file()));
  });

  it('a folder is no file', async () => {
    mkdirSync(file());
    const error = await configErrorOf(() => load());
    assert.equal(error.message, `${file()}: is not a regular file (expected a YAML file)`);
  });

  it('a home that does not exist', async () => {
    const missing = join(home, 'nowhere/conf.yaml');
    const error = await configErrorOf(() => loadConfig({ file: missing, home, create: true }));
    assert.equal(error.code, 'CONFIG_UNWRITABLE');
    assert.match(error.message, /the folder does not exist \(ENOENT\)/);
  });

  it('a file in the place of the folder', async () => {
    writeFileSync(file(), MINIMAL);
    const inside = join(file(), 'conf.yaml');
    const error = await configErrorOf(() => loadConfig({ file: inside, home, create: true }));
    assert.match(error.message, /its folder is a file \(ENOTDIR\)/);
  });

  it('create does not touch what is there', async () => {
    writeFileSync(file(), 'mine');
    await assert.rejects(nodeDisk.create(file(), Buffer.from('x'), undefined), { code: 'EEXIST' });
    assert.equal(readFileSync(file(), 'utf8'), 'mine');
  });

  it('written by root, it still belongs to the user of the daemon', {
    skip: !isRoot && 'not root',
  }, async () => {
    writeFileSync(file(), MINIMAL);
    chownSync(file(), 12_345, 54_321);
    await load();
    const { uid, gid, mode } = statSync(file());
    assert.deepEqual([uid, gid, mode & 0o777], [12_345, 54_321, 0o600]);
  });
});
