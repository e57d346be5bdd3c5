import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { API_ERRORS } from '../../../src/api/errors.ts';
import { METHODS } from '../../../src/api/methods/index.ts';
import type { RefusalCode } from '../../../src/ingest/errors.ts';
import {
  labelOf,
  OTHER,
  PENALTY_CODES,
  REJECT_CODES,
  RPC_ERRORS,
  RPC_METHODS,
} from '../../../src/observe/metric-labels.ts';
import { METRICS, type MetricRow, maxSeries, metricsDocument } from '../../../src/observe/metric-table.ts';
import { type Metrics, NO_METRICS } from '../../../src/observe/metrics.ts';
import { PromMetrics } from '../../../src/observe/prom-metrics.ts';
import { PENALTIES } from '../../../src/p2p/penalties.ts';
import type { SpvErrorCode } from '../../../src/spv/errors.ts';
import { seriesOf } from '../../support/metrics-text.ts';
import { checkoutRoot } from '../config/helpers.ts';

const DOCUMENT = join(checkoutRoot(), 'src/observe/METRICS.md');
const BUILD = { version: '1.2.3', commit: 'abc', node: 'v24.0.0', libp2p: '3.3.11' };
const ROWS = Object.entries<MetricRow>(METRICS);

function prom(): PromMetrics {
  return new PromMetrics(
    { build: BUILD },
    {
      onCollectFailure: (error) => {
        throw error;
      },
    },
  );
}

/** What the operator's reference says must exist. */
const MUST_EXIST = {
  'build info': 'build_info',
  'start time': 'start_timestamp_seconds',
  'reload success': 'config_reload_success',
  'reload time': 'config_reload_timestamp_seconds',
  'peers by state and direction': 'peers',
  'dial results': 'dials_total',
  'exchange requests by result': 'exchange_requests_total',
  'frames by protocol and direction': 'frames_total',
  'bytes by protocol and direction': 'frame_bytes_total',
  'rejects by code': 'transactions_rejected_total',
  'queue length': 'queue_length',
  'queue drops': 'queue_dropped_total',
  'sync height': 'sync_height',
  'sync lag': 'header_lag_blocks',
  'verify time': 'verify_seconds',
  'store read time': 'store_read_seconds',
  'store write time': 'store_write_seconds',
  'store size': 'store_bytes',
  'event loop lag': 'event_loop_lag_seconds',
  heap: 'heap_bytes',
  'open descriptors': 'open_descriptors',
  'RPC time by method': 'rpc_seconds',
  'health warnings by code': 'health_warnings',
} as const satisfies Record<string, keyof typeof METRICS>;

test('every metric that must exist does, with help, and no name says the prefix twice', () => {
  for (const name of Object.values(MUST_EXIST)) assert.ok(name in METRICS, name);
  for (const [name, row] of ROWS) {
    assert.match(name, /^[a-z][a-z0-9_]*$/, name);
    assert.doesNotMatch(name, /^btcfed/, name);
    assert.match(row.help, /^\S.{8,}[.]$/, `help of ${name}`);
  }
});

test('names end as their kind and unit say: _total for counters alone, base units, no milliseconds', () => {
  for (const [name, row] of ROWS) {
    assert.equal(name.endsWith('_total'), row.kind === 'counter', name);
    assert.equal(name.endsWith('_info'), row.kind === 'info', name);
    if (row.kind === 'histogram') assert.match(name, /_seconds$/, name);
    assert.doesNotMatch(name, /(_ms|milli|_kb|_mb|minutes)/, name);
    assert.equal(
      /timestamp/.test(name),
      row.kind === 'gauge' && /_timestamp_seconds$/.test(name) && /Unix time/.test(row.help),
      name,
    );
  }
});

test('labels are closed sets: no peer, txid, address or token, nothing twice, fewer than 1,000 series in all', () => {
  let series = 0;
  for (const [name, row] of ROWS) {
    series += maxSeries(row);
    for (const [label, values] of Object.entries<readonly string[]>(row.labels)) {
      assert.doesNotMatch(label, /peer|txid|address|token|id$|ip$/i, `${name}{${label}}`);
      assert.ok(values.length > 1, `${name}{${label}} has no choice`);
      assert.equal(new Set(values).size, values.length, `${name}{${label}} names a value twice`);
    }
    if (row.kind !== 'histogram') continue;
    assert.deepEqual(
      row.buckets,
      [...new Set(row.buckets)].sort((a, b) => a - b),
      name,
    );
  }
  assert.ok(series < 1_000, `${series} series at most`);
  process.stderr.write(`series at most: ${series}\n`);
});

