import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { exampleYaml } from '../../../config/example.ts';
import { type LoadOptions, loadConfig } from '../../../config/load.ts';
import {
  configErrorOf,
  countingBytes,
  errno,
  FakeDisk,
  HOME,
  KEY_PAIR,
  MINIMAL,
  unlocked,
  WITH_KEY,
} from './helpers.ts';

const FILE = `${HOME}/conf.yaml`;

function load(disk: FakeDisk, opts: Partial<LoadOptions> = {}) {
  return loadConfig(
    { file: FILE, home: HOME, create: true, ...opts },
    { disk, randomBytes: countingBytes, lock: unlocked },
  );
}

describe('loadConfig, file missing', () => {
  it('a start writes the example with a fresh key', async () => {
    const disk = new FakeDisk();
    const loaded = await load(disk);
    assert.equal(loaded.written, 'file');
    assert.equal(disk.text(FILE), exampleYaml(KEY_PAIR.privateKey));
    assert.equal(disk.files.get(FILE)?.mode, 0o600);
    assert.deepEqual([...disk.files.keys()], [FILE]);
    assert.equal(loaded.publicKey, KEY_PAIR.publicKey);
    assert.equal(loaded.config.node.privateKey.reveal(), KEY_PAIR.privateKey);
    assert.deepEqual(loaded.warnings, []);
    assert.deepEqual(disk.owners, [undefined]);
  });

  it('the next start finds it as it is', async () => {
    const disk = new FakeDisk();
    const first = await load(disk);
    disk.calls.length = 0;
    const second = await load(disk);
    assert.equal(second.written, 'nothing');
    assert.deepEqual(disk.writes(), []);
    assert.equal(second.digest, first.digest);
    assert.deepEqual(second.sources, first.sources);
    assert.equal(second.publicKey, first.publicKey);
  });

  it('a check or a reload writes nothing and says so', async () => {
    const disk = new FakeDisk();
    const error = await configErrorOf(() => load(disk, { create: false }));
    assert.equal(error.code, 'CONFIG_NOT_FOUND');
    assert.equal(
      error.message,
      '/home/btcfed/conf.yaml: does not exist (expected a file; `btcfed run` writes one with defaults)',
    );
    assert.deepEqual(disk.writes(), []);
  });

  it('a link to nowhere is not replaced by a new identity', async () => {
    const disk = new FakeDisk();
    disk.links.set(FILE, '/mnt/usb/conf.yaml');
    const error = await configErrorOf(() => load(disk));
    assert.equal(error.code, 'CONFIG_UNREADABLE');
    assert.equal(
      error.message,
      '/home/btcfed/conf.yaml: is a link to a file that does not exist (expected the file, or no link)',
    );
    assert.deepEqual(disk.writes(), []);
  });
});

describe('loadConfig, key missing', () => {
  it('a start makes it and writes it, comments and order kept', async () => {
    const disk = new FakeDisk();
    const text = `# my node\nnode:\n  private_key: ""   # made by the daemon\n\n# rest\n${MINIMAL}`;
    disk.put(FILE, text);
    const loaded = await load(disk);
    assert.equal(loaded.written, 'key');
    assert.equal(disk.text(FILE), text.replace('""', `"${KEY_PAIR.privateKey}"`));
    assert.deepEqual(loaded.sources['node.private_key'], { from: 'file', file: FILE, line: 3 });
    assert.equal(loaded.digest, createHash('sha256').update(disk.text(FILE)!).digest('hex'));
    assert.deepEqual(disk.owners[0], {
      ...disk.owners[0],
      uid: 1000,
      gid: 1000,
    });
  });

  it('the new file is 0600 whatever the old one was, so there is nothing to warn of', async () => {
    const disk = new FakeDisk();
    disk.put(FILE, MINIMAL, 0o644);
    const loaded = await load(disk);
    assert.deepEqual(loaded.warnings, []);
    assert.equal(disk.files.get(FILE)?.mode, 0o600);
  });

  it('what a link leads to is written, the link stays', async () => {
    const disk = new FakeDisk();
    disk.put('/etc/btcfed/real.yaml', MINIMAL);
    disk.links.set(FILE, '/etc/btcfed/real.yaml');
    const loaded = await load(disk);
    assert.equal(loaded.written, 'key');
    assert.match(disk.text('/etc/btcfed/real.yaml')!, /private_key/);
    assert.equal(disk.files.has(FILE), false);
    assert.ok(disk.calls.some((call) => call.startsWith('create /etc/btcfed/.real.yaml.')));
  });

  it('a check makes one up, writes nothing, and warns', async () => {
    const disk = new FakeDisk();
    disk.put(FILE, MINIMAL);
    const loaded = await load(disk, { create: false });
    assert.equal(loaded.written, 'nothing');
    assert.deepEqual(disk.writes(), []);
    assert.equal(loaded.config.node.privateKey.reveal(), KEY_PAIR.privateKey);
    assert.ok(Object.isFrozen(loaded.config) && Object.isFrozen(loaded.config.node));
    assert.deepEqual(loaded.sources['node.private_key'], { from: 'generated' });
    assert.deepEqual(
      loaded.warnings.map(({ code, key, line }) => [code, key, line]),
      [['KEY_MISSING', 'node.private_key', 0]],
    );
  });

  it('a file that the key cannot be put into is an error, and stays', async () => {
    const disk = new FakeDisk();
    const text = `node: &n {}\n${MINIMAL}  modules: *n\n`;
    disk.put(FILE, text);
    const error = await configErrorOf(() => load(disk));
    assert.equal(error.code, 'CONFIG_UNWRITABLE');
    assert.equal(
      error.message,
      '/home/btcfed/conf.yaml: a private key is missing and cannot be added to a file written like this ' +
        '(expected a plain section "node:" with "private_key:", as in conf.example.yaml)',
    );
    assert.equal(disk.text(FILE), text);
  });
});

