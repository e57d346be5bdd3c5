import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { matchFastLock, matchFastUnlock } from '../../../src/spv/fastlock.ts';
import { cosign, KEYS, p2pkh, push, pushWith } from '../../support/spend/scripts.ts';

const owner = (KEYS[0] as (typeof KEYS)[number]).compressed;
const cosigner = (KEYS[1] as (typeof KEYS)[number]).compressed;
const ENVELOPE = Buffer.from('0063036f726451126170706c69636174696f6e2f6273762d323000027b7d68', 'hex');
const hex = (text: string) => Buffer.from(text, 'hex');
const join = (...parts: Uint8Array[]) => Buffer.concat(parts);
const P2PKH = p2pkh(owner);
const COSIGN = cosign(owner, cosigner);
const e = ENVELOPE.length;

describe('matchFastLock', () => {
  const known: [string, Buffer, number, number, number][] = [
    ['P2PKH', P2PKH, 3, -1, 0],
    ['inscription before', join(ENVELOPE, P2PKH), e + 3, -1, 0],
    ['inscription after', join(P2PKH, ENVELOPE), 3, -1, 0],
    ['inscription on both sides', join(ENVELOPE, P2PKH, ENVELOPE), e + 3, -1, 0],
    ['data after', join(P2PKH, hex('6a0401020304')), 3, -1, 0],
    ['data after that is no script', join(P2PKH, hex('6a4c')), 3, -1, 0],
    ['inscription and data after', join(P2PKH, ENVELOPE, hex('6a')), 3, -1, 0],
    ['separator after the inscription', join(ENVELOPE, hex('ab'), P2PKH), e + 4, -1, e + 1],
    ['cosign', COSIGN, 3, 26, 0],
    ['inscription before cosign', join(ENVELOPE, COSIGN), e + 3, e + 26, 0],
    ['separator before cosign', join(ENVELOPE, hex('ab'), COSIGN), e + 4, e + 27, e + 1],
    ['cosign and data', join(COSIGN, hex('6a01')), 3, 26, 0],
    ['empty envelope', join(hex('006368'), P2PKH), 6, -1, 0],
    [
      'long pushes in the envelope',
      join(hex('0063'), pushWith(0x4e, Buffer.alloc(300)), hex('68'), P2PKH),
      311,
      -1,
      0,
    ],
  ];
  for (const [name, script, ownerHashAt, cosignerKeyAt, codeAt] of known) {
    it(`knows ${name}`, () => {
      assert.deepEqual(matchFastLock(script), { ownerHashAt, cosignerKeyAt, codeAt });
    });
  }

  const envelopeWith = (inside: string) => join(hex('0063'), hex(inside), hex('68'), P2PKH);
  const unknown: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['a byte short', P2PKH.subarray(0, -1)],
    ['a byte more', join(P2PKH, hex('51'))],
    ['OP_RETURN first', join(hex('6a'), P2PKH)],
    ['data prefix', join(hex('006a'), P2PKH)],
    ['separator without inscription', join(hex('ab'), P2PKH)],
    ['two inscriptions before', join(ENVELOPE, ENVELOPE, P2PKH)],
    ['two inscriptions after', join(P2PKH, ENVELOPE, ENVELOPE)],
    ['condition that holds', join(hex('51'), ENVELOPE.subarray(1), P2PKH)],
    ['OP_ELSE in the envelope', envelopeWith('0167675175')],
    ['OP_IF in the envelope', envelopeWith('6368')],
    ['OP_RETURN in the envelope', envelopeWith('6a')],
    ['reserved opcode in the envelope', envelopeWith('50')],
    ['OP_NOP in the envelope', envelopeWith('61')],
    ['push beyond the end', join(hex('00634c'), Buffer.of(200), Buffer.alloc(100, 0x51), hex('68'))],
    ['push of 4 GB', join(hex('00634effffffff68'), P2PKH)],
    ['push length cut', hex('00634d01')],
    ['envelope without end', ENVELOPE.subarray(0, -1)],
    ['envelope after without end', join(P2PKH, ENVELOPE.subarray(0, -1))],
    ['hash of 21 bytes', join(hex('76a915'), Buffer.alloc(21), hex('88ac'))],
    ['OP_EQUAL', join(P2PKH.subarray(0, 23), hex('87ac'))],
    ['OP_CHECKSIGVERIFY at the end', join(P2PKH.subarray(0, 24), hex('ad'))],
    ['cosign cut', COSIGN.subarray(0, -1)],
    ['cosign with an uncompressed key', cosign(owner, (KEYS[1] as (typeof KEYS)[number]).uncompressed)],
    ['cosign with a key of form 05', join(COSIGN.subarray(0, 26), hex('05'), COSIGN.subarray(27))],
    ['cosign verified', join(COSIGN.subarray(0, -1), hex('ad51'))],
    ['P2PK', join(push(owner), hex('ac'))],
    ['P2SH', join(hex('a914'), Buffer.alloc(20), hex('87'))],
  ];
  for (const [name, script] of unknown) {
    it(`leaves to the interpreter: ${name}`, () => assert.equal(matchFastLock(script), undefined));
  }
});

describe('matchFastUnlock', () => {
  const signature = Buffer.alloc(71, 0x30);
  const other = Buffer.alloc(72, 0x31);
  const match = (script: Buffer, withCosigner = false) => {
    const around = join(hex('0102'), script, hex('03'));
    return matchFastUnlock(around, 2, 2 + script.length, withCosigner);
  };

  it('finds signature and key', () => {
    assert.deepEqual(match(join(push(signature), push(owner))), {
      cosignerStart: 2,
      cosignerEnd: 2,
      ownerStart: 3,
      ownerEnd: 74,
      keyStart: 75,
      keyEnd: 108,
    });
  });

  it("finds the cosigner's signature first", () => {
    assert.deepEqual(match(join(push(other), push(signature), push(owner)), true), {
      cosignerStart: 3,
      cosignerEnd: 75,
      ownerStart: 76,
      ownerEnd: 147,
      keyStart: 148,
      keyEnd: 181,
    });
  });

  it('leaves everything else to the interpreter', () => {
    const uncompressed = (KEYS[0] as (typeof KEYS)[number]).uncompressed;
    const hybrid = join(hex('06'), uncompressed.subarray(1));
    const plain: [string, Buffer][] = [
      ['nothing', Buffer.alloc(0)],
      ['signature only', push(signature)],
      ['key only', push(owner)],
      ['empty signature', join(hex('00'), push(owner))],
      ['signature of 8 bytes', join(push(Buffer.alloc(8)), push(owner))],
      ['signature of 74 bytes', join(push(Buffer.alloc(74)), push(owner))],
      ['signature pushed long', join(pushWith(0x4c, signature), push(owner))],
      ['key pushed long', join(push(signature), pushWith(0x4c, owner))],
      ['hybrid key', join(push(signature), push(hybrid))],
      ['key of 34 bytes', join(push(signature), push(join(owner, hex('00'))))],
      ['push before', join(hex('51'), push(signature), push(owner))],
      ['opcode behind', join(push(signature), push(owner), hex('61'))],
      ['key cut', join(push(signature), push(owner)).subarray(0, -1)],
      ['two signatures', join(push(other), push(signature), push(owner))],
    ];
    for (const [name, script] of plain) assert.equal(match(script), undefined, name);
    assert.notEqual(match(join(push(signature), push(uncompressed))), undefined);
    assert.equal(match(join(push(signature), push(owner)), true), undefined);
    assert.equal(match(join(hex('00'), push(signature), push(owner)), true), undefined);
  });
});
