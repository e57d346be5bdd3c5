import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { decodeToken } from '../../support/corpus/decode.ts';
import { addressOf, makeKey } from '../../support/corpus/keys.ts';
import { envelope, p2pkhScript, push, tokenJson, transferScript } from '../../support/corpus/script.ts';
import { sharedPath } from '../../support/corpus/shared.ts';
import { parseTransaction } from '../../support/corpus/transaction.ts';

const ID = `${'ab'.repeat(32)}_0`;
const LOCK = p2pkhScript(makeKey('decode').hash160);

/** What an output with this JSON body, written as text, decodes to: op and amount. */
function read(json: string): string | undefined {
  const decoded = decodeToken(Buffer.concat([envelope(Buffer.from(json)), LOCK]), 'cd'.repeat(32), 1);
  return decoded && `${decoded.op} ${decoded.amt}`;
}

describe('reference decoder', () => {
  it('takes what sections 1 and 2 allow', () => {
    assert.equal(read(`{"p":"bsv-20","op":"TRANSFER","id":"${ID}","amt":"007","x":[{}]}`), 'transfer 7');
    assert.equal(
      read(`{"p":"bsv-20","op":"burn","id":"${ID}","amt":"18446744073709551615"}`),
      `burn ${2n ** 64n - 1n}`,
    );
    assert.equal(read(`{"p":"bsv-20","op":"auth","id":"${ID}"}`), 'auth 0');
    assert.equal(read('{"amt":"1","p":"bsv-20","op":"deploy+mint","dec":"19","amt":"2"}'), 'deploy+mint 2');
  });

  it('refuses the cases of section 10', () => {
    for (const json of [
      '{"p":"bsv-20","op":"transfer","tick":"X","amt":"1"}',
      `{"p":"bsv-21","op":"transfer","id":"${ID}","amt":"1"}`,
      ...['1', '"1e3"', '"18446744073709551616"', '""', '" 7"', '"+5"'].map(
        (amt) => `{"p":"bsv-20","op":"transfer","id":"${ID}","amt":${amt}}`,
      ),
      `{"p":"bsv-20","op":"auth","id":"${ID}","amt":null}`,
      ...[
        `${'ab'.repeat(32)}.0`,
        `${'AB'.repeat(32)}_0`,
        `${'ab'.repeat(32)}_01`,
        `${'ab'.repeat(32)}_4294967296`,
      ].map((id) => `{"p":"bsv-20","op":"mint","id":"${id}","amt":"1"}`),
      '[]',
      'null',
      '{} {}',
      '\ufeff{"p":"bsv-20","op":"deploy+mint","amt":"1"}',
      '{"__proto__":{"p":"bsv-20","op":"deploy+mint","amt":"1"}}',
    ]) {
      assert.equal(read(json), undefined, json);
    }
    const whole = transferScript(ID, 5, LOCK.subarray(3, 23));
    assert.equal(decodeToken(whole, 'cd'.repeat(32), 0)!.amt, 5n);
    const cut = whole.subarray(0, -LOCK.length - 1);
    for (const script of [cut, push(whole), Buffer.concat([Buffer.of(0, 0, 0x6d), whole])]) {
      assert.equal(decodeToken(script, 'cd'.repeat(32), 0), undefined);
    }
    const body = tokenJson({ op: 'deploy+mint', amt: 1n });
    for (const type of ['application/bsv-20;charset=utf-8', 'Application/bsv-20']) {
      const other = Buffer.concat([
        Buffer.from('0063036f726451', 'hex'),
        push(Buffer.from(type)),
        Buffer.of(0),
        push(body),
      ]);
      assert.equal(decodeToken(Buffer.concat([other, Buffer.of(0x68), LOCK]), 'cd'.repeat(32), 0), undefined);
    }
  });

  const manifest = sharedPath('vectors', 'manifest.json');
  it('reads the real outputs as the manifest says', {
    skip: manifest === undefined && 'no ../shared/vectors',
  }, () => {
    const { vectors } = JSON.parse(readFileSync(manifest!, 'utf8'));
    let outputs = 0;
    for (const { file, kind, tokens, txid } of vectors) {
      if (kind !== 'rawtx' || tokens === undefined) {
        continue;
      }
      const hex = readFileSync(sharedPath('vectors', file)!, 'utf8').trim();
      const tx = parseTransaction(Buffer.from(hex, 'hex'));
      const decoded = tx.outputs.map((output, vout) => decodeToken(output.script, txid, vout));
      assert.equal(decoded.filter((each) => each !== undefined).length, tokens.length);
      for (const expected of tokens) {
        const found = decoded[expected.vout]!;
        assert.deepEqual(
          [found.op, found.tokenId, `${found.amt}`],
          [expected.op, expected.tokenId, expected.amt],
        );
        assert.deepEqual([found.sym, found.dec ?? 0], [expected.sym, Number(expected.dec ?? 0)]);
        if (expected.lock.address !== undefined) {
          assert.equal(found.lockType, expected.lock.type);
          assert.equal(addressOf(Buffer.from(found.owner, 'hex')), expected.lock.address);
        }
        outputs++;
      }
    }
    assert.ok(outputs >= 7);
  });

  const ordlock = sharedPath('vectors', 'script', 'ordlock-v1-bsv21-tvzn.hex');
  it('names the seller of a real listing', { skip: ordlock === undefined && 'no ../shared/vectors' }, () => {
    const script = Buffer.from(readFileSync(ordlock!, 'utf8').trim(), 'hex');
    const found = decodeToken(script, 'cd'.repeat(32), 0)!;
    assert.deepEqual([found.op, found.amt, found.lockType], ['transfer', 12000n, 'ordlock']);
    assert.equal(found.owner, '5e4b9e78ae774eaeadcf05bd06a0ffbe4272fd11');
  });
});
