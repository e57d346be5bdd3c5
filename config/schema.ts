import { checkpoint, type HeaderSource, headerSource } from './chain.ts';
import { list, mapOf } from './collections.ts';
import { duration } from './duration.ts';
import { privateKey } from './key.ts';
import { announceAddress, listenAddress } from './multiaddr.ts';
import { peerName } from './public-key.ts';
import { choice, flag, formatVersion, path, socketMode, wholeNumber } from './scalars.ts';
import { size } from './size.ts';
import { type KeySpec, key, optionalKey } from './spec.ts';
import { tokenId } from './tokens.ts';
import type { YamlValue } from './value.ts';

export type Network = 'main' | 'test' | 'regtest';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogModule = (typeof LOG_MODULES)[number];

/** Parts of the daemon whose log level can be set on its own. */
export const LOG_MODULES = [
  'node',
  'p2p',
  'peers',
  'gossip',
  'spv',
  'chain',
  'ingest',
  'store',
  'sync',
  'api',
] as const;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const GB = 1_000_000_000;

const logLevel = choice(['debug', 'info', 'warn', 'error']);

const tokenList = list({
  item: tokenId,
  name: 'list of token ids',
  expected: 'a list of token ids, or [] for none',
  min: 0,
  max: 4096,
});

/** Keys outside of any section. */
export const TOP_KEYS = {
  version: key({
    field: 'version',
    type: formatVersion,
    default: 1,
    reload: 'restart',
    doc: "Version of this file's form. A newer one than the program knows is refused.",
  }),
} as const;

