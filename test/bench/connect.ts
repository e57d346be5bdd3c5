import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createHost, type Libp2pHost } from '../../src/p2p/host.ts';
import type { DialTarget } from '../../src/p2p/types.ts';
import { startNetwork } from '../support/network.ts';
import { OPEN_POLICY, testKey } from '../support/p2p.ts';
import type { Figures } from './benches.ts';

const WARM_UP = 5;
/** What was connected a moment ago is still asked and told. */
const SETTLE_MS = 15_000;
const IDLE_MS = 20_000;

/**
 * `npm run bench -- connect`: first contact to identify between two processes, TCP's first packet to the last byte of
 * identify; each dial comes from a fresh key, as the first of two daemons that never met. `exchange_`: the same until
 * the first exchange of peers with the other is done, by whole networks.
 */
export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: { dials: { type: 'string', default: '200' }, held: { type: 'string', default: '50' } },
  });
  const [dials, held] = [Number(values.dials), Number(values.held)];
  const server = fork(import.meta.filename, ['serve']);
  try {
    const [target] = (await once(server, 'message')) as [DialTarget];
    for (let i = 0; i < WARM_UP; i++) await timeDial(target);
    const fresh: number[] = [];
    for (let i = 0; i < dials; i++) fresh.push(await timeDial(target));
    const exchanged: number[] = [];
    for (let i = 0; i < dials / 2; i++) exchanged.push(await timeExchange(target));
    const crowd = await Promise.all(Array.from({ length: held }, () => newHost([])));
    const beganMs = performance.now();
    await Promise.all(crowd.map((host) => host.dial(target, AbortSignal.timeout(10_000))));
    const crowdMs = performance.now() - beganMs;
    const crowded: number[] = [];
    for (let i = 0; i < dials / 4; i++) crowded.push(await timeDial(target));
    const idle = await usage(server);
    await Promise.all(crowd.map((host) => host.stop()));
    return {
      dials,
      ...spread('', fresh),
      ...spread('exchange_', exchanged),
      held,
      held_at_once_ms: round(crowdMs),
      ...spread('with_held_', crowded),
      ...idle,
    };
  } finally {
    server.kill();
  }
}

async function newHost(listen: readonly string[]): Promise<Libp2pHost> {
  const host = await createHost({
    privateKey: testKey(),
    version: '0.0.0-bench',
    listen,
    policy: OPEN_POLICY,
  });
  await host.start();
  return host;
}

async function timeDial(target: DialTarget): Promise<number> {
  const host = await newHost([]);
  const beganMs = performance.now();
  await host.dial(target, AbortSignal.timeout(10_000));
  const ms = performance.now() - beganMs;
  await host.stop();
  return ms;
}

/** To the end of the first exchange. */
async function timeExchange(target: DialTarget): Promise<number> {
  const { network, stop } = await startNetwork();
  const done = new Promise<void>((resolve) => {
    network.exchange.onExchanged((peerId) => {
      if (peerId === target.peerId) resolve();
    });
  });
  const beganMs = performance.now();
  await network.host.dial(target, AbortSignal.timeout(10_000));
  await done;
  const ms = performance.now() - beganMs;
  await stop();
  return ms;
}

function spread(prefix: string, ms: readonly number[]): Figures {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!);
  return {
    [`${prefix}p50_ms`]: at(0.5),
    [`${prefix}p95_ms`]: at(0.95),
    [`${prefix}max_ms`]: round(sorted.at(-1)!),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Memory of the listening host with the held peers, and its CPU once it has been idle for a while. */
async function usage(server: ChildProcess): Promise<Figures> {
  server.send('usage');
  const [figures] = (await once(server, 'message')) as [Figures];
  return figures;
}

/** The other process. */
async function serve(): Promise<void> {
  const { host } = (await startNetwork()).network;
  process.on('message', async () => {
    await sleep(SETTLE_MS);
    const before = process.cpuUsage();
    await sleep(IDLE_MS);
    const { user, system } = process.cpuUsage(before);
    process.send?.({
      rss_mb: Math.round(process.memoryUsage.rss() / 1e6),
      idle_cpu_percent: round((user + system) / 10 / IDLE_MS),
    });
  });
  process.send?.({ peerId: host.peerId, addresses: host.listenAddresses() } satisfies DialTarget);
}

if (process.argv[2] === 'serve' && process.send !== undefined) await serve();
