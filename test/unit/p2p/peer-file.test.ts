import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, it, type TestContext } from 'node:test';
import { nodeDisk } from '../../../config/disk.ts';
import { parsePeers } from '../../../config/peers.ts';
import { examplePeersYaml } from '../../../config/peers-example.ts';
import { LEARNED_END, LEARNED_START } from '../../../config/peers-text.ts';
import { identityText, type ProcessTable, processTable } from '../../../config/process-id.ts';
import { watchFile } from '../../../src/p2p/peer-watch.ts';
import { until } from '../../support/operator.ts';
import { entryText, keyOf, OWN_KEY, PeerFileBench, peer, peerOfNumber } from '../../support/peer-file.ts';
import { errno } from '../config/helpers.ts';

const OPERATOR = `# mine\npeers:\n${entryText(1, ' # bob')}`;
const parse = (text: string) => parsePeers(text, { file: 'peers.yaml', nowMs: Date.now() });

describe('PeerFile, load and save', () => {
  it('a missing file is empty, and is written with the first learned peer', async (t) => {
    const bench = await new PeerFileBench(t).run();
    assert.deepEqual(bench.learned(), []);
    assert.equal(await bench.peers.save(), true);
    assert.equal(bench.exists(), false);
    bench.learn(peer(2));
    assert.equal(await bench.peers.save(), true);
    assert.ok(bench.text().startsWith(examplePeersYaml()));
    assert.deepEqual(bench.names(), ['peers.yaml']);
    assert.equal(statSync(bench.file).mode & 0o777, 0o600);
    const again = await new PeerFileBench(t, { dir: bench.dir }).run();
    assert.deepEqual(again.learned(), [peer(2)]);
  });

  it("operator entries and learned ones survive a restart, the operator's text byte for byte", async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    const seen = peer(2, {
      lastSeenMs: 1_700_000_000_123,
      source: 'proved',
      version: 'btc-federation/0.1.0',
    });
    bench.learn(seen, peer(3));
    await bench.peers.save();
    assert.ok(bench.text().startsWith(OPERATOR));
    const again = new PeerFileBench(t, { dir: bench.dir });
    assert.deepEqual(await again.peers.load(), { operator: [peer(1)], learned: [seen, peer(3)] });
  });

  it('2,048 peers: load, save and merge in less than 500 ms each, and the event loop is not held up', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    const timed = async (what: string, run: () => Promise<unknown>): Promise<void> => {
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      const tookMs = (user + system) / 1_000;
      delay.disable();
      t.diagnostic(
        `${what} ${tookMs.toFixed(0)} ms of the processor, longest hold-up ${(delay.max / 1e6).toFixed(0)} ms`,
      );
      assert.ok(tookMs < 500, `${what} took ${tookMs} ms`);
    };
    bench.learn(...Array.from({ length: 2_048 }, (_, number) => peerOfNumber(number)));
    await timed('first save', () => bench.peers.save());
    for (const [key, entry] of bench.memory)
      bench.memory.set(key, { ...entry, lastSeenMs: 1_750_000_000_000 });
    await timed('save of a change in each', () => bench.peers.save());
    const again = new PeerFileBench(t, { dir: bench.dir });
    await timed('load', () => again.run());
    assert.equal(again.memory.size, 2_048);
    again.learn(...Array.from({ length: 100 }, (_, number) => peerOfNumber(5_000 + number)));
    await again.peers.save();
    bench.learn(...Array.from({ length: 100 }, (_, number) => peerOfNumber(6_000 + number)));
    await timed('merge with what another process wrote', () => bench.peers.save());
    assert.equal(parse(bench.text()).learned.length, 2_048);
  });

  it('own key and operator keys are never stored as learned', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.learn(peer(1, { addresses: ['/ip4/9.9.9.9/tcp/9'] }), peer(0xee));
    await bench.peers.save();
    assert.equal(bench.text(), OPERATOR);
    assert.ok(!bench.text().includes(OWN_KEY));
  });

  it('a save that changes nothing writes nothing', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.learn(peer(2));
    await bench.peers.save();
    const { ino } = statSync(bench.file);
    assert.equal(await bench.peers.save(), true);
    assert.equal(statSync(bench.file).ino, ino);
  });

  it('temp, fsync, rename, fsync of the folder, in this order, under the lock', async (t) => {
    const bench = await new PeerFileBench(t, { text: 'peers:\n' }).run();
    const calls: string[] = [];
    for (const name of ['create', 'link', 'rename', 'remove', 'syncFolder'] as const) {
      const real = nodeDisk[name] as (...args: unknown[]) => Promise<never>;
      Object.assign(bench.disk, {
        [name]: (...args: unknown[]) => {
          const shown = bench.base(args[0]).replace(/\.[0-9a-f-]+\.[0-9a-f]+\.tmp$/, '.tmp');
          calls.push(`${name} ${args[0] === bench.dir ? 'folder' : shown}`);
          return real(...args);
        },
      });
    }
    bench.learn(peer(2));
    await bench.peers.save();
    assert.deepEqual(calls, [
      'create .peers.yaml.lock.tmp',
      'link .peers.yaml.lock.tmp',
      'remove .peers.yaml.lock.tmp',
      // The backup of what the operator wrote, once.
      'create .peers.yaml.bak-000001.tmp',
      'rename .peers.yaml.bak-000001.tmp',
      'syncFolder folder',
      'create .peers.yaml.tmp',
      'rename .peers.yaml.tmp',
      'syncFolder folder',
      'remove peers.yaml.lock',
    ]);
  });

  it('leftovers of dead writers go at the start; those of living ones stay', async (t) => {
    const dead = identityText({ ...processTable.self, pid: 3_999_999 });
    const living = identityText(processTable.self);
    const bench = new PeerFileBench(t, { text: OPERATOR });
    for (const name of [
      `.peers.yaml.${dead}.0a.tmp`,
      `.peers.yaml.bak-000001.${dead}.0a.tmp`,
      `.peers.yaml.lock.${dead}.0b.tmp`,
      `.peers.yaml.${living}.0a.tmp`,
      '.peers.yaml.0a.tmp',
      '.peers.yaml.swp',
      '.other.0a.tmp',
    ]) {
      writeFileSync(join(bench.dir, name), 'x');
    }
    await bench.run();
    assert.deepEqual(bench.names(), [
      '.other.0a.tmp',
      `.peers.yaml.${living}.0a.tmp`,
      '.peers.yaml.swp',
      'peers.yaml',
    ]);
  });

  it('saves during a save are one more save, with the newest', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    let renames = 0;
    bench.disk.rename = (from, to) => {
      if (to === bench.file) renames++;
      return nodeDisk.rename(from, to);
    };
    bench.learn(peer(2));
    const first = bench.peers.save();
    await new Promise(setImmediate);
    const rest = [3, 4, 5].map((byte) => {
      bench.learn(peer(byte));
      return bench.peers.save();
    });
    assert.deepEqual(await Promise.all([first, ...rest]), [true, true, true, true]);
    assert.ok(renames <= 2, `${renames} writes`);
    assert.deepEqual(
      parse(bench.text()).learned.map(({ publicKey }) => publicKey),
      [2, 3, 4, 5].map(keyOf),
    );
  });

  it('stop finishes the save that was asked for, and none is made after', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.learn(peer(2));
    const saved = bench.peers.save();
    await bench.peers.stop();
    assert.equal(await saved, true);
    assert.match(bench.text(), new RegExp(LEARNED_START));
    bench.learn(peer(3));
    assert.equal(await bench.peers.save(), false);
    assert.equal(parse(bench.text()).learned.length, 1);
  });

  it('a link stays a link', async (t) => {
    const bench = new PeerFileBench(t);
    mkdirSync(join(bench.dir, 'etc'));
    writeFileSync(join(bench.dir, 'etc/real.yaml'), OPERATOR);
    symlinkSync('etc/real.yaml', bench.file);
    await bench.run();
    bench.learn(peer(2));
    assert.equal(await bench.peers.save(), true);
    assert.ok(await nodeDisk.isLink(bench.file));
    assert.equal(parse(bench.text('etc/real.yaml')).learned.length, 1);
  });

  it('times of the future are clamped when they are read and when they are written', async (t) => {
    const bench = await new PeerFileBench(t, { text: 'peers:\n' }).run();
    const dayMs = 86_400_000;
    bench.learn(peer(2, { lastSeenMs: Date.now() + dayMs }), peer(3, { lastSeenMs: Date.now() }));
    await bench.peers.save();
    const written = parse(bench.text());
    assert.deepEqual(written.notes, []);
    // A day back: both are in the future now.
    const again = new PeerFileBench(t, { dir: bench.dir });
    again.clock.offsetMs = -dayMs;
    const { learned } = await again.peers.load();
    assert.equal(learned.length, 2);
    for (const { lastSeenMs } of learned) assert.ok(lastSeenMs! <= again.clock.nowMs());
    const notes = again.lines.filter(({ event }) => event === 'peers.entry_note');
    assert.match(
      String(notes[1]?.fields['text']),
      /peers\[1\]\.last_seen: is in the future and counts as now/,
    );
  });
});

