import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Envelope, findEnvelope } from '../../../src/token/envelope.ts';
import { envelope, P2PKH, push, textHex, toBytes, transferJson } from '../../support/token-scripts.ts';

const BODY = transferJson();
const PLAIN = envelope({ body: BODY });
const ORD = '036f7264';
const TYPE_PAIR = `51${push(textHex('application/bsv-20'))}`;
const BODY_PAIR = `00${push(textHex(BODY))}`;

function find(hex: string): Envelope | undefined {
  return findEnvelope(toBytes(hex));
}

function bodyOf(hex: string): string | undefined {
  const script = toBytes(hex);
  const found = findEnvelope(script);
  return found === undefined
    ? undefined
    : Buffer.from(script.subarray(found.bodyStart, found.bodyEnd)).toString();
}

test('E1 the usual bytes are found, with exact offsets', () => {
  const found = find(PLAIN + P2PKH);
  const length = PLAIN.length / 2;
  assert.deepEqual(found, {
    start: 0,
    end: length,
    bodyStart: length - 1 - BODY.length,
    bodyEnd: length - 1,
  });
});

test('E1 each of the three start ops must be an op of its own', () => {
  const rest = PLAIN.slice('0063036f7264'.length);
  assert.equal(bodyOf(`0063${ORD}${rest}`), BODY);
  assert.equal(find(`04ffff0063${ORD}${rest}`), undefined, '00 63 is the tail of a push');
  assert.equal(find(`010063${ORD}${rest}`), undefined, '00 is the tail of a push');
  assert.equal(find(`5163${ORD}${rest}`), undefined, 'OP_1 instead of OP_FALSE');
  assert.equal(find(`4c0063${ORD}${rest}`), undefined, 'an empty PUSHDATA1 is not the byte 00');
  assert.equal(find(`0064${ORD}${rest}`), undefined, 'OP_NOTIF instead of OP_IF');
  assert.equal(find(`00634c${ORD}${rest}`), undefined, 'PUSHDATA1 "ord"');
  for (const other of ['046f726473', '026f72', '036f7265', '036f7364', '03707264', '034f5244']) {
    assert.equal(find(`0063${other}${rest}`), undefined, other);
  }
  assert.equal(bodyOf(`00${PLAIN}`), BODY, 'an OP_0 before the start changes nothing');
  assert.equal(bodyOf(`0063${PLAIN}`), BODY, 'a false start changes nothing');
});

test('E2 the envelope may stand at any op boundary', () => {
  for (const before of ['', P2PKH, '51', 'ab', `6a${push('00'.repeat(300))}`, push('aa'.repeat(70_000))]) {
    for (const behind of ['', P2PKH, `ab${P2PKH}`, '6a', 'ff']) {
      const found = find(before + PLAIN + behind);
      assert.equal(found?.start, before.length / 2);
      assert.equal(found?.end, (before + PLAIN).length / 2);
    }
  }
});

test('E3 tags: OP_0 and an empty push are 0, OP_n is n, one byte is that byte, longer ones are skipped', () => {
  for (const tag of ['00', '4c00', '4d0000', '4e00000000', '0100', '4c0100']) {
    assert.equal(bodyOf(`0063${ORD}${TYPE_PAIR}${tag}${push(textHex(BODY))}68`), BODY, `body tag ${tag}`);
  }
  for (const tag of ['51', '0101', '4c0101', '4d010001', '4e0100000001']) {
    assert.equal(
      bodyOf(`0063${ORD}${tag}${push(textHex('application/bsv-20'))}${BODY_PAIR}68`),
      BODY,
      `type tag ${tag}`,
    );
  }
  for (const tag of ['52', '60', '0102', '0111', '01ff', '020000', '020001', push('01'.repeat(80))]) {
    assert.equal(
      bodyOf(`0063${ORD}${TYPE_PAIR}${tag}${push('aabb')}${BODY_PAIR}68`),
      BODY,
      `other tag ${tag}`,
    );
  }
});

test('E3 values: any push is allowed, OP_1NEGATE and OP_1-OP_16 carry no bytes', () => {
  for (const value of ['00', '4f', '51', '60', '01aa', '4c00', push('00'.repeat(256))]) {
    assert.equal(bodyOf(`0063${ORD}${TYPE_PAIR}53${value}${BODY_PAIR}68`), BODY, value);
  }
  for (const value of ['00', '4f', '51', '60']) {
    assert.equal(bodyOf(`0063${ORD}${TYPE_PAIR}00${value}68`), '', `body ${value}`);
    assert.equal(find(`0063${ORD}${TYPE_PAIR}51${value}${BODY_PAIR}68`), undefined, `content type ${value}`);
  }
});

test('E3 forbidden: tag 4f or 50, value 50, anything above 60', () => {
  for (const tag of ['4f', '50', '61', '63', '68', '6a', 'ab', 'ff']) {
    assert.equal(find(`0063${ORD}${TYPE_PAIR}${tag}${push('aabb')}${BODY_PAIR}68`), undefined, `tag ${tag}`);
    assert.equal(find(`0063${ORD}${tag}68${PLAIN}`), undefined, `tag ${tag} stops the walk`);
  }
  for (const value of ['50', '61', '63', '68', '6a', 'ff']) {
    assert.equal(find(`0063${ORD}${TYPE_PAIR}53${value}${BODY_PAIR}68`), undefined, `value ${value}`);
    assert.equal(find(`0063${ORD}53${value}${PLAIN}`), undefined, `value ${value} stops the walk`);
  }
});

