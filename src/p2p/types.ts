/** Base58 text of a PeerId (`12D3Koo…`): the key of every map about peers. */
export type PeerIdText = string;

/** Time from outside, so that a test can replay it. */
export interface Clock {
  /** Unix milliseconds; may be stepped. For stamps. */
  nowMs(): number;
  /** Never goes back. For intervals and deadlines. */
  monotonicMs(): number;
  /** Runs once after `ms`; the result cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** Uniform in [0, 1). */
export type RandomFraction = () => number;

/** idle -> connecting -> connected -> disconnecting -> idle; connecting -> failed -> connecting. */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'disconnecting' | 'failed';

/** Whom to dial and where; addresses are multiaddrs without `/p2p/`. */
export interface DialTarget {
  readonly peerId: PeerIdText;
  readonly addresses: readonly string[];
  /** Names among the addresses must not lead to private addresses (a learned peer); see dns.ts. */
  readonly publicOnly?: boolean;
}

/** A peer with at least one living connection. */
export interface ConnectedPeer {
  readonly peerId: PeerIdText;
  /** Raw Ed25519 key, 32 bytes; undefined for other key types, which are never kept in the book. */
  readonly publicKey: Uint8Array | undefined;
  /** Of the oldest living connection. */
  readonly direction: 'inbound' | 'outbound';
  readonly connections: number;
  /** Where the oldest living connection comes from or goes to. Never learned as an address. */
  readonly remoteAddress: string;
  /** True if that address is private or loopback. */
  readonly isPrivate: boolean;
  readonly sinceMs: number;
  /** When a byte or a ping last proved it alive. */
  readonly lastSeenMs: number;
  readonly latencyMs: number | undefined;
  /** What identify told; undefined until it is done. */
  readonly identified: IdentifiedFacts | undefined;
}

export interface IdentifiedFacts {
  readonly agent: string;
  readonly protocols: readonly string[];
  /** Its listen addresses as it tells them, without `/p2p/`. */
  readonly addresses: readonly string[];
  /** Signed peer record (envelope of RFC 0002 and 0003), if it sent one. */
  readonly signedRecord: Uint8Array | undefined;
}

/** Limits and lists of who may connect; may be replaced while running. */
export interface HostPolicy {
  readonly maxPeers: number;
  readonly maxPerIp: number;
  readonly connectionTimeoutMs: number;
  /** Undefined: anybody who is not denied. */
  readonly allowed: ((peerId: PeerIdText) => boolean) | undefined;
  readonly isDenied: (peerId: PeerIdText) => boolean;
  /** Peers that may connect even when there are `maxPeers` already: those of the operator. */
  readonly isPreferred?: (peerId: PeerIdText) => boolean;
  /** Whether a service of libp2p (the DHT) may dial an address that others told; undefined: any. */
  readonly mayDialTold?: (address: string) => boolean;
}

/**
 * One protocol stream with messages framed by a varint length, or raw: then a read gives the bytes that came, one to
 * `maxFrameBytes` of them, and a write sends bytes as they are. Each call ends by its signal at the latest.
 */
export interface FrameStream {
  readonly peerId: PeerIdText;
  /** The protocol id that was negotiated. */
  readonly protocol: string;
  /** @throws P2pError STREAM_ENDED | STREAM_RESET | FRAME_TOO_LARGE | TIMEOUT */
  read(signal: AbortSignal): Promise<Uint8Array>;
  write(frame: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Ends our side in order. */
  close(signal: AbortSignal): Promise<void>;
  /** Resets the stream. */
  abort(code: string): void;
}

export interface ProtocolOptions {
  readonly maxFrameBytes: number;
  /** `raw` for protocols of others that have no frames. Default `varint`. */
  readonly framing?: 'varint' | 'raw';
  /** Streams at once per connection. */
  readonly maxInboundStreams: number;
  readonly maxOutboundStreams: number;
}

export interface HostEvents {
  /** First living connection of a peer. */
  connected: (peer: ConnectedPeer) => void;
  /** Identify is done (again); `identified` is there. */
  identified: (peer: ConnectedPeer) => void;
  /** The last living connection ended. */
  disconnected: (peerId: PeerIdText, reason: string) => void;
}

/** Listen addresses that are really bound, but not in use yet. */
export interface ListenChange {
  /** Removed addresses stop accepting; their connections live on until they close. */
  commit(): Promise<void>;
  /** Leaves everything as it was, no listener behind. */
  rollback(): Promise<void>;
}

/** What the rest of the daemon needs of the libp2p host. */
export interface Host {
  readonly peerId: PeerIdText;
  readonly publicKey: Uint8Array;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Really bound, with real ports. */
  listenAddresses(): readonly string[];
  /** What others are told to dial. */
  announcedAddresses(): readonly string[];
  /** Our own signed peer record for those addresses. */
  signedRecord(): Promise<Uint8Array>;
  connected(): readonly ConnectedPeer[];
  peer(peerId: PeerIdText): ConnectedPeer | undefined;
  /** Every peer that has a state other than idle. */
  states(): ReadonlyMap<PeerIdText, ConnectionState>;
  /**
   * Resolves when the peer is proven to be there: handshake and identify done. Already connected: at once.
   * @throws P2pError with the class of the failure
   */
  dial(target: DialTarget, signal: AbortSignal): Promise<ConnectedPeer>;
  /** Proves a connected peer alive; milliseconds. */
  ping(peerId: PeerIdText, signal: AbortSignal): Promise<number>;
  hangUp(peerId: PeerIdText, reason: string): Promise<void>;
  /** Registers a handler under several names of one protocol, the preferred one first; the result takes it back. */
  handle(
    protocols: readonly string[],
    handler: (stream: FrameStream) => Promise<void>,
    options: ProtocolOptions,
  ): Promise<() => Promise<void>>;
  openStream(
    peerId: PeerIdText,
    protocols: readonly string[],
    options: ProtocolOptions,
    signal: AbortSignal,
  ): Promise<FrameStream>;
  on<E extends keyof HostEvents>(event: E, listener: HostEvents[E]): () => void;
  setPolicy(policy: HostPolicy): void;
  /** Replaces what is announced; connected peers are told by identify-push. */
  setAnnounce(addresses: readonly string[]): Promise<void>;
  /**
   * Binds what is new among `addresses`.
   * @throws P2pError ADDRESS_IN_USE | ADDRESS_UNAVAILABLE, with nothing left behind
   */
  prepareListen(addresses: readonly string[]): Promise<ListenChange>;
}

/** What a component says to a reload (the engine is in src/node): each may veto before anything is applied. */
export interface PreparedChange {
  /** Takes the change into use; must not fail for reasons that `prepare` could have found. */
  apply(): Promise<void> | void;
  /** Undoes `prepare`, and `apply` if it was called. */
  rollback(): Promise<void> | void;
  /** After all have applied: what cannot be undone, such as closing what was removed. */
  finish?(): Promise<void> | void;
}

/** Judges peers by codes; the exchange and the token protocols report to it. */
export interface PeerJudge {
  /** Says what is to be done with the peer now. Operator peers are warned about, never banned. */
  penalise(peerId: PeerIdText, code: string, weight?: number): 'none' | 'disconnect' | 'ban';
  isBanned(peerId: PeerIdText): boolean;
}