/** The table: every section and key of conf.yaml, in the order of the example file. */
export const SECTIONS = {
  node: {
    doc: 'Who this daemon is.',
    keys: {
      private_key: key({
        field: 'privateKey',
        type: privateKey,
        default: '',
        reload: 'restart',
        secret: true,
        doc: 'Ed25519 key: base64 of 64 bytes, the seed and then the public key. If it is empty or missing, one is made at the start and written here. Keep this file to yourself (mode 0600).',
      }),
    },
  },
  network: {
    doc: 'Where it listens and what it tells others.',
    keys: {
      addresses: key({
        field: 'addresses',
        type: list({
          item: listenAddress,
          name: 'list of multiaddrs',
          expected: 'a list of multiaddrs, such as [/ip4/0.0.0.0/tcp/9000]',
          min: 1,
          max: 32,
        }),
        default: ['/ip4/0.0.0.0/tcp/9000', '/ip6/::/tcp/9000'],
        required: true,
        reload: 'live',
        doc: 'Addresses to listen on, TCP only. A new one opens at a reload; a removed one accepts nobody any more, and its connections live on.',
      }),
      announce: key({
        field: 'announce',
        type: list({
          item: announceAddress,
          name: 'list of multiaddrs',
          expected: 'a list of multiaddrs, or [] to announce the listen addresses',
          min: 0,
          max: 8,
        }),
        default: [],
        reload: 'live',
        doc: 'Addresses that others are told to dial, for nodes behind NAT or a name. Empty: the listen addresses.',
      }),
      allow_private: key({
        field: 'allowPrivate',
        type: choice(['auto', 'yes', 'no']),
        default: 'auto',
        reload: 'live',
        doc: 'Whether private and loopback addresses are taken from peers; auto: only over a connection that is private itself.',
      }),
      dht: key({
        field: 'dht',
        type: flag,
        default: false,
        reload: 'restart',
        doc: 'Also look for the peers of followed tokens in a distributed hash table (Kademlia). It makes more connections; peers.yaml and peer exchange do without it.',
      }),
    },
  },
  peers: {
    doc: 'Whom it connects to.',
    keys: {
      file: key({
        field: 'file',
        type: path('peers.yaml'),
        default: 'peers.yaml',
        reload: 'restart',
        doc: 'The list of peers. Its folder must be writable, since learned peers are saved there.',
      }),
      exchange_interval: key({
        field: 'exchangeIntervalMs',
        type: duration(1000, DAY_MS, '30s'),
        default: '30s',
        reload: 'live',
        doc: 'Time between two exchanges of peer lists with the same peer.',
      }),
      connection_timeout: key({
        field: 'connectionTimeoutMs',
        type: duration(1000, 10 * MINUTE_MS, '10s'),
        default: '10s',
        required: true,
        reload: 'live',
        doc: 'How long an attempt to connect to a peer may take.',
      }),
      max_peers: key({
        field: 'maxPeers',
        type: wholeNumber(1, 4096),
        default: 300,
        reload: 'live',
        doc: 'Peers connected at most, inbound and outbound together. Those that the operator wrote into the list of peers get in beyond it.',
      }),
      max_per_ip: key({
        field: 'maxPerIp',
        type: wholeNumber(1, 4096),
        default: 8,
        reload: 'live',
        doc: 'Inbound connections at most from one IPv4 address, or one IPv6 /64; as many new ones in a second.',
      }),
      allow_only_listed: key({
        field: 'allowOnlyListed',
        type: flag,
        default: false,
        reload: 'live',
        doc: 'Talk only to the peers that the operator wrote into the list of peers.',
      }),
      block: key({
        field: 'block',
        type: list({
          item: peerName,
          name: 'list of public keys or peer ids',
          expected: 'a list of peers, each by its public key or its id, or [] for none',
          min: 0,
          max: 4096,
        }),
        default: [],
        reload: 'live',
        doc: 'Peers that are never talked to, whoever lists them: by public key as in peers.yaml, or by id as `btcfed peers` shows it. Connections to them are closed.',
      }),
    },
  },
  logging: {
    doc: 'What it says about itself.',
    keys: {
      level: key({
        field: 'level',
        type: logLevel,
        default: 'info',
        required: true,
        reload: 'live',
        doc: 'error: the operator must act; warn: it will heal or be looked at later; info: changes of state; debug: every message.',
      }),
      format: key({
        field: 'format',
        type: choice(['json', 'text']),
        default: 'text',
        required: true,
        reload: 'live',
        doc: 'text for people and journald, json for collectors.',
      }),
      modules: key({
        field: 'modules',
        type: mapOf(
          LOG_MODULES,
          logLevel,
          'a map from part to level, such as { p2p: debug }, or {} for none',
        ),
        default: {},
        reload: 'live',
        doc: `Levels of single parts, such as { p2p: debug }. Parts: ${LOG_MODULES.join(', ')}.`,
      }),
      console_output: key({
        field: 'consoleOutput',
        type: flag,
        default: true,
        reload: 'restart',
        doc: 'Log to standard error.',
      }),
      console_color: key({
        field: 'consoleColor',
        type: flag,
        default: true,
        reload: 'restart',
        doc: 'Colour the text log, if standard error is a terminal and NO_COLOR is not set.',
      }),
      file_output: key({
        field: 'fileOutput',
        type: flag,
        default: false,
        reload: 'restart',
        doc: 'Log to a file as well.',
      }),
      file_name: optionalKey({
        field: 'fileName',
        type: path('btcfed.log'),
        example: 'btcfed.log',
        reload: 'restart',
        doc: 'The log file; needed with file_output.',
      }),
      file_max_size: key({
        field: 'fileMaxSizeBytes',
        type: size(10_000, 100 * GB, '10MB'),
        default: '10MB',
        reload: 'restart',
        doc: 'The log file is set aside before it grows beyond this; five earlier ones are kept, .1 to .5. A bare number counts megabytes.',
      }),
    },
  },
  chain: {
    doc: 'Which blocks it believes.',
    keys: {
      network: key({
        field: 'network',
        type: choice(['main', 'test', 'regtest']),
        default: 'main',
        reload: 'restart',
        doc: 'The Bitcoin SV network. A store belongs to one network.',
      }),
      header_sources: key({
        field: 'headerSources',
        type: list<HeaderSource>({
          item: headerSource,
          name: 'list of `peers` or `{ url, token }`',
          expected: 'a list of peers or { url, token }, or [] for none',
          min: 0,
          max: 16,
        }),
        default: ['peers'],
        secret: true,
        reload: 'live',
        doc: 'Where block headers come from: peers are other daemons; { url, token } is a block-headers-service, such as { url: http://127.0.0.1:8080, token: secret }. The token may be left out.',
      }),
      checkpoint: optionalKey({
        field: 'checkpoint',
        type: checkpoint,
        example: {
          height: 899_999,
          hash: '00000000000000000e7dcc27c06ee353bd37260b2e7e664314c204f0324a5087',
          chain_work: '000000000000000000000000000000000000000001664db1f2d50326927f07df',
        },
        reload: 'restart',
        doc: 'Block to start the header chain at, with the work of it and all blocks before it. Without it the chain starts at block 0, or on main at the built-in checkpoint that the first headers link to.',
      }),
    },
  },
  tokens: {
    doc: 'What it keeps an index of.',
    keys: {
      follow: key({
        field: 'follow',
        type: tokenList,
        default: [],
        reload: 'live',
        doc: 'Token ids (TXID_VOUT of the deploy) whose transactions are verified and indexed.',
      }),
      block: key({
        field: 'block',
        type: tokenList,
        default: [],
        reload: 'live',
        doc: 'Token ids that are never followed, whoever asks.',
      }),
    },
  },
  store: {
    doc: 'Where it keeps the index.',
    keys: {
      path: key({
        field: 'path',
        type: path('data'),
        default: 'data',
        reload: 'restart',
        doc: 'Folder of the database.',
      }),
      cache_mb: key({
        field: 'cacheMb',
        type: wholeNumber(1, 65_536),
        default: 64,
        reload: 'restart',
        doc: 'Megabytes of memory for the cache of the database.',
      }),
      sync_writes: key({
        field: 'syncWrites',
        type: flag,
        default: true,
        reload: 'restart',
        doc: 'Acknowledge a transaction only after the disk has it, so that a power loss loses nothing acknowledged.',
      }),
    },
  },
  rpc: {
    doc: 'The local socket that btcfed commands talk to.',
    keys: {
      socket: key({
        field: 'socket',
        type: path('btcfed.sock'),
        default: 'btcfed.sock',
        reload: 'restart',
        doc: 'Path of the socket, 107 bytes at most. Who may open it may do everything.',
      }),
      mode: key({
        field: 'mode',
        type: socketMode,
        default: '0600',
        reload: 'restart',
        doc: '"0600": only the user of the daemon; "0660": its group too.',
      }),
    },
  },
} as const;

