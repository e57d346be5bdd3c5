import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureProcess } from '../../../src/node/process-metrics.ts';
import { statusLine } from '../../../src/node/reports.ts';
import type { HealthWarning } from '../../../src/observe/health.ts';
import { PromMetrics } from '../../../src/observe/prom-metrics.ts';
import { FakeNetwork } from '../../support/fake-network.ts';
import { seriesOf } from '../../support/metrics-text.ts';

type Parts = Parameters<typeof statusLine>[0];

function parts(height: number, remote?: number, network?: FakeNetwork): Parts {
  return {
    core: { chain: { tip: () => ({ height }) } },
    runners: remote === undefined ? [] : [{ state: () => ({ remoteHeight: remote }) }],
    network: network === undefined ? undefined : { api: network },
  } as unknown as Parts;
}

const HEALTHY = { warnings: () => [] };

test('the line for the service manager: state, percent while behind, peers, what is degraded, a refused reload', () => {
  assert.equal(statusLine(parts(905_506), HEALTHY, undefined), 'running, headers to 905506');
  assert.equal(
    statusLine(parts(10, 10, new FakeNetwork(0)), HEALTHY, 'applied'),
    'running, headers to 10; 2 peers (1 in, 1 out)',
  );
  assert.equal(statusLine(parts(433, 1000), HEALTHY, undefined), 'running, syncing: 43 % (433 of 1000)');
  const warning = {
    code: 'HEADERS_STALE',
    title: 't',
    severity: 'warning',
    text: 'x',
    sinceMs: 0,
  } as HealthWarning;
  assert.equal(
    statusLine(parts(7), { warnings: () => [warning] }, 'rolled_back'),
    'running, headers to 7; degraded: HEADERS_STALE; last reload rolled back',
  );
});

test('the process tells memory, descriptors, processor time and delay of its event loop, until it is stopped', async () => {
  const build = { version: '1', commit: 'c', node: 'v24', libp2p: '3' };
  const failures: unknown[] = [];
  const metrics = new PromMetrics({ build }, { onCollectFailure: (error) => failures.push(error) });
  const stop = measureProcess(metrics, 1_700_000_000_000);
  try {
    // The monitor needs two of its wake-ups for a first figure, and a block of the loop between them to see one.
    await new Promise((resolve) => setTimeout(resolve, 60));
    for (const endMs = performance.now() + 120; performance.now() < endMs; );
    await new Promise((resolve) => setTimeout(resolve, 60));
    const series = seriesOf(await metrics.text());
    const of = (name: string) => series.get(`btcfed_${name}`) ?? Number.NaN;
    assert.equal(of('start_timestamp_seconds'), 1_700_000_000);
    assert.ok(of('resident_memory_bytes') > 10e6);
    assert.ok(of('heap_bytes{part="used"}') <= of('heap_bytes{part="total"}'));
    assert.ok(of('open_descriptors') > 2 && of('open_descriptors') < of('max_descriptors'));
    assert.ok(of('cpu_seconds_total') > 0);
    const lag = of('event_loop_lag_seconds{quantile="1"}');
    assert.ok(lag >= 0.08 && lag < 5, `${lag}`);
  } finally {
    stop();
  }
  assert.deepEqual(failures, []);
});
