import assert from 'node:assert/strict';
import { hashHex } from '../../protocols/token-sync/digests.ts';
import { Commitments } from '../../src/sync/commitments.ts';
import type { ChainView } from './corpus/active.ts';
import type { Header } from './corpus/headers.ts';
import { naiveCommitment } from './naive-commitment.ts';
import { TestNode, type TestNodeOptions } from './node.ts';

/** A node with its commitments, told of events and headers as the daemon does. */
export class SyncNode {
  node: TestNode;
  commitments: Commitments;
  private readonly maxBytes: number | undefined;

  private constructor(node: TestNode, maxBytes: number | undefined) {
    this.node = node;
    this.maxBytes = maxBytes;
    this.commitments = this.made();
  }

  static async open(options: TestNodeOptions, maxBytes?: number): Promise<SyncNode> {
    let made: SyncNode | undefined;
    const node = await TestNode.open({
      ...options,
      onEvents: (first, events) => {
        made?.commitments.onEvents(events);
        options.onEvents?.(first, events);
      },
    });
    made = new SyncNode(node, maxBytes);
    return made;
  }

  /** A restart or a crash: everything in memory is gone. */
  replace(node: TestNode): TestNode {
    this.node = node;
    this.commitments = this.made();
    return node;
  }

  /** Everything that can be asked, against the specification computed from nothing. */
  async check(view: ChainView, headers: readonly Header[], tokenIds: readonly string[]): Promise<void> {
    for (const tokenId of tokenIds) {
      const expected = naiveCommitment(view, headers, tokenId);
      const tip = await this.commitments.tip(tokenId);
      const height = headers.length - 1;
      assert.deepEqual(
        {
          tip: { height: tip.tip.height, hash: hashHex(tip.tip.hash) },
          firstHeight: tip.firstHeight,
          tac: tip.tac === undefined ? undefined : hashHex(tip.tac),
          entries: tip.entries,
          unmined: tip.unmined,
          unminedDigest: tip.unminedDigest.toString('hex'),
        },
        {
          tip: { height, hash: headers[height]!.hash },
          firstHeight: expected.firstHeight,
          tac: expected.tacs[height],
          entries: expected.mined.length,
          unmined: expected.unmined.length,
          unminedDigest: expected.unminedDigest,
        },
      );
      const heights = headers.map((header) => header.height);
      const { anchors } = await this.commitments.anchors(tokenId, [...heights, height + 1]);
      assert.deepEqual(
        anchors.map(({ tac, entries }) => [hashHex(tac), entries]),
        heights.map((at) => [expected.tacs[at], expected.entries[at]]),
      );
      const mined: unknown[] = [];
      for await (const { height: at, order, txid } of this.commitments.entries(tokenId, 0, height))
        mined.push({ txid: txid.toString('hex'), height: at, index: order });
      assert.deepEqual(mined, expected.mined);
      const unmined: string[] = [];
      for await (const { txid } of this.commitments.unmined(tokenId)) unmined.push(txid.toString('hex'));
      assert.deepEqual(unmined.sort(), expected.unmined.toSorted());
    }
  }

  close(): Promise<void> {
    return this.node.close();
  }

  private made(): Commitments {
    const { store, chain } = this.node;
    const commitments = new Commitments({
      store,
      chain,
      ...(this.maxBytes === undefined ? {} : { maxBytes: this.maxBytes }),
    });
    chain.onChange((update) => commitments.onChain(update.undone));
    return commitments;
  }
}