describe('PeerFile, edits by hand', () => {
  it('added, changed and deleted entries are handed on within 2 s, and survive the next save', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR, modules: { watch: watchFile } }).run();
    bench.learn(peer(2), peer(3), peer(4));
    await bench.peers.save();
    const before = performance.now();
    const change = bench.nextChange();
    bench.edit((text) =>
      text
        .replace(entryText(1, ' # bob'), `${entryText(1, ' # bob')}${entryText(5)}`)
        .replace('"/ip4/10.0.0.3/tcp/9000"', '"/ip4/10.0.0.33/tcp/9000"')
        .replace(/ {2}- public_key: "AgIC[^-]*(?= {2}-)/, ''),
    );
    const { operator, learned, removed } = await change;
    assert.ok(performance.now() - before < 2_000);
    assert.deepEqual(operator, [peer(1), peer(5)]);
    assert.deepEqual(learned, [peer(3, { addresses: ['/ip4/10.0.0.33/tcp/9000'] })]);
    assert.deepEqual(removed, [keyOf(2)]);
    const edited = bench.text();
    bench.learn(peer(6));
    await bench.peers.save();
    assert.equal(
      bench.text(),
      edited.replace(
        `  ${LEARNED_END}`,
        `  - public_key: "${keyOf(6)}"\n    addresses: ["/ip4/10.0.0.6/tcp/9000"]\n  ${LEARNED_END}`,
      ),
    );
  });

  it('its own saves are not reported', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR, modules: { watch: watchFile } }).run();
    for (let byte = 2; byte < 8; byte++) {
      bench.learn(peer(byte));
      await bench.peers.save();
    }
    // The watcher reports in order: after this edit every event of the saves has been looked at.
    const change = bench.nextChange();
    bench.edit((text) => text.replace('# mine', '# my own'));
    await change;
    assert.equal(bench.changes.length, 1);
    assert.equal(bench.events('peers.edited').length, 1);
  });

  it('an edit that nobody noticed yet is taken in by the save itself', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.learn(peer(2));
    await bench.peers.save();
    bench.edit((text) => text.replace('# mine', '# edited').replace(entryText(1, ' # bob'), entryText(7)));
    bench.learn(peer(3));
    await bench.peers.save();
    assert.deepEqual(bench.changes.at(-1)?.operator, [peer(7)]);
    const { operator, learned } = parse(bench.text());
    assert.deepEqual([operator, learned], [[peer(7)], [peer(2), peer(3)]]);
    assert.match(bench.text(), /^# edited/);
  });

  it('a deleted learned entry stays deleted until its peer is met again', async (t) => {
    const bench = await new PeerFileBench(t, { text: 'peers:\n' }).run();
    const old = peer(2, { lastSeenMs: Date.now() - 60_000 });
    bench.learn(old);
    await bench.peers.save();
    bench.edit(() => 'peers:\n');
    await bench.peers.check();
    assert.deepEqual(bench.changes.at(-1)?.removed, [keyOf(2)]);
    // A book that does not forget, or hears of it from another peer.
    bench.learn(old);
    await bench.peers.save();
    assert.equal(bench.text(), 'peers:\n');
    bench.clock.offsetMs = 60_000;
    const met = peer(2, { lastSeenMs: bench.clock.nowMs() });
    bench.learn(met);
    await bench.peers.save();
    assert.deepEqual(parsePeers(bench.text(), { file: '', nowMs: Date.now() + 100_000 }).learned, [met]);
  });

  it('an operator entry that was deleted does not come back as a learned one', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.edit(() => 'peers:\n');
    await bench.peers.check();
    assert.deepEqual(bench.changes.at(-1)?.operator, []);
    bench.learn(peer(1));
    await bench.peers.save();
    assert.equal(bench.text(), 'peers:\n');
  });

  it('a file that is written in place is taken when it stands still', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    const whole = `${OPERATOR}${entryText(2)}${entryText(3)}`;
    writeFileSync(bench.file, whole.slice(0, OPERATOR.length + 60));
    const checked = bench.peers.check();
    const timer = setTimeout(() => writeFileSync(bench.file, whole), 100);
    await checked;
    clearTimeout(timer);
    assert.deepEqual(
      bench.changes.map(({ operator }) => operator.length),
      [3],
    );
    assert.deepEqual(bench.events('peers.damaged'), []);
  });

  it('entries in error are named once with their line, stay in the file, and harm no other', async (t) => {
    const bad = `${OPERATOR}  - public_key: oops # keep\n    addresses: [/ip4/1.2.3.4/tcp/1]\n${entryText(3)}`;
    const bench = await new PeerFileBench(t, { text: bad }).run();
    bench.learn(peer(4));
    await bench.peers.save();
    bench.edit((text) => text.replace('# mine', '# hers'));
    await bench.peers.check();
    assert.ok(bench.text().startsWith(bad.replace('# mine', '# hers')));
    assert.deepEqual(
      bench.lines.filter(({ event }) => event === 'peers.entry_skipped').map(({ fields }) => fields['text']),
      [
        `${bench.file}:5:17: peers[1].public_key: is 3 bytes (expected base64 of the 32 bytes of the peer's Ed25519 public key)`,
      ],
    );
    assert.deepEqual(bench.changes.at(-1)?.operator, [peer(1), peer(3)]);
  });

  it('where the system cannot watch, the file is looked at every second', async (t) => {
    const fails = async () => {
      throw errno('ENOSPC');
    };
    const bench = await new PeerFileBench(t, { text: OPERATOR, modules: { watch: fails } }).run();
    assert.deepEqual(bench.line('peers.watch_failed'), { code: 'ENOSPC' });
    const change = bench.nextChange();
    const before = performance.now();
    bench.edit((text) => `${text}${entryText(2)}`);
    assert.equal((await change).operator.length, 2);
    assert.ok(performance.now() - before < 2_000);
  });
});

