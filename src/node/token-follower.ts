import type { Log } from '../observe/log.ts';
import type { PreparedChange } from '../p2p/types.ts';
import { followedTokens } from './core.ts';
import { type ProposedChange, type ReloadComponent, touches } from './reload-component.ts';

/** The part of the index that a change of `tokens.follow` and `tokens.block` reaches. */
export interface FollowedTokens {
  followed(): readonly string[];
  /** Resolves when the new set holds; `complete` when the stored history of added tokens is evaluated. */
  changeFollowed(
    change: (followed: readonly string[]) => readonly string[],
  ): Promise<{ readonly complete: Promise<void> }>;
}

export interface TokenFollowerModules {
  readonly tokens: FollowedTokens;
  readonly monotonicMs: () => number;
  readonly log: Log;
  /** The new set holds; also after a rollback. */
  readonly onChanged?: () => void;
  /** What the store held of the added tokens is evaluated. */
  readonly onComplete?: () => void;
}

/**
 * Follows and unfollows tokens at a reload. A removed token is not indexed any further and its data stays; an added one
 * is answered for as soon as what the store holds of it is evaluated, which the reload does not wait for.
 */
export class TokenFollower implements ReloadComponent {
  readonly name = 'tokens';
  readonly #modules: TokenFollowerModules;

  constructor(modules: TokenFollowerModules) {
    this.#modules = modules;
  }

  prepare({ next, changes }: ProposedChange): PreparedChange | undefined {
    if (!touches(changes, 'tokens.follow', 'tokens.block')) return undefined;
    const { tokens } = this.#modules;
    const before = tokens.followed();
    const after = followedTokens(next.tokens);
    let isDone = false;
    return {
      apply: async () => {
        const startMs = this.#modules.monotonicMs();
        const { complete } = await tokens.changeFollowed(() => after);
        this.#modules.onChanged?.();
        const added = after.filter((id) => !before.includes(id));
        if (added.length > 0) this.#tellComplete(complete, startMs, added.length, () => isDone);
      },
      rollback: async () => {
        isDone = true;
        await tokens.changeFollowed(() => before);
        this.#modules.onChanged?.();
      },
      finish: () => {
        const added = after.filter((id) => !before.includes(id)).length;
        const removed = before.filter((id) => !after.includes(id)).length;
        this.#modules.log.event('tokens.followed', { followed: after.length, added, removed });
      },
    };
  }

  #tellComplete(complete: Promise<void>, startMs: number, added: number, isUndone: () => boolean): void {
    const { log, monotonicMs } = this.#modules;
    complete.then(
      () => {
        this.#modules.onComplete?.();
        if (!isUndone()) log.event('tokens.evaluated', { tokens: added, ms: monotonicMs() - startMs });
      },
      // The write that failed is told by the index itself.
      () => undefined,
    );
  }
}
