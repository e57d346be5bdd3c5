export type Figures = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Bench {
  readonly about: string;
  readonly load: () => Promise<{ readonly run: (args: readonly string[]) => Promise<Figures> }>;
}

/** Every benchmark by its name on the command line. */
export const BENCHES: Readonly<Record<string, Bench>> = {
  ingest: {
    about:
      'import of a corpus, verified and durable, against bare verification [--corpus DIR] [--outputs N] [--transfers N]',
    load: () => import('./ingest.ts'),
  },
  headers: {
    about: 'load of a full main chain, open, and merkle roots by height [--headers N]',
    load: () => import('./headers.ts'),
  },
  query: {
    about:
      'balance, coins and history through the socket of a daemon with 1,000,000 outputs [--outputs N] [--queries N]',
    load: () => import('./query.ts'),
  },
  reload: {
    about:
      'alternating valid and invalid reloads of a daemon with exchanging peers [--reloads N] [--connections N]',
    load: () => import('./reload.ts'),
  },
  connect: {
    about: 'first contact to identify between two processes, and with peers held [--dials N] [--held N]',
    load: () => import('./connect.ts'),
  },
  discovery: {
    about:
      'networks given one seed: share of all peers each knows [--nodes N] [--interval MS] [--intervals N]',
    load: () => import('./discovery.ts'),
  },
  sync: {
    about:
      'an empty daemon takes a token from another; idle; one transaction missing; a small token [--transactions N] [--small N] [--idle S]',
    load: () => import('./sync.ts'),
  },
  gossip: {
    about:
      'live through three daemons in a row: delay at 200/s, rate with nothing lost [--rate N] [--seconds N]',
    load: () => import('./gossip.ts'),
  },
};
