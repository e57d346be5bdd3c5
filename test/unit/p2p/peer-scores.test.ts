import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { nodeDisk } from '../../../config/disk.ts';
import { PENALTY_POINTS } from '../../../protocols/peer-exchange/errors.ts';
import { type BanFile, type BanRow, DiskBanFile, formatBans, parseBans } from '../../../src/p2p/ban-file.ts';
import { SAVE_AGAIN_MS, SAVE_EVERY_MS } from '../../../src/p2p/ban-saver.ts';
import { banMs, FORGET_AFTER_MS, MAX_BANS } from '../../../src/p2p/bans.ts';
import { P2pError } from '../../../src/p2p/errors.ts';
import { MAX_SCORES, PeerScores } from '../../../src/p2p/peer-scores.ts';
import { BAN_AT, DISCONNECT_AT, HALF_LIFE_MS, PENALTIES } from '../../../src/p2p/penalties.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { LogLines } from '../../support/log-lines.ts';
import { tempDir } from '../../support/temp-dir.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** A file in memory that can fail. */
class MemoryBanFile implements BanFile {
  readonly path = 'bans.json';
  rows: readonly BanRow[] = [];
  saves = 0;
  fault: P2pError | undefined;

  async load(): Promise<readonly BanRow[]> {
    if (this.fault !== undefined) throw this.fault;
    return this.rows;
  }

  async save(rows: readonly BanRow[]): Promise<void> {
    this.saves += 1;
    if (this.fault !== undefined) throw this.fault;
    this.rows = rows;
  }
}

interface Rig {
  readonly clock: FakeClock;
  readonly log: LogLines;
  readonly file: MemoryBanFile;
  readonly operators: Set<string>;
  readonly judge: PeerScores;
}

async function rig(file = new MemoryBanFile(), clock = new FakeClock()): Promise<Rig> {
  const log = new LogLines();
  const operators = new Set<string>();
  const judge = new PeerScores({ file, isOperator: (peerId) => operators.has(peerId), clock, log });
  await judge.start();
  return { clock, log, file, operators, judge };
}

function peer(n: number): string {
  return `12D3KooWpeer${String(n).replaceAll('0', 'z')}`;
}

function banned(judge: PeerScores, peerId: string): void {
  assert.equal(judge.penalise(peerId, 'BAD_FRAME', BAN_AT), 'ban');
}

