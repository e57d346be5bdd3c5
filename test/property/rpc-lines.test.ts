import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_BATCH, MAX_NESTING } from '../../src/api/limits.ts';
import { LineReader } from '../../src/api/lines.ts';
import { nestsDeeper, parseLine } from '../../src/api/parse.ts';

const jsonrpc = fc.oneof(fc.constant('2.0'), fc.jsonValue());
const requestLike = fc.record(
  {
    jsonrpc,
    id: fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.jsonValue()),
    method: fc.oneof(fc.string(), fc.jsonValue()),
    params: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

/** Bytes near to what the parser takes: whole requests, batches, cut and flipped ones, and noise. */
const line = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(text)),
  requestLike.map((r) => Buffer.from(JSON.stringify(r))),
  fc.array(requestLike, { maxLength: 5 }).map((r) => Buffer.from(JSON.stringify(r))),
  fc.tuple(requestLike, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([request, at, byte]) => {
    const bytes = Buffer.from(JSON.stringify(request));
    bytes[at % bytes.length] = byte;
    return bytes;
  }),
  fc.tuple(requestLike, fc.nat()).map(([request, at]) => {
    const bytes = Buffer.from(JSON.stringify(request));
    return bytes.subarray(0, at % (bytes.length + 1));
  }),
);

test('any line gives one of the kinds, with ids that can be echoed and errors of the table', () => {
  fc.assert(
    fc.property(line, (bytes) => {
      const parsed = parseLine(bytes);
      const items = parsed.kind === 'single' ? [parsed.item] : parsed.kind === 'batch' ? parsed.items : [];
      assert.ok(items.length <= MAX_BATCH);
      for (const item of items) {
        const id = item.id ?? null;
        assert.ok(id === null || typeof id === 'string' || Number.isFinite(id));
        assert.doesNotThrow(() => JSON.stringify(id));
        if (item.kind === 'request') assert.equal(typeof item.method, 'string');
        else assert.equal(item.error.code, 'INVALID_REQUEST');
      }
      if (parsed.kind === 'refused') {
        assert.ok(
          ['PARSE_ERROR', 'INVALID_REQUEST', 'NESTING_TOO_DEEP', 'BATCH_TOO_LARGE'].includes(
            parsed.error.code,
          ),
        );
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a good request comes through as it was written', () => {
  const good = fc.record({
    id: fc.oneof(fc.string({ maxLength: 40 }), fc.integer(), fc.constant(null)),
    method: fc.string(),
    params: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })),
  });
  fc.assert(
    fc.property(good, (request) => {
      const text = JSON.stringify({ jsonrpc: '2.0', ...request });
      const parsed = parseLine(Buffer.from(text));
      assert.ok(parsed.kind === 'single' && parsed.item.kind === 'request', text);
      assert.deepEqual(
        { id: parsed.item.id, method: parsed.item.method, params: parsed.item.params },
        JSON.parse(JSON.stringify(request)),
      );
    }),
    { numRuns: 500 },
  );
});

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test('the depth counted in the bytes is the depth of the value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 40 }), fc.integer({ min: 0, max: MAX_NESTING }), (value, limit) => {
      assert.equal(nestsDeeper(Buffer.from(JSON.stringify(value)), limit), depthOf(value) > limit);
    }),
    { numRuns: 1_000 },
  );
});

test('lines are the same however the stream is cut', () => {
  const stream = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });
  fc.assert(
    fc.property(stream, fc.array(fc.nat({ max: 60 }), { minLength: 1 }), (parts, cuts) => {
      const bytes = Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]));
      const reader = new LineReader(1_000);
      const got: string[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = Math.max(1, cuts[i % cuts.length] as number);
        reader.push(bytes.subarray(at, at + size));
        at += size;
        for (let line = reader.next(); line !== undefined; line = reader.next())
          got.push(line.toString('latin1'));
      }
      const expected = bytes.toString('latin1').split('\n').slice(0, -1);
      assert.deepEqual(got, expected);
    }),
    { numRuns: 500 },
  );
});
