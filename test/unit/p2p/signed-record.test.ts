import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record';
import { multiaddr } from '@multiformats/multiaddr';
import { addressBytes } from '../../../protocols/peer-exchange/address.ts';
import { ExchangeError } from '../../../protocols/peer-exchange/errors.ts';
import { SignedRecords } from '../../../src/p2p/signed-record.ts';
import { testKey } from '../../support/exchange-net.ts';

const throwsCode = (code: string) => (error: unknown) =>
  error instanceof ExchangeError && error.code === code;

test('a good record says what was signed', async () => {
  const key = await testKey(1);
  const records = new SignedRecords();
  const envelope = await key.sign(['/ip4/8.8.8.8/tcp/9000', '/dns4/a.example/tcp/1'], 77n);
  assert.equal(records.known(envelope), undefined);
  const facts = await records.open(envelope);
  assert.deepEqual(facts, {
    peerId: key.peerId,
    publicKey: key.publicKey,
    seq: 77n,
    envelope: new Uint8Array(envelope),
    addresses: [addressBytes('/ip4/8.8.8.8/tcp/9000'), addressBytes('/dns4/a.example/tcp/1')],
  });
  // Verified once, and held in memory of its own.
  assert.equal(records.known(envelope), facts);
  assert.equal(await records.open(envelope), facts);
  for (const bytes of [facts.envelope, facts.publicKey, ...facts.addresses]) {
    assert.equal(bytes.buffer.byteLength, bytes.length);
  }
});

test('any changed byte is a forgery, or no envelope of a peer record', async () => {
  const envelope = await (await testKey(1)).sign(['/ip4/8.8.8.8/tcp/9000'], 1n);
  const records = new SignedRecords();
  await records.open(envelope);
  for (let at = 0; at < envelope.length; at++) {
    const forged = envelope.slice();
    forged[at]! ^= 0x40;
    await assert.rejects(records.open(forged), throwsCode('RECORD_FORGED'), `byte ${at}`);
  }
});

test('a key that signs for another peer proves nothing', async () => {
  const mine = await generateKeyPair('Ed25519');
  const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519'));
  const record = new PeerRecord({
    peerId: other,
    multiaddrs: [multiaddr('/ip4/8.8.8.8/tcp/1')],
    seqNumber: 1n,
  });
  const envelope = (await RecordEnvelope.seal(record, mine)).marshal();
  await assert.rejects(new SignedRecords().open(envelope), throwsCode('RECORD_FORGED'));
});

test('only Ed25519 peers, only peer records, only 2 KiB', async () => {
  const records = new SignedRecords();
  const secp = await generateKeyPair('secp256k1');
  const own = new PeerRecord({ peerId: peerIdFromPrivateKey(secp), multiaddrs: [], seqNumber: 1n });
  const foreign = (await RecordEnvelope.seal(own, secp)).marshal();
  await assert.rejects(records.open(foreign), throwsCode('RECORD_KEY_TYPE'));
  const key = await generateKeyPair('Ed25519');
  const sealed = (codec: Uint8Array, payload: Uint8Array) =>
    RecordEnvelope.seal(
      { domain: PeerRecord.DOMAIN, codec, marshal: () => payload, equals: () => false },
      key,
    ).then((envelope) => envelope.marshal());
  const otherKind = await sealed(Uint8Array.of(9, 9), Uint8Array.of(1));
  await assert.rejects(records.open(otherKind), throwsCode('RECORD_UNREADABLE'));
  const garbage = await sealed(PeerRecord.CODEC, Uint8Array.of(0xff, 0xff));
  await assert.rejects(records.open(garbage), throwsCode('RECORD_UNREADABLE'));
  await assert.rejects(records.open(new Uint8Array(2_049)), throwsCode('RECORD_TOO_LARGE'));
  await assert.rejects(records.open(new Uint8Array(0)), throwsCode('RECORD_FORGED'));
});

test('of each peer the newest is remembered; an older one is verified again', async () => {
  const records = new SignedRecords();
  const key = await testKey(1);
  const [first, second] = [
    await key.sign(['/ip4/8.8.8.8/tcp/1'], 1n),
    await key.sign(['/ip4/8.8.8.8/tcp/1'], 2n),
  ];
  await records.open(first);
  await records.open(second);
  assert.equal(records.known(first), undefined);
  assert.equal((await records.open(first)).seq, 1n);
  assert.equal(records.known(first), undefined);
  assert.equal(records.known(second)?.seq, 2n);
});
