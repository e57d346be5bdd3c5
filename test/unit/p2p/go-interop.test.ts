// Against a go-libp2p peer, if BTCFED_GO_PEER names a program that speaks this by lines: its only argument is a key
// as conf.yaml holds it; it prints {peerId, addresses}, echoes on /btcfed-test/echo/1 and btcfed-test/noslash, dials
// each multiaddr with /p2p/ID that comes on its standard input and prints {dialed, ms, rtt, agent, protocols,
// addresses, conns} or {error}; {event: connected | disconnected, peer, conns} as they happen.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { createHost } from '../../../src/p2p/host.ts';
import { makeHost, OPEN_POLICY, testKey } from '../../support/p2p.ts';

const PROGRAM = process.env['BTCFED_GO_PEER'];
const skip = PROGRAM === undefined ? 'BTCFED_GO_PEER names no go-libp2p peer' : false;
const ECHO = { maxFrameBytes: 65_536, maxInboundStreams: 4, maxOutboundStreams: 4 };
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

type Line = Readonly<Record<string, unknown>>;

class GoPeer {
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;
  #wake: () => void = () => {};

  constructor(t: TestContext, key: Uint8Array) {
    const child = spawn(PROGRAM!, [Buffer.from(key).toString('base64')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as Line);
      this.#wake();
    });
    this.#child = child;
  }

  /** The first line, of those that come or have come after `from`, that fits. */
  async line(fits: (line: Line) => boolean, from = 0): Promise<Line> {
    for (;;) {
      const found = this.lines.slice(from).find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  dial(address: string, peerId: string): Promise<Line> {
    const from = this.lines.length;
    this.#child.stdin!.write(`${address}/p2p/${peerId}\n`);
    return this.line((line) => 'dialed' in line || 'error' in line, from);
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }
}

async function started(
  t: TestContext,
): Promise<{ readonly go: GoPeer; readonly peerId: string; readonly addresses: string[] }> {
  const key = testKey();
  const go = new GoPeer(t, key);
  const first = await go.line((line) => 'peerId' in line);
  const ours = await createHost({ privateKey: key, version: '0', listen: [], policy: OPEN_POLICY });
  assert.equal(first['peerId'], ours.peerId, 'the same key gives the same id on both sides');
  return { go, peerId: ours.peerId, addresses: first['addresses'] as string[] };
}

test('2, 60: we dial a Go peer, ping it, and open streams with and without a slash', { skip }, async (t) => {
  const { peerId, addresses } = await started(t);
  const host = await makeHost(t);
  const begunMs = performance.now();
  const peer = await host.dial({ peerId, addresses }, soon());
  t.diagnostic(`first contact to identify: ${(performance.now() - begunMs).toFixed(1)} ms`);
  assert.equal(peer.identified?.agent, 'go-test/1');
  assert.deepEqual(peer.identified?.addresses, addresses);
  assert.ok((peer.identified?.signedRecord?.length ?? 0) > 0);
  t.diagnostic(`ping: ${(await host.ping(peerId, soon())).toFixed(2)} ms`);
  for (const protocol of ['/btcfed-test/echo/1', 'btcfed-test/noslash']) {
    const stream = await host.openStream(peerId, ['/none/1', protocol], ECHO, soon());
    assert.equal(stream.protocol, protocol);
    await stream.write(Buffer.from('hello'), soon());
    assert.equal(Buffer.from(await stream.read(soon())).toString(), 'hello');
    await stream.close(soon());
    await assert.rejects(stream.read(soon()), { code: 'STREAM_ENDED' });
  }
  await assert.rejects(host.openStream(peerId, ['/none/1'], ECHO, soon()), { code: 'NO_COMMON_PROTOCOL' });
});

test('2: a Go peer dials us, pings, and reads our identify', { skip }, async (t) => {
  const { go, peerId } = await started(t);
  const host = await makeHost(t);
  await host.handle(['/btc-federation/v1', 'vtcp/btc-foundation/v1.0.0'], async () => {}, ECHO);
  const [address] = host.listenAddresses();
  const line = await go.dial(address!, host.peerId);
  assert.equal(line['dialed'], host.peerId, JSON.stringify(line));
  assert.equal(line['pingError'], undefined);
  assert.equal(line['agent'], 'btc-federation/0.0.0-test');
  assert.deepEqual(line['addresses'], [address]);
  const protocols = line['protocols'] as string[];
  for (const id of [
    '/ipfs/id/1.0.0',
    '/ipfs/id/push/1.0.0',
    '/ipfs/ping/1.0.0',
    'vtcp/btc-foundation/v1.0.0',
  ]) {
    assert.ok(protocols.includes(id), id);
  }
  assert.equal(host.peer(peerId)?.direction, 'inbound');
  const wrong = await go.dial(address!, peerId.replace(/.$/, 'a'));
  assert.ok('error' in wrong);
});

test('14: ten simultaneous dials with a Go peer: one peer, no flap, streams work', { skip }, async (t) => {
  const { go, peerId, addresses } = await started(t);
  for (let trial = 0; trial < 10; trial++) {
    const host = await makeHost(t);
    const flaps: string[] = [];
    host.on('disconnected', (_, reason) => flaps.push(reason));
    const [line] = await Promise.all([
      go.dial(host.listenAddresses()[0]!, host.peerId),
      host.dial({ peerId, addresses }, soon()),
    ]);
    assert.equal(line['dialed'], host.peerId, JSON.stringify(line));
    const stream = await host.openStream(peerId, ['/btcfed-test/echo/1'], ECHO, soon());
    await stream.write(Buffer.from('x'), soon());
    assert.equal((await stream.read(soon())).length, 1);
    await stream.close(soon());
    assert.equal(host.connected().length, 1);
    assert.deepEqual(flaps, []);
    await host.stop();
  }
});

test('12: a stopped Go process is noticed', { skip }, async (t) => {
  const { go, peerId, addresses } = await started(t);
  const host = await makeHost(t, { pingIntervalMs: 100, pingTimeoutMs: 300 });
  await host.dial({ peerId, addresses }, soon());
  const gone = new Promise<string>((resolve) => host.on('disconnected', (_, reason) => resolve(reason)));
  go.freeze();
  assert.equal(await gone, 'no answer to ping');
});