describe('PeerFile, damage', () => {
  const torn = Buffer.concat([Buffer.from(OPERATOR), Buffer.alloc(100)]);

  it('at the start: copied byte for byte, the newest good backup serves, and the file is written anew', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.learn(peer(2));
    await bench.peers.save();
    bench.edit((text) => text.replace('# mine', '# later'));
    bench.learn(peer(3));
    await bench.peers.save();
    assert.deepEqual(bench.names(), ['peers.yaml', 'peers.yaml.bak-000001', 'peers.yaml.bak-000002']);
    writeFileSync(bench.file, torn);
    writeFileSync(join(bench.dir, 'peers.yaml.bak-000003'), 'peers: [');

    const again = await new PeerFileBench(t, { dir: bench.dir }).run();
    assert.equal(again.peers.state(), 'damaged');
    assert.deepEqual(again.learned(), [peer(2)]);
    const copy = again.names().find((name) => name.includes('damaged'))!;
    assert.deepEqual(Buffer.from(await nodeDisk.read(join(bench.dir, copy))), torn);
    assert.equal(statSync(join(bench.dir, copy)).mode & 0o777, 0o600);
    assert.match(String(again.line('peers.damaged')?.['text']), /peers\.yaml:5:1: holds NUL bytes/);
    again.learn(peer(4));
    assert.equal(await again.peers.save(), true);
    assert.equal(again.peers.state(), 'ok');
    assert.match(again.text(), /^# later\npeers:\n/);
    assert.deepEqual(parse(again.text()).operator, [peer(1)]);
    assert.deepEqual(parse(again.text()).learned, [peer(2), peer(4)]);
    assert.deepEqual(again.events(), [
      'peers.damaged',
      'peers.not_saved',
      'peers.loaded',
      'peers.recovered',
      'peers.saved_again',
    ]);
  });

  it('while it runs: memory serves, nothing that was saved is lost', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.learn(peer(2), peer(3));
    await bench.peers.save();
    const saved = bench.text();
    writeFileSync(bench.file, torn);
    await bench.peers.check();
    assert.equal(bench.peers.state(), 'damaged');
    assert.deepEqual(bench.changes, []);
    assert.equal(await bench.peers.save(), true);
    assert.equal(bench.text(), saved);
  });

  it('a text that is no YAML may be an edit half done: it is left alone for ten minutes, then written anew', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.learn(peer(2));
    await bench.peers.save();
    const saved = bench.text();
    bench.edit((text) => text.replace('  - public', ' - [public'));
    const broken = bench.text();
    await bench.peers.check();
    assert.equal(await bench.peers.save(), false);
    assert.equal(bench.text(), broken);
    // The edit is finished: it counts.
    bench.edit(() => saved.replace('# mine', '# finished'));
    await bench.peers.check();
    assert.equal(bench.peers.state(), 'ok');
    assert.equal(await bench.peers.save(), true);
    assert.match(bench.text(), /^# finished/);
    // This one is not.
    bench.edit(() => broken);
    await bench.peers.check();
    bench.clock.offsetMs += 10 * 60_000;
    assert.equal(await bench.peers.save(), true);
    assert.match(bench.text(), /^# finished/);
    assert.equal(
      bench.names().filter((name) => name.includes('.damaged-')).length,
      1,
      'the same damage once',
    );
  });

  it('a file that is gone, or cut to nothing, is written again from memory', async (t) => {
    for (const harm of [rmSync, (file: string) => truncateSync(file)]) {
      const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
      bench.learn(peer(2));
      await bench.peers.save();
      const saved = bench.text();
      harm(bench.file);
      await bench.peers.check();
      assert.deepEqual(bench.changes, []);
      assert.equal(await bench.peers.save(), true);
      assert.equal(bench.text(), saved);
      assert.deepEqual(bench.line('peers.recovered'), { file: bench.file, from: 'missing' });
    }
  });

  it('five backups and five copies of damage are kept, 0600', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    for (let round = 0; round < 8; round++) {
      bench.edit((text) => `# ${round}\n${text}`);
      bench.learn(peer(2, { lastSeenMs: 1_000 + round }));
      await bench.peers.save();
    }
    for (let round = 0; round < 7; round++) {
      writeFileSync(bench.file, Buffer.concat([torn, Buffer.from([round])]));
      await bench.peers.save();
    }
    const kept = bench.names().filter((name) => name.includes('.bak-'));
    assert.deepEqual(
      kept,
      ['04', '05', '06', '07', '08'].map((n) => `peers.yaml.bak-0000${n}`),
    );
    assert.equal(bench.names().filter((name) => name.includes('.damaged-')).length, 5);
    for (const name of bench.names()) assert.equal(statSync(join(bench.dir, name)).mode & 0o777, 0o600, name);
    assert.match(bench.text('peers.yaml.bak-000008'), /^# 7\n# 6\n/);
  });

  it('a conflict is backed up before it is written', async (t) => {
    const bench = await new PeerFileBench(t, { text: 'peers:\n' }).run();
    bench.learn(peer(2, { lastSeenMs: 1_000 }));
    await bench.peers.save();
    const before = bench.text();
    bench.edit((text) => text.replace('10.0.0.2', '10.0.0.22'));
    bench.learn(peer(2, { lastSeenMs: 2_000, addresses: ['/ip4/10.0.0.222/tcp/9000'] }));
    await bench.peers.save();
    assert.deepEqual(parse(bench.text()).learned, [
      peer(2, { lastSeenMs: 2_000, addresses: ['/ip4/10.0.0.222/tcp/9000'] }),
    ]);
    assert.equal(bench.text('peers.yaml.bak-000002'), before);
  });

  it('a text in brackets is rewritten with a backup of what it was', async (t) => {
    const text = `peers: [{public_key: "${keyOf(1)}", addresses: [/ip4/10.0.0.1/tcp/9000]}]\n`;
    const bench = await new PeerFileBench(t, { text }).run();
    bench.learn(peer(2));
    assert.equal(await bench.peers.save(), true);
    assert.equal(bench.text('peers.yaml.bak-000001'), text);
    const { operator, learned } = parse(bench.text());
    assert.deepEqual([operator, learned], [[peer(1)], [peer(2)]]);
  });

  it('a newer version is used and never written', async (t) => {
    const text = `version: 2\npeers:\n${entryText(1)}`;
    const bench = await new PeerFileBench(t, { text }).run();
    bench.learn(peer(2));
    assert.equal(await bench.peers.save(), false);
    assert.equal(bench.text(), text);
    assert.equal(bench.peers.state(), 'read_only_form');
    assert.deepEqual(bench.line('peers.not_saved'), {
      file: bench.file,
      state: 'read_only_form',
      code: 'NEWER_VERSION',
    });
  });

  it('a file in which there is no place for learned peers is left alone', async (t) => {
    const text = `list: &l\n${entryText(1)}peers: *l\n`;
    const bench = await new PeerFileBench(t, { text }).run();
    bench.learn(peer(2));
    assert.equal(await bench.peers.save(), false);
    assert.equal(bench.peers.state(), 'read_only_form');
    assert.equal(bench.text(), text);
  });
});

