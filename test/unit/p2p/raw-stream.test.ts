import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { streamPair } from '@libp2p/utils';
import { LibFrameStream } from '../../../src/p2p/frame-stream.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import type { FrameStream } from '../../../src/p2p/types.ts';
import { connectHosts, makeHost } from '../../support/p2p.ts';

const MAX = 1_000;
const OPTIONS = { maxFrameBytes: MAX, maxInboundStreams: 4, maxOutboundStreams: 4, framing: 'raw' } as const;
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

interface Ends {
  readonly near: FrameStream;
  readonly far: Awaited<ReturnType<typeof streamPair>>[1];
}

async function pair(t: TestContext): Promise<Ends> {
  const [stream, far] = await streamPair();
  t.after(() => stream.abort(new Error('end of test')));
  const opts = { peerId: 'p', maxFrameBytes: MAX, framing: 'raw', clock: HOST_CLOCK } as const;
  return { near: new LibFrameStream(stream, opts), far };
}

async function readAll(stream: FrameStream): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (;;) {
    try {
      parts.push(await stream.read(soon()));
    } catch (error) {
      if ((error as { code?: string }).code !== 'STREAM_ENDED') throw error;
      return Buffer.concat(parts);
    }
  }
}

test('bytes come as they were sent, at most so many a read, and then the end', async (t) => {
  const { near, far } = await pair(t);
  const bytes = Buffer.from(Array.from({ length: 2_500 }, (_, i) => i % 251));
  // The first ones would be a length in a framed stream, and a wrong one.
  bytes.fill(0xff, 0, 9);
  far.send(bytes);
  const first = await near.read(soon());
  assert.ok(first.length > 0 && first.length <= MAX);
  await far.close();
  assert.deepEqual(Buffer.concat([first, await readAll(near)]), bytes);
  await assert.rejects(near.read(soon()), { code: 'STREAM_ENDED' });
});

test('bytes go out as they are, and too many at once do not', async (t) => {
  const { near, far } = await pair(t);
  const got: Uint8Array[] = [];
  const ended = new Promise((resolve) => far.addEventListener('remoteCloseWrite', resolve));
  far.addEventListener('message', (event) => got.push(event.data.subarray()));
  await near.write(Buffer.from('200 OK\n'), soon());
  await near.write(Buffer.from('\n'), soon());
  await near.close(soon());
  await ended;
  assert.equal(Buffer.concat(got).toString(), '200 OK\n\n');
  await assert.rejects(near.write(new Uint8Array(MAX + 1), soon()), { code: 'FRAME_TOO_LARGE' });
});

test('silence and a reset have their codes', async (t) => {
  const { near } = await pair(t);
  await assert.rejects(near.read(AbortSignal.timeout(20)), { code: 'TIMEOUT' });
  const other = await pair(t);
  const reading = other.near.read(soon());
  other.far.abort(new Error('no'));
  await assert.rejects(reading, { code: 'STREAM_RESET' });
});

test('a host serves a raw protocol, answers after the asker ended, and makes a fast writer wait', async (t) => {
  const [a, b] = [await makeHost(t), await makeHost(t)];
  await connectHosts(a, b);
  const big = { ...OPTIONS, maxFrameBytes: 64 * 1024 };
  const begin = Promise.withResolvers<void>();
  const pieces = 200;
  let sent = 0;
  await b.handle(
    ['/raw/1'],
    async (stream) => {
      const asked = await readAll(stream);
      for (; sent < pieces; sent++) await stream.write(new Uint8Array(64 * 1024).fill(asked[0] ?? 0), soon());
    },
    big,
  );
  const stream = await a.openStream(b.peerId, ['/raw/1'], big, soon());
  await stream.write(Buffer.from([7, 8]), soon());
  await stream.close(soon());
  const reading = begin.promise.then(() => readAll(stream));
  for (let last = -1; last !== sent; ) {
    last = sent;
    await a.ping(b.peerId, soon());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(sent < pieces / 2, `${sent} of ${pieces} pieces went out to nobody`);
  begin.resolve();
  const got = await reading;
  assert.equal(got.length, pieces * 64 * 1024);
  assert.ok(got.every((byte) => byte === 7));
});
