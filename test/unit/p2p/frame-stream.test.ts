import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { streamPair } from '@libp2p/utils';
import fc from 'fast-check';
import { P2pError } from '../../../src/p2p/errors.ts';
import { LibFrameStream } from '../../../src/p2p/frame-stream.ts';
import type { Libp2pHost } from '../../../src/p2p/host.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import type { FrameStream } from '../../../src/p2p/types.ts';
import { connectHosts, makeHost } from '../../support/p2p.ts';

const MAX = 1_000;
const OPTIONS = { maxFrameBytes: MAX, maxInboundStreams: 4, maxOutboundStreams: 8 };
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

interface Ends {
  readonly near: FrameStream;
  /** The other side as bytes. */
  readonly far: Awaited<ReturnType<typeof streamPair>>[1];
}

async function pair(t: TestContext): Promise<Ends> {
  const [near, far] = await streamPair();
  t.after(() => near.abort(new Error('end of test')));
  return { near: new LibFrameStream(near, { peerId: 'p', maxFrameBytes: MAX, clock: HOST_CLOCK }), far };
}

test('frames arrive whole and in order, however their bytes are cut', async (t) => {
  const { near, far } = await pair(t);
  const bytes = Buffer.concat([
    Buffer.from([3]),
    Buffer.from('abc'),
    Buffer.from([0]),
    Buffer.from([0x80, 1]),
  ]);
  for (const byte of bytes) far.send(Uint8Array.of(byte));
  far.send(new Uint8Array(128).fill(7));
  assert.equal(Buffer.from(await near.read(soon())).toString(), 'abc');
  assert.equal((await near.read(soon())).length, 0);
  assert.equal((await near.read(soon())).length, 128);
  await far.close();
  await assert.rejects(near.read(soon()), { code: 'STREAM_ENDED' });
});

test('61: too large, truncated, no length, silence: each has its code, and the stream is reset', async (t) => {
  const cases: readonly (readonly [string, Uint8Array, boolean])[] = [
    ['FRAME_TOO_LARGE', Uint8Array.of(0xff, 0xff, 0xff, 0x7f), false],
    ['BAD_FRAME', Uint8Array.of(5, 1, 2), true],
    ['BAD_FRAME', new Uint8Array(9).fill(0xff), false],
    ['TIMEOUT', Uint8Array.of(5, 1, 2), false],
  ];
  for (const [code, bytes, ends] of cases) {
    const { near, far } = await pair(t);
    far.send(bytes);
    if (ends) await far.close();
    await assert.rejects(near.read(AbortSignal.timeout(50)), { name: 'P2pError', code });
    await assert.rejects(near.write(Uint8Array.of(1), soon()), { name: 'P2pError' });
  }
  const { near } = await pair(t);
  await assert.rejects(near.write(new Uint8Array(MAX + 1), soon()), { code: 'FRAME_TOO_LARGE' });
});

test('a reset of the other side comes as STREAM_RESET to who reads and who writes', async (t) => {
  const { near, far } = await pair(t);
  const reading = near.read(soon());
  far.abort(new Error('no'));
  await assert.rejects(reading, { name: 'P2pError', code: 'STREAM_RESET' });
  await assert.rejects(near.write(Uint8Array.of(1), soon()), { code: 'STREAM_RESET' });
  await near.close(soon());
});

test('a connection that is lost while a write waits comes as STREAM_RESET, at once', async (t) => {
  const [near, far] = await streamPair();
  t.after(() => near.abort(new Error('end of test')));
  const stream = new LibFrameStream(near, { peerId: 'p', maxFrameBytes: 1 << 20, clock: HOST_CLOCK });
  far.pause();
  const signal = soon();
  const writes = Array.from({ length: 8 }, () => stream.write(new Uint8Array(1 << 20), signal));
  const ended = Promise.allSettled(writes);
  while (near.writeBufferLength === 0) await new Promise(setImmediate);
  // What the muxer does with its streams when the socket is gone.
  (near as unknown as { onTransportClosed(): void }).onTransportClosed();
  assert.equal(near.status, 'closed');
  const codes = (await ended).map((end) =>
    end.status === 'rejected' ? (end.reason as P2pError).code : 'sent',
  );
  assert.ok(!signal.aborted && codes.at(-1) === 'STREAM_RESET', codes.join());
  assert.ok(
    codes.every((code) => code === 'STREAM_RESET' || code === 'sent'),
    codes.join(),
  );
});

test('a stream that nobody uses is reset, sooner once our side has closed', async () => {
  for (const closes of [false, true]) {
    const waits: number[] = [];
    let idle = (): void => {};
    const clock = {
      ...HOST_CLOCK,
      after: (ms: number, run: () => void) => {
        waits.push(ms);
        idle = run;
        return () => {};
      },
    };
    const [stream, far] = await streamPair();
    const near = new LibFrameStream(stream, { peerId: 'p', maxFrameBytes: MAX, clock });
    if (closes) await near.close(soon());
    assert.equal(waits.at(-1), closes ? 5_000 : 60_000);
    const reset = new Promise((resolve) => far.addEventListener('close', resolve));
    idle();
    await reset;
    assert.equal(stream.status, 'aborted');
  }
});

