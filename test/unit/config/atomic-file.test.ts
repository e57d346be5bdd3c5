import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { replaceFile } from '../../../config/atomic-file.ts';
import type { ProcessTable } from '../../../config/process-id.ts';
import { countingBytes, errno, FakeDisk } from './helpers.ts';

const target = { path: '/f/conf.yaml', bytes: Buffer.from('new'), owner: undefined };
/** `7-8-0a-9` is this process, `7-8-0a-10` another one that lives, everything else is dead. */
const processes: ProcessTable = {
  self: { pid: 7, startTicks: '8', boot: '0a', namespace: '9' },
  liveness: ({ namespace }) => (namespace === '9' || namespace === '10' ? 'alive' : 'dead'),
};
const TEMP = '/f/.conf.yaml.7-8-0a-9.000102030405.tmp';

describe('replaceFile', () => {
  it('temp file in the same folder, rename, sync of the folder, in this order', async () => {
    const disk = new FakeDisk();
    disk.put('/f/conf.yaml', 'old');
    await replaceFile(target, { disk, randomBytes: countingBytes, processes });
    assert.deepEqual(disk.calls, [
      'list /f',
      `create ${TEMP}`,
      `rename ${TEMP} /f/conf.yaml`,
      'syncFolder /f',
    ]);
    assert.equal(disk.text('/f/conf.yaml'), 'new');
  });

  it('a stop at any step leaves the old or the new content, whole', async () => {
    const others: ProcessTable = { ...processes, liveness: () => 'dead' };
    const seen = new Set<string | undefined>();
    for (let stop = 0; stop < 5; stop++) {
      const disk = new FakeDisk();
      disk.put('/f/conf.yaml', 'old');
      disk.tornCreate = true;
      // From here on nothing reaches the disk any more, as after a kill.
      disk.before = (_, index) => {
        if (index >= stop) throw errno('EIO');
      };
      await replaceFile(target, { disk, randomBytes: countingBytes, processes }).catch(() => {});
      seen.add(disk.text('/f/conf.yaml'));

      disk.before = () => {};
      await replaceFile(target, { disk, randomBytes: () => Buffer.from('abcdef'), processes: others });
      assert.deepEqual([...disk.files.keys()], ['/f/conf.yaml'], 'the next write cleans up');
    }
    assert.deepEqual([...seen], ['old', 'new']);
  });

  it('removes what was left behind, and only that: nothing of a writer that lives', async () => {
    const disk = new FakeDisk();
    for (const name of [
      '.conf.yaml.0a.tmp',
      '.conf.yaml.7-8-0a-11.0a.tmp',
      '.conf.yaml.7-8-0a-10.0a.tmp',
      '.conf.yaml.lock.7-8-0a-11.0a.tmp',
      '.conf.yaml.lock.7-8-0a-10.0a.tmp',
      '.peers.yaml.0a.tmp',
      'conf.yaml.bak',
      '.conf.yaml.swp',
    ]) {
      disk.put(`/f/${name}`, 'x');
    }
    await replaceFile(target, { disk, randomBytes: countingBytes, processes });
    assert.deepEqual([...disk.files.keys()].sort(), [
      '/f/.conf.yaml.7-8-0a-10.0a.tmp',
      '/f/.conf.yaml.lock.7-8-0a-10.0a.tmp',
      '/f/.conf.yaml.swp',
      '/f/.peers.yaml.0a.tmp',
      '/f/conf.yaml',
      '/f/conf.yaml.bak',
    ]);
  });

  it('fails with the error of the disk', async () => {
    const disk = new FakeDisk();
    disk.before = (call) => {
      if (call.startsWith('rename')) throw errno('EXDEV');
    };
    await assert.rejects(replaceFile(target, { disk, randomBytes: countingBytes, processes }), {
      code: 'EXDEV',
    });
    assert.equal(disk.files.size, 0);
  });
});
