export type TokenOp = 'deploy+mint' | 'deploy+auth' | 'mint' | 'auth' | 'transfer' | 'burn';

export type LockType = 'p2pkh' | 'cosign' | 'ordlock' | 'pow20' | 'ltm' | 'other';

/**
 * Who can spend an output, for the owner indexes (token-rules §9).
 * `owner`: the 20-byte key hash for p2pkh, cosign and ordlock (the seller); the 32-byte SHA-256 of the lock bytes
 * for the rest. Byte fields of p2pkh, cosign and ordlock are views into the script: copy them to keep them longer.
 */
export interface Lock {
  readonly type: LockType;
  readonly owner: Uint8Array;
  /** The 33-byte key that has to sign too; cosign only. */
  readonly cosigner?: Uint8Array;
}

/** What a deploy says about its token, for display only (J7-J9). */
export interface Deploy {
  readonly sym?: string;
  /** 0-18 */
  readonly dec: number;
  /** Outpoint `<txid>_<vout>` of the image, a relative one already expanded. */
  readonly icon?: string;
  /** The icon member as written, whenever it is a string: other services show it unexpanded. */
  readonly iconRaw?: string;
}

export interface TokenOutput {
  readonly vout: number;
  /** `<txid>_<vout>` of the deploy; compare as exact string. */
  readonly tokenId: string;
  readonly op: TokenOp;
  /** 0n for deploy+auth and auth, which carry no amount. */
  readonly amt: bigint;
  readonly lock: Lock;
  /** On deploy+mint and deploy+auth only. */
  readonly deploy?: Deploy;
}