describe('sums', () => {
  test('add up to a disconnect and then a ban, once', async () => {
    const { judge, log } = await rig();
    const seen: string[] = [];
    judge.onVerdict((peerId, verdict, code) => seen.push(`${peerId} ${verdict} ${code}`));
    const verdicts = [1, 2, 3, 4, 5, 6].map(() => judge.penalise(peer(1), 'BAD_FRAME'));
    assert.deepEqual(verdicts, ['none', 'disconnect', 'disconnect', 'ban', 'ban', 'ban']);
    assert.equal(log.of('peer.banned').length, 1, 'what is still under way does not ban again');
    assert.deepEqual(log.of('peer.banned')[0]?.fields, {
      peer: peer(1),
      code: 'BAD_FRAME',
      seconds: 600,
      bans: 1,
    });
    assert.deepEqual(
      seen.map((line) => line.split(' ')[1]),
      ['disconnect', 'disconnect', 'ban'],
    );
    assert.equal(judge.count('BAD_FRAME'), 6);
    assert.equal(judge.penalise(peer(2), 'BAD_FRAME'), 'none', 'others are not concerned');
    await judge.stop();
  });

  test('halve in ten minutes and are not made again by a reconnect', async () => {
    const { clock, judge } = await rig();
    judge.penalise(peer(1), 'BAD_FRAME');
    assert.equal(judge.penalty(peer(1)), 25);
    await clock.advance(HALF_LIFE_MS);
    assert.equal(judge.penalty(peer(1)), 12.5);
    clock.step(DAY_MS);
    assert.equal(judge.penalty(peer(1)), 12.5, 'a step of the wall clock changes nothing');
    await judge.stop();
  });

  test('an allowance is free, the tenth excess at once disconnects, the fifteenth bans', async () => {
    const { judge } = await rig();
    const verdicts = Array.from({ length: 15 }, () => judge.penalise(peer(1), 'RATE_EXCEEDED'));
    assert.equal(verdicts.indexOf('disconnect'), 9);
    assert.equal(verdicts.indexOf('ban'), 14);
    await judge.stop();
  });

  test('an honest node that reconnects as often as ours would is never banned', async () => {
    const { clock, judge } = await rig();
    // Three connects in ten seconds for a whole day, each with a request too many but for one in ten seconds.
    for (let i = 0; i < 8_640; i += 1) {
      assert.equal(judge.penalise(peer(1), 'RATE_EXCEEDED'), 'none');
      assert.equal(judge.penalise(peer(1), 'RATE_EXCEEDED'), 'none');
      await clock.advance(10_000);
    }
    assert.equal(judge.penalty(peer(1)), 0);
    await judge.stop();
  });

  test('given weights win over the table, unknown codes have one, own rows may be added', async () => {
    const clock = new FakeClock();
    const judge = new PeerScores({
      file: new MemoryBanFile(),
      isOperator: () => false,
      clock,
      log: new LogLines(),
      penalties: { SYNC_LIED: { weight: 60 } },
    });
    judge.penalise(peer(1), 'BAD_FRAME', 3);
    assert.equal(judge.penalty(peer(1)), 3);
    judge.penalise(peer(2), 'toString');
    assert.equal(judge.penalty(peer(2)), 10);
    assert.equal(judge.penalise(peer(3), 'SYNC_LIED'), 'disconnect');
    assert.equal(judge.penalise(peer(4), 'BAD_FRAME', 0), 'none');
    assert.equal(judge.penalise(peer(4), 'BAD_FRAME', -5), 'none');
    assert.equal(judge.penalty(peer(4)), 0);
    for (let i = 0; i < 100; i += 1) judge.penalise(peer(5), `CODE_${i}`, 0);
    assert.ok(judge.counts().size < 10, 'unknown codes are counted together');
  });

  test('the table has every code of peer exchange', () => {
    for (const [code, weight] of Object.entries(PENALTY_POINTS))
      assert.equal(PENALTIES[code]?.weight, weight);
    assert.ok(Object.values(PENALTIES).every(({ weight }) => weight > 0 && weight <= BAN_AT));
    assert.ok(DISCONNECT_AT < BAN_AT);
  });

  test('are bounded; the lowest goes, not the worst', async () => {
    const { judge } = await rig();
    judge.penalise(peer(1), 'BAD_FRAME');
    for (let i = 0; i < 3 * MAX_SCORES; i += 1) judge.penalise(`made-up-${i}`, 'RATE_EXCEEDED', 1);
    assert.equal(judge.penalty(peer(1)), 25);
    await judge.stop();
  });
});

describe('operator peers', () => {
  test('are warned about once, never disconnected or banned', async () => {
    const { clock, judge, log, operators } = await rig();
    operators.add(peer(1));
    for (let i = 0; i < 1_000; i += 1) assert.equal(judge.penalise(peer(1), 'RECORD_FORGED'), 'none');
    assert.equal(judge.isBanned(peer(1)), false);
    assert.equal(log.of('peer.misbehaves').length, 1);
    assert.equal(log.of('peer.banned').length, 0);
    // After it behaved for long, a new fault is worth a new line.
    await clock.advance(20 * HALF_LIFE_MS);
    judge.penalise(peer(1), 'FRAME_EMPTY');
    judge.penalise(peer(1), 'RECORD_FORGED', BAN_AT);
    assert.equal(log.of('peer.misbehaves').length, 2);
    await judge.stop();
  });

  test('a banned peer that the operator lists is free at once', async () => {
    const { judge, operators } = await rig();
    banned(judge, peer(1));
    assert.equal(judge.isBanned(peer(1)), true);
    operators.add(peer(1));
    assert.equal(judge.isBanned(peer(1)), false);
    assert.deepEqual(judge.bans(), []);
    await judge.stop();
  });
});

