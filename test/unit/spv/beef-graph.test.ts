import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkBeef } from '../../../src/spv/beef-graph.ts';
import type { Transaction } from '../../../src/spv/transaction.ts';
import { throwsSpv } from '../../support/assert-spv.ts';

/** Nodes by name; bytes and hashes do not matter here, which is the only way to make a cycle. */
function graph(spends: Readonly<Record<string, readonly string[]>>) {
  const names = Object.keys(spends);
  const nodes = names.map((txid) => {
    const inputs = (spends[txid] ?? []).map((prevTxid) => ({
      prevTxid,
      prevVout: 0,
      script: new Uint8Array(),
      sequence: 0,
    }));
    const tx: Transaction = { raw: new Uint8Array(), txid, version: 1, inputs, outputs: [], lockTime: 0 };
    return { txid, tx, bump: undefined };
  });
  const linked = linkBeef(nodes, new Map(names.map((name, i) => [name, i])));
  return {
    linked,
    order: linked.parentsFirst(names),
    at: (name: string) => names.indexOf(name),
  };
}

test('an order that is right already is kept', () => {
  assert.deepEqual(graph({ b: [], a: ['b'], d: ['x'], c: ['a', 'd'] }).order, ['b', 'a', 'd', 'c']);
});

test('otherwise each node follows its parents, as near to its place as that allows', () => {
  assert.deepEqual(graph({ d: ['b', 'c'], c: ['a'], b: ['a'], a: ['unknown'] }).order, ['a', 'b', 'c', 'd']);
  assert.deepEqual(graph({ z: [], d: ['c'], c: [], y: [] }).order, ['z', 'c', 'd', 'y']);
});

test('spent and related', () => {
  const { linked, at } = graph({ d: ['b', 'c'], c: ['a'], b: ['a', 'a'], a: [], e: ['a'] });
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'e'].map((name) => linked.isSpent(at(name))),
    [true, true, true, false, false],
  );
  assert.equal(linked.unrelatedTo(at('d')), at('e'));
  assert.equal(graph({ a: [], b: ['a'] }).linked.unrelatedTo(1), -1);
});

test('a cycle is an error, not a loop', () => {
  throwsSpv(() => graph({ a: ['c'], b: ['a'], c: ['b'] }), 'BEEF_CYCLE');
  throwsSpv(() => graph({ a: ['a'] }), 'BEEF_CYCLE', { txid: 'a' });
});