test('E3 a push past the end stops the walk, wherever it stands', () => {
  for (const cut of [
    '4b',
    '4c',
    '4cff',
    '4d',
    '4d01',
    '4d0100',
    '4e',
    '4e010000',
    '4effffffff',
    '4e00000080',
  ]) {
    assert.equal(find(`0063${ORD}${TYPE_PAIR}53${cut}`), undefined, `value ${cut}`);
    assert.equal(find(`0063${ORD}${TYPE_PAIR}${cut}`), undefined, `tag ${cut}`);
    assert.equal(find(`0063${ORD}${TYPE_PAIR}00${cut}`), undefined, `body ${cut}`);
  }
  const past = `4e${'ffffffff'}${PLAIN}`;
  assert.equal(find(past), undefined);
  assert.equal(find(`4effff0000${PLAIN}`), undefined);
  assert.equal(find(`4dffff${PLAIN}`), undefined);
  assert.equal(find(`4cff${PLAIN}`), undefined);
});

test('E4 a list without a body is no envelope', () => {
  assert.equal(find(`0063${ORD}${TYPE_PAIR}${TYPE_PAIR}`), undefined);
  assert.equal(find(`0063${ORD}${TYPE_PAIR}${TYPE_PAIR}00`), undefined, 'the value is missing');
  assert.equal(
    find(`0063${ORD}${push('00'.repeat(40))}`),
    undefined,
    'the value of an unknown tag is missing',
  );
});

test('E4 tag 0 ends the list, its one value is the body', () => {
  const two = `0063${ORD}${TYPE_PAIR}00${push(textHex(BODY.slice(0, 9)))}${push(textHex(BODY.slice(9)))}68`;
  assert.equal(find(two), undefined, 'a second push is not concatenated');
  assert.equal(bodyOf(`0063${ORD}${TYPE_PAIR}000068`), '', 'an empty body is a body');
});

test('E4 without OP_ENDIF behind the body the walk goes on', () => {
  assert.equal(find(envelope({ body: BODY, end: '' })), undefined, 'end of script');
  assert.equal(find(envelope({ body: BODY, end: '67' })), undefined);
  const second = transferJson('7');
  assert.equal(bodyOf(envelope({ body: BODY, end: '61' }) + envelope({ body: second })), second);
  assert.equal(bodyOf(envelope({ body: BODY, end: '' }) + envelope({ body: second })), second);
  assert.equal(
    bodyOf(envelope({ body: BODY, type: 'text/plain', end: '61' }) + envelope({ body: second })),
    second,
  );
});

test('E5 content type: exact bytes, the last occurrence wins', () => {
  const typed = (...types: string[]) =>
    `0063${ORD}${types.map((type) => `51${push(textHex(type))}`).join('')}${BODY_PAIR}68`;
  assert.equal(bodyOf(typed('application/bsv-20')), BODY);
  assert.equal(bodyOf(typed('text/plain', 'application/bsv-20')), BODY);
  assert.equal(find(typed('application/bsv-20', 'text/plain')), undefined);
  assert.equal(find(typed('application/bsv-20', '')), undefined);
  assert.equal(find(typed()), undefined, 'no type at all');
  for (const type of [
    'application/bsv-20;charset=utf-8',
    'application/bsv-20 ',
    'Application/bsv-20',
    'APPLICATION/BSV-20',
    'application/bsv-21',
    'application/bsv-2',
    'application/json',
  ]) {
    assert.equal(find(typed(type)), undefined, type);
  }
});

test('E6 the first well-formed envelope decides', () => {
  const first = transferJson('1');
  const second = transferJson('2');
  assert.equal(bodyOf(envelope({ body: first }) + envelope({ body: second })), first);
  assert.equal(find(envelope({ body: 'hello', type: 'text/plain' }) + envelope({ body: second })), undefined);
  assert.equal(
    find(`0063${ORD}${TYPE_PAIR}0068${envelope({ body: second })}`),
    undefined,
    'OP_ENDIF is no value',
  );
});

test('E7 other tags are ignored, a parent too', () => {
  const pairs = `53${push('ab'.repeat(36))}${push(textHex('app'))}${push(textHex('x'))}57${push('00')}53${push('cd'.repeat(32))}`;
  assert.equal(bodyOf(envelope({ body: BODY, pairs })), BODY);
});

test('E8 the walk does not stop at OP_RETURN', () => {
  assert.equal(bodyOf(`6a${PLAIN}`), BODY);
  assert.equal(bodyOf(`006a${push(textHex('data'))}${PLAIN}`), BODY);
  assert.equal(bodyOf(`${P2PKH}6a${push(textHex('data'))}${PLAIN}`), BODY);
});

test('E1 nothing inside a push is seen, however it is written', () => {
  for (const form of ['shortest', 'pushdata1', 'pushdata2', 'pushdata4'] as const) {
    assert.equal(find(push(PLAIN, form) + P2PKH), undefined, form);
    const script = envelope({ body: BODY, form });
    assert.equal(bodyOf(script), BODY, form);
  }
});

test('E4 a shortest possible envelope is found', () => {
  const shortest = `0063${ORD}${TYPE_PAIR}000068`;
  assert.equal(shortest.length / 2, 29);
  assert.equal(find(shortest)?.end, 29);
  assert.equal(find(`51${shortest}`)?.start, 1);
  assert.equal(find(shortest.slice(0, -2)), undefined);
});

test('E4 a walk over many failed envelopes is linear', () => {
  // each is read up to its body, which no OP_ENDIF follows; a walk that began again would take minutes
  const failed = '0063036f72640000'.repeat(200_000);
  const began = performance.now();
  assert.equal(find(failed + PLAIN)?.start, failed.length / 2);
  assert.ok(performance.now() - began < 2_000);
});
