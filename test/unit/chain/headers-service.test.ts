import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { ChainError } from '../../../src/chain/errors.ts';
import { HeadersService } from '../../../src/chain/headers-service.ts';
import type { HttpLimits } from '../../../src/chain/http-json.ts';
import { FakeClock, hashOf, mineChain, nth, rootOf, sharedFile } from '../../support/chain.ts';
import { FakeHeadersService } from '../../support/headers-service.ts';

const server = await FakeHeadersService.start();
after(() => server.close());
/** A root with letters in it, so that the case of hex digits matters. */
function root(n: number): string {
  return rootOf(`k${n}`);
}

const trunk = mineChain(30, { root: (i) => root(i + 1) });

beforeEach(() => {
  server.mode = 'ok';
  server.modeCount = Number.POSITIVE_INFINITY;
  server.token = undefined;
  server.claimedHeight = undefined;
  server.requests.length = 0;
  server.setChain(trunk, 1);
});

/** Waits of retries are over at once; time-outs only come when the test moves the clock. */
class HastyClock extends FakeClock {
  readonly waits: number[] = [];
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super();
    this.timeoutMs = timeoutMs;
  }

  override after(ms: number, run: () => void): () => void {
    if (ms === this.timeoutMs) return super.after(ms, run);
    this.waits.push(ms);
    queueMicrotask(run);
    return () => undefined;
  }
}

function client(options: { token?: string; limits?: Partial<HttpLimits>; url?: string } = {}): {
  service: HeadersService;
  clock: HastyClock;
} {
  const clock = new HastyClock(15_000);
  const { url, ...rest } = options;
  const service = new HeadersService(
    { url: url ?? server.url, ...rest },
    { fetch, clock, random: () => 0.5 },
  );
  return { service, clock };
}

async function failure(promise: Promise<unknown>): Promise<ChainError> {
  const error = await promise.then(
    (value) => value,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ChainError, `no ChainError: ${String(error)}`);
  return error;
}

test('the tip, header ranges and root verdicts of a service', async () => {
  const { service, clock } = client();
  assert.deepEqual(await service.tip(), { height: 30, hash: hashOf(nth(trunk, -1)) });
  assert.deepEqual(Buffer.concat(await service.headers(5, 10)), trunk.subarray(4 * 80, 14 * 80));
  assert.deepEqual(await service.headers(31, 10), []);
  const verdicts = await service.verifyRoots([
    { height: 7, root: root(7) },
    { height: 7, root: root(8) },
    { height: 33, root: root(33) },
    { height: 8, root: root(8).toUpperCase() },
    { height: 1000, root: root(1000) },
  ]);
  // The service compares text, so roots go out in lower case; far above its tip it says INVALID, which it cannot know.
  assert.deepEqual(verdicts, ['CONFIRMED', 'INVALID', 'UNABLE_TO_VERIFY', 'CONFIRMED', 'UNABLE_TO_VERIFY']);
  assert.deepEqual(server.requests, [
    'GET /api/v1/chain/tip/longest',
    'GET /api/v1/chain/header/byHeight?height=5&count=10',
    'GET /api/v1/chain/header/byHeight?height=31&count=10',
    'POST /api/v1/chain/merkleroot/verify',
    'GET /api/v1/chain/tip/longest',
  ]);
  assert.equal(clock.waiting, 0, 'no timer is left');
});

test('real headers come through JSON byte for byte, negative versions too', async (t) => {
  const real = sharedFile('vectors', 'headers', 'mainnet-900000-916817.bin');
  if (real === undefined) return t.skip('the shared vectors are not here');
  server.setChain(real.subarray(0, 2000 * 80), 900_000);
  const { service } = client();
  assert.deepEqual(Buffer.concat(await service.headers(900_000, 2000)), real.subarray(0, 2000 * 80));
  const odd = Buffer.from(nth(trunk, 0));
  odd.writeInt32LE(-2, 0);
  server.setChain(odd, 1);
  assert.deepEqual(Buffer.concat(await service.headers(1, 1)), odd);
});

test('a URL is taken with or without the API path; what is no such URL is refused', async () => {
  for (const url of [server.url, `${server.url}/`, `${server.url}/api/v1`, `${server.url}/api/v1/`]) {
    assert.equal((await client({ url }).service.tip()).height, 30);
  }
  for (const url of [
    '',
    'host:8080',
    'ftp://host',
    'http://user:secret@host',
    'http://host/?a=b',
    'http://host/#x',
  ]) {
    assert.throws(
      () => client({ url }),
      (thrown) =>
        thrown instanceof ChainError &&
        thrown.code === 'SERVICE_URL_INVALID' &&
        !thrown.message.includes('secret'),
      url,
    );
  }
});