describe('bans', () => {
  test('last 10 minutes, doubling to 24 hours, and then end', async () => {
    const { clock, judge, log } = await rig();
    const lengths: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      banned(judge, peer(1));
      const ms = banMs(i + 1);
      await clock.advance(ms - 1);
      assert.equal(judge.isBanned(peer(1)), true);
      await clock.advance(1);
      assert.equal(judge.isBanned(peer(1)), false);
      assert.equal(judge.penalty(peer(1)), 0, 'it starts anew');
      lengths.push(ms / MINUTE_MS);
    }
    assert.deepEqual(lengths, [10, 20, 40, 80, 160, 320, 640, 1_280, 1_440, 1_440]);
    assert.equal(log.of('peer.ban_ended').length, 10);
    // After a day without one the next is short again.
    await clock.advance(FORGET_AFTER_MS);
    banned(judge, peer(1));
    assert.equal(log.of('peer.banned').at(-1)?.fields['seconds'], 600);
    await judge.stop();
    assert.equal(clock.waiting, 0);
  });

  test('survive a restart, then end; past ones still count', async () => {
    const file = new MemoryBanFile();
    const clock = new FakeClock();
    const first = await rig(file, clock);
    banned(first.judge, peer(1));
    await clock.advance(4 * MINUTE_MS);
    await first.judge.stop();
    // Five minutes down.
    await clock.advance(5 * MINUTE_MS);
    const second = await rig(file, clock);
    assert.equal(second.judge.isBanned(peer(1)), true);
    await clock.advance(MINUTE_MS - 1);
    assert.equal(second.judge.isBanned(peer(1)), true);
    await clock.advance(1);
    assert.equal(second.judge.isBanned(peer(1)), false);
    assert.equal(second.log.of('peer.ban_ended').length, 1);
    banned(second.judge, peer(1));
    assert.equal(second.log.of('peer.banned')[0]?.fields['seconds'], 1_200);
    await second.judge.stop();
  });

  test('a wall clock that is stepped neither ends nor extends a running ban', async () => {
    for (const stepMs of [DAY_MS, -DAY_MS]) {
      const { clock, judge } = await rig();
      banned(judge, peer(1));
      clock.step(stepMs);
      await clock.advance(10 * MINUTE_MS - 1);
      assert.equal(judge.isBanned(peer(1)), true);
      assert.equal(judge.bans().length, 1);
      await clock.advance(1);
      assert.equal(judge.isBanned(peer(1)), false);
      await judge.stop();
    }
  });

  test('a clock that was set back while the node was down makes no ban longer than it was', async () => {
    const file = new MemoryBanFile();
    const clock = new FakeClock();
    const first = await rig(file, clock);
    banned(first.judge, peer(1));
    await first.judge.stop();
    clock.step(-365 * DAY_MS);
    const second = await rig(file, clock);
    assert.equal(second.judge.isBanned(peer(1)), true);
    await clock.advance(10 * MINUTE_MS);
    assert.equal(second.judge.isBanned(peer(1)), false);
    await second.judge.stop();
  });

  test('are bounded; those that end first go first', async () => {
    const { judge, file } = await rig();
    banned(judge, peer(1));
    judge.pardon(peer(1));
    for (let i = 0; i < MAX_BANS + 50; i += 1) banned(judge, `12D3KooWm${i}`);
    assert.equal(judge.bans().length, MAX_BANS);
    await judge.stop();
    assert.equal(file.rows.length, MAX_BANS);
  });

  test('can be pardoned, also over a restart', async () => {
    const { judge, file } = await rig();
    banned(judge, peer(1));
    assert.equal(judge.pardon(peer(1)), true);
    assert.equal(judge.pardon(peer(1)), false);
    assert.equal(judge.isBanned(peer(1)), false);
    await judge.stop();
    assert.deepEqual(file.rows, []);
  });
});

describe('saving', () => {
  test('follows a ban at once, and many bans once a second', async () => {
    const { clock, judge, file } = await rig();
    banned(judge, peer(1));
    await clock.advance(0);
    assert.equal(file.rows.length, 1);
    for (let i = 0; i < 100; i += 1) {
      banned(judge, `12D3KooWm${i}`);
      await clock.advance(100);
    }
    assert.ok(file.saves <= 12, `${file.saves} saves in ten seconds`);
    await clock.advance(SAVE_EVERY_MS);
    assert.equal(file.rows.length, 101);
    await judge.stop();
    assert.equal(clock.waiting, 0);
  });

  test('that fails is logged once, tried again, and serves from memory meanwhile', async () => {
    const { clock, judge, file, log } = await rig();
    file.fault = new P2pError('DISK_FAILED', 'no space left', { errno: 'ENOSPC' });
    for (let i = 0; i < 5; i += 1) {
      banned(judge, `12D3KooWm${i}`);
      await clock.advance(SAVE_AGAIN_MS);
    }
    assert.equal(judge.bans().length, 5);
    assert.deepEqual(
      log.of('peer.bans_unsaved').map(({ fields }) => fields),
      [{ code: 'DISK_FAILED', file: 'bans.json' }],
    );
    file.fault = undefined;
    await clock.advance(SAVE_AGAIN_MS);
    assert.equal(log.of('peer.bans_saved').length, 1);
    assert.equal(file.rows.length, 5);
    await judge.stop();
    assert.equal(clock.waiting, 0);
  });

  test('stop saves what is unsaved, and does not hang on a disk that fails', async () => {
    const { clock, judge, file } = await rig();
    banned(judge, peer(1));
    await judge.stop();
    assert.equal(file.rows.length, 1);
    const other = await rig();
    other.file.fault = new P2pError('DISK_FAILED', 'gone');
    banned(other.judge, peer(1));
    await other.judge.stop();
    await settled();
    assert.equal(clock.waiting + other.clock.waiting, 0);
  });
});

