import type { ShownKey } from '../../config/show.ts';
import type { Offers } from '../ingest/outcome.ts';
import type { PurgeReport } from '../ingest/purge.ts';
import type { HealthWarning } from '../observe/health.ts';
import type { LogLevel, LogModule } from '../observe/levels.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { StoreView, VerifyReport } from '../store/view.ts';
import type { ConfigVerdict } from './config-check.ts';
import type { ReloadFacts, ReloadOutcome } from './reload-outcome.ts';

export type Network = 'main' | 'test' | 'regtest';

export interface TipView {
  readonly height: number;
  readonly hash: string;
  readonly chainWork: bigint;
}

export interface HeaderView {
  readonly height: number;
  readonly hash: string;
  readonly version: number;
  readonly prevHash: string;
  readonly merkleRoot: string;
  /** Unix seconds. */
  readonly time: number;
  readonly bits: number;
  readonly nonce: number;
}

export interface HeadersImported {
  readonly added: number;
  readonly known: number;
  readonly undone: { readonly from: number; readonly to: number } | undefined;
  readonly tip: TipView;
}

/** The header chain as the RPC needs it. Refused headers are an error with `code` and `data`. */
export interface ChainApi {
  tip(): TipView;
  /** First height that is held. */
  baseHeight(): number;
  /** By height, or by hash in display order; best chain only. */
  header(which: number | string): HeaderView | undefined;
  import(headers: Uint8Array): Promise<HeadersImported>;
  /** Blocks that our tip is below what the best header source tells; undefined without a source that answered. */
  lag?(): number | undefined;
}

export type PeerState = 'idle' | 'connecting' | 'connected' | 'disconnecting' | 'failed';

/** Where an entry of the address book came from. */
export type PeerSource = 'operator' | 'exchange' | 'dht' | 'inbound';

/** All that this node knows of one peer. Times in ms since 1970. Agent and protocols are what the peer says of itself. */
export interface PeerView {
  /** Base58 text of its PeerId. */
  readonly peerId: string;
  /** Base64 of the raw 32 bytes; absent for other keys than Ed25519. */
  readonly publicKey?: string | undefined;
  readonly state: PeerState;
  /** Of the oldest living connection. */
  readonly direction?: 'inbound' | 'outbound' | undefined;
  readonly connections: number;
  /** Where it is dialled, without `/p2p/`. */
  readonly addresses: readonly string[];
  /** Where the oldest connection comes from or goes to. */
  readonly remoteAddress?: string | undefined;
  readonly agent?: string | undefined;
  readonly protocols?: readonly string[] | undefined;
  readonly latencyMs?: number | undefined;
  /** Since when it is connected. */
  readonly sinceMs?: number | undefined;
  readonly lastSeenMs?: number | undefined;
  readonly source?: PeerSource | undefined;
  /** True once a handshake with it was completed. */
  readonly proved: boolean;
  /** Dials that failed one after the other, and why the last one did. */
  readonly failures: number;
  readonly lastErrorCode?: string | undefined;
  readonly nextDialMs?: number | undefined;
  /** Circuit breaker of its dials. */
  readonly breaker: 'closed' | 'open' | 'half_open';
  /** Sum of its penalties that has not faded yet. */
  readonly penalty: number;
  /** Why the operator's lists keep it out. */
  readonly bar?: PeerBar | undefined;
  readonly bannedUntilMs?: number | undefined;
  readonly banCode?: string | undefined;
}

/** `blocked`: in peers.block; `not_listed`: peers.allow_only_listed, and it is not in the list. */
export type PeerBar = 'blocked' | 'not_listed';

export interface NetworkFacts {
  readonly peerId: string;
  /** Base64 of the raw 32 bytes, as it stands in the peers.yaml of others. */
  readonly publicKey: string;
  /** Really bound, with their real ports. */
  readonly listening: readonly string[];
  /** What others are told to dial. */
  readonly announced: readonly string[];
  /** Connected peers. */
  readonly inbound: number;
  readonly outbound: number;
  /** Peers that are being dialled. */
  readonly dialling: number;
  readonly maxPeers: number;
  /** Entries of the address book, and how many of them are proved, and the operator's own. */
  readonly known: number;
  readonly proved: number;
  readonly operator: number;
  readonly banned: number;
}

/** The peer-to-peer network as the RPC needs it. */
export interface NetworkApi {
  facts(): NetworkFacts;
  /** Every peer that is in the book, connected, being dialled or banned; each once, in any order. */
  peers(): readonly PeerView[];
}

