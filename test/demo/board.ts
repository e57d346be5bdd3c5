import type { Result } from '../../src/api/methods/index.ts';
import type { LoopbackNode } from '../support/loopback.ts';
import type { Token } from './economy.ts';
import { Pace } from './pace.ts';
import { type Row, table } from './table.ts';

/** What the daemons say of their tokens, as a table. */
export class Board {
  private readonly tokens: readonly Token[];
  private readonly address: string;
  private readonly paces = new Map<string, Pace>();

  /** `address`: whose balance is shown. */
  constructor(tokens: readonly Token[], address: string) {
    this.tokens = tokens;
    this.address = address;
  }

  /** Asks them. `synced`: those that are so with all tokens. */
  async look(
    nodes: readonly LoopbackNode[],
  ): Promise<{ readonly lines: readonly string[]; readonly synced: readonly LoopbackNode[] }> {
    const rows = await Promise.all(nodes.map((node) => this.rowsOf(node)));
    const synced = nodes.filter((_, i) => rows[i]?.every(({ state }) => state === 'synced'));
    return { lines: table(rows.flat()), synced };
  }

  private async rowsOf({ name, rpc }: LoopbackNode): Promise<Row[]> {
    const { p2p, tip } = await rpc.call('node.status', {});
    const peers = (p2p?.inbound ?? 0) + (p2p?.outbound ?? 0);
    return Promise.all(
      this.tokens.map(async ({ symbol, tokenId: token }) => {
        const [{ transactions, sync }, { total }] = await Promise.all([
          rpc.call('token.get', { token }),
          rpc.call('token.balance', { token, address: this.address }),
        ]);
        return {
          ...{ daemon: name, peers, height: tip.height, symbol, transactions },
          pace: this.paceOf(`${name} ${symbol}`).at(transactions, performance.now()),
          unmined: sync?.commitment?.unmined ?? 0,
          balance: total,
          tac: sync?.commitment?.tac,
          state: stateOf(sync),
        };
      }),
    );
  }

  private paceOf(name: string): Pace {
    const pace = this.paces.get(name) ?? new Pace();
    this.paces.set(name, pace);
    return pace;
  }
}

function stateOf(sync: Result<'token.get'>['sync']): string {
  const { state = '-', progress } = sync ?? {};
  if (progress === undefined || progress.total === 0) return state;
  return `${state} ${Math.min(99, Math.floor((100 * progress.done) / progress.total))}%`;
}
