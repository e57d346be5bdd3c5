import type { ImportSession } from './import-session.ts';

/** What one caller has open; ends with its connection. */
export interface SessionState {
  readonly imports: Map<string, ImportSession>;
  subscriptions: number;
  /** Number of the next import or subscription of this connection. */
  nextId: number;
  /** A large BEEF that is being read in pieces: built once, so that the pieces fit together. */
  beef: { readonly txid: string; readonly bytes: Uint8Array } | undefined;
}

export interface Session {
  /** Aborted when the caller is gone or the server stops. */
  readonly signal: AbortSignal;
  readonly state: SessionState;
  notify(method: string, params: object): void;
  /** Resolves when the caller has room for more, or is gone. */
  drained(): Promise<void>;
}

export function newSessionState(): SessionState {
  return { imports: new Map(), subscriptions: 0, nextId: 1, beef: undefined };
}