describe('loadConfig, writing fails', () => {
  const failures: readonly (readonly [string, RegExp, string])[] = [
    ['EACCES', /^list/, 'permission denied (EACCES)'],
    ['ENOENT', /^list/, 'the folder does not exist (ENOENT)'],
    ['EROFS', /^create/, 'the file system is read-only (EROFS)'],
    ['ENOSPC', /^create/, 'no space left on the disk (ENOSPC)'],
    ['EPERM', /^rename/, 'not permitted (EPERM)'],
    ['EIO', /^syncFolder/, 'the disk reports an error (EIO)'],
    ['EWEIRD', /^create/, 'EWEIRD'],
  ];
  for (const [code, call, reason] of failures) {
    for (const there of [true, false]) {
      it(`${code} at ${call.source}, file ${there ? 'there' : 'missing'}`, async () => {
        const disk = new FakeDisk();
        if (there) disk.put(FILE, MINIMAL);
        disk.tornCreate = true;
        disk.before = (name) => {
          if (call.test(name)) throw errno(code);
        };
        const error = await configErrorOf(() => load(disk));
        assert.equal(error.code, 'CONFIG_UNWRITABLE');
        const what = there ? 'new private key' : 'default file';
        assert.equal(
          error.message,
          `${FILE}: the ${what} cannot be written, ${reason} (expected the folder ${HOME} to be writable, ` +
            'or a file with a key from `btcfed keygen`)',
        );
        assert.ok(!error.message.includes(KEY_PAIR.privateKey));
        if (code !== 'EIO') assert.equal(disk.text(FILE), there ? MINIMAL : undefined);
        assert.deepEqual(
          [...disk.files.keys()].filter((path) => path.endsWith('.tmp')),
          [],
          'no temp file is left',
        );
      });
    }
  }

  it('a failure that is no file system error has no errno', async () => {
    const disk = new FakeDisk();
    disk.before = (call) => {
      if (call.startsWith('create')) throw new TypeError('surprise');
    };
    const error = await configErrorOf(() => load(disk));
    assert.match(error.message, /cannot be written, unknown error \(expected/);
  });
});

describe('loadConfig, warnings', () => {
  it('a file that others may read', async () => {
    for (const mode of [0o644, 0o640, 0o604, 0o610]) {
      const disk = new FakeDisk();
      disk.put(FILE, WITH_KEY, mode);
      const { warnings, written } = await load(disk);
      assert.equal(written, 'nothing');
      assert.deepEqual(
        warnings.map(({ code, message, expected }) => [code, message, expected]),
        [
          [
            'FILE_MODE',
            `the file holds the private key and has mode 0${mode.toString(8)}`,
            `mode 0600: chmod 600 ${FILE}`,
          ],
        ],
      );
    }
  });

  it('a file that only its owner may touch has none', async () => {
    for (const mode of [0o600, 0o400, 0o700]) {
      const disk = new FakeDisk();
      disk.put(FILE, WITH_KEY, mode);
      assert.deepEqual((await load(disk)).warnings, []);
    }
  });

  it('halves that differ are told together with the mode', async () => {
    const disk = new FakeDisk();
    const foreign = Buffer.concat([countingBytes(32), Buffer.alloc(32)]).toString('base64');
    disk.put(FILE, WITH_KEY.replace(KEY_PAIR.privateKey, foreign), 0o644);
    const { warnings, publicKey, config } = await load(disk, { create: false });
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['FILE_MODE', 'KEY_HALVES_DIFFER'],
    );
    assert.equal(publicKey, KEY_PAIR.publicKey);
    assert.equal(config.node.privateKey.reveal(), KEY_PAIR.privateKey);
    assert.match(disk.text(FILE)!, new RegExp(foreign.replace(/[+]/g, '\\+')), 'the file is left alone');
  });
});

