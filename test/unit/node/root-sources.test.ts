import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RootVerdict } from '../../../src/chain/headers-service.ts';
import { PORTION_MS, PROBE_MS, ROOT_WAIT_MS, RootSources } from '../../../src/node/root-sources.ts';
import { FakeClock } from '../../support/fake-clock.ts';

type Mood = RootVerdict | 'hangs' | 'fails';

class FakeService {
  mood: Mood;
  asked = 0;
  looks = 0;

  constructor(mood: Mood) {
    this.mood = mood;
  }

  async verifyRoots(_: unknown, signal?: AbortSignal): Promise<RootVerdict[]> {
    this.asked++;
    return [await this.answer(signal)];
  }

  async tip(signal?: AbortSignal): Promise<{ height: number; hash: string }> {
    this.looks++;
    await this.answer(signal);
    return { height: 1, hash: '' };
  }

  private answer(signal?: AbortSignal): Promise<RootVerdict> {
    const { mood } = this;
    if (mood === 'fails') return Promise.reject(new Error('refused'));
    if (mood !== 'hangs') return Promise.resolve(mood);
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))));
  }
}

function made(services: FakeService[], waiting = 0) {
  const clock = new FakeClock();
  const end = new AbortController();
  const backs: number[] = [];
  const onBack = (): number => {
    backs.push(clock.monotonicMs());
    return waiting;
  };
  const sources = new RootSources({ services, clock, signal: end.signal, onBack });
  return { clock, end, backs, verify: sources.verify };
}

const ROOT = 'ab'.repeat(32);

describe('roots below the first header', () => {
  it('one service after the other is asked until one knows; what was confirmed is not asked again', async () => {
    const [first, second] = [new FakeService('UNABLE_TO_VERIFY'), new FakeService('CONFIRMED')];
    const { verify, clock } = made([first, second]);
    assert.deepEqual(await Promise.all([verify(7, ROOT), verify(7, ROOT)]), ['confirmed', 'confirmed']);
    assert.equal(await verify(7, ROOT), 'confirmed');
    assert.deepEqual([first.asked, second.asked], [1, 1]);
    first.mood = 'INVALID';
    assert.equal(await verify(8, ROOT), 'invalid');
    assert.deepEqual([first.asked, second.asked], [2, 1]);
    assert.equal(clock.waiting, 0);
  });

  it('a service that hangs holds up one question, for a moment; others, and it until it is back, are not waited for', async () => {
    const [slow, good] = [new FakeService('hangs'), new FakeService('UNABLE_TO_VERIFY')];
    const { verify, clock, backs, end } = made([slow, good]);
    const verdict = verify(7, ROOT);
    await clock.advance(ROOT_WAIT_MS);
    assert.equal(await verdict, 'unknown');
    for (let height = 8; height < 20; height++) assert.equal(await verify(height, ROOT), 'unknown');
    assert.deepEqual([slow.asked, good.asked, slow.looks], [1, 13, 0]);
    await clock.advance(PROBE_MS);
    assert.deepEqual([slow.looks, backs.length], [1, 0]);
    slow.mood = 'fails';
    end.abort();
    await clock.advance(10 * PROBE_MS);
    assert.equal(clock.waiting, 0);
  });

  it('a service that is back is asked, and what waits for it comes in portions', async () => {
    const service = new FakeService('fails');
    const { verify, clock, backs } = made([service], 3);
    for (let i = 0; i < 2; i++) assert.equal(await verify(7, ROOT), 'unknown');
    await clock.advance(3 * PROBE_MS);
    assert.deepEqual([service.asked, service.looks, backs.length], [1, 3, 0]);
    service.mood = 'CONFIRMED';
    await clock.advance(PROBE_MS);
    assert.equal(backs.length, 1);
    assert.equal(await verify(7, ROOT), 'confirmed');
    await clock.advance(10 * PORTION_MS);
    assert.deepEqual(
      backs.map((ms) => ms - backs[0]!),
      [0, PORTION_MS, 2 * PORTION_MS],
    );
    assert.equal(clock.waiting, 0);
  });

  it('portions end where the service fails again; one that a reload took away is not looked at any more', async () => {
    const service = new FakeService('fails');
    const services = [service];
    const { verify, clock, backs } = made(services, 10);
    await verify(7, ROOT);
    service.mood = 'UNABLE_TO_VERIFY';
    await clock.advance(PROBE_MS);
    service.mood = 'fails';
    await verify(8, ROOT);
    await clock.advance(PROBE_MS - 1);
    assert.equal(backs.length, 1);
    services.length = 0;
    const { looks } = service;
    await clock.advance(5 * PROBE_MS);
    assert.deepEqual([service.looks, clock.waiting], [looks, 0]);
  });
});
