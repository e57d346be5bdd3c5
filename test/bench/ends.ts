import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoopbackNode } from '../support/loopback.ts';

/** A temporary folder, and all that ends with a benchmark. */
export class Ends {
  readonly root = mkdtempSync(join(tmpdir(), 'btcfed-bench-'));
  private readonly runs: (() => void | Promise<void>)[] = [];

  after(run: () => void | Promise<void>): void {
    this.runs.push(run);
  }

  /** Daemons in folders of these names, not started. */
  async nodes<const N extends readonly string[]>(names: N) {
    const nodes = await LoopbackNode.create(this.root, names);
    for (const node of nodes as readonly LoopbackNode[]) this.after(async () => void (await node.kill()));
    return nodes;
  }

  async end(): Promise<void> {
    for (let run = this.runs.pop(); run !== undefined; run = this.runs.pop()) await run();
    rmSync(this.root, { recursive: true, force: true });
  }
}
