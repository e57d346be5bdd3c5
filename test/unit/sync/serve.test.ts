import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { decodeMessage, encodeMessage } from '../../../protocols/token-sync/codec.ts';
import * as c from '../../../protocols/token-sync/constants.ts';
import { hashBytes, hashHex, tokenDigest, unminedDigest } from '../../../protocols/token-sync/digests.ts';
import type { TokenSyncErrorCode } from '../../../protocols/token-sync/errors.ts';
import type { HelloBody, MessageBody, SyncMessage } from '../../../protocols/token-sync/messages.ts';
import { decodeRuns, encodeRuns } from '../../../protocols/token-sync/runs.ts';
import { tacOverEmptyBlocks } from '../../../src/sync/anchor-chain.ts';
import { ChunkReader } from '../../../src/sync/chunk.ts';
import { SyncServer } from '../../../src/sync/serve.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { type MemoryStream, streamPair } from '../../support/frame-pair.ts';
import { SyncNode } from '../../support/sync-node.ts';
import { shortIdOf } from '../../support/sync-transfer.ts';

const US = 'answerer';
const ASKER = 'asker';
const SALT = new Uint8Array(16).fill(5);
const ALIEN = `${'ab'.repeat(32)}_0`;
/** A signal that never comes: reads end with the stream. */
const never = new AbortController().signal;

/** Two tokens; a block of deploys, one of a transfer and of one that only spends, and an unmined chain of two. */
class Setting {
  readonly chain = new TestChain('serve');
  readonly clock = new FakeClock();
  readonly faults: (readonly [string, TokenSyncErrorCode, number])[] = [];
  readonly errors: unknown[] = [];
  readonly streams: MemoryStream[] = [];
  readonly incomplete = new Set<string>();
  readonly txs: Readonly<Record<'gold' | 'iron' | 'split' | 'pay' | 'lose' | 'open' | 'next', TestTx>>;
  readonly tokens: readonly [string, string];
  followed: readonly string[];
  sync!: SyncNode;
  server!: SyncServer;

  constructor() {
    const { chain } = this;
    const [alice, bob] = [chain.key('alice'), chain.key('bob')];
    const gold = chain.deployMint(100n, { owner: alice });
    const iron = chain.deployMint(7n, { owner: bob });
    chain.mine([gold, iron]);
    const split = chain.transfer({
      from: [gold.coin(0)],
      to: [
        [alice, 40n],
        [bob, 60n],
      ],
    });
    chain.mine([split]);
    chain.mineEmpty(2);
    const pay = chain.transfer({ from: [split.coin(0)], to: [[bob, 40n]] });
    const lose = chain.build({ inputs: [split.coin(1)], outputs: [{ lock: p2pkh(bob), satoshis: 1 }] });
    chain.mine([pay, lose]);
    const open = chain.transfer({ from: [pay.coin(0)], to: [[alice, 40n]] });
    const next = chain.transfer({ from: [open.coin(0)], to: [[bob, 40n]] });
    this.txs = { gold, iron, split, pay, lose, open, next };
    this.tokens = [gold.tokenId(), iron.tokenId()];
    this.followed = this.tokens;
  }

  async start(): Promise<void> {
    this.sync = await SyncNode.open({
      tokens: this.tokens,
      onEvents: (_, events) => this.server?.onEvents(events),
    });
    const { node, commitments } = this.sync;
    this.server = new SyncServer({
      store: node.store,
      commitments,
      hashAt: (height) => node.chain.hashAt(height),
      selfId: US,
      network: 'regtest',
      tokens: { followed: () => this.followed, isComplete: (id) => !this.incomplete.has(id) },
      clock: this.clock,
      onFault: (...fault) => this.faults.push(fault),
      onError: (error) => this.errors.push(error),
    });
    node.chain.onChange((update) => this.server.onChain(update.undone));
    await node.headers(this.chain.headerBytes({ from: 1 }));
    const { gold, iron, split, pay, lose, open, next } = this.txs;
    await node.offerAll([gold, iron, split, pay, lose, open, next].map((tx) => this.chain.beef(tx)));
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.sync.close();
    assert.deepEqual(this.errors, []);
    assert.equal(this.server.count, 0);
  }

