import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import type { FrameStream } from '../../../src/p2p/types.ts';
import { decodeBeef } from '../../../src/spv/beef.ts';
import {
  BEEF_PROTOCOL_IDS,
  BEEF_STREAMS,
  BeefResponder,
  type FindBeef,
  findInStore,
} from '../../../src/sync/beef-responder.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { type MemoryStream, streamPair } from '../../support/frame-pair.ts';
import { TestNode } from '../../support/node.ts';
import { connectHosts, makeHost } from '../../support/p2p.ts';

const TOKEN = `${'ab'.repeat(32)}_0`;
const TOPIC = `tm_${TOKEN}`;
const TXID = 'cd'.repeat(32);
const NOT_FOUND = '404 Not Found\nContent-Length: 0\n\n';
const BAD_REQUEST = '400 Bad Request\nContent-Length: 0\n\n';
const never = new AbortController().signal;

class Bench {
  readonly clock = new FakeClock();
  readonly penalties: string[] = [];
  readonly errors: unknown[] = [];
  readonly asked: string[] = [];
  readonly responder: BeefResponder;

  constructor(find: FindBeef = () => undefined) {
    this.responder = new BeefResponder({
      find: (tokenId, txid) => {
        this.asked.push(`${tokenId} ${txid}`);
        return find(tokenId, txid);
      },
      isFollowed: (tokenId) => tokenId === TOKEN,
      judge: {
        penalise: (peerId, code) => {
          this.penalties.push(`${peerId} ${code}`);
          return 'none';
        },
      },
      clock: this.clock,
      onError: (error) => this.errors.push(error),
    });
  }

  /** A stream of a peer; the host closes it when the handler is done. */
  open(peer = 'peer'): { readonly stream: MemoryStream; readonly done: Promise<void> } {
    const { a, b } = streamPair({ a: peer, b: 'us' }, BEEF_PROTOCOL_IDS[0]!, 1_000);
    const done = this.responder.handle(b).then(() => b.close(never));
    return { stream: a, done };
  }

  async ask(...parts: readonly string[]): Promise<string> {
    const { stream } = this.open();
    for (const part of parts) await stream.write(Buffer.from(part, 'latin1'), never);
    return (await readAll(stream)).toString('latin1');
  }
}

async function readAll(stream: FrameStream): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (;;) {
    try {
      parts.push(await stream.read(never));
    } catch (error) {
      if ((error as { code?: string }).code !== 'STREAM_ENDED') throw error;
      return Buffer.concat(parts);
    }
  }
}

test('a transaction of a followed token is given with its length, however the line is cut', async () => {
  const bench = new Bench((_token, txid) => (txid === TXID ? Buffer.alloc(200_000, 'x') : undefined));
  const expected = `200 OK\nContent-Length: 200000\n\n${'x'.repeat(200_000)}`;
  assert.equal(await bench.ask(`GET ${TOPIC} ${TXID}\n`), expected);
  assert.equal(await bench.ask('GE', `T ${TOPIC} ${TXID.slice(0, 9)}`, TXID.slice(9), '\nmore'), expected);
  assert.equal(await bench.ask(`GET ${TOPIC} ${TXID.toUpperCase()}\r\n`), expected);
  assert.deepEqual(bench.asked, Array(3).fill(`${TOKEN} ${TXID}`));
  assert.deepEqual(bench.responder.facts(), { served: 3, notFound: 0, badRequests: 0, refused: 0 });
});

test('unknown transactions and topics are 404, and nothing is looked up for a token that is not followed', async () => {
  const bench = new Bench();
  assert.equal(await bench.ask(`GET ${TOPIC} ${TXID}\n`), NOT_FOUND);
  assert.equal(bench.asked.length, 1);
  for (const topic of ['tm_bsv21', `tm_${TXID}_1`, TOKEN, 'ls_x', 'tm_'])
    assert.equal(await bench.ask(`GET ${topic} ${TXID}\n`), NOT_FOUND, topic);
  assert.equal(bench.asked.length, 1);
});

test('what is no request is 400', async () => {
  const bench = new Bench();
  const lines = [
    '',
    'GET',
    `GET ${TOPIC}`,
    `PUT ${TOPIC} ${TXID}`,
    `get ${TOPIC} ${TXID}`,
    `GET  ${TXID}`,
    `GET ${TOPIC} ${TXID} HTTP/1.1`,
    `GET ${TOPIC} ${TXID}0`,
    `GET ${TOPIC} ${'zz'.repeat(32)}`,
    `GET ${'t'.repeat(129)} ${TXID}`,
    `GET t\u00e4 ${TXID}`,
    'x'.repeat(300),
  ];
  for (const line of lines) assert.equal(await bench.ask(`${line}\n`), BAD_REQUEST, line);
  // Endless, or ended before its end.
  assert.equal(await bench.ask('x'.repeat(200), 'y'.repeat(200)), BAD_REQUEST);
  const { stream } = bench.open();
  await stream.write(Buffer.from(`GET ${TOPIC}`), never);
  await stream.close(never);
  assert.equal((await readAll(stream)).toString(), BAD_REQUEST);
  assert.deepEqual([bench.asked, bench.penalties], [[], []]);
});

