import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { nodeDisk } from '../../../config/disk.ts';
import {
  FILE_LOCK_MODULES,
  FileLockError,
  type FileLockModules,
  removeStaleLocks,
  withFileLock,
} from '../../../config/file-lock.ts';
import {
  createProcessTable,
  identityText,
  type Liveness,
  type ProcessIdentity,
  parseIdentity,
  processTable,
} from '../../../config/process-id.ts';
import { errno } from './helpers.ts';

const CHILD = join(import.meta.dirname, `start-child${extname(import.meta.filename)}`);

let home = '';
const file = () => join(home, 'peers.yaml');
const lock = () => join(home, 'peers.yaml.lock');

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'btcfed-lock-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const NONCE = '00'.repeat(8);
const DEAD: ProcessIdentity = { ...processTable.self, pid: 3_999_999, startTicks: '1' };

/** Modules whose other processes are as told, and whose time passes only by waiting. */
function modulesWith(liveness: Liveness): FileLockModules & { waitedMs: () => number } {
  let nowMs = 0;
  return {
    ...FILE_LOCK_MODULES,
    processes: {
      self: processTable.self,
      liveness: (other) => (other.pid === process.pid ? 'alive' : liveness),
    },
    clock: {
      nowMs: () => Date.now(),
      monotonicMs: () => nowMs,
      after(ms, run) {
        nowMs += ms;
        const immediate = setImmediate(run);
        return () => clearImmediate(immediate);
      },
    },
    waitedMs: () => nowMs,
  };
}

