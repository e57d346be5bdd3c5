import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { encodeBeef, readBeef } from '../../support/corpus/beef.ts';
import { Cursor } from '../../support/corpus/bytes.ts';
import { CorpusError } from '../../support/corpus/errors.ts';
import { readFrames } from '../../support/corpus/frames.ts';
import { type CorpusFacts, type CorpusOptions, generateCorpus } from '../../support/corpus/generate.ts';
import { type Header, readHeaders } from '../../support/corpus/headers.ts';
import { addressOf } from '../../support/corpus/keys.ts';
import { corpusOptions } from '../../support/corpus/main.ts';
import { readBump } from '../../support/corpus/merkle.ts';
import { type ReferenceToken, referenceState } from '../../support/corpus/reference.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { sdkVerifies } from './oracle.ts';

const home = mkdtempSync(join(tmpdir(), 'btcfed-corpus-'));
after(() => rmSync(home, { recursive: true }));
let made = 0;

interface Corpus {
  readonly directory: string;
  readonly facts: CorpusFacts;
  readonly headers: Header[];
  readonly history: Buffer[];
  readonly transfers: Buffer[];
}

function corpus(options: Partial<CorpusOptions> = {}): Corpus {
  made++;
  const directory = join(home, `${made}`);
  generateCorpus({ directory, seed: 'test', transfers: 60, owners: 90, ...options });
  return {
    directory,
    facts: JSON.parse(readFileSync(join(directory, 'facts.json'), 'utf8')),
    headers: readHeaders(readFileSync(join(directory, 'headers.bin'))),
    history: [...readFrames(readFileSync(join(directory, 'history.bin')))],
    transfers: [...readFrames(readFileSync(join(directory, 'transfers.bin')))],
  };
}

function digests(directory: string): Record<string, string> {
  const hashOf = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(directory, name)))
      .digest('hex');
  return Object.fromEntries(readdirSync(directory).map((name) => [name, hashOf(name)]));
}

/** Balances of the model by address, in one of its two parts or both. */
function byAddress(token: ReferenceToken, part: 'confirmed' | 'all'): Record<string, string> {
  const rows = [...token.balances].map(([owner, balance]) => {
    const sum = balance.confirmed + (part === 'all' ? balance.unconfirmed : 0n);
    return [addressOf(Buffer.from(owner, 'hex')), sum.toString()] as const;
  });
  return Object.fromEntries(rows.filter(([, sum]) => sum !== '0'));
}

function withoutLastProof(frame: Buffer): Buffer {
  const { txs } = readBeef(frame);
  const bumps = rawBumps(frame).slice(0, -1);
  assert.equal(bumps.length, txs.length - 1);
  const entries = txs.map(({ raw }, i) => (i < bumps.length ? { raw, bump: i } : { raw }));
  return encodeBeef({ version: 1, bumps, entries });
}

/** The bytes of each BUMP of a V1 frame. */
function rawBumps(frame: Buffer): Buffer[] {
  const cursor = new Cursor(frame);
  cursor.u32();
  return Array.from({ length: cursor.varint() }, () => {
    const start = cursor.at;
    readBump(cursor);
    return frame.subarray(start, cursor.at);
  });
}