describe('PeerFile, a quiet daemon', () => {
  const quiet = async (t: TestContext, opts: ConstructorParameters<typeof PeerFileBench>[1] = {}) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR, ...opts }).run();
    bench.learn(peer(2));
    await bench.peers.save();
    return { bench, saved: bench.text() };
  };

  for (const [found, harm] of [
    ['deleted', rmSync],
    ['emptied', truncateSync],
  ] as const) {
    it(`a file that is ${found} is told and written again at the next look, without a change`, async (t) => {
      const { bench, saved } = await quiet(t);
      harm(bench.file);
      await bench.peers.check();
      assert.equal(bench.text(), saved);
      assert.deepEqual(bench.events().slice(1), ['peers.gone', 'peers.recovered']);
      assert.deepEqual(bench.line('peers.gone'), { file: bench.file, found });
      assert.deepEqual(bench.changes, []);
    });

    it(`... also while the watch runs, and again`, async (t) => {
      const { bench, saved } = await quiet(t, { modules: { watch: watchFile } });
      for (let round = 0; round < 2; round++) {
        harm(bench.file);
        await until('it is there again', () => bench.exists() && bench.text() === saved);
      }
    });

    it(`... and by a stop`, async (t) => {
      const { bench, saved } = await quiet(t);
      harm(bench.file);
      await bench.peers.stop();
      assert.equal(bench.text(), saved);
    });
  }

  it("only the operator's entries, edited last: back with the text as last read", async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.edit((text) => text.replace('# mine', '# edited'));
    await bench.peers.check();
    const edited = bench.text();
    rmSync(bench.file);
    await bench.peers.check();
    assert.equal(bench.text(), edited);
  });

  it('a file that is gone and cannot be written: the owner is asked to try again', async (t) => {
    const { bench, saved } = await quiet(t);
    let asked = 0;
    Object.assign(bench, { notSaved: () => asked++ });
    bench.disk.create = async () => {
      throw errno('ENOSPC');
    };
    rmSync(bench.file);
    await bench.peers.check();
    assert.deepEqual([asked, bench.peers.state()], [1, 'disk_full']);
    bench.disk.create = nodeDisk.create;
    await bench.peers.stop();
    assert.equal(bench.text(), saved);
  });

  it('a file that was never there is not missed', async (t) => {
    const bench = await new PeerFileBench(t).run();
    await bench.peers.check();
    await bench.peers.stop();
    assert.deepEqual([bench.names(), bench.events()], [[], ['peers.loaded']]);
  });

  for (const [code, state] of [
    ['EACCES', 'denied'],
    ['EIO', 'failed'],
  ] as const) {
    it(`${code}: told at the look, once, with a warning that ends when it can be read again`, async (t) => {
      const warnings = new Map<string, string>();
      const health = {
        raise: (code: string, text: string) => void warnings.set(code, text),
        clear: (code: string) => void warnings.delete(code),
      };
      const { bench, saved } = await quiet(t, { modules: { health } });
      bench.disk.read = async () => {
        throw errno(code);
      };
      for (let round = 0; round < 3; round++) await bench.peers.check();
      assert.deepEqual(bench.events().slice(1), ['peers.not_read']);
      assert.deepEqual(bench.line('peers.not_read'), { file: bench.file, state, code });
      assert.match(warnings.get('PEERS_NOT_SAVED')!, new RegExp(`cannot be read, ${state} \\(${code}\\)`));
      bench.disk.read = nodeDisk.read;
      await bench.peers.check();
      assert.deepEqual([bench.peers.state(), warnings.size, bench.text()], ['ok', 0, saved]);
    });
  }

  it('a folder in its place is told, and the file comes back when the folder has gone', async (t) => {
    const { bench, saved } = await quiet(t);
    rmSync(bench.file);
    mkdirSync(bench.file);
    await bench.peers.check();
    assert.equal(bench.line('peers.not_read')?.['code'], 'EISDIR');
    rmdirSync(bench.file);
    await bench.peers.check();
    assert.deepEqual([bench.peers.state(), bench.text()], ['ok', saved]);
  });

  it('after a failed save the identical file, put back, clears the state', async (t) => {
    const { bench, saved } = await quiet(t);
    for (const harm of [
      () => writeFileSync(bench.file, 'peers: ['),
      () => {
        rmSync(bench.file);
        mkdirSync(bench.file);
      },
    ]) {
      harm();
      assert.equal(await bench.peers.save(), false);
      assert.notEqual(bench.peers.state(), 'ok');
      rmSync(bench.file, { recursive: true });
      writeFileSync(bench.file, saved);
      await bench.peers.check();
      assert.equal(bench.peers.state(), 'ok');
    }
  });

  it('after a failed save a stop makes one last attempt', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.learn(peer(2));
    bench.disk.rename = async () => {
      throw errno('ENOSPC');
    };
    assert.equal(await bench.peers.save(), false);
    bench.disk.rename = nodeDisk.rename;
    await bench.peers.stop();
    assert.deepEqual(parse(bench.text()).learned, [peer(2)]);
  });

  it('a byte order mark stays, in the file, in its backup, and when it is written again', async (t) => {
    const { bench, saved } = await quiet(t, { text: `\ufeff${OPERATOR}` });
    assert.ok(saved.startsWith(`\ufeff${OPERATOR}`));
    assert.equal(bench.text('peers.yaml.bak-000001'), `\ufeff${OPERATOR}`);
    rmSync(bench.file);
    await bench.peers.check();
    assert.equal(bench.text(), saved);
    bench.edit((text) => text.slice(1));
    bench.learn(peer(3));
    await bench.peers.save();
    assert.ok(bench.text().startsWith(OPERATOR));
  });

  it("an edit counts whom it adds and removes, the operator's and learned ones", async (t) => {
    const { bench } = await quiet(t);
    bench.edit((text) => text.replace(entryText(1, ' # bob'), `${entryText(4)}${entryText(5)}`));
    await bench.peers.check();
    const { added, removed } = bench.line('peers.edited')!;
    assert.deepEqual([added, removed], [2, 1]);
    bench.lines.length = 0;
    bench.edit((text) => text.replace(keyOf(2), keyOf(6)));
    await bench.peers.check();
    assert.deepEqual([bench.line('peers.edited')!['added'], bench.line('peers.edited')!['removed']], [1, 1]);
  });
});

