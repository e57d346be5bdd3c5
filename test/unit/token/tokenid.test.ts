import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenError } from '../../../src/token/errors.ts';
import { formatOutpoint, parseOutpoint, parseTokenId } from '../../../src/token/tokenid.ts';

const HEX = 'bc'.repeat(32);

function refusal(parse: (text: string) => unknown, text: string): TokenError {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof TokenError);
    return error;
  }
  assert.fail(`${text} was accepted`);
}

test('J5 parseTokenId takes the one form only', () => {
  assert.deepEqual(parseTokenId(`${HEX}_0`), { txid: HEX, vout: 0 });
  assert.deepEqual(parseTokenId(`${HEX}_4294967295`), { txid: HEX, vout: 4_294_967_295 });
  for (const text of [
    '',
    HEX,
    `${HEX}_`,
    `${HEX}_01`,
    `${HEX}_4294967296`,
    `${HEX}_0x`,
    ` ${HEX}_0`,
    `${HEX}-0`,
  ]) {
    const error = refusal(parseTokenId, text);
    assert.deepEqual([error.code, error.data], ['TOKEN_ID_INVALID', { text }]);
    assert.match(error.message, /64 lower-case hex digits/);
  }
});

test('J5 an outpoint in another form is refused as token id, the right form suggested', () => {
  for (const text of [`${HEX}.7`, `${HEX}:7`, `${HEX.toUpperCase()}_7`]) {
    const error = refusal(parseTokenId, text);
    assert.equal(error.data['suggestion'], `${HEX}_7`);
    assert.match(error.message, /write bcbc/);
  }
});

test('parseOutpoint is lenient about the separator and the case, about nothing else', () => {
  for (const text of [`${HEX}_7`, `${HEX}.7`, `${HEX}:7`, `${HEX.toUpperCase()}.7`]) {
    assert.deepEqual(parseOutpoint(text), { txid: HEX, vout: 7 }, text);
  }
  for (const text of [
    '',
    HEX,
    `${HEX}.`,
    `${HEX}.07`,
    `${HEX}.4294967296`,
    `${HEX}/7`,
    `${HEX}.7 `,
    `g${HEX.slice(1)}.7`,
  ]) {
    assert.equal(refusal(parseOutpoint, text).code, 'OUTPOINT_INVALID', text);
  }
  assert.ok(refusal(parseOutpoint, 'x'.repeat(10_000)).message.length < 300);
});

test('formatOutpoint and parseTokenId are inverse', () => {
  const { txid, vout } = parseTokenId(`${HEX}_12`);
  assert.equal(formatOutpoint(txid, vout), `${HEX}_12`);
});
