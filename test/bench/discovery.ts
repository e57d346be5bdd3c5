import { parseArgs } from 'node:util';
import { startNetwork, type TestNetwork } from '../support/network.ts';
import type { Figures } from './benches.ts';

const STEP_MS = 100;

/**
 * `npm run bench -- discovery`: daemons' networks in one process, real sockets on loopback, each given nobody but one
 * seed; which share of all peers each knows after so many exchange intervals.
 */
export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: { type: 'string', default: '64' },
      interval: { type: 'string', default: '30000' },
      intervals: { type: 'string', default: '3' },
    },
  });
  const [count, exchangeIntervalMs] = [Number(values.nodes), Number(values.interval)];
  const seed = await startNetwork({ exchangeIntervalMs });
  const nodes = [seed];
  try {
    const peers = [{ publicKey: seed.publicKey, addresses: seed.network.host.listenAddresses() }];
    while (nodes.length < count) nodes.push(await startNetwork({ exchangeIntervalMs, peers }));
    const beganMs = performance.now();
    const limitMs = exchangeIntervalMs * Number(values.intervals);
    let fullMs: number | undefined;
    for (let ms = 0; ms < limitMs && fullMs === undefined; ms = performance.now() - beganMs) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      if (nodes.every((node) => knownShare(node, nodes) === 1)) fullMs = performance.now() - beganMs;
    }
    const shares = nodes.map((node) => knownShare(node, nodes)).sort((a, b) => a - b);
    return {
      nodes: count,
      interval_ms: exchangeIntervalMs,
      intervals: Number(values.intervals),
      known_min: round(shares[0] ?? 0),
      known_mean: round(shares.reduce((sum, share) => sum + share, 0) / shares.length),
      all_known_ms: fullMs === undefined ? -1 : Math.round(fullMs),
      frames: nodes.reduce((sum, node) => sum + (node.network.exchange.counts().counters.frames_out ?? 0), 0),
      connections: nodes.reduce((sum, { network }) => sum + network.host.connected().length, 0) / 2,
      rss_mb: Math.round(process.memoryUsage.rss() / 1e6),
    };
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
}

/** Of the others, how many are in its book. */
function knownShare({ network }: TestNetwork, all: readonly TestNetwork[]): number {
  const known = new Set(network.book.peers().map(({ peerId }) => peerId));
  const others = all.filter((other) => other.network !== network);
  return others.filter((other) => known.has(other.network.host.peerId)).length / others.length;
}

function round(share: number): number {
  return Math.round(share * 10_000) / 10_000;
}
