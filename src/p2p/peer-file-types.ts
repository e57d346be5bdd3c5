import type { PeerEntry, PeerFields } from '../../config/peer-entry.ts';

/** Why the file is not saved; `ok` if it is. */
export type PeerFileState =
  | 'ok'
  | 'damaged'
  | 'read_only_form'
  | 'disk_full'
  | 'denied'
  | 'read_only_disk'
  | 'locked'
  | 'failed';

export interface PeersSnapshot {
  readonly operator: readonly PeerEntry[];
  readonly learned: readonly PeerEntry[];
}

/** What somebody else did to the file while we run. */
export interface PeersChange {
  /** The operator's entries, all of them as they are now. */
  readonly operator: readonly PeerEntry[];
  /** Learned entries that are new or changed: to be taken as they are. */
  readonly learned: readonly PeerEntry[];
  /** Public keys of learned entries that were deleted: to be forgotten. */
  readonly removed: readonly string[];
}

/** Who keeps the peers in memory. */
export interface PeersOwner {
  /** All that is to be in the file as learned; called while a save or an edit is worked on. */
  learned(): readonly PeerFields[];
  /** Must take the change before it returns: `learned()` is asked again right after. */
  changed(change: PeersChange): void;
  /** A save that the file itself began has failed: to be tried again. */
  notSaved?(): void;
}
