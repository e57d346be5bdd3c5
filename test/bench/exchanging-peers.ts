import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { startNetwork } from '../support/network.ts';

/** Whom the peers connect to. */
interface Target {
  readonly publicKey: string;
  readonly address: string;
}

export interface PeerCrowd {
  readonly connections: number;
  /** Peers that lost their connection since the start, and exchanges done since then. */
  report(): Promise<{ readonly dropped: number; readonly exchanges: number }>;
  stop(): Promise<void>;
}

const INTERVAL_MS = 1_000;

/** Networks in a process of their own that all keep a connection to one daemon and exchange peers with it. */
export async function startCrowd(count: number, target: Target): Promise<PeerCrowd> {
  const child = fork(import.meta.filename, ['crowd', String(count), JSON.stringify(target)]);
  const told = await answer(child);
  if (told !== 'ready') throw new Error(`the peers did not connect: ${JSON.stringify(told)}`);
  return {
    connections: count,
    report: async () => {
      child.send('report');
      return (await answer(child)) as { dropped: number; exchanges: number };
    },
    // May be called again.
    stop: async () => {
      if (!child.connected) return;
      const exit = once(child, 'exit');
      child.send('stop');
      await exit;
    },
  };
}

async function answer(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('the process of the peers ended');
  });
  ended.catch(() => undefined);
  const [message] = await Promise.race([once(child, 'message'), ended]);
  return message;
}

async function crowd(count: number, { publicKey, address }: Target): Promise<void> {
  const peers = [{ publicKey, addresses: [address] }];
  const networks = await Promise.all(
    Array.from({ length: count }, () => startNetwork({ exchangeIntervalMs: INTERVAL_MS, peers })),
  );
  const targetOf = ({ network }: (typeof networks)[number]) => network.host.connected().find(isTarget);
  const isTarget = (peer: { readonly publicKey: Uint8Array | undefined }): boolean =>
    Buffer.from(peer.publicKey ?? []).toString('base64') === publicKey;
  while (!networks.every(targetOf)) await new Promise((resolve) => setTimeout(resolve, 50));
  let dropped = 0;
  let exchanges = 0;
  for (const each of networks) {
    const id = targetOf(each)?.peerId;
    each.network.host.on('disconnected', (peerId) => {
      if (peerId === id) dropped++;
    });
    each.network.exchange.onExchanged((peerId) => {
      if (peerId === id) exchanges++;
    });
  }
  process.on('message', (message) => {
    if (message === 'report') process.send?.({ dropped, exchanges });
    else void Promise.all(networks.map((each) => each.stop())).then(() => process.disconnect());
  });
  process.send?.('ready');
}

if (process.argv[2] === 'crowd')
  await crowd(Number(process.argv[3]), JSON.parse(process.argv[4] ?? '') as Target);