test('the token is sent; without it or with a wrong one the answer is SERVICE_AUTH, once', async () => {
  server.token = 'open sesame';
  assert.equal((await client({ token: 'open sesame' }).service.tip()).height, 30);
  server.requests.length = 0;
  const missing = await failure(client().service.tip());
  assert.deepEqual(
    [missing.code, missing.data['status'], missing.data['serviceCode']],
    ['SERVICE_AUTH', 401, 'ErrMissingAuthHeader'],
  );
  const wrong = await failure(client({ token: 'wrong-token' }).service.tip());
  assert.deepEqual([wrong.code, wrong.data['serviceCode']], ['SERVICE_AUTH', 'ErrInvalidAccessToken']);
  assert.ok(!wrong.message.includes('wrong-token'));
  assert.equal(server.requests.length, 2, 'no retry');
});

test('failures that may pass are tried again, waiting at random up to a doubling bound', async () => {
  for (const mode of ['failing', 'limited', 'dropped'] as const) {
    server.mode = mode;
    server.modeCount = 2;
    const { service, clock } = client();
    assert.equal((await service.tip()).height, 30, mode);
    assert.deepEqual(clock.waits, [250, 500]);
  }
});

test('tries end: the last error is told', async () => {
  const codes = {
    failing: 'SERVICE_FAILED',
    limited: 'SERVICE_FAILED',
    dropped: 'SERVICE_UNREACHABLE',
  } as const;
  for (const mode of ['failing', 'limited', 'dropped'] as const) {
    server.mode = mode;
    server.requests.length = 0;
    const { service, clock } = client({ limits: { maxBackoffMs: 600 } });
    const error = await failure(service.tip());
    assert.deepEqual([error.code, error.retriable], [codes[mode], true]);
    assert.equal(server.requests.length, 4);
    assert.deepEqual(clock.waits, [250, 300, 300]);
    assert.equal(clock.waiting, 0);
  }
  const nobody = await failure(client({ url: 'http://127.0.0.1:1' }).service.tip());
  assert.equal(nobody.code, 'SERVICE_UNREACHABLE');
});

test('what cannot get better is not tried again', async () => {
  const codes = {
    garbage: 'SERVICE_BAD_REPLY',
    nonsense: 'SERVICE_BAD_REPLY',
    oversize: 'SERVICE_REPLY_TOO_LARGE',
  } as const;
  for (const mode of ['garbage', 'nonsense', 'oversize'] as const) {
    server.mode = mode;
    server.requests.length = 0;
    const { service } = client();
    assert.equal((await failure(service.tip())).code, codes[mode]);
    assert.equal(server.requests.length, 1, mode);
  }
  server.mode = 'ok';
  assert.equal((await failure(client({ url: `${server.url}/other` }).service.tip())).code, 'SERVICE_REFUSED');
});

test('a redirect is not followed: the token stays here', async () => {
  server.mode = 'redirect';
  const error = await failure(client({ token: 't', limits: { attempts: 1 } }).service.tip());
  assert.equal(error.code, 'SERVICE_UNREACHABLE');
  assert.deepEqual(server.requests, ['GET /api/v1/chain/tip/longest']);
});

test('a silent or stalling service runs into the time-out', async () => {
  for (const mode of ['silent', 'stalled'] as const) {
    server.mode = mode;
    const { service, clock } = client({ limits: { attempts: 2 } });
    const result = failure(service.tip());
    for (let attempt = 0; attempt < 2; attempt++) {
      await server.nextRequest();
      assert.equal(clock.nextMs, 15_000);
      clock.advance(15_000);
    }
    const error = await result;
    assert.deepEqual([error.code, error.data['timeoutMs'], clock.waiting], ['SERVICE_TIMEOUT', 15_000, 0]);
  }
});

test('a request can be stopped at any time, also between tries', async () => {
  server.mode = 'silent';
  const { service, clock } = client();
  const controller = new AbortController();
  const result = failure(service.tip(controller.signal));
  await server.nextRequest();
  controller.abort();
  assert.equal((await result).code, 'STOPPED');
  assert.equal((await failure(service.tip(controller.signal))).code, 'STOPPED');
  assert.equal(clock.waiting, 0);
  server.mode = 'failing';
  const slow = new FakeClock();
  const patient = new HeadersService({ url: server.url }, { fetch, clock: slow, random: () => 0.5 });
  const second = new AbortController();
  const waiting = failure(patient.tip(second.signal));
  while (slow.nextMs !== 250) await new Promise((resolve) => setImmediate(resolve));
  second.abort();
  assert.equal((await waiting).code, 'STOPPED');
  assert.equal(slow.waiting, 0);
});

/** A client whose replies are given. */
function answering(reply: unknown, status = 200): HeadersService {
  const text = JSON.stringify(reply) ?? 'undefined';
  const answer = (): Promise<Response> => Promise.resolve(new Response(text, { status }));
  return new HeadersService(
    { url: 'http://service' },
    { fetch: answer, clock: new FakeClock(), random: () => 0 },
  );
}

const model = {
  version: 536870912,
  prevBlockHash: '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
  merkleRoot: root(1),
  creationTimestamp: 1_296_689_202,
  difficultyTarget: 0x207fffff,
  nonce: 1,
};