describe('the file', () => {
  function diskFile(t: TestContext): { path: string; file: DiskBanFile } {
    const path = join(tempDir(t), 'bans.json');
    const file = new DiskBanFile(path, {
      disk: nodeDisk,
      randomBytes: (count) => new Uint8Array(count).fill(7),
    });
    return { path, file };
  }
  const ROWS: readonly BanRow[] = [
    { peerId: peer(1), untilMs: Date.UTC(2026, 0, 1), bans: 3, code: 'BAD_FRAME' },
    { peerId: peer(2), untilMs: Date.UTC(2027, 0, 1), bans: 1, code: 'RECORD_FORGED' },
  ];

  test('is of mode 0600 and gives back what was saved', async (t) => {
    const { path, file } = diskFile(t);
    assert.deepEqual(await file.load(), []);
    await file.save(ROWS);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(await file.load(), ROWS);
    chmodSync(path, 0o644);
    await file.save(ROWS);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test('proves itself: each single changed byte is noticed', () => {
    const text = formatBans(ROWS);
    for (let i = 0; i < text.length; i += 1) {
      const changed = `${text.slice(0, i)}${text[i] === '7' ? '8' : '7'}${text.slice(i + 1)}`;
      if (changed === text) continue;
      let rows: readonly BanRow[] | undefined;
      try {
        rows = parseBans(changed);
      } catch {
        continue;
      }
      assert.deepEqual(rows, ROWS, `byte ${i}`);
    }
  });

  test('that is damaged is set aside byte for byte, logged, and the node starts without bans', async (t) => {
    const whole = formatBans(ROWS);
    const damaged = ['', '{', 'null', '[]', whole.slice(0, -30), whole.replace('"bans": 3', '"bans": 4')];
    for (const text of [...damaged, ' '.repeat(1_000_001)]) {
      const { path, file } = diskFile(t);
      writeFileSync(path, text);
      const log = new LogLines();
      const judge = new PeerScores({ file, isOperator: () => false, clock: new FakeClock(), log });
      await judge.start();
      assert.deepEqual(judge.bans(), []);
      assert.deepEqual(log.of('peer.bans_unreadable')[0]?.fields, {
        code: 'FILE_DAMAGED',
        file: path,
        kept_as: `${path}.damaged`,
      });
      assert.equal(readFileSync(`${path}.damaged`, 'utf8'), text);
      assert.equal(existsSync(path), false);
      banned(judge, peer(1));
      await judge.stop();
      assert.equal((await file.load()).length, 1);
    }
  });

  test('of a newer program is refused and never overwritten', async (t) => {
    const { path, file } = diskFile(t);
    const text = formatBans(ROWS).replace('"version": 1', '"version": 2');
    writeFileSync(path, text);
    const log = new LogLines();
    const clock = new FakeClock();
    const judge = new PeerScores({ file, isOperator: () => false, clock, log });
    await judge.start();
    assert.equal(log.of('peer.bans_unreadable')[0]?.fields['code'], 'FILE_NEWER');
    banned(judge, peer(1));
    await clock.advance(MINUTE_MS);
    await judge.stop();
    assert.equal(readFileSync(path, 'utf8'), text);
    assert.equal(clock.waiting, 0);
  });

  test('in a folder that is not there is a failed disk, not a stop', async (t) => {
    const path = join(tempDir(t), 'missing', 'bans.json');
    const file = new DiskBanFile(path, { disk: nodeDisk, randomBytes: (count) => new Uint8Array(count) });
    await assert.rejects(file.save(ROWS), (error: P2pError) => error.code === 'DISK_FAILED');
  });
});