describe('generateCorpus', () => {
  it('writes the same bytes for the same options and others for another seed', () => {
    const options = { background: 600, tokens: 2, minedShare: 0.5 };
    const first = corpus(options);
    const second = digests(corpus(options).directory);
    assert.deepEqual(digests(first.directory), second);
    assert.deepEqual(Object.keys(second).sort(), [
      'background.bin',
      'background.json',
      'facts.json',
      'headers.bin',
      'history.bin',
      'transfers.bin',
    ]);
    const other = digests(corpus({ ...options, seed: 'other' }).directory);
    for (const [name, digest] of Object.entries(second)) {
      assert.notEqual(other[name], digest, name);
    }
  });

  it('has the shape of the shared corpus', () => {
    const { facts, history, transfers } = corpus();
    assert.equal(history.length, facts.history);
    assert.equal(transfers.length, 60);
    for (const frame of transfers) {
      const beef = readBeef(frame);
      const [parent, subject] = beef.txs;
      assert.deepEqual([beef.version, beef.bumps.length, beef.txs.length], [1, 1, 2]);
      assert.equal(parent!.bump, beef.bumps[0]);
      assert.equal(subject!.bump, undefined);
      assert.deepEqual([parent!.tx.inputs.length, parent!.tx.outputs.length], [2, 2]);
      assert.deepEqual(
        subject!.tx.inputs.map((input) => [input.prevTxid, input.prevVout]),
        [
          [parent!.txid, 0],
          [parent!.txid, 1],
        ],
      );
      assert.deepEqual(
        subject!.tx.outputs.map((output) => output.satoshis),
        [1, 1, 800],
      );
    }
  });

  it('links headers with proof of work and rising times, and proves every mined transaction with them', () => {
    const { facts, headers, history, transfers } = corpus({ minedShare: 0.3, blockTransactions: 25 });
    assert.equal(headers.length, facts.tipHeight + 1);
    assert.equal(headers[0]!.hash, '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206');
    for (const [i, header] of headers.slice(1).entries()) {
      assert.equal(header.prevHash, headers[i]!.hash);
      assert.ok(header.timeSeconds > headers[i]!.timeSeconds);
      assert.ok(header.hash <= `7fffff${'0'.repeat(58)}`);
      assert.equal(header.bytes.readUInt32LE(72), 0x207fffff);
    }
    let proven = 0;
    for (const frame of [...history, ...transfers]) {
      for (const bump of readBeef(frame).bumps) {
        assert.equal(bump.root, headers[bump.height]!.merkleRoot);
        proven++;
      }
    }
    assert.ok(proven > history.length + transfers.length);
  });

  it('states the balances that the rules give', () => {
    const { facts, headers, history, transfers } = corpus({ tokens: 3, minedShare: 0.4, owners: 20 });
    const state = referenceState(viewOfBeefs([...history, ...transfers], headers));
    assert.equal(state.set.inactive.size, 0);
    assert.deepEqual(
      facts.tokens.map((token) => token.transfers),
      [20, 20, 20],
    );
    for (const expected of facts.tokens) {
      const token = state.tokens.get(expected.tokenId)!;
      assert.deepEqual(byAddress(token, 'all'), expected.balances);
      assert.deepEqual(byAddress(token, 'confirmed'), expected.confirmed);
      assert.ok(Object.keys(expected.confirmed).length > 0);
      assert.equal(token.supply.circulating.toString(), expected.supply);
      assert.equal(token.supply.lost, 0n);
    }
    assert.deepEqual(facts.balances, facts.tokens[0]!.balances);
  });

  it('leaves no input of the history undecided, whether it is carried once or always', () => {
    for (const carryParents of [true, false]) {
      const { facts, directory, headers, history, transfers } = corpus({ carryParents, background: 300 });
      const background = readFrames(readFileSync(join(directory, 'background.bin')));
      const view = viewOfBeefs([...history, ...transfers, ...background], headers);
      const known = referenceState(view).set.known;
      const unknown = [...known.values()].filter(({ tx }) => tx.inputs.some((i) => !known.has(i.prevTxid)));
      // What is not known are the inputs of the funding transactions alone: those that carry no token and spend one coin.
      const tokens = [facts.tokenId, facts.background!.tokenId].map((id) => id.slice(0, 64));
      assert.ok(unknown.length > 0);
      assert.ok(unknown.every(({ tx, txid }) => tx.inputs.length === 1 && !tokens.includes(txid)));
      assert.ok(unknown.every(({ tx }) => tx.outputs.every((output) => output.script.length === 25)));
    }
  });

  it('brings mined parents along where asked to, and needs several levels of splits for many transfers', () => {
    const { history, headers } = corpus({ transfers: 2400, carryParents: true });
    const carried = history.filter((frame) => readBeef(frame).txs.length > 1);
    assert.equal(carried.length, history.length);
    const view = viewOfBeefs(history, headers);
    assert.ok(view.txs.every((tx) => tx.position !== undefined));
    // 2400 transfers: 105 last splits, 2 above them, 1 at the top, and the deploy
    assert.equal(history.length, 1 + 1 + 2 + 105 + 2400);
  });

  it('passes the verification of the SDK', async () => {
    const { headers, history, transfers } = corpus({ minedShare: 0.5, carryParents: true });
    for (const frame of [...history.slice(0, 4), ...history.slice(-2), ...transfers.slice(0, 12)]) {
      assert.equal(await sdkVerifies(frame, headers), true);
    }
    // The last transaction of these frames without its proof: now the SDK checks its signatures too.
    for (const frame of [...history.slice(0, 4), ...history.slice(-4)]) {
      assert.equal(await sdkVerifies(withoutLastProof(frame), headers), true);
    }
    const unmined = transfers.find((frame) => readBeef(frame).bumps.length === 1)!;
    const forged = Buffer.from(unmined);
    const script = readBeef(forged).txs[1]!.tx.inputs[0]!.script;
    script[10] = script[10]! ^ 1; // a view: the frame changes with it
    await assert.rejects(sdkVerifies(forged, headers));
  });

  it('makes a background of mined coins whose owners and amounts it states', () => {
    const { directory, facts, headers } = corpus({ background: 1300, backgroundOwners: 40 });
    const frames = [...readFrames(readFileSync(join(directory, 'background.bin')))];
    const stated = JSON.parse(readFileSync(join(directory, 'background.json'), 'utf8'));
    const state = referenceState(viewOfBeefs(frames, headers));
    const token = state.tokens.get(facts.background!.tokenId)!;
    assert.equal(token.coins.length, 1300);
    assert.equal(frames.length, 1 + 1 + 6);
    assert.equal(facts.background!.frames, frames.length);
    assert.deepEqual(byAddress(token, 'confirmed'), stated.balances);
    assert.equal(token.supply.circulating.toString(), facts.background!.supply);
    assert.equal(token.supply.lost, 0n);
    const without = corpus();
    assert.deepEqual(without.headers, headers.slice(0, without.headers.length));
  });

  it('runs as a command, with progress on stderr', () => {
    const out = join(home, 'command');
    const main = join(import.meta.dirname, `../../support/corpus/main${extname(import.meta.filename)}`);
    const run = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    const done = run('--out', out, '--transfers', '60', '--owners', '90', '--seed', 'test');
    assert.deepEqual([done.status, done.stdout], [0, '']);
    assert.match(done.stderr, /done: \d+ history frames, 60 transfers/);
    assert.deepEqual(digests(out), digests(corpus().directory));
    const wrong = run('--out', out, '--transfers', '-3');
    assert.equal(wrong.status, 2);
    assert.equal(run('--transfers', '5', '--nonsense').status, 2);
  });

  it('refuses counts that make no corpus', () => {
    const directory = join(home, 'none');
    for (const wrong of [{ transfers: 0 }, { owners: 0 }, { tokens: 9 }, { transfers: 1.5 }]) {
      assert.throws(
        () => generateCorpus({ directory, seed: 's', transfers: 5, owners: 5, ...wrong }),
        (error) => error instanceof CorpusError && error.code === 'BAD_OPTION',
      );
    }
    assert.throws(() => corpusOptions(['--out', directory]), /--transfers/);
    assert.throws(
      () => corpusOptions(['--out', directory, '--transfers', '1k']),
      /--transfers takes a whole number/,
    );
    assert.deepEqual(corpusOptions(['--out', 'd', '--transfers', '7', '--background', '9']).background, 9);
  });
});
