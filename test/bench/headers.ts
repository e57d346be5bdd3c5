// Figures of the header store on a real LevelDB: `npm run bench -- headers [--headers N]`.
// Main-network difficulty cannot be mined, so the load of a whole main chain is extrapolated from the real headers, and
// the store at full size is measured with a regtest chain.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { HEADER_BYTES } from '../../src/chain/header.ts';
import { HeaderChain } from '../../src/chain/header-chain.ts';
import { mineChain, nth, sharedFile } from '../support/chain.ts';
import { LevelHeaderDisk } from '../support/level-header-disk.ts';

const MAIN_HEADERS = 916_818;
const LOOKUPS = 200_000;
const FEED_HEADERS = 16_384;

type Figures = Record<string, number>;

async function inLevel<T>(work: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'btcfed-headers-'));
  try {
    return await work(join(folder, 'db'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function load(chain: HeaderChain, bytes: Uint8Array): Promise<number> {
  const start = performance.now();
  const step = FEED_HEADERS * HEADER_BYTES;
  for (let at = 0; at < bytes.length; at += step) await chain.add(bytes.subarray(at, at + step));
  return (performance.now() - start) / 1000;
}

/** Mean cost of `rootAt` at random heights, in microseconds. */
function lookups(chain: HeaderChain, count: number): number {
  const base = chain.baseHeight();
  const span = chain.tip().height - base + 1;
  let seed = 1;
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    if (chain.rootAt(base + (seed % span)) === undefined) throw new Error('a root is missing');
  }
  return ((performance.now() - start) / count) * 1000;
}

async function realHeaders(): Promise<Figures> {
  const bytes = sharedFile('vectors', 'headers', 'mainnet-900000-916817.bin');
  if (bytes === undefined) return {};
  return inLevel(async (path) => {
    const disk = await LevelHeaderDisk.open(path);
    const chain = await HeaderChain.open({ network: 'main' }, { disk, clock: { nowMs: Date.now } });
    const seconds = await load(chain, bytes);
    await disk.close();
    const usAHeader = (seconds * 1e6) / (bytes.length / HEADER_BYTES);
    return {
      real_us_per_header: usAHeader,
      main_chain_load_s_extrapolated: (usAHeader * MAIN_HEADERS) / 1e6,
    };
  });
}

async function fullSize(count: number): Promise<Figures> {
  const parts: Buffer[] = [];
  let on: Buffer | undefined;
  for (let left = count; left > 0; left -= 50_000) {
    const part = mineChain(Math.min(left, 50_000), { stepS: 600, ...(on === undefined ? {} : { on }) });
    on = nth(part, -1);
    parts.push(part);
  }
  const bytes = Buffer.concat(parts);
  return inLevel(async (path) => {
    const clock = { nowMs: (): number => 4_000_000_000_000 };
    let disk = await LevelHeaderDisk.open(path);
    let chain = await HeaderChain.open({ network: 'regtest' }, { disk, clock });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const loadS = await load(chain, bytes);
    delay.disable();
    await disk.close();
    disk = await LevelHeaderDisk.open(path);
    const start = performance.now();
    chain = await HeaderChain.open({ network: 'regtest' }, { disk, clock });
    const openMs = performance.now() - start;
    const coldUs = lookups(chain, 20_000);
    const mixedUs = lookups(chain, LOOKUPS);
    const recent = 16_000;
    let sum = 0;
    const warm = performance.now();
    for (let i = 0; i < LOOKUPS; i++) sum += chain.rootAt(count - ((i * 7919) % recent))?.length ?? 0;
    const warmUs = ((performance.now() - warm) / sum) * 64 * 1000;
    const verify = performance.now();
    await chain.verify();
    const verifyS = (performance.now() - verify) / 1000;
    await disk.close();
    return {
      headers: count,
      load_s: loadS,
      load_loop_delay_p99_ms: delay.percentile(99) / 1e6,
      load_loop_delay_max_ms: delay.max / 1e6,
      open_ms: openMs,
      root_us_cold: coldUs,
      root_us_all_heights: mixedUs,
      root_us_recent: warmUs,
      verify_s: verifyS,
      rss_mb: process.memoryUsage().rss / 1e6,
    };
  });
}

/** `npm run bench -- headers`: how long a main chain takes to load, and how soon a root is found. */
export async function run(args: readonly string[]): Promise<Figures> {
  const at = args.indexOf('--headers');
  const count = at < 0 ? MAIN_HEADERS : Number(args[at + 1]);
  const figures = { ...(await realHeaders()), ...(await fullSize(count)) };
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Math.round(value * 100) / 100]),
  );
}