describe('withFileLock', { timeout: 60_000 }, () => {
  it('says who holds it while it is held, mode 0600, and leaves nothing', async () => {
    const held = await withFileLock(file(), async () => {
      assert.equal((await nodeDisk.stat(lock())).mode, 0o600);
      assert.deepEqual(readdirSync(home), ['peers.yaml.lock']);
      return readFileSync(lock(), 'utf8');
    });
    const [identity, nonce] = held.trimEnd().split(' ');
    assert.deepEqual(parseIdentity(identity!), processTable.self);
    assert.match(nonce!, /^[0-9a-f]{16}$/);
    assert.deepEqual(readdirSync(home), []);
  });

  it('is released when the work fails, with the error of the work', async () => {
    const failing = withFileLock(file(), async () => {
      throw errno('ENOSPC');
    });
    await assert.rejects(failing, { code: 'ENOSPC' });
    assert.deepEqual(readdirSync(home), []);
  });

  it('runs works of one process one at a time', async () => {
    let inside = 0;
    let most = 0;
    let runs = 0;
    const work = async () => {
      inside++;
      most = Math.max(most, inside);
      await new Promise(setImmediate);
      inside--;
      runs++;
    };
    await Promise.all(Array.from({ length: 20 }, () => withFileLock(file(), work)));
    assert.deepEqual([most, runs], [1, 20]);
  });

  it('gives up after the timeout, names the holder, and leaves its lock alone', async () => {
    const held = `${identityText({ ...DEAD, pid: 4321 })} ${NONCE}\n`;
    writeFileSync(lock(), held);
    const modules = modulesWith('alive');
    let ran = false;
    const work = async () => {
      ran = true;
    };
    const run = withFileLock(file(), work, modules);
    await assert.rejects(run, (error) => {
      assert.ok(error instanceof FileLockError);
      assert.equal(error.code, 'LOCK_TIMEOUT');
      assert.equal(error.message, `${lock()} is held by process 4321 for more than 5000 ms`);
      assert.deepEqual(error.data, { lock: lock(), pid: 4321, waitedMs: 5000 });
      return true;
    });
    assert.equal(modules.waitedMs(), 5000);
    assert.equal(ran, false);
    assert.equal(readFileSync(lock(), 'utf8'), held);
    assert.deepEqual(readdirSync(home), ['peers.yaml.lock']);
  });

  it('takes over the lock of a process that is dead, at once', async () => {
    writeFileSync(lock(), `${identityText(DEAD)} ${NONCE}\n`);
    const modules = modulesWith('dead');
    assert.equal(await withFileLock(file(), async () => 'done', modules), 'done');
    assert.equal(modules.waitedMs(), 0);
    assert.deepEqual(readdirSync(home), []);
  });

  it('takes over a lock whose recoverer died as well, however deep', async () => {
    const other = 'ab'.repeat(8);
    writeFileSync(lock(), `${identityText(DEAD)} ${NONCE}\n`);
    writeFileSync(`${lock()}.${NONCE}`, `${identityText(DEAD)} ${other}\n`);
    writeFileSync(`${lock()}.${NONCE}.${other}`, `${identityText(DEAD)} ${'cd'.repeat(8)}\n`);
    assert.equal(await withFileLock(file(), async () => 'done', modulesWith('dead')), 'done');
    assert.deepEqual(readdirSync(home), []);
  });

  it('two recoverers: the slower one leaves the lock that the faster one has made', {
    timeout: 10_000,
  }, async () => {
    writeFileSync(lock(), `${identityText(DEAD)} ${NONCE}\n`);
    // The slower one reads the dead lock, then stands still until the faster one holds its own.
    let goOn = () => {};
    const stopped = Promise.withResolvers<void>();
    let reads = 0;
    const disk = {
      ...FILE_LOCK_MODULES.disk,
      async read(path: string) {
        const bytes = await nodeDisk.read(path);
        if (path === lock() && ++reads === 1) {
          stopped.resolve();
          await new Promise<void>((resolve) => {
            goOn = resolve;
          });
        }
        return bytes;
      },
    };
    const order: string[] = [];
    const slow = withFileLock(file(), async () => void order.push('slow'), { ...FILE_LOCK_MODULES, disk });
    await stopped.promise;
    await withFileLock(file(), async () => {
      const mine = readFileSync(lock(), 'utf8');
      order.push('fast in');
      goOn();
      // Long enough for the slower one to look again, several times.
      while (reads < 4) await new Promise(setImmediate);
      assert.equal(readFileSync(lock(), 'utf8'), mine);
      order.push('fast out');
    });
    await slow;
    assert.deepEqual(order, ['fast in', 'fast out', 'slow']);
    assert.deepEqual(readdirSync(home), []);
  });

  it('a lock that cannot be judged (another container, another program) is waited for, and stale after a minute', async () => {
    for (const text of [`${identityText({ ...DEAD, namespace: '1' })} ${NONCE}\n`, '', 'not ours\n']) {
      writeFileSync(lock(), text);
      const fresh = modulesWith('unknown');
      await assert.rejects(
        withFileLock(file(), async () => {}, fresh),
        { code: 'LOCK_TIMEOUT' },
      );
      assert.equal(readFileSync(lock(), 'utf8'), text);
      const old = Date.now() / 1000 - 61;
      utimesSync(lock(), old, old);
      assert.equal(await withFileLock(file(), async () => 'done', modulesWith('unknown')), 'done');
      assert.deepEqual(readdirSync(home), []);
    }
  });

  it('does not remove the lock of another one that came after its own was taken away', async () => {
    await withFileLock(file(), async () => {
      rmSync(lock());
      writeFileSync(lock(), `${identityText(DEAD)} ${NONCE}\n`);
    });
    assert.ok(existsSync(lock()));
  });

  it('a lock that it could not remove holds it up no more', async () => {
    for (const call of ['read', 'remove'] as const) {
      let failed = 0;
      const disk = {
        ...FILE_LOCK_MODULES.disk,
        [call]: async (path: string) => {
          if (path === lock() && ++failed) throw errno('EIO');
          await nodeDisk[call](path);
        },
      };
      assert.equal(await withFileLock(file(), async () => 'done', { ...FILE_LOCK_MODULES, disk }), 'done');
      assert.deepEqual([failed, readdirSync(home)], [1, ['peers.yaml.lock']], 'the fault happened');
      const modules = modulesWith('alive');
      assert.equal(await withFileLock(file(), async () => 'done', modules), 'done');
      assert.equal(modules.waitedMs(), 0);
      assert.deepEqual(readdirSync(home), []);
    }
  });

  it('removeStaleLocks takes those of dead owners away, and no other', async () => {
    const dead = `${identityText(DEAD)} ${NONCE}\n`;
    for (const name of ['', `.${NONCE}`, `.${NONCE}.${'ab'.repeat(8)}`])
      writeFileSync(`${lock()}${name}`, dead);
    writeFileSync(`${file()}.lockless`, dead);
    writeFileSync(`${lock()}.inode7`, 'not ours\n');
    await removeStaleLocks(file(), modulesWith('dead'));
    assert.deepEqual(readdirSync(home), ['peers.yaml.lock.inode7', 'peers.yaml.lockless']);
    writeFileSync(lock(), dead);
    await removeStaleLocks(file(), modulesWith('alive'));
    assert.equal(readFileSync(lock(), 'utf8'), dead);
    await removeStaleLocks(join(home, 'nowhere/peers.yaml'));
  });

  it('fails with the error of the disk', async () => {
    await assert.rejects(
      withFileLock(join(home, 'nowhere/peers.yaml'), async () => {}),
      { code: 'ENOENT' },
    );
    for (const call of ['create', 'link', 'read'] as const) {
      writeFileSync(lock(), `${identityText(DEAD)} ${NONCE}\n`);
      const disk = {
        ...FILE_LOCK_MODULES.disk,
        [call]: async () => {
          throw errno('EROFS');
        },
      };
      const run = withFileLock(file(), async () => {}, { ...FILE_LOCK_MODULES, disk });
      await assert.rejects(run, { code: 'EROFS' }, call);
      assert.deepEqual(readdirSync(home), ['peers.yaml.lock'], call);
    }
  });
});

