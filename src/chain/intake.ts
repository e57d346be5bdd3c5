import { plausibleTarget } from './anchors.ts';
import { Branch } from './branch.ts';
import { type ChainState, emptyChain } from './chain-state.ts';
import { type CheckContext, checkHeader } from './check.ts';
import { ChainError, reasonOf } from './errors.ts';
import { displayHex, HEADER_BYTES, headerHash, prevBytesOf, sameHash } from './header.ts';
import {
  type DiskOperation,
  decodeTip,
  encodeIdentity,
  encodeIndex,
  identityKey,
  indexKey,
  tipKey,
} from './rows.ts';
import { type SideChange, type SideHeader, sideHeader } from './side-branches.ts';

/** What one atomic write changed. */
export interface Commit {
  readonly added: number;
  readonly undone: { readonly from: number; readonly to: number } | undefined;
}

/** The headers of one write: some that are held already, then new ones that link to each other. */
export interface Portion {
  /** Index of the first header not looked at. */
  readonly next: number;
  readonly known: number;
  readonly branch: Branch | undefined;
  /** Why it ended early; the headers before the bad one are good and are kept. */
  readonly failure: ChainError | undefined;
}

/** Reads headers in portions, judges them and writes them. One call at a time (HeaderChain sees to it). */
export class Intake {
  private readonly state: ChainState;
  private readonly portionHeaders: number;
  /** Height on the best chain of the last known header read: the next one is mostly its successor. */
  private cursor: number | undefined;
  private inDoubt = false;

  constructor(state: ChainState, portionHeaders: number) {
    this.state = state;
    this.portionHeaders = portionHeaders;
  }

  /** Judges headers of `bytes` from index `from` on, until the portion is full, the links break or one is refused. */
  read(bytes: Uint8Array, from: number): Portion {
    const total = bytes.length / HEADER_BYTES;
    const end = Math.min(total, from + this.portionHeaders);
    const before = this.state.best;
    let context: CheckContext | undefined;
    let known = 0;
    let i = from;
    let branch: Branch | undefined;
    let failure: ChainError | undefined;
    try {
      for (; i < end; i++) {
        const raw = bytes.subarray(i * HEADER_BYTES, (i + 1) * HEADER_BYTES);
        const hash = headerHash(raw);
        if (branch === undefined) {
          if (!this.state.started) this.chooseBase(raw, hash);
          if (this.isKnown(raw, hash)) {
            known += 1;
            continue;
          }
          branch = this.branchFor(raw, hash);
          context = this.context();
        } else if (!sameHash(raw, 4, branch.tipHash)) {
          break;
        }
        checkHeader(context!, branch, raw, hash);
        branch.push(raw, hash);
      }
    } catch (thrown) {
      if (!(thrown instanceof ChainError)) throw thrown;
      failure = new ChainError(thrown.code, thrown.message, { ...thrown.data, index: i }, thrown.cause);
    }
    if (branch === undefined || branch.fresh === 0) {
      // Nothing to write, so a base chosen for these headers is not fixed by them.
      if (!this.state.started) this.state.best = before;
      branch = undefined;
    }
    return { next: i, known, branch, failure };
  }

  /**
   * Writes a branch: as the best chain if it has more work (first seen stays at a tie), else as side headers.
   * @throws ChainError DISK_FAILED (memory unchanged), SIDE_BRANCH_TOO_LONG, CHAIN_STATE_CHANGED
   */
  async commit(branch: Branch, sync: boolean): Promise<Commit> {
    this.settleDoubt();
    const { best, sides, started } = this.state;
    const wins = branch.tipWork > best.tip.work;
    const replaced = wins ? this.replaced(branch) : [];
    const change = this.sideChange(branch, wins, replaced);
    const rewrite = wins ? best.rewrite(branch) : undefined;
    const operations = [...(started ? [] : this.firstRows()), ...sides.operations(change)];
    if (rewrite !== undefined) {
      for (const { hash } of replaced) operations.push({ key: indexKey(hash), value: undefined });
      for (const [i, hash] of branch.hashes.entries()) operations.push(indexRow(hash, branch.fork + 1 + i));
    }
    await this.write(rewrite === undefined ? operations : [...operations, ...rewrite.operations], sync);
    this.state.started = true;
    sides.apply(change);
    if (rewrite !== undefined) best.apply(rewrite);
    this.cursor = undefined;
    const undone =
      replaced.length === 0 ? undefined : { from: branch.fork + 1, to: branch.fork + replaced.length };
    return { added: branch.fresh, undone };
  }

  private context(): CheckContext {
    const { rules, anchors, clock, best } = this.state;
    return {
      rules,
      anchors,
      plausible: plausibleTarget(rules, best.base),
      nowS: Math.floor(clock.nowMs() / 1000),
    };
  }

  /** Before anything is held, the first header says where the chain begins. */
  private chooseBase(raw: Uint8Array, hash: Uint8Array): void {
    const { anchors, best, disk, cacheChunks } = this.state;
    const prev = prevBytesOf(raw);
    if (best.heightOf(hash) !== undefined || best.heightOf(prev) !== undefined) return;
    const base = anchors.baseFor(hash, prev);
    if (base === undefined) {
      const heights = anchors.startHeights();
      throw new ChainError(
        'UNKNOWN_START',
        `the first header links to ${displayHex(prev)}, which is neither block 0 nor a known checkpoint of the ` +
          `${this.state.rules.network} network. Known: heights ${heights.join(', ')}; or configure a checkpoint`,
        { prevHash: displayHex(prev), hash: displayHex(hash), knownHeights: heights },
      );
    }
    this.state.best = emptyChain(disk, anchors, base, cacheChunks);
    this.cursor = undefined;
  }

