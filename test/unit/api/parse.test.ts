import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_BATCH, MAX_ID_CHARS, MAX_NESTING } from '../../../src/api/limits.ts';
import { nestsDeeper, parseLine } from '../../../src/api/parse.ts';
import { cpuMs } from '../../support/cpu-ms.ts';

const parse = (text: string) => parseLine(Buffer.from(text));

function errorCode(text: string): string | undefined {
  const parsed = parse(text);
  if (parsed.kind === 'refused') return parsed.error.code;
  if (parsed.kind === 'single' && parsed.item.kind === 'invalid') return parsed.item.error.code;
  return undefined;
}

test('a request has id, method and params; without an id it is a notification', () => {
  assert.deepEqual(parse('{"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1}}'), {
    kind: 'single',
    item: { kind: 'request', id: 'a', method: 'm', params: { x: 1 } },
  });
  assert.deepEqual(parse('{"jsonrpc":"2.0","method":"m"}'), {
    kind: 'single',
    item: { kind: 'request', method: 'm', params: {} },
  });
  assert.deepEqual(parse('{"jsonrpc":"2.0","id":null,"method":"m"}'), {
    kind: 'single',
    item: { kind: 'request', id: null, method: 'm', params: {} },
  });
});

test('what is no request is refused with the id where there is a good one', () => {
  const invalid = (text: string) => {
    const parsed = parse(text);
    assert.ok(parsed.kind === 'single' && parsed.item.kind === 'invalid', text);
    return [parsed.item.id, parsed.item.error.code];
  };
  assert.deepEqual(invalid('{"jsonrpc":"1.0","id":7,"method":"m"}'), [7, 'INVALID_REQUEST']);
  assert.deepEqual(invalid('{"jsonrpc":"2.0","id":7,"method":5}'), [7, 'INVALID_REQUEST']);
  assert.deepEqual(invalid('{"jsonrpc":"2.0","id":{},"method":"m"}'), [null, 'INVALID_REQUEST']);
  assert.deepEqual(invalid('{"jsonrpc":"2.0","id":1e999,"method":"m"}'), [null, 'INVALID_REQUEST']);
  assert.deepEqual(invalid('5'), [null, 'INVALID_REQUEST']);
  assert.deepEqual(invalid('null'), [null, 'INVALID_REQUEST']);
  const long = 'x'.repeat(MAX_ID_CHARS + 1);
  assert.deepEqual(invalid(`{"jsonrpc":"2.0","id":"${long}","method":"m"}`), [null, 'INVALID_REQUEST']);
});

test('bad JSON and bad UTF-8 are parse errors that keep the connection', () => {
  for (const line of ['{', 'nonsense', '{"a":1}}', '\u0000']) {
    const parsed = parse(line);
    assert.ok(parsed.kind === 'refused' && parsed.error.code === 'PARSE_ERROR' && !parsed.close, line);
  }
  const bad = Buffer.from([0x22, 0xff, 0xfe, 0x22]);
  const parsed = parseLine(bad);
  assert.ok(parsed.kind === 'refused' && parsed.error.code === 'PARSE_ERROR');
  const bom = parseLine(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{}')]));
  assert.ok(bom.kind === 'refused', 'a byte order mark is no JSON');
});

test('a blank line is nothing', () => {
  assert.deepEqual(parse('  \r'), { kind: 'blank' });
});

test('a batch keeps its order, good and bad; empty and oversized ones are refused', () => {
  const parsed = parse('[{"jsonrpc":"2.0","id":1,"method":"a"},3,{"jsonrpc":"2.0","method":"b"}]');
  assert.ok(parsed.kind === 'batch');
  assert.deepEqual(
    parsed.items.map((item) => item.kind),
    ['request', 'invalid', 'request'],
  );
  assert.equal(errorCode('[]'), 'INVALID_REQUEST');
  const one = '{"jsonrpc":"2.0","id":1,"method":"a"}';
  const most = parse(`[${Array(MAX_BATCH).fill(one).join(',')}]`);
  assert.ok(most.kind === 'batch' && most.items.length === MAX_BATCH);
  const over = parse(
    `[${Array(MAX_BATCH + 1)
      .fill(one)
      .join(',')}]`,
  );
  assert.ok(over.kind === 'refused' && over.error.code === 'BATCH_TOO_LARGE' && over.close);
});

test('nesting is counted in the bytes, before the parser; strings do not count', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  assert.equal(nestsDeeper(Buffer.from(nested(MAX_NESTING)), MAX_NESTING), false);
  assert.equal(nestsDeeper(Buffer.from(nested(MAX_NESTING + 1)), MAX_NESTING), true);
  assert.equal(errorCode(nested(MAX_NESTING + 1)), 'NESTING_TOO_DEEP');
  const quoted = `{"a":"${'['.repeat(100)}","b":"\\"${'{'.repeat(100)}\\\\","c":[]}`;
  assert.equal(nestsDeeper(Buffer.from(quoted), 2), false);
  assert.equal(nestsDeeper(Buffer.from(`{"a\\\\":${nested(40)}}`), 32), true);
  assert.equal(nestsDeeper(Buffer.from('"unclosed [[[['), 2), false);
});

test('a megabyte of brackets, quotes or backslashes costs milliseconds', () => {
  for (const text of ['[', '"', '\\"', '"\\', '{"a":']) {
    const line = Buffer.from(text.repeat(Math.floor(1_048_576 / text.length)));
    const ms = cpuMs(() => parseLine(line));
    assert.ok(ms < 500, `${JSON.stringify(text)} ${ms} ms`);
  }
});