/** Codes of refused transactions that have no label; a name here fails the type check. */
type UnlabelledCode = Exclude<SpvErrorCode | RefusalCode, (typeof REJECT_CODES)[number]>;
const allLabelled: [UnlabelledCode] extends [never] ? true : UnlabelledCode = true;

test('label sets are those of the tables they speak of', () => {
  const without = (set: readonly string[]) => set.filter((value) => value !== OTHER).sort();
  assert.deepEqual(without(RPC_METHODS), Object.keys(METHODS).sort());
  assert.deepEqual(without(RPC_ERRORS), Object.keys(API_ERRORS).sort());
  assert.deepEqual(without(PENALTY_CODES), Object.keys(PENALTIES).sort());
  assert.equal(allLabelled, true);
});

test('METRICS.md is what the table generates, byte by byte', () => {
  const text = metricsDocument();
  if (process.env['BTCFED_UPDATE_FIXTURES'] === '1') writeFileSync(DOCUMENT, text);
  assert.equal(readFileSync(DOCUMENT, 'utf8'), text);
});

test('what is outside of its set is counted as other', () => {
  assert.equal(labelOf(REJECT_CODES, 'SCRIPT_FAILED'), 'SCRIPT_FAILED');
  assert.equal(labelOf(REJECT_CODES, '12D3KooWNobodyCouldCountThese'), OTHER);
});

test('the text form tells what was counted, set and measured, under the prefix', async () => {
  const metrics = prom();
  metrics.inc('dials_total', { result: 'ok' });
  metrics.inc('dials_total', { result: 'TIMEOUT' }, 3);
  metrics.set('peers', { state: 'connected', direction: 'inbound' }, 7);
  metrics.observe('store_write_seconds', {}, 0.004);
  metrics.observe('store_write_seconds', {}, 9);
  const series = seriesOf(await metrics.text());
  assert.equal(series.get('btcfed_dials_total{result="ok"}'), 1);
  assert.equal(series.get('btcfed_dials_total{result="TIMEOUT"}'), 3);
  assert.equal(series.get('btcfed_dials_total{result="REFUSED"}'), 0, 'a counter begins at 0');
  assert.equal(series.get('btcfed_peers{state="connected",direction="inbound"}'), 7);
  assert.equal(series.get('btcfed_store_write_seconds_bucket{le="0.001"}'), 0);
  assert.equal(series.get('btcfed_store_write_seconds_bucket{le="0.005"}'), 1);
  assert.equal(series.get('btcfed_store_write_seconds_bucket{le="+Inf"}'), 2);
  assert.equal(series.get('btcfed_store_write_seconds_sum'), 9.004);
  assert.equal(
    series.get('btcfed_build_info{version="1.2.3",commit="abc",node="v24.0.0",libp2p="3.3.11"}'),
    1,
  );
});

test('collectors are asked at each reading and tell totals that only grow; one that fails hides no other', async () => {
  const failures: unknown[] = [];
  const metrics = new PromMetrics({ build: BUILD }, { onCollectFailure: (error) => failures.push(error) });
  let admitted = 5;
  metrics.onRead(() => Promise.reject(new Error('its owner is gone')));
  const forget = metrics.onRead(() => {
    metrics.total('transactions_admitted_total', {}, admitted);
    metrics.reset('peers');
    metrics.set('peers', { state: 'failed', direction: 'outbound' }, 1);
  });
  const read = async () => seriesOf(await metrics.text()).get('btcfed_transactions_admitted_total');
  metrics.set('peers', { state: 'connected', direction: 'inbound' }, 7);
  assert.equal(await read(), 5);
  admitted = 12;
  assert.equal(await read(), 12);
  assert.equal(await read(), 12);
  assert.equal(
    seriesOf(await metrics.text()).get('btcfed_peers{state="connected",direction="inbound"}'),
    undefined,
  );
  forget();
  admitted = 99;
  assert.equal(await read(), 12);
  assert.equal(failures.length, 5);
});

test('two instances share nothing, and the no-op form has the same type and says nothing', async () => {
  const [one, two] = [prom(), prom()];
  one.inc('peer_connects_total', {});
  assert.equal(seriesOf(await two.text()).get('btcfed_peer_connects_total'), 0);
  const both: Metrics[] = [one, NO_METRICS];
  for (const metrics of both) metrics.set('listen_addresses', {}, 2);
  assert.equal(await NO_METRICS.text(), '');
});

test('the documentation names every metric with its labels', () => {
  const text = metricsDocument();
  for (const [name, row] of ROWS)
    assert.ok(text.includes(`| \`btcfed_${name}\` | `) && text.includes(row.help));
  assert.match(
    text,
    /\| `btcfed_peers` \| gauge \| `state`: connecting, connected, disconnecting, failed; `direction`: inbound, outbound \|/,
  );
  assert.match(text, /`code` \(\d+ codes\)/);
});