  private isKnown(raw: Uint8Array, hash: Uint8Array): boolean {
    const { best, sides } = this.state;
    const at = this.cursor;
    if (at !== undefined && at < best.height && sameHash(best.hashBytes(at + 1), 0, hash)) {
      this.cursor = at + 1;
      return true;
    }
    if (sameHash(raw, 4, best.tip.hash)) return false;
    if (sides.get(hash) !== undefined) return true;
    let height = best.heightOf(hash);
    if (height === undefined) {
      // A lost index row must not make a held header new: its parent's row leads to it as well.
      const parent = best.heightOf(prevBytesOf(raw));
      if (parent === undefined || parent >= best.height || !sameHash(best.hashBytes(parent + 1), 0, hash))
        return false;
      height = parent + 1;
    }
    this.cursor = height;
    return true;
  }

  /** The branch that a new header extends. @throws ChainError UNKNOWN_PARENT, BELOW_BASE, FORK_BELOW_CHECKPOINT */
  private branchFor(raw: Uint8Array, hash: Uint8Array): Branch {
    const { best, sides, anchors } = this.state;
    const prev = prevBytesOf(raw);
    const side = sides.get(prev);
    const path = side === undefined ? [] : sides.pathTo(side);
    const lowest = path[0];
    const fork = best.heightOf(lowest === undefined ? prev : prevBytesOf(lowest.raw));
    if (fork === undefined) throw this.unconnected(hash, prev);
    const last = anchors.lastAt(best.height);
    if (fork < last) {
      throw new ChainError(
        'FORK_BELOW_CHECKPOINT',
        `header ${displayHex(hash)} is on a branch that leaves the chain at height ${fork}, below the checkpoint at ${last}`,
        { hash: displayHex(hash), fork, checkpoint: last },
      );
    }
    const branch = new Branch(best, fork);
    for (const header of path) branch.push(header.raw, header.hash);
    branch.stored = path.length;
    return branch;
  }

  private unconnected(hash: Uint8Array, prev: Uint8Array): ChainError {
    const { anchors, best } = this.state;
    const known = anchors.heightOf(hash) ?? anchors.heightOf(prev);
    const data = {
      hash: displayHex(hash),
      prevHash: displayHex(prev),
      base: best.base.height,
      tip: best.height,
    };
    if (known !== undefined && known < best.base.height) {
      return new ChainError(
        'BELOW_BASE',
        `these headers are at height ${known}, but this store begins at ${best.base.height} and cannot grow downwards. ` +
          'To hold earlier heights, import them first into a new store',
        { ...data, height: known },
      );
    }
    return new ChainError(
      'UNKNOWN_PARENT',
      `header ${data.hash} links to ${data.prevHash}, which is not among the headers held (heights ${best.base.height} ` +
        `to ${best.height})`,
      data,
    );
  }

  /** Headers of the best chain above the fork, as the side headers they become. */
  private replaced(branch: Branch): SideHeader[] {
    const { best } = this.state;
    const headers: SideHeader[] = [];
    for (let h = Math.max(branch.fork + 1, best.base.height); h <= best.height; h++) {
      headers.push(sideHeader(h, best.hashBytes(h), best.headerBytes(h)));
    }
    return headers;
  }

  private sideChange(branch: Branch, wins: boolean, replaced: readonly SideHeader[]): SideChange {
    const { sides } = this.state;
    const path = branch.hashes.map((hash, i) => ({
      hash,
      raw: branch.headers[i]!,
      height: branch.fork + 1 + i,
    }));
    if (wins) return sides.bounded({ put: replaced, remove: path.slice(0, branch.stored) }, []);
    const put = path.slice(branch.stored).map(({ height, hash, raw }) => sideHeader(height, hash, raw));
    return sides.bounded({ put, remove: [] }, [...path.slice(0, branch.stored), ...put]);
  }

  /** Rows that only the first write has: what the chain is, and the index row of block 0 where it is held. */
  private firstRows(): DiskOperation[] {
    const { rules, best, anchors } = this.state;
    const rows: DiskOperation[] = [{ key: identityKey, value: encodeIdentity(rules.network, best.base) }];
    if (best.base.height === 0) rows.push(indexRow(anchors.genesisHash, 0));
    return rows;
  }

  private async write(operations: readonly DiskOperation[], sync: boolean): Promise<void> {
    try {
      await this.state.disk.write(operations, sync);
    } catch (thrown) {
      this.inDoubt = true;
      const reason = reasonOf(thrown);
      throw new ChainError('DISK_FAILED', `headers could not be written: ${reason}`, { reason }, thrown);
    }
  }

  /** A failed write may have reached the disk after all: then memory is behind, and only a restart is safe. */
  private settleDoubt(): void {
    if (!this.inDoubt) return;
    const { disk, best, started } = this.state;
    const row = disk.get(tipKey);
    const same = row === undefined ? !started : sameHash(decodeTip(row).hash, 0, best.tip.hash);
    if (!same) {
      throw new ChainError(
        'CHAIN_STATE_CHANGED',
        'header store: after a failed write the disk holds another tip than this process; restart to read it again',
        { tip: displayHex(best.tip.hash) },
      );
    }
    this.inDoubt = false;
  }
}

function indexRow(hash: Uint8Array, height: number): DiskOperation {
  const key = indexKey(hash);
  return { key, value: encodeIndex(key, height) };
}
