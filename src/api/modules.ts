import type { ShownKey } from '../../config/show.ts';
import type { Offers } from '../ingest/outcome.ts';
import type { HealthWarning } from '../observe/health.ts';
import type { LogLevel, LogModule } from '../observe/levels.ts';
import type { Log } from '../observe/log.ts';
import type { StoreView, VerifyReport } from '../store/view.ts';
import type { ConfigVerdict } from './config-check.ts';

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
}

export interface VerifyProgress {
  readonly done: number;
  readonly total: number;
}

/** All that the RPC methods can touch. The composition root fills it; tests give fakes. */
export interface ApiModules {
  readonly network: Network;
  readonly view: StoreView;
  readonly offers: Offers;
  readonly chain: ChainApi;
  readonly config: ConfigApi;
  readonly node: { facts(): NodeFacts };
  readonly health: { warnings(): readonly HealthWarning[] };
  readonly logs: {
    levels(): Readonly<Record<LogModule, LogLevel>>;
    setLevel(level: LogLevel, module?: LogModule): void;
  };
  /** Calls the listener after each commit that appended events; returns how to stop it. */
  readonly events: { onAppend(listener: () => void): () => void };
  /** Checks every row against the stored transactions; with `rebuild` writes the derived rows anew. */
  verifyStore(
    opts: { readonly rebuild: boolean; readonly signal: AbortSignal },
    progress: (progress: VerifyProgress) => void,
  ): Promise<VerifyReport>;
  /** Largest BEEF that `offers` takes. */
  readonly maxBeefBytes: number;
  readonly clock: { nowMs(): number };
  readonly log: Log;
}
