import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../config/secret.ts';
import { Network, type NetworkConfig } from '../../src/node/network.ts';
import { systemClock, systemRandom } from '../../src/node/system.ts';
import { Health } from '../../src/observe/health.ts';
import { Logs, SILENT_LOG } from '../../src/observe/log.ts';
import { testKey } from './p2p.ts';

export interface TestNetworkOptions {
  /** Private key as conf.yaml holds it, 64 bytes; a fresh one otherwise. */
  readonly key?: Uint8Array;
  readonly exchangeIntervalMs?: number;
  /** Peers that the operator wrote into the list. */
  readonly peers?: readonly { readonly publicKey: string; readonly addresses: readonly string[] }[];
  readonly maxPeers?: number;
  readonly followed?: readonly string[];
}

/** The network of a daemon, whole but for the rest of it, in this process: on loopback, with a folder of its own. */
export interface TestNetwork {
  readonly network: Network;
  /** What it was made with. */
  readonly config: NetworkConfig;
  readonly publicKey: string;
  stop(): Promise<void>;
}

export async function startNetwork(options: TestNetworkOptions = {}): Promise<TestNetwork> {
  const folder = mkdtempSync(join(tmpdir(), 'btcfed-network-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const key = options.key ?? testKey();
  try {
    const file = join(folder, 'peers.yaml');
    if (options.peers !== undefined) writeFileSync(file, peersText(options.peers));
    const logs = new Logs({ level: 'error', format: 'text' }, { nowMs: Date.now, write: () => undefined });
    const config = configOf(key, folder, file, options);
    const network = await Network.create(config, {
      ...{ clock: systemClock, random: systemRandom.fraction, logs, version: '0.0.0-test' },
      health: new Health({ nowMs: Date.now, log: SILENT_LOG }),
      followed: () => options.followed ?? [],
    });
    await network.start();
    const stop = (): Promise<void> => network.stop().finally(remove);
    return { network, config, publicKey: Buffer.from(key.subarray(32)).toString('base64'), stop };
  } catch (error) {
    remove();
    throw error;
  }
}

function peersText(peers: NonNullable<TestNetworkOptions['peers']>): string {
  const entries = peers.map(
    ({ publicKey, addresses }) =>
      `  - public_key: "${publicKey}"\n    addresses: [${addresses.map((a) => `"${a}"`).join(', ')}]\n`,
  );
  return `peers:\n${entries.join('')}`;
}

function configOf(key: Uint8Array, folder: string, file: string, options: TestNetworkOptions): NetworkConfig {
  return {
    node: { privateKey: new Secret(Buffer.from(key).toString('base64')) },
    network: { addresses: ['/ip4/127.0.0.1/tcp/0'], announce: [], allowPrivate: 'auto', dht: false },
    peers: {
      file,
      exchangeIntervalMs: options.exchangeIntervalMs ?? 1_000,
      connectionTimeoutMs: 10_000,
      maxPeers: options.maxPeers ?? 300,
      maxPerIp: 300,
      allowOnlyListed: false,
      block: [],
    },
    store: { path: folder, cacheMb: 1, syncWrites: true },
  };
}
