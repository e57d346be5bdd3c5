import type { PreparedChange } from '../p2p/types.ts';
import { exchangeOptions, type Network } from './network.ts';
import { type ProposedChange, type ReloadComponent, touches } from './reload-component.ts';

/** Takes changed addresses, limits and intervals of the network into use. New addresses are bound before anything is applied. */
export class NetworkReload implements ReloadComponent {
  readonly name = 'network';
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  async prepare({ next, running, changes }: ProposedChange): Promise<PreparedChange> {
    const { host, exchange, list } = this.#network;
    const listen = touches(changes, 'network.addresses')
      ? await host.prepareListen(next.network.addresses)
      : undefined;
    const announces = touches(changes, 'network.announce');
    const isOurs = touches(changes, 'network', 'peers');
    const exchanged = exchange.prepare(exchangeOptions(next));
    let isApplied = false;
    return {
      apply: async () => {
        if (!isOurs) return;
        isApplied = true;
        this.#network.configure(next);
        await exchanged.apply();
        if (announces) await host.setAnnounce(next.network.announce);
      },
      rollback: async () => {
        if (isApplied) {
          this.#network.configure(running);
          await exchanged.rollback();
          if (announces) await host.setAnnounce(running.network.announce);
        }
        await listen?.rollback();
      },
      finish: async () => {
        await listen?.commit();
        // A reload also looks at the list of peers, whose changes need none.
        await list.check();
        if (touches(changes, 'tokens')) await this.#network.tokensChanged();
        else if (listen !== undefined || announces) await exchange.selfChanged();
      },
    };
  }
}