describe('PeerFile, a disk that fails', () => {
  for (const [code, state] of [
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['EACCES', 'denied'],
    ['EPERM', 'denied'],
    ['EROFS', 'read_only_disk'],
    ['EIO', 'failed'],
  ] as const) {
    for (const call of ['create', 'link', 'rename', 'read', 'syncFolder'] as const) {
      it(`${code} at ${call}: ${state}, the node goes on, one line, and heals`, async (t) => {
        const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
        bench.learn(peer(2));
        let failed = 0;
        Object.assign(bench.disk, {
          [call]: async () => {
            failed++;
            throw errno(code);
          },
        });
        for (let round = 0; round < 3; round++) assert.equal(await bench.peers.save(), false);
        assert.ok(failed >= 3, 'the fault happened');
        assert.equal(bench.peers.state(), state);
        assert.deepEqual(bench.learned(), [peer(2)]);
        const told = call === 'read' ? 'peers.not_read' : 'peers.not_saved';
        assert.deepEqual(bench.events(), ['peers.loaded', told]);
        assert.deepEqual(bench.line(told), { file: bench.file, state, code });
        Object.assign(bench.disk, { [call]: nodeDisk[call] });
        assert.equal(await bench.peers.save(), true);
        assert.equal(bench.peers.state(), 'ok');
        assert.deepEqual(bench.events().slice(2), ['peers.saved_again']);
        assert.deepEqual(parse(bench.text()).learned, [peer(2)]);
        assert.deepEqual(
          bench.names().filter((name) => name.endsWith('.tmp') || name.endsWith('.lock')),
          [],
        );
      });
    }
  }

  it('a file that cannot be read is never overwritten', async (t) => {
    const bench = new PeerFileBench(t, { text: OPERATOR });
    bench.disk.read = async () => {
      throw errno('EACCES');
    };
    await bench.run();
    bench.learn(peer(2));
    assert.equal(await bench.peers.save(), false);
    assert.equal(bench.peers.state(), 'denied');
    assert.equal(bench.text(), OPERATOR);
  });

  it('a link to nowhere is not replaced by a file', async (t) => {
    const bench = new PeerFileBench(t);
    symlinkSync('nowhere/peers.yaml', bench.file);
    await bench.run();
    bench.learn(peer(2));
    assert.equal(await bench.peers.save(), false);
    assert.deepEqual(bench.line('peers.not_saved'), { file: bench.file, state: 'failed', code: 'ENOENT' });
    assert.deepEqual(bench.names(), ['peers.yaml']);
  });

  it('a file that never stands still while it is read, and a path that cannot be resolved', async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    bench.learn(peer(2));
    let reads = 0;
    bench.disk.stat = async (path) => ({ ...(await nodeDisk.stat(path)), mtimeMs: reads++ });
    assert.equal(await bench.peers.save(), false);
    assert.equal(reads, 6);
    assert.equal(bench.line('peers.not_read')?.['code'], 'EBUSY');
    bench.disk.stat = nodeDisk.stat;
    bench.disk.realPath = async () => {
      throw errno('EACCES');
    };
    assert.equal(await bench.peers.save(), false);
    assert.equal(bench.peers.state(), 'denied');
    assert.equal(bench.text(), OPERATOR);
  });

  it('damage that cannot be copied aside is told all the same, and not written over before it may', async (t) => {
    const bench = new PeerFileBench(t, { text: 'peers: [' });
    bench.disk.create = async () => {
      throw errno('ENOSPC');
    };
    await bench.run();
    assert.equal(bench.line('peers.damaged')?.['copy'], 'none, ENOSPC');
    assert.equal(await bench.peers.save(), false);
    assert.equal(bench.text(), 'peers: [');
  });

  it('a folder in the place of the file, and a file too large, are left alone', async (t) => {
    const folder = new PeerFileBench(t);
    mkdirSync(folder.file);
    await folder.run();
    assert.deepEqual(folder.line('peers.not_read')?.['code'], 'EISDIR');
    const large = new PeerFileBench(t, { text: Buffer.alloc(8 * 1024 * 1024 + 1, '#') });
    await large.run();
    assert.deepEqual(large.line('peers.not_read')?.['code'], 'EFBIG');
  });

  it('the lock of a living process: given up after 5 s, nothing written', async (t) => {
    const processes: ProcessTable = { self: processTable.self, liveness: () => 'alive' };
    const bench = await new PeerFileBench(t, { text: OPERATOR, modules: { processes } }).run();
    const held = `${identityText({ ...processTable.self, pid: 1 })} ${'0'.repeat(16)}\n`;
    writeFileSync(`${bench.file}.lock`, held);
    Object.assign(bench.clock, {
      after: (ms: number, run: () => void) => {
        bench.clock.offsetMs += ms;
        const immediate = setImmediate(run);
        return () => clearImmediate(immediate);
      },
    });
    bench.learn(peer(2));
    assert.equal(await bench.peers.save(), false);
    assert.equal(bench.peers.state(), 'locked');
    assert.equal(bench.text(), OPERATOR);
    rmSync(`${bench.file}.lock`);
    assert.equal(await bench.peers.save(), true);
  });

  it('a stop is not held up by the lock of a living process, nor is a save that waits for it then', async (t) => {
    const processes: ProcessTable = { self: processTable.self, liveness: () => 'alive' };
    const bench = await new PeerFileBench(t, { text: OPERATOR, modules: { processes } }).run();
    const held = `${identityText({ ...processTable.self, pid: 1 })} ${'0'.repeat(16)}\n`;
    writeFileSync(`${bench.file}.lock`, held);
    bench.learn(peer(2));
    const beganMs = performance.now();
    const waiting = bench.peers.save();
    await bench.peers.stop(true);
    const tookMs = performance.now() - beganMs;
    assert.equal(await waiting, false);
    assert.ok(tookMs < 3_000, `${tookMs} ms`);
    assert.equal(bench.text(), OPERATOR);
  });

  it('a folder that is read-only', {
    skip: process.getuid?.() === 0 && 'root may write anywhere',
  }, async (t) => {
    const bench = await new PeerFileBench(t, { text: OPERATOR }).run();
    chmodSync(bench.dir, 0o500);
    bench.learn(peer(2));
    assert.equal(await bench.peers.save(), false);
    assert.equal(bench.peers.state(), 'denied');
    chmodSync(bench.dir, 0o700);
    assert.equal(await bench.peers.save(), true);
  });
});