describe('loadConfig, reading', () => {
  async function failing(at: RegExp, code: string) {
    const disk = new FakeDisk();
    disk.put(FILE, WITH_KEY);
    disk.before = (call) => {
      if (at.test(call)) throw errno(code);
    };
    return await configErrorOf(() => load(disk));
  }

  it('what cannot be read is said with the reason', async () => {
    for (const [at, code, reason] of [
      [/^stat/, 'EACCES', 'permission denied (EACCES)'],
      [/^stat/, 'ENOTDIR', 'its folder is a file (ENOTDIR)'],
      [/^stat/, 'ELOOP', 'its links lead in a circle (ELOOP)'],
      [/^read/, 'EIO', 'the disk reports an error (EIO)'],
    ] as const) {
      const error = await failing(at, code);
      assert.equal(error.code, 'CONFIG_UNREADABLE');
      assert.equal(
        error.message,
        `${FILE}: cannot be read, ${reason} (expected a file that this user may read)`,
      );
    }
  });

  it('a file that changes while it is read is read again', async () => {
    const disk = new FakeDisk();
    disk.put(FILE, WITH_KEY.slice(0, 100));
    disk.before = (call) => {
      if (call.startsWith('read') && disk.calls.length === 2) disk.put(FILE, WITH_KEY);
    };
    const loaded = await load(disk);
    assert.equal(loaded.publicKey, KEY_PAIR.publicKey);
    assert.equal(disk.calls.filter((call) => call.startsWith('read')).length, 2);
  });

  it('a file that an editor is replacing is waited for', async () => {
    const disk = new FakeDisk();
    disk.put(FILE, WITH_KEY);
    disk.before = (_, index) => {
      if (index === 1) disk.files.delete(FILE);
      if (index === 3) disk.put(FILE, WITH_KEY);
    };
    assert.equal((await load(disk)).written, 'nothing');
  });

  it('a file that goes away in between is no missing file', async () => {
    const disk = new FakeDisk();
    disk.put(FILE, WITH_KEY);
    disk.before = (_, index) => {
      if (index === 1) disk.files.delete(FILE);
    };
    const error = await configErrorOf(() => load(disk));
    assert.equal(error.code, 'CONFIG_UNREADABLE');
    assert.deepEqual(disk.writes(), []);
  });

  it('a file that never stops changing is given up', async () => {
    const disk = new FakeDisk();
    disk.put(FILE, WITH_KEY);
    disk.before = (call) => {
      if (call.startsWith('read')) disk.put(FILE, WITH_KEY);
    };
    const error = await configErrorOf(() => load(disk));
    assert.equal(error.message, `${FILE}: changes while it is read (expected a file that nobody is writing)`);
  });

  it('half a megabyte is the most', async () => {
    const disk = new FakeDisk();
    disk.put(FILE, `${WITH_KEY}#${' '.repeat(512 * 1024 - WITH_KEY.length - 1)}`);
    assert.equal((await load(disk)).written, 'nothing');
    disk.put(FILE, `${WITH_KEY}#${' '.repeat(512 * 1024 - WITH_KEY.length)}`);
    const error = await configErrorOf(() => load(disk));
    assert.equal(error.code, 'CONFIG_INVALID');
    assert.equal(error.message, `${FILE}: has 524289 bytes (expected at most 524288 bytes)`);
  });

  it('bytes that are no UTF-8 are named by line', async () => {
    const disk = new FakeDisk();
    disk.put(FILE, Buffer.concat([Buffer.from(WITH_KEY), Buffer.from([0x23, 0xff])]));
    const error = await configErrorOf(() => load(disk));
    const line = WITH_KEY.split('\n').length;
    assert.equal(error.message, `${FILE}:${line}:1: is not UTF-8 text here (expected a YAML file in UTF-8)`);
  });
});