test('documented variants of a header are accepted: no hash, RFC 3339 time, null for an empty list', async () => {
  const [plain] = await answering([model]).headers(1, 1);
  const [dated] = await answering([{ ...model, creationTimestamp: '2011-02-02T23:26:42Z' }]).headers(1, 1);
  assert.deepEqual(dated, plain);
  assert.equal(Buffer.from(plain ?? []).readUInt32LE(68), 1_296_689_202);
  const [named] = await answering([{ ...model, hash: hashOf(plain ?? new Uint8Array()) }]).headers(1, 1);
  assert.deepEqual(named, plain);
  assert.deepEqual(await answering(null).headers(1, 1), []);
  const none = { code: 'ErrHeadersForGivenRangeNotFound', message: 'could not find headers in given range' };
  assert.deepEqual(await answering(none, 404).headers(1, 1), []);
  assert.equal((await failure(answering(none, 404).tip())).code, 'SERVICE_REFUSED');
  assert.equal((await failure(answering(none, 400).headers(1, 1))).code, 'SERVICE_REFUSED');
});

test('a reply of another form is SERVICE_BAD_REPLY and says what is wrong', async () => {
  const wrong: readonly [RegExp, unknown][] = [
    [/not a list/, { ...model }],
    [/item 0 is not an object/, [5]],
    [/version/, [{ ...model, version: 2 ** 32 }]],
    [/prevBlockHash/, [{ ...model, prevBlockHash: 'xyz' }]],
    [/merkleRoot/, [{ ...model, merkleRoot: undefined }]],
    [/creationTimestamp/, [{ ...model, creationTimestamp: 'yesterday' }]],
    [/creationTimestamp/, [{ ...model, creationTimestamp: -1 }]],
    [/difficultyTarget/, [{ ...model, difficultyTarget: '207fffff' }]],
    [/nonce/, [{ ...model, nonce: 1.5 }]],
    [/hash is not that of the header/, [{ ...model, hash: rootOf('other') }]],
  ];
  for (const [message, reply] of wrong) {
    const error = await failure(answering(reply).headers(1, 1));
    assert.equal(error.code, 'SERVICE_BAD_REPLY');
    assert.match(error.message, message);
  }
  assert.match((await failure(answering({ header: model, height: -1 }).tip())).message, /height/);
  assert.match((await failure(answering({ header: model, height: '5' }).tip())).message, /height/);
  assert.match((await failure(answering({ height: 5 }).tip())).message, /header/);
  assert.match(
    (await failure(answering([]).verifyRoots([{ height: 1, root: root(1) }]))).message,
    /not an object/,
  );
  assert.match(
    (await failure(answering({}).verifyRoots([{ height: 1, root: root(1) }]))).message,
    /confirmations/,
  );
});

test('a verdict that is missing, unknown or of another question counts as UNABLE_TO_VERIFY', async () => {
  const ask = (confirmations: unknown): Promise<readonly string[]> =>
    answering({ confirmationState: 'CONFIRMED', confirmations }).verifyRoots([{ height: 5, root: root(5) }]);
  const right = { blockHeight: 5, merkleRoot: root(5), confirmation: 'CONFIRMED' };
  assert.deepEqual(await ask([right]), ['CONFIRMED']);
  for (const item of [
    { ...right, blockHeight: 6 },
    { ...right, merkleRoot: root(6) },
    { ...right, confirmation: 'SURE' },
  ]) {
    assert.deepEqual(await ask([item]), ['UNABLE_TO_VERIFY']);
  }
  assert.deepEqual(await ask([]), ['UNABLE_TO_VERIFY']);
});

test('many roots go in several requests, answers in the order of the questions', async () => {
  const { service } = client();
  const questions = Array.from({ length: 1100 }, (_, i) => ({
    height: (i % 30) + 1,
    root: root((i % 30) + 1),
  }));
  const verdicts = await service.verifyRoots(questions);
  assert.deepEqual(new Set(verdicts), new Set(['CONFIRMED']));
  assert.equal(verdicts.length, 1100);
  assert.equal(server.requests.length, 3);
  assert.deepEqual(await service.verifyRoots([]), []);
});

test('whatever JSON a service answers, every call gives a value of its type or a ChainError', async () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue(),
      fc.record({ header: tie('header'), height: fc.jsonValue() }),
      fc.array(tie('header')),
      fc.record({
        confirmations: fc.array(
          fc.record({
            blockHeight: fc.jsonValue(),
            merkleRoot: fc.jsonValue(),
            confirmation: fc.jsonValue(),
          }),
        ),
      }),
    ),
    header: fc.oneof(
      fc.constant(model),
      fc
        .tuple(fc.constantFrom(...Object.keys(model), 'hash'), fc.jsonValue())
        .map(([key, other]) => ({ ...model, [key]: other })),
    ),
  })).any;
  await fc.assert(
    fc.asyncProperty(value, async (reply) => {
      const service = answering(reply);
      for (const call of [
        service.tip().then((tip) => assert.ok(Number.isInteger(tip.height) && tip.hash.length === 64)),
        service.headers(1, 5).then((headers) => assert.ok(headers.every((raw) => raw.length === 80))),
        service.verifyRoots([{ height: 1, root: root(1) }]).then((v) => assert.equal(v.length, 1)),
      ]) {
        const error = await call.then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        assert.ok(error === undefined || error instanceof ChainError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
