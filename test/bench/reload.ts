import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generateKeyPair } from '../../config/index.ts';
import { type Caller, connectClient, RpcError } from '../../src/api/client.ts';
import type { Figures } from './benches.ts';
import { startCrowd } from './exchanging-peers.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', `main${import.meta.filename.slice(-3)}`);
/** The file is taken only once nobody has written it for a moment; that is no part of the figure. */
const QUIET_MS = 60;

/** `npm run bench -- reload`: alternating valid and invalid reloads of a real daemon with peers that exchange. */
export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: { reloads: { type: 'string', default: '50' }, connections: { type: 'string', default: '50' } },
  });
  return measureReloads(Number(values.reloads), Number(values.connections));
}

async function measureReloads(reloads: number, connections: number): Promise<Figures> {
  const home = mkdtempSync(join(tmpdir(), 'btcfed-reload-'));
  try {
    const conf = confWriter(home);
    conf(0, true);
    return await withDaemon(home, async (caller) => {
      const peers = await startCrowd(connections, await addressOf(caller));
      const timed = { valid: [] as number[], invalid: [] as number[] };
      for (let i = 1; i <= reloads; i += 1) {
        const isValid = i % 2 === 1;
        conf(i, isValid);
        await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
        const startMs = performance.now();
        const taken = await reload(caller);
        if (taken !== isValid) throw new Error(`reload ${i} was ${taken ? 'taken' : 'refused'}`);
        timed[isValid ? 'valid' : 'invalid'].push(performance.now() - startMs);
      }
      const { entries } = await caller.call('config.get', { key: 'peers.max_peers' });
      const last = reloads % 2 === 1 ? reloads : reloads - 1;
      if (entries[0]?.value !== 300 + last) throw new Error('the last valid file is not in effect');
      const { dropped, exchanges } = await peers.report();
      const { p2p } = await caller.call('node.status', {});
      if (p2p?.inbound !== connections) throw new Error(`${p2p?.inbound} of ${connections} are connected`);
      await peers.stop();
      return {
        reloads,
        connections,
        dropped,
        exchanges,
        ...spread('', [...timed.valid, ...timed.invalid]),
        ...spread('valid_', timed.valid),
        ...spread('invalid_', timed.invalid),
      };
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Every valid file differs from the one before in live keys. */
function confWriter(home: string): (n: number, isValid: boolean) => void {
  const { privateKey } = generateKeyPair((count) => Buffer.alloc(count, 5));
  const file = join(home, 'conf.yaml');
  return (n, isValid) => {
    const text = `node: { private_key: "${privateKey}" }
network: { addresses: [/ip4/127.0.0.1/tcp/0] }
peers: { connection_timeout: 10s, exchange_interval: ${1 + (n % 5)}s, max_per_ip: 300, max_peers: ${300 + n} }
logging: { level: ${isValid ? (n % 4 === 1 ? 'warn' : 'info') : 'loud'}, format: json }
chain: { network: regtest, header_sources: [] }
tokens: { follow: [${n.toString(16).padStart(64, '0')}_0] }
`;
    writeFileSync(`${file}~`, text, { mode: 0o600 });
    renameSync(`${file}~`, file);
  };
}

async function addressOf(caller: Caller): Promise<{ publicKey: string; address: string }> {
  const { p2p } = await caller.call('node.status', {});
  const [address] = p2p?.listening ?? [];
  if (p2p === undefined || address === undefined) throw new Error('the daemon does not listen');
  return { publicKey: p2p.publicKey, address };
}

async function reload(caller: Caller): Promise<boolean> {
  try {
    await caller.call('node.reload', {});
    return true;
  } catch (error) {
    if (error instanceof RpcError && error.code === 'RELOAD_INVALID') return false;
    throw error;
  }
}

function spread(prefix: string, ms: readonly number[]): Record<string, number> {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  const rounded = (value: number) => Math.round(value * 100) / 100;
  return {
    [`${prefix}p50_ms`]: rounded(at(0.5)),
    [`${prefix}p95_ms`]: rounded(at(0.95)),
    [`${prefix}max_ms`]: rounded(at(1)),
  };
}

async function withDaemon(home: string, use: (caller: Caller) => Promise<Figures>): Promise<Figures> {
  const daemon = spawn(process.execPath, [...process.execArgv, MAIN, 'run', '--home', home], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(daemon, 'exit');
  try {
    await started(daemon);
    const caller = await connectClient({ socketPath: join(home, 'btcfed.sock') });
    const figures = await use(caller);
    await caller.close();
    daemon.kill('SIGTERM');
    const [code] = (await exit) as [number | null];
    return { ...figures, exit: code ?? -1 };
  } finally {
    daemon.kill('SIGKILL');
    await exit;
  }
}

function started(daemon: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    daemon.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-100_000);
      if (text.includes('node.started')) resolve();
    });
    daemon.once('exit', () => reject(new Error(`the daemon ended:\n${text}`)));
  });
}
