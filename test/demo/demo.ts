import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoopbackNode } from '../support/loopback.ts';
import { importAll, importHeaders } from '../support/loopback-token.ts';
import { Board } from './board.ts';
import { differences, type Facts } from './difference.ts';
import { Economy } from './economy.ts';
import { factsOf, factsOfStore, factsPaid } from './facts.ts';
import type { DemoLength } from './options.ts';
import type { Screen } from './screen.ts';
import { Traffic } from './traffic.ts';

const DRAW_MS = 250;
/** The late daemon comes after this share of the time. */
const LATE_SHARE = 0.4;
/** So soon after their start two daemons are synced, and so soon after the last block all have the same. */
const PATIENCE_MS = 30_000;

/** Three daemons with homes below `root`, traffic, a table of what each daemon says, and a verdict. */
export class Demo {
  private readonly root: string;
  private readonly length: DemoLength;
  private readonly screen: Screen;
  private readonly economy: Economy;
  private readonly traffic: Traffic;
  private readonly board: Board;
  private nodes: readonly LoopbackNode[] = [];
  private running: readonly LoopbackNode[] = [];
  /** Those that take payments: all that were synced when last looked at. */
  private open: readonly LoopbackNode[] = [];
  private picture: readonly string[] = [];

  constructor(root: string, length: DemoLength, screen: Screen) {
    this.root = root;
    this.length = length;
    this.screen = screen;
    this.economy = new Economy(randomBytes(8).toString('hex'), Math.ceil(length.seconds * length.rate));
    this.traffic = new Traffic(this.economy, length);
    this.board = new Board(this.economy.tokens, this.economy.addressOf('alice'));
  }

  /** @throws Error: they have not the same in the end, or a daemon failed; whatever the signal brings about */
  async run(signal: AbortSignal): Promise<void> {
    const symbols = this.economy.tokens.map(({ symbol }) => symbol).join(' and ');
    this.screen.say(
      `Three daemons on loopback, a regtest chain, and two tokens, ${symbols}.`,
      'Each payment is told to one daemon, each block to daemon one; three comes late.',
      '',
    );
    const [one, , three] = await this.begin(signal);
    if (!(await this.until(() => this.open.length === 2, signal)))
      throw new Error(['The first two daemons are not synced:', ...this.picture].join('\n'));
    await this.live(one, three, signal);
    await this.traffic.block(one);
    await this.compare(signal);
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  /** Ends whatever runs; tells what had ended by itself. */
  async end(): Promise<readonly string[]> {
    const ends = await Promise.all(this.nodes.map((node) => node.kill()));
    return ends.filter((end) => end !== undefined);
  }

  /** Two daemons run then, and the first has the tokens. */
  private async begin(signal: AbortSignal): Promise<readonly [LoopbackNode, LoopbackNode, LoopbackNode]> {
    const { chain, tokens, first } = this.economy;
    const nodes = await LoopbackNode.create(this.root, ['one', 'two', 'three']);
    const [one, two, three] = nodes;
    this.nodes = nodes;
    for (const node of nodes) node.configure({ follow: tokens.map(({ tokenId }) => tokenId) });
    two.list(one);
    three.list(two);
    signal.throwIfAborted();
    await one.start();
    await two.start();
    this.running = [one, two];
    await importHeaders(one.rpc, chain.headerBytes({ from: 1 }));
    await importAll(
      one.rpc,
      first.map((tx) => chain.beef(tx)),
    );
    return nodes;
  }

  /** Payments, blocks, the late daemon and the table, until the time is over or one of them fails. */
  private async live(one: LoopbackNode, three: LoopbackNode, stopped: AbortSignal): Promise<void> {
    const { traffic } = this;
    const over = new AbortController();
    const signal = AbortSignal.any([stopped, over.signal]);
    try {
      await Promise.all([
        traffic.pay(() => this.open, signal),
        traffic.mine(one, signal),
        this.join(three, signal),
        this.watch(signal),
      ]);
    } finally {
      over.abort();
    }
  }

  private async join(node: LoopbackNode, signal: AbortSignal): Promise<void> {
    await sleep(LATE_SHARE * this.length.seconds * 1_000, undefined, { signal });
    await node.start();
    this.running = [...this.running, node];
  }

  private async watch(signal: AbortSignal): Promise<void> {
    const untilMs = performance.now() + this.length.seconds * 1_000;
    for (; performance.now() < untilMs; await sleep(DRAW_MS, undefined, { signal })) await this.look();
  }

  private async look(): Promise<void> {
    const { lines, synced } = await this.board.look(this.running);
    this.open = synced;
    const { height } = this.economy.chain.tip;
    this.picture = [...lines, `${this.traffic.payments} payments, ${height} blocks`, ''];
    this.screen.draw(this.picture);
  }

  /** Looks until it is so; false: it takes too long. */
  private async until(isSo: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<boolean> {
    const untilMs = performance.now() + PATIENCE_MS;
    for (; performance.now() < untilMs; await sleep(DRAW_MS, undefined, { signal })) {
      await this.look();
      if (await isSo()) return true;
    }
    return false;
  }

  /** Tells that all have the same, and what was paid. @throws Error: what they differ in */
  private async compare(signal: AbortSignal): Promise<void> {
    const { economy, running, screen } = this;
    const paid = factsPaid(economy);
    let differing: string[] = [];
    const isEqual = async (): Promise<boolean> => {
      differing = await this.differing((node) => factsOf(node, economy.tokens), paid);
      return differing.length === 0;
    };
    await this.until(isEqual, signal);
    differing.push(...(await this.differing(factsOfStore, new Map([['wrong rows', '0']]))));
    screen.keep(this.picture);
    if (differing.length > 0) throw new Error(['NOT EQUAL:', ...differing].join('\n'));
    const balances = economy.tokens.reduce((sum, token) => sum + economy.paid(token).balances.size, 0);
    screen.say(
      `EQUAL: tip, commitments, supplies and ${balances} balances of all ${running.length} daemons are the`,
      'same, and what was paid. Every row of their stores was checked.',
    );
  }

  private async differing(ask: (node: LoopbackNode) => Promise<Facts>, paid: Facts): Promise<string[]> {
    const statements = await Promise.all(
      this.running.map(async (node) => ({ who: node.name, facts: await ask(node) })),
    );
    return differences(statements, paid);
  }
}