  /** A stream of a peer, served. */
  connect(peerId = ASKER): MemoryStream {
    const { a, b } = streamPair({ a: peerId, b: US }, c.PROTOCOL_ID);
    this.streams.push(a);
    void this.server.handle(b);
    return a;
  }

  /** A stream with the hello and the welcome behind it. */
  async open(tokens: readonly string[] = this.tokens, peerId = ASKER): Promise<Talk> {
    const talk = new Talk(this.connect(peerId), this.clock);
    await talk.send(0, helloOf(tokens, peerId));
    const { body } = await talk.read();
    assert.equal(body.kind, 'welcome');
    talk.welcome = body as Talk['welcome'];
    return talk;
  }
}

function helloOf(tokens: readonly string[], asker = ASKER): HelloBody {
  const digests = Buffer.concat(tokens.map((id) => tokenDigest(SALT, asker, US, id)));
  return { kind: 'hello', version: 1, network: 'regtest', rules: 1, salt: SALT, digests };
}

/** The asker's end. */
class Talk {
  readonly stream: MemoryStream;
  readonly clock: FakeClock;
  welcome!: Extract<MessageBody, { kind: 'welcome' }>;
  /** Bytes of the last frame read. */
  bytes = 0;

  constructor(stream: MemoryStream, clock: FakeClock) {
    this.stream = stream;
    this.clock = clock;
  }

  async send(id: number, body: MessageBody): Promise<void> {
    await this.stream.write(encodeMessage({ id, body }), never);
  }

  async read(): Promise<SyncMessage> {
    const frame = await this.stream.read(never);
    this.bytes = frame.length;
    return decodeMessage(frame);
  }

  async ask(id: number, body: MessageBody): Promise<MessageBody> {
    await this.send(id, body);
    const answer = await this.read();
    assert.equal(answer.id, id);
    return answer.body;
  }

  /** Everything up to the done, or the failure. */
  async askAll(id: number, body: MessageBody): Promise<MessageBody[]> {
    const bodies = [await this.ask(id, body)];
    while (!['done', 'failure'].includes(bodies.at(-1)!.kind)) bodies.push((await this.read()).body);
    return bodies;
  }

  /** Code of the reset, once it came. */
  async end(): Promise<string> {
    try {
      for (;;) await this.stream.read(never);
    } catch (error) {
      return (error as { code: string }).code;
    }
  }
}

function range(from: number, to: number, more: object = {}): MessageBody {
  const base = { token: 0, fromHeight: from, toHeight: to, bodies: true, credit: 8, only: undefined };
  return { kind: 'rangeRequest', ...base, ...more } as MessageBody;
}

function fetchOf(txs: readonly TestTx[], token = 0): Extract<MessageBody, { kind: 'fetchRequest' }> {
  const txids = Buffer.concat(txs.map((tx) => hashBytes(tx.txid)));
  return { kind: 'fetchRequest', token, ids: { by: 'txid', txids }, credit: 8 };
}

