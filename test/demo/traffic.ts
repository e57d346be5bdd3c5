import { setTimeout as sleep } from 'node:timers/promises';
import type { LoopbackNode } from '../support/loopback.ts';
import { importAll, importHeaders } from '../support/loopback-token.ts';
import type { Economy } from './economy.ts';
import type { DemoLength } from './options.ts';

const BLOCK_MS = 3_000;
const PAY_MS = 20;
/** pending: the block that its parents are in is on its way there. */
const TAKEN: readonly string[] = ['admitted', 'known', 'pending'];

/** Payments that are given to daemons as they are made, and blocks that are mined. */
export class Traffic {
  private readonly economy: Economy;
  private readonly length: DemoLength;
  private made = 0;

  constructor(economy: Economy, length: DemoLength) {
    this.economy = economy;
    this.length = length;
  }

  /** Payments so far. */
  get payments(): number {
    return this.made;
  }

  /** Pays until the time is over. `open`: the daemons that take payments now. */
  async pay(open: () => readonly LoopbackNode[], signal: AbortSignal): Promise<void> {
    const { seconds, rate } = this.length;
    const startMs = performance.now();
    for (let asked = 0, gone = 0; gone < seconds; await sleep(PAY_MS, undefined, { signal })) {
      gone = (performance.now() - startMs) / 1_000;
      const due = Math.floor(Math.min(seconds, gone) * rate);
      const submitted: Promise<void>[] = [];
      for (; asked < due; asked++) submitted.push(this.payment(asked, open()));
      await Promise.all(submitted);
    }
  }

  /** Mines a block every few seconds until the time is over. */
  async mine(node: LoopbackNode, signal: AbortSignal): Promise<void> {
    for (let ms = BLOCK_MS; ms < this.length.seconds * 1_000; ms += BLOCK_MS) {
      await sleep(BLOCK_MS, undefined, { signal });
      await this.block(node);
    }
  }

  /** A block with all payments so far, told to this daemon alone. */
  async block({ rpc }: LoopbackNode): Promise<void> {
    const { header, beefs } = this.economy.mine();
    await importHeaders(rpc, header);
    await importAll(rpc, beefs);
  }

  /** The tokens take turns, and so do the daemons. */
  private async payment(number: number, open: readonly LoopbackNode[]): Promise<void> {
    const { tokens } = this.economy;
    const token = tokens[number % tokens.length];
    const node = open[Math.floor(number / tokens.length) % open.length];
    if (token === undefined || node === undefined) return;
    const beef = this.economy.pay(token);
    if (beef === undefined) return;
    this.made++;
    await submit(node, beef);
  }
}

async function submit({ rpc }: LoopbackNode, beef: Uint8Array): Promise<void> {
  const outcome = await rpc.call('tx.submit', { beef: Buffer.from(beef).toString('hex') });
  if (!TAKEN.includes(outcome.status)) throw new Error(`a payment was not taken: ${JSON.stringify(outcome)}`);
}
