import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health } from '../../../src/observe/health.ts';
import type { LogFields } from '../../../src/observe/log.ts';
import { SILENT_LOG } from '../../../src/observe/log.ts';
import { WARNINGS } from '../../../src/observe/warnings.ts';

function harness() {
  const clock = { nowMs: 1_000 };
  const logged: string[] = [];
  const log = {
    ...SILENT_LOG,
    event: (name: string, fields: LogFields = {}) => void logged.push(`${name} ${String(fields['warning'])}`),
  };
  const health = new Health({ nowMs: () => clock.nowMs, log });
  return { health, clock, logged, codes: () => health.warnings().map((w) => w.code) };
}

test('a warning without delay shows at once, with its text and since when', () => {
  const { health, clock, logged } = harness();
  health.raise('STORE_DAMAGED', 'row x; run btcfed verify');
  clock.nowMs += 500;
  assert.deepEqual(health.warnings(), [
    {
      code: 'STORE_DAMAGED',
      title: 'the store is damaged',
      severity: 'error',
      text: 'row x; run btcfed verify',
      sinceMs: 1_000,
    },
  ]);
  assert.deepEqual(logged, ['health.raised STORE_DAMAGED']);
});

test('one with a delay shows only after it has lasted, and never if it was cleared before', () => {
  const { health, clock, codes, logged } = harness();
  health.raise('HEADERS_STALE', 'old');
  clock.nowMs += WARNINGS.HEADERS_STALE.showAfterMs - 1;
  assert.deepEqual(codes(), []);
  health.clear('HEADERS_STALE');
  clock.nowMs += 10;
  assert.deepEqual(codes(), []);
  assert.deepEqual(logged, []);
  health.raise('HEADERS_STALE', 'old');
  clock.nowMs += WARNINGS.HEADERS_STALE.showAfterMs;
  assert.deepEqual(codes(), ['HEADERS_STALE']);
});

test('it stays until it has been gone long enough; a flap in between changes neither since nor the log', () => {
  const { health, clock, codes, logged } = harness();
  health.raise('STORE_WRITE_FAILED', 'disk full');
  health.clear('STORE_WRITE_FAILED');
  clock.nowMs += WARNINGS.STORE_WRITE_FAILED.clearAfterMs - 1;
  assert.deepEqual(codes(), ['STORE_WRITE_FAILED']);
  health.raise('STORE_WRITE_FAILED', 'disk full again');
  assert.deepEqual(
    health.warnings().map((w) => [w.text, w.sinceMs]),
    [['disk full again', 1_000]],
  );
  health.clear('STORE_WRITE_FAILED');
  clock.nowMs += WARNINGS.STORE_WRITE_FAILED.clearAfterMs;
  assert.deepEqual(codes(), []);
  assert.deepEqual(logged, ['health.raised STORE_WRITE_FAILED', 'health.cleared STORE_WRITE_FAILED']);
});

test('errors come first, then the oldest; clearing what was not raised does nothing', () => {
  const { health, clock, codes } = harness();
  health.clear('STORE_DAMAGED');
  health.raise('TOKENS_NONE_FOLLOWED', 'none');
  clock.nowMs += 1;
  health.raise('CONFIG_MODE_WIDE', '0644');
  clock.nowMs += 1;
  health.raise('STORE_DAMAGED', 'row');
  assert.deepEqual(codes(), ['STORE_DAMAGED', 'TOKENS_NONE_FOLLOWED', 'CONFIG_MODE_WIDE']);
});