test('silence, a break at any point, and a stop', async () => {
  const bench = new Bench(() => Buffer.alloc(100));
  const silent = bench.open();
  await bench.clock.advance(10_001);
  await silent.done;
  assert.deepEqual(bench.penalties, ['peer STREAM_TIMEOUT']);
  for (const sent of ['', 'GET', `GET ${TOPIC} ${TXID}\n`]) {
    const { stream, done } = bench.open();
    await stream.write(Buffer.from(sent), never);
    stream.abort('GONE');
    await done;
  }
  const last = bench.open();
  await settled();
  await bench.responder.stop();
  await last.done;
  const late = bench.open();
  await late.done;
  await assert.rejects(late.stream.read(never), { code: 'STREAM_RESET' });
  assert.deepEqual([bench.clock.waiting, bench.errors], [0, []]);
});

test('who asks too much waits, and in the end is refused; others are served', async () => {
  const beef = Buffer.alloc(15 * 1024 * 1024);
  const bench = new Bench(() => beef);
  const ask = async (peer = 'peer'): Promise<number> => {
    const { stream, done } = bench.open(peer);
    await stream.write(Buffer.from(`GET ${TOPIC} ${TXID}\n`), never);
    const start = bench.clock.monotonicMs();
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    for (await settled(); !isDone; await settled()) await bench.clock.advance(100);
    const ms = bench.clock.monotonicMs() - start;
    return (await readAll(stream).catch(() => Buffer.alloc(0))).length < beef.length ? -1 : ms;
  };
  // 64 MB are free, then it is 2 MB a second.
  for (let i = 0; i < 5; i++) assert.ok((await ask()) <= 200);
  const sixth = await ask();
  assert.ok(sixth > 4_000 && sixth < 10_000, `${sixth} ms`);
  await Promise.all([ask(), ask()]);
  assert.equal(await ask(), -1);
  assert.deepEqual(bench.penalties, ['peer RATE_EXCEEDED']);
  assert.equal(bench.responder.facts().refused, 1);
  assert.ok((await ask('other')) <= 200);
});

test('a store that cannot be read is our fault: a reset, and no answer', async () => {
  const bench = new Bench(() => {
    throw new Error('damaged');
  });
  const { stream, done } = bench.open();
  await stream.write(Buffer.from(`GET ${TOPIC} ${TXID}\n`), never);
  await done;
  await assert.rejects(stream.read(never), { code: 'STREAM_RESET' });
  assert.equal(bench.errors.length, 1);
  assert.deepEqual(bench.penalties, []);
});

async function storeWithToken(t: TestContext) {
  const chain = new TestChain('beef-responder');
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const deploy = chain.deployMint(100n, { owner: alice });
  chain.mine([deploy]);
  const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
  const other = chain.deployMint(5n, { owner: bob });
  const [token, otherToken] = [deploy.tokenId(), other.tokenId()];
  const node = await TestNode.open({ tokens: [token, otherToken] });
  t.after(() => node.close());
  await node.headers(chain.headerBytes({ from: 1 }));
  for (const tx of [deploy, pay, other]) await node.ingest.offer(chain.beef(tx), 'import');
  return { node, deploy, pay, other, token };
}

test('the store gives active transactions of the token alone, as atomic BEEF that proves itself', async (t) => {
  const { node, deploy, pay, other, token } = await storeWithToken(t);
  const find = findInStore(node.store);
  for (const { txid } of [deploy, pay]) {
    const beef = decodeBeef(find(token, txid)!);
    assert.equal(beef.atomicTxid, txid);
  }
  assert.equal(find(token, other.txid), undefined);
  assert.equal(find(token, TXID), undefined);
  assert.equal(find(TOKEN, deploy.txid), undefined);
});

test('over a real connection: the bytes that clients of this protocol expect', async (t) => {
  const { node, pay, token } = await storeWithToken(t);
  const responder = new BeefResponder({
    find: findInStore(node.store),
    isFollowed: (tokenId) => tokenId === token,
    judge: { penalise: () => 'none' },
    clock: HOST_CLOCK,
    onError: (error) => assert.fail(String(error)),
  });
  const [a, b] = [await makeHost(t), await makeHost(t)];
  await b.handle(BEEF_PROTOCOL_IDS, (stream) => responder.handle(stream), BEEF_STREAMS);
  await connectHosts(a, b);
  const signal = AbortSignal.timeout(10_000);
  const stream = await a.openStream(b.peerId, BEEF_PROTOCOL_IDS, BEEF_STREAMS, signal);
  await stream.write(Buffer.from(`GET tm_${token} ${pay.txid}\n`), signal);
  const reply = await readAll(stream);
  const head = reply.toString('latin1').split('\n', 3);
  assert.equal(head[0], '200 OK');
  const beef = reply.subarray(reply.indexOf('\n\n') + 2);
  assert.equal(head[1], `Content-Length: ${beef.length}`);
  assert.equal(beef.toString('hex', 0, 4), '01010101');
  assert.equal(decodeBeef(beef).atomicTxid, pay.txid);
  await responder.stop();
});
