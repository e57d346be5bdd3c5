import type { Config } from '../../config/index.ts';
import type { PeerBar } from '../api/modules.ts';
import type { PeerIdText } from '../p2p/types.ts';

type ListsConfig = Pick<Config['peers'], 'allowOnlyListed' | 'block'>;

/** Whom the operator keeps out: by name, or by listing others alone. */
export class PeerLists {
  readonly #isOperator: (peerId: PeerIdText) => boolean;
  #blocked: ReadonlySet<PeerIdText> = new Set();
  #allowOnlyListed = false;

  /** `isOperator`: whether the list of peers has it as the operator's own. */
  constructor(config: ListsConfig, isOperator: (peerId: PeerIdText) => boolean) {
    this.#isOperator = isOperator;
    this.configure(config);
  }

  configure({ allowOnlyListed, block }: ListsConfig): void {
    this.#blocked = new Set(block);
    this.#allowOnlyListed = allowOnlyListed;
  }

  /** Why a peer is not talked to; undefined: it may be. */
  bar(peerId: PeerIdText): PeerBar | undefined {
    if (this.#blocked.has(peerId)) return 'blocked';
    return this.#allowOnlyListed && !this.#isOperator(peerId) ? 'not_listed' : undefined;
  }
}