describe('processTable', () => {
  it('knows itself and another living process; a later process with the same number is another one', async () => {
    assert.equal(processTable.liveness(processTable.self), 'alive');
    assert.equal(processTable.liveness({ ...processTable.self, startTicks: '1' }), 'dead');
    assert.equal(processTable.liveness({ ...processTable.self, boot: '00000000' }), 'dead');
    assert.equal(processTable.liveness({ ...processTable.self, namespace: '1' }), 'unknown');
    assert.equal(processTable.liveness(DEAD), 'dead');
  });

  it('a process that was killed and not yet waited for is dead', async () => {
    // The shell does not wait for its child, so that it stays a zombie.
    const shell = spawn('sh', ['-c', 'sleep 100 & echo $!; exec sleep 100'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [chunk] = await once(shell.stdout, 'data');
    const pid = Number(String(chunk));
    const stat = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    const identity = { ...processTable.self, pid, startTicks: stat()[19]! };
    assert.equal(processTable.liveness(identity), 'alive');
    process.kill(pid, 'SIGKILL');
    while (stat()[0] !== 'Z') await new Promise(setImmediate);
    assert.equal(processTable.liveness(identity), 'dead');
    shell.kill('SIGKILL');
    await once(shell, 'close');
  });

  it('where /proc shows nothing, a process that is there cannot be judged, and one that is not is dead', () => {
    const blind = createProcessTable(join(home, 'nowhere'));
    assert.deepEqual(blind.self, { pid: process.pid, startTicks: '0', boot: '', namespace: '' });
    assert.equal(blind.liveness({ ...blind.self, pid: process.ppid }), 'unknown');
    assert.equal(blind.liveness({ ...blind.self, pid: 3_999_999 }), 'dead');
    assert.deepEqual(parseIdentity(identityText(blind.self)), blind.self);
  });

  it('text and identity, there and back; other texts are none', () => {
    const { self } = processTable;
    assert.deepEqual(parseIdentity(identityText(self)), self);
    for (const text of ['', '1', '1-2-ab', '0-1-ab-3', '1-2-xy-3', '1-2-ab-3-4', '-1-2-ab-3']) {
      assert.equal(parseIdentity(text), undefined, text);
    }
  });
});

describe('two processes that start at the same instant', () => {
  const rounds = process.env['BTCFED_TEST_LONG'] === '1' ? 500 : 40;

  for (const there of [true, false]) {
    it(`both have the same key, ${rounds} rounds, file ${there ? 'without a key' : 'missing'}`, async (t) => {
      const children = [0, 1].map(() => fork(CHILD, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
      t.after(async () => {
        for (const child of children) child.kill();
        await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
      });
      await Promise.all(children.map((child) => once(child, 'message')));
      const written = new Map<string, number>();
      for (let round = 0; round < rounds; round++) {
        const folder = mkdtempSync(join(home, 'round-'));
        const conf = join(folder, 'conf.yaml');
        if (there) {
          const text =
            'network: { addresses: [/ip4/127.0.0.1/tcp/0] }\npeers: { connection_timeout: 10s }\nlogging: { level: info, format: text }\n';
          writeFileSync(conf, text);
        }
        const answers = children.map((child) => once(child, 'message'));
        for (const child of children) child.send({ file: conf, home: folder });
        const [first, second] = (await Promise.all(answers)).map(
          ([message]) => message as { publicKey?: string; written?: string; error?: string },
        );
        assert.equal(first!.error ?? second!.error, undefined, `round ${round}`);
        assert.equal(first!.publicKey, second!.publicKey, `round ${round}`);
        const pair = [first!.written, second!.written].sort().join(' and ');
        written.set(pair, (written.get(pair) ?? 0) + 1);
        assert.deepEqual(readdirSync(folder), ['conf.yaml'], 'neither a lock nor a temp file is left');
      }
      // One of the two made the key every time; the other took it.
      assert.deepEqual([...written], [[there ? 'key and nothing' : 'file and nothing', rounds]]);
    });
  }
});