export type SyncState = 'synced' | 'behind' | 'alone' | 'disputed';

/** How far a followed token is with the histories of peers (src/sync/status.ts has the exact meaning of each state). */
export interface SyncView {
  readonly state: SyncState;
  readonly sinceMs: number;
  /** Peers whose commitment at the tip is ours. */
  readonly agree: readonly string[];
  readonly disagree: readonly SyncDisagreement[];
  /** Peers that follow it and cannot be compared with at our tip now. */
  readonly unknown: readonly string[];
  readonly progress?: SyncProgress | undefined;
  /** BRC-136 commitment at the tip of the index; undefined while it cannot be told. */
  readonly commitment?: SyncCommitment | undefined;
}

export interface SyncDisagreement {
  readonly peerId: string;
  /** First block in which the histories differ, as far as it is found. */
  readonly firstHeight?: number | undefined;
  readonly why: string;
  readonly sinceMs: number;
}

export interface SyncProgress {
  readonly done: number;
  readonly total: number;
  readonly perSecond: number;
  readonly secondsLeft?: number | undefined;
}

export interface SyncCommitment {
  readonly height: number;
  /** Display order. */
  readonly tac: string;
  /** Mined history transactions up to there. */
  readonly entries: number;
  readonly unmined: number;
}

/** What token sync knows, as the RPC needs it. */
export interface SyncApi {
  /** Undefined: not followed. */
  status(tokenId: string): SyncView | undefined;
  /** With its commitment, which may have to be computed. */
  proof(tokenId: string): Promise<SyncView | undefined>;
}

export interface ConfigApi {
  /** Path of the file that was loaded. */
  readonly file: string;
  /** The values in effect (config/show.ts `showConfig`); secrets are redacted already. */
  shown(): readonly ShownKey[];
  /** Checks this text, or the file as it is on disk now; changes nothing. `checkConfig` does it. */
  check(text?: string): Promise<ConfigVerdict>;
}

export interface NodeFacts {
  readonly state: 'starting' | 'running' | 'stopping';
  readonly version: string;
  readonly commit?: string;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly home: string;
  /** SHA-256 of the configuration file in effect. */
  readonly configHash?: string;
  /** Absent where nothing can be reloaded: in commands that work on the data directory. */
  readonly reload?: ReloadFacts | undefined;
}

export interface VerifyProgress {
  readonly done: number;
  readonly total: number;
}

export interface PurgeOptions {
  /** Id of the token. */
  readonly token: string;
  /** Only tell what there is of it. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

export interface PurgeOutcome {
  readonly symbol?: string | undefined;
  /** Of its history. */
  readonly transactions: number;
  readonly coins: number;
  /** Undefined after a dry run. */
  readonly done: PurgeReport | undefined;
}

/** All that the RPC methods can touch. The composition root fills it; tests give fakes. */
export interface ApiModules {
  readonly network: Network;
  readonly view: StoreView;
  readonly offers: Offers;
  readonly chain: ChainApi;
  readonly config: ConfigApi;
  readonly node: { facts(): NodeFacts };
  /** Takes the file as it is now into use, whole or not at all; absent where no daemon runs. Never rejects. */
  readonly reload?: (() => Promise<ReloadOutcome>) | undefined;
  /** Absent in commands that work on the data directory, and until the network is up. */
  readonly p2p?: NetworkApi | undefined;
  /** Absent in commands that work on the data directory, and until the network is up. */
  readonly sync?: SyncApi | undefined;
  readonly metrics: Metrics;
  readonly health: { warnings(): readonly HealthWarning[] };
  readonly logs: {
    levels(): Readonly<Record<LogModule, LogLevel>>;
    setLevel(level: LogLevel, module?: LogModule): void;
  };
  /** Calls the listener after each commit that appended events; returns how to stop it. */
  readonly events: { onAppend(listener: () => void): () => void };
  /** Checks every row against the stored transactions; with `rebuild` writes the derived rows anew. */
  verifyStore(
    opts: { readonly rebuild: boolean; readonly acceptLoss: boolean; readonly signal: AbortSignal },
    progress: (progress: VerifyProgress) => void,
  ): Promise<VerifyReport>;
  /** Deletes the data of a token. Rejects with TOKEN_FOLLOWED, TOKEN_UNKNOWN, or an error of the store. */
  purgeToken(opts: PurgeOptions, progress: (progress: VerifyProgress) => void): Promise<PurgeOutcome>;
  /** Largest BEEF that `offers` takes. */
  readonly maxBeefBytes: number;
  readonly clock: { nowMs(): number };
  readonly log: Log;
}