type Fields<K extends Record<string, KeySpec<unknown>>> = {
  readonly [N in keyof K as K[N]['field']]: K[N] extends KeySpec<infer T, string, infer O>
    ? O extends true
      ? T | undefined
      : T
    : never;
};

/** What the operator said, checked and complete. Deeply frozen; durations in ms, paths absolute. */
export type Config = Fields<typeof TOP_KEYS> & {
  readonly [S in keyof typeof SECTIONS]: Fields<(typeof SECTIONS)[S]['keys']>;
};

export type SectionName = keyof typeof SECTIONS;

/** One row of the table, with its place. */
export interface SchemaEntry {
  /** Such as `network.addresses`. */
  readonly path: string;
  /** Undefined for the top keys. */
  readonly section: SectionName | undefined;
  readonly name: string;
  readonly spec: KeySpec<unknown>;
}

export const SECTION_NAMES = Object.keys(SECTIONS) as readonly SectionName[];

/** The whole table as a flat list, in the order of the example file. */
export const SCHEMA: readonly SchemaEntry[] = [
  ...Object.entries(TOP_KEYS).map(([name, spec]) => ({ path: name, section: undefined, name, spec })),
  ...SECTION_NAMES.flatMap((section) =>
    Object.entries<KeySpec<unknown>>(SECTIONS[section].keys).map(([name, spec]) => {
      return { path: `${section}.${name}`, section, name, spec };
    }),
  ),
];

/** The value of one key in a configuration. */
export function configValue(config: Config, { section, spec }: SchemaEntry): unknown {
  const holder: object = section === undefined ? config : config[section];
  return (holder as Readonly<Record<string, unknown>>)[spec.field];
}

/** The value of one key as an operator would write it; undefined if it has none. */
export function shownValue(
  config: Config,
  entry: SchemaEntry,
  secrets: 'redact' | 'reveal',
): YamlValue | undefined {
  const value = configValue(config, entry);
  return value === undefined || value === null ? undefined : entry.spec.type.show(value, secrets);
}
