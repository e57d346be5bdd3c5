import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { identityOf, parsePeerId, rawPublicKey } from '../../../src/p2p/identity.ts';
import { testKey } from '../../support/p2p.ts';

test('a key is seed and public half, or the seed alone; both are one identity', async () => {
  const key = testKey(7);
  const [whole, seed] = [await identityOf(key), await identityOf(key.subarray(0, 32))];
  assert.equal(whole.text, seed.text);
  assert.deepEqual(Buffer.from(whole.publicKey), Buffer.from(key.subarray(32)));
  assert.deepEqual(rawPublicKey(parsePeerId(whole.text)), whole.publicKey);
});

test('another length, and halves that do not belong together, are refused: nothing is signed with them', async () => {
  const foreign = Buffer.concat([testKey(1).subarray(0, 32), testKey(2).subarray(32)]);
  for (const key of [new Uint8Array(0), testKey(1).subarray(1), foreign]) {
    await assert.rejects(identityOf(key), { name: 'P2pError', code: 'KEY_INVALID' });
  }
});

test('what is no PeerId is refused, and a peer with a key of another type has no raw key', async () => {
  assert.throws(() => parsePeerId('12D3KooWnobody'), { name: 'P2pError', code: 'ADDRESS_INVALID' });
  const other = peerIdFromPrivateKey(await generateKeyPair('secp256k1'));
  assert.equal(rawPublicKey(other), undefined);
});