async function hosts(t: TestContext): Promise<readonly [Libp2pHost, Libp2pHost]> {
  const [a, b] = [await makeHost(t), await makeHost(t)];
  await connectHosts(a, b);
  return [a, b];
}

test('a long transfer waits for its slow reader and loses nothing', async (t) => {
  const [a, b] = await hosts(t);
  const options = { ...OPTIONS, maxFrameBytes: 64 * 1024 };
  const frames = 320;
  const read = Promise.withResolvers<number>();
  const begin = Promise.withResolvers<void>();
  await b.handle(
    ['/bulk/1'],
    async (stream) => {
      await begin.promise;
      let bytes = 0;
      for (let i = 0; i < frames; i++) bytes += (await stream.read(soon())).length;
      read.resolve(bytes);
      await stream.write(Uint8Array.of(1), soon());
    },
    options,
  );
  const stream = await a.openStream(b.peerId, ['/bulk/1'], options, soon());
  let sent = 0;
  const sending = (async () => {
    for (; sent < frames; sent++) await stream.write(new Uint8Array(64 * 1024), soon());
  })();
  // The reader has not begun: the writer comes to a stop well before the end.
  for (let last = -1; last !== sent; ) {
    last = sent;
    await a.ping(b.peerId, soon());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(sent < frames / 2, `${sent} of ${frames} frames went out to nobody`);
  begin.resolve();
  await sending;
  assert.equal(await read.promise, frames * 64 * 1024);
  assert.equal((await stream.read(soon())).length, 1);
  await stream.close(soon());
});

test('a handler that fails or returns early leaves no stream open; more than the limit are reset', async (t) => {
  const [a, b] = await hosts(t);
  const hold = Promise.withResolvers<void>();
  await b.handle(['/fails/1'], () => Promise.reject(new Error('fault')), OPTIONS);
  await b.handle(['/hold/1', '/hold/alias'], () => hold.promise, { ...OPTIONS, maxInboundStreams: 2 });
  const failing = await a.openStream(b.peerId, ['/fails/1'], OPTIONS, soon());
  await assert.rejects(failing.read(soon()), { code: 'STREAM_RESET' });
  const open = await Promise.all(
    ['/hold/1', '/hold/alias', '/hold/1', '/hold/alias'].map((id) =>
      a.openStream(b.peerId, [id], OPTIONS, soon()),
    ),
  );
  const results = Promise.allSettled(open.map((stream) => stream.read(soon())));
  hold.resolve();
  const codes = (await results).map((result) =>
    result.status === 'rejected' ? result.reason.code : 'frame',
  );
  assert.deepEqual(codes.sort(), ['STREAM_ENDED', 'STREAM_ENDED', 'STREAM_RESET', 'STREAM_RESET']);
});

test('a protocol can be taken back, and not registered twice', async (t) => {
  const [a, b] = await hosts(t);
  const off = await b.handle(['/once/1'], async () => {}, OPTIONS);
  await assert.rejects(
    b.handle(['/once/0', '/once/1'], async () => {}, OPTIONS),
    { name: 'P2pError' },
  );
  await off();
  await assert.rejects(a.openStream(b.peerId, ['/once/1'], OPTIONS, soon()), { code: 'NO_COMMON_PROTOCOL' });
  await assert.rejects(
    a.openStream('12D3KooWAWb7LK9vdRXZSL4UiqcyjVqTWrLABB5wNpfqZAWFeM8e', ['/x'], OPTIONS, soon()),
    {
      code: 'NOT_CONNECTED',
    },
  );
});

test('61: whatever bytes come, a read gives frames within the limit or a P2pError, and never hangs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), async (pieces) => {
      const [stream, far] = await streamPair();
      const near = new LibFrameStream(stream, { peerId: 'p', maxFrameBytes: 64, clock: HOST_CLOCK });
      for (const piece of pieces) if (piece.length > 0) far.send(piece);
      await far.close();
      let code = '';
      while (code === '') {
        try {
          assert.ok((await near.read(soon())).length <= 64);
        } catch (error) {
          assert.ok(error instanceof P2pError, String(error));
          ({ code } = error);
        }
      }
      near.abort('DONE');
      assert.match(code, /^(STREAM_ENDED|BAD_FRAME|FRAME_TOO_LARGE)$/);
    }),
    { numRuns: 200 },
  );
});

test('all that was sent before the end is read, although both sides have closed and the reader came late', async (t) => {
  const [a, b] = await hosts(t);
  const options = { ...OPTIONS, maxFrameBytes: 64 * 1024 };
  const sent = Promise.withResolvers<void>();
  await b.handle(
    ['/late/1'],
    async (stream) => {
      for (let i = 0; i < 3; i++) await stream.write(new Uint8Array(60_000).fill(i), soon());
      await stream.close(soon());
      sent.resolve();
    },
    options,
  );
  const stream = await a.openStream(b.peerId, ['/late/1'], options, soon());
  await stream.close(soon());
  await sent.promise;
  await a.ping(b.peerId, soon());
  for (let i = 0; i < 3; i++) {
    const frame = await stream.read(soon());
    assert.deepEqual([frame.length, frame[59_999]], [60_000, i]);
  }
  await assert.rejects(stream.read(soon()), { code: 'STREAM_ENDED' });
});