describe('a sync server', () => {
  let at: Setting;
  beforeEach(async () => {
    at = new Setting();
    await at.start();
  });
  afterEach(() => at.stop());

  it('speaks of the tokens both follow, by their place in the hello, and of no others', async () => {
    const talk = await at.open([ALIEN, at.tokens[1], `${'cd'.repeat(32)}_7`, at.tokens[0]]);
    const { tip, tokens, version } = talk.welcome;
    assert.equal(version, 1);
    assert.deepEqual([tip.height, hashHex(tip.hash)], [at.chain.tip.height, at.chain.tip.hash]);
    const gold = await at.sync.commitments.tip(at.tokens[0]);
    assert.deepEqual(
      tokens.map((f) => [f.token, f.firstHeight, f.entries, f.unmined]),
      [
        [1, 2, 1, 0],
        [3, 2, 4, 2],
      ],
    );
    assert.deepEqual(Buffer.from(tokens[1]!.tac!), gold.tac);
    assert.deepEqual(Buffer.from(tokens[1]!.unminedDigest!), gold.unminedDigest);
    assert.equal((await talk.ask(1, { ...fetchOf([]), ...fetchOf([at.txs.gold], 0) })).kind, 'failure');
  });

  it('a digest made for another pair of peers names nothing', async () => {
    const talk = new Talk(at.connect('third'), at.clock);
    await talk.send(0, helloOf(at.tokens, ASKER));
    const { body } = await talk.read();
    assert.deepEqual(body.kind === 'welcome' ? body.tokens : undefined, []);
  });

  for (const [what, change] of Object.entries({
    network: { network: 'main' },
    rules: { rules: 2 },
  })) {
    it(`another ${what}: INCOMPATIBLE, and the end of the stream in order`, async () => {
      const talk = new Talk(at.connect(), at.clock);
      await talk.send(0, { ...helloOf(at.tokens), ...change });
      const { id, body } = await talk.read();
      assert.deepEqual([id, body], [1, { kind: 'failure', code: 'INCOMPATIBLE', retryAfterMs: undefined }]);
      assert.equal(await talk.end(), 'STREAM_ENDED');
      assert.deepEqual(at.faults, []);
    });
  }

  it('anchors: as far as the tip, as the commitments have them', async () => {
    const talk = await at.open();
    const heights = [0, 1, 2, 3, 4, 5, 6, 7, 4_000_000_000];
    const answer = await talk.ask(1, { kind: 'anchorsRequest', token: 0, heights });
    assert.ok(answer.kind === 'anchors');
    assert.deepEqual(answer.entries, [0, 0, 1, 2, 2, 2, 4]);
    const { anchors } = await at.sync.commitments.anchors(at.tokens[0], heights);
    assert.deepEqual(Buffer.from(answer.tacs), Buffer.concat(anchors.map(({ tac }) => tac)));
    assert.equal(answer.tip.height, 6);
  });

  it('a range without bodies: places and block hashes', async () => {
    const talk = await at.open();
    const [head, listing, done] = await talk.askAll(1, range(0, 100, { bodies: false }));
    assert.ok(head!.kind === 'head' && listing!.kind === 'listing' && done!.kind === 'done');
    assert.equal(head.entries, 4);
    assert.equal(done.entries, 4);
    assert.deepEqual(
      listing.blocks.map((b) => [b.height, hashHex(b.hash), decodeRuns(b.runs, 9)]),
      [
        [2, at.chain.blockAt(2).hash, [1]],
        [3, at.chain.blockAt(3).hash, [1]],
        [6, at.chain.blockAt(6).hash, [1, 2]],
      ],
    );
  });

  it('a range with bodies: what makes an empty node say the same', async () => {
    const talk = await at.open();
    const ask = range(0, 100) as Extract<MessageBody, { kind: 'rangeRequest' }>;
    const [head, ...rest] = await talk.askAll(1, ask);
    assert.ok(head!.kind === 'head');
    const reader = new ChunkReader(ask, head);
    const other = await SyncNode.open({ tokens: at.tokens });
    try {
      await other.node.headers(at.chain.headerBytes({ from: 1 }));
      for (const body of rest) {
        if (body.kind !== 'chunk') continue;
        const { refused } = await other.node.ingest.offerSet(reader.chunk(body, 1000).set, 'sync');
        assert.equal(refused.size, 0);
      }
      await other.node.settled();
      assert.equal(reader.count, 4);
      const [ours, theirs] = await Promise.all([other, at.sync].map((s) => s.commitments.tip(at.tokens[0])));
      assert.deepEqual(ours!.tac, theirs!.tac);
      assert.equal(other.node.reader.token(at.tokens[0])!.supply.lost, 60n);
    } finally {
      await other.close();
    }
  });

  it('only some places of a block', async () => {
    const talk = await at.open();
    const [head, chunk, done] = await talk.askAll(1, range(6, 6, { only: encodeRuns([2, 9]) }));
    assert.ok(head!.kind === 'head' && chunk!.kind === 'chunk' && done!.kind === 'done');
    assert.equal(head.entries, 2);
    assert.equal(done.entries, 1);
    assert.deepEqual(decodeRuns(chunk.blocks[0]!.runs, 9), [2]);
    assert.deepEqual(Buffer.from(chunk.blocks[0]!.txs[0]!), Buffer.from(at.txs.lose.raw));
  });

  it('the unmined: sums, short ids of buckets, and fetch by them with what they descend from', async () => {
    const talk = await at.open();
    const sums = await talk.ask(1, { kind: 'unminedRequest', token: 0, ask: undefined });
    assert.ok(sums.kind === 'unmined');
    const gold = talk.welcome.tokens[0]!;
    assert.deepEqual(unminedDigest(sums.sums!), Buffer.from(gold.unminedDigest!));
    const { open, next } = at.txs;
    const buckets = Uint8Array.from(
      [...new Set([open, next].map((tx) => hashBytes(tx.txid)[0]!))].sort((a, b) => a - b),
    );
    const ids = await talk.ask(2, { kind: 'unminedRequest', token: 0, ask: { salt: SALT, buckets } });
    assert.ok(ids.kind === 'unmined');
    const expected = [open, next].map((tx) => shortIdOf(SALT, tx.txid)).sort(Buffer.compare);
    assert.deepEqual(Buffer.from(ids.shortIds!), Buffer.concat(expected));
    const shortIds = Buffer.concat([Buffer.alloc(8), shortIdOf(SALT, next.txid)]);
    const ask = {
      kind: 'fetchRequest',
      token: 0,
      ids: { by: 'shortId', salt: SALT, shortIds },
      credit: 8,
    } as const;
    const [head, chunk, done] = await talk.askAll(3, ask);
    assert.ok(head!.kind === 'head' && chunk!.kind === 'chunk' && done!.kind === 'done');
    assert.deepEqual([done.entries, done.missing], [1, [0]]);
    assert.deepEqual(
      chunk.loose.map((raw) => Buffer.from(raw)),
      [open, next].map((tx) => Buffer.from(tx.raw)),
    );
    const { entries, set } = new ChunkReader(ask, head).chunk(chunk, 1000);
    assert.deepEqual([entries, [...set.listed]], [1, [next.txid]]);
  });

  it('fetch by txid: only history of that token, the rest is missing', async () => {
    const talk = await at.open();
    const { lose, iron, pay } = at.txs;
    const stranger = at.chain.purse[0]!;
    const [, chunk, done] = await talk.askAll(1, fetchOf([stranger, lose, iron, pay]));
    assert.ok(chunk!.kind === 'chunk' && done!.kind === 'done');
    assert.deepEqual([done.entries, done.missing], [2, [0, 2]]);
    assert.deepEqual(
      chunk.blocks.map((b) => [b.height, decodeRuns(b.runs, 9)]),
      [[6, [1, 2]]],
    );
  });

  it('sends no more frames than it has credit for, and goes on with more', async () => {
    const talk = await at.open();
    assert.equal((await talk.ask(1, range(0, 100, { credit: 1 }))).kind, 'head');
    assert.equal((await talk.read()).body.kind, 'chunk');
    // Everything was in one chunk: it waits for leave to look whether there is more.
    await at.clock.advance(100);
    await talk.send(1, { kind: 'credit', frames: 3, stop: false });
    assert.equal((await talk.read()).body.kind, 'done');
    await talk.send(1, { kind: 'credit', frames: 3, stop: false });
    assert.equal((await talk.askAll(2, range(0, 100))).at(-1)!.kind, 'done');
  });

  it('an asker that wants no more is told what it got', async () => {
    const talk = await at.open();
    await talk.ask(1, range(0, 100, { credit: 1 }));
    await talk.read();
    await talk.send(1, { kind: 'credit', frames: 0, stop: true });
    const { body } = await talk.read();
    assert.deepEqual(body, { kind: 'done', entries: 4, missing: [] });
  });

  describe('updates', () => {
    it('a new block costs a few bytes, and its TAC follows from the one told', async () => {
      const talk = await at.open();
      at.chain.mineEmpty(3);
      await at.sync.node.headers(at.chain.headerBytes({ from: 7 }));
      await at.clock.advance(c.UPDATE_INTERVAL_MS);
      const { body } = await talk.read();
      assert.ok(body.kind === 'update');
      assert.deepEqual([body.tip.height, body.tokens, body.gone], [9, [], []]);
      assert.ok(talk.bytes < 60, String(talk.bytes));
      const told = talk.welcome.tokens[0]!;
      const hashAt = (height: number): Buffer => hashBytes(at.chain.blockAt(height).hash);
      const { tac } = await at.sync.commitments.tip(at.tokens[0]);
      assert.deepEqual(tacOverEmptyBlocks(told.tac!, 6, 9, hashAt), tac);
    });

    it('what changes within the interval is told at once, for the tokens that changed', async () => {
      const talk = await at.open();
      const { open, next } = at.txs;
      at.chain.mine([open]);
      await at.sync.node.headers(at.chain.headerBytes({ from: 7 }));
      await at.sync.node.offer(at.chain.beef(open));
      const last = at.chain.transfer({ from: [next.coin(0)], to: [[at.chain.key('carol'), 40n]] });
      await at.sync.node.offer(at.chain.beef(last));
      await at.clock.advance(c.UPDATE_INTERVAL_MS);
      const { body } = await talk.read();
      assert.ok(body.kind === 'update');
      const gold = await at.sync.commitments.tip(at.tokens[0]);
      assert.deepEqual(
        body.tokens.map((f) => [f.token, f.entries, f.unmined]),
        [[0, 5, 2]],
      );
      assert.deepEqual(Buffer.from(body.tokens[0]!.tac!), gold.tac);
      assert.deepEqual(Buffer.from(body.tokens[0]!.unminedDigest!), gold.unminedDigest);
    });

    it('nothing is told while nothing changes, nor what changed and changed back', async () => {
      const talk = await at.open();
      const before = talk.stream.written;
      at.server.onFollowed();
      at.server.onEvents([]);
      await at.clock.advance(10 * c.UPDATE_INTERVAL_MS);
      assert.equal(at.clock.waiting, 0);
      assert.equal(talk.stream.written, before);
    });

    it('a reorganisation at or below the tip told: all tokens', async () => {
      const talk = await at.open();
      const fork = at.chain.mine([at.txs.lose], { on: at.chain.blockAt(5) });
      at.chain.makeActive(at.chain.mineEmpty(2, fork));
      await at.sync.node.headers(at.chain.headerBytes({ from: 6 }));
      await at.sync.node.offer(at.chain.beef(at.txs.lose));
      await at.clock.advance(c.UPDATE_INTERVAL_MS);
      const { body } = await talk.read();
      assert.ok(body.kind === 'update');
      const gold = await at.sync.commitments.tip(at.tokens[0]);
      assert.deepEqual(
        body.tokens.map((f) => [f.token, f.entries, f.unmined]),
        [
          [0, 3, 3],
          [1, 1, 0],
        ],
      );
      assert.deepEqual(Buffer.from(body.tokens[0]!.tac!), gold.tac);
    });

    it('tokens that are followed no longer, again, or not complete yet', async () => {
      const talk = await at.open();
      at.followed = [at.tokens[1]];
      at.server.onFollowed();
      await at.clock.advance(c.UPDATE_INTERVAL_MS);
      const gone = (await talk.read()).body;
      assert.deepEqual(gone.kind === 'update' ? [gone.tokens, gone.gone] : undefined, [[], [0]]);
      assert.deepEqual(await talk.ask(1, range(0, 9)), {
        kind: 'failure',
        code: 'NOT_SHARED',
        retryAfterMs: undefined,
      });
      at.followed = at.tokens;
      at.incomplete.add(at.tokens[0]);
      at.server.onFollowed();
      await at.clock.advance(c.UPDATE_INTERVAL_MS);
      const back = (await talk.read()).body;
      assert.ok(back.kind === 'update');
      assert.deepEqual([back.tokens[0]!.token, back.tokens[0]!.tac], [0, undefined]);
      assert.deepEqual(await talk.ask(2, range(0, 9)), {
        kind: 'failure',
        code: 'NOT_READY',
        retryAfterMs: 500,
      });
      at.incomplete.clear();
      at.server.onFollowed();
      await at.clock.advance(c.UPDATE_INTERVAL_MS);
      const whole = (await talk.read()).body;
      assert.ok(whole.kind === 'update');
      assert.deepEqual([whole.tokens.length, whole.tokens[0]!.entries], [1, 4]);
    });
  });

  describe('faults', () => {
    const frames: Readonly<Record<string, readonly [TokenSyncErrorCode, Uint8Array]>> = {
      'no message': ['FRAME_MALFORMED', Buffer.from('ffff', 'hex')],
      'a second hello': ['MESSAGE_UNEXPECTED', encodeMessage({ id: 0, body: helloOf([]) })],
      'an answer': [
        'MESSAGE_UNEXPECTED',
        encodeMessage({ id: 1, body: { kind: 'done', entries: 0, missing: [] } }),
      ],
      'credit for no question': [
        'MESSAGE_UNEXPECTED',
        encodeMessage({ id: 1, body: { kind: 'credit', frames: 1, stop: false } }),
      ],
    };
    for (const [what, [code, frame]] of Object.entries(frames)) {
      it(`${what}: ${code}, and a reset`, async () => {
        const talk = await at.open();
        await talk.stream.write(frame, never);
        assert.equal(await talk.end(), 'STREAM_RESET');
        assert.deepEqual(at.faults, [[ASKER, code, 25]]);
      });
    }

    it('a question before the hello; a digest twice', async () => {
      for (const body of [range(0, 1), helloOf([ALIEN, ALIEN])]) {
        const talk = new Talk(at.connect(), at.clock);
        await talk.send(body.kind === 'hello' ? 0 : 1, body);
        assert.equal(await talk.end(), 'STREAM_RESET');
      }
      assert.deepEqual(
        at.faults.map(([, code]) => code),
        ['MESSAGE_UNEXPECTED', 'FIELD_INVALID'],
      );
    });

    it('two questions at once; an id that does not ascend; too much credit', async () => {
      const second = await at.open();
      await second.ask(1, range(0, 9, { credit: 1 }));
      await second.send(2, range(0, 9));
      assert.equal(await second.end(), 'STREAM_RESET');
      const again = await at.open();
      await again.askAll(5, range(0, 9));
      await again.send(5, range(0, 9));
      assert.equal(await again.end(), 'STREAM_RESET');
      const greedy = await at.open();
      await greedy.ask(1, range(0, 9, { credit: 1 }));
      await greedy.read();
      await greedy.send(1, { kind: 'credit', frames: c.MAX_CREDIT, stop: false });
      await greedy.send(1, { kind: 'credit', frames: c.MAX_CREDIT, stop: false });
      assert.equal(await greedy.end(), 'STREAM_RESET');
      assert.deepEqual(
        at.faults.map(([, code]) => code),
        ['MESSAGE_UNEXPECTED', 'MESSAGE_UNEXPECTED', 'CREDIT_EXCEEDED'],
      );
    });

    it('silence: no hello; no credit', async () => {
      const mute = new Talk(at.connect(), at.clock);
      await at.clock.advance(c.HELLO_TIMEOUT_MS);
      assert.equal(await mute.end(), 'STREAM_RESET');
      const slow = await at.open();
      await slow.ask(1, range(0, 9, { credit: 1 }));
      await slow.read();
      await at.clock.advance(c.CREDIT_TIMEOUT_MS - 10);
      assert.equal(at.faults.length, 1);
      await at.clock.advance(1_000);
      assert.equal(await slow.end(), 'STREAM_RESET');
      assert.deepEqual(
        at.faults.map(([, code, points]) => [code, points]),
        [
          ['SILENT', 10],
          ['SILENT', 10],
        ],
      );
      assert.equal(at.clock.waiting, 0);
    });

    it('a stream that breaks off, or that the asker ends, is none', async () => {
      const broken = await at.open();
      broken.stream.abort('X');
      const ended = await at.open();
      await ended.ask(1, range(0, 9, { credit: 1 }));
      await ended.stream.close(never);
      assert.equal(await ended.end(), 'STREAM_ENDED');
      await settled();
      assert.deepEqual([at.faults, at.server.count], [[], 0]);
    });

    it('more streams than a peer may have', async () => {
      for (let i = 0; i < c.MAX_STREAMS_PER_PEER; i++) await at.open();
      const more = new Talk(at.connect(), at.clock);
      assert.equal(await more.end(), 'STREAM_RESET');
      await at.open(at.tokens, 'another');
      assert.deepEqual(at.faults, []);
    });

    it('a peer that asks too much is told when to come again, whichever stream it uses', async () => {
      const heights = Array.from({ length: c.MAX_ANCHOR_HEIGHTS }, (_, i) => i);
      const ask = { kind: 'anchorsRequest', token: 0, heights } as const;
      const each = c.COST.request + heights.length * c.COST.anchor;
      let asked = 0;
      let busy: MessageBody | undefined;
      for (let stream = 0; stream < 3 && busy === undefined; stream++) {
        const talk = await at.open();
        for (let id = 1; id <= 100 && busy === undefined; id++) {
          const answer = await talk.ask(id, ask);
          if (answer.kind === 'failure') busy = answer;
          else asked++;
        }
      }
      assert.ok(busy?.kind === 'failure' && busy.code === 'BUSY', JSON.stringify(busy));
      assert.ok(asked <= c.WORK_BURST / each && asked > c.WORK_BURST / each - 10, String(asked));
      const other = await at.open(at.tokens, 'another');
      assert.equal((await other.ask(1, ask)).kind, 'anchors');
      // The hello costs something too.
      await at.clock.advance(busy.retryAfterMs! + 100);
      const talk = await at.open();
      assert.equal((await talk.ask(1, ask)).kind, 'anchors');
      assert.deepEqual(at.faults, []);
    });
  });

  it('however many ask at once, one chunk is made at a time: the writer waits for none but that', async () => {
    const talks = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((peer) => at.open(at.tokens, peer)));
    const { store } = at.sync.node;
    const read = store.read.bind(store);
    let held = 0;
    let most = 0;
    store.read = () => {
      const point = read();
      most = Math.max(most, ++held);
      const release = (): void => {
        held--;
        point.release();
      };
      return { ...point, release };
    };
    const answers = await Promise.all(talks.map((talk) => talk.askAll(1, range(0, 9))));
    for (const bodies of answers) assert.equal(bodies.at(-1)?.kind, 'done');
    // One more is of the commitments, which count what the range has.
    assert.ok(most >= 1 && most <= 2, `${most} read points at once`);
    assert.equal(held, 0);
  });

  it('a server that stops ends its streams, also in the middle of an answer', async () => {
    const talk = await at.open();
    await talk.ask(1, range(0, 9, { credit: 1 }));
    const idle = await at.open();
    await at.server.stop();
    assert.equal(await talk.end(), 'STREAM_RESET');
    assert.equal(await idle.end(), 'STREAM_RESET');
    assert.deepEqual([at.faults, at.clock.waiting], [[], 0]);
  });
});
