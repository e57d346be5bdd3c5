import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record';
import { MAX_RECORD_BYTES } from '../../protocols/peer-exchange/constants.ts';
import { ExchangeError } from '../../protocols/peer-exchange/errors.ts';
import type { RecordOpener } from '../../protocols/peer-exchange/interfaces.ts';
import type { SignedFacts } from '../../protocols/peer-exchange/record.ts';
import { ownCopy } from './own-copy.ts';

/** Peers, twice as many as the book holds: about 5 MB (measured: 1.2 kB each). */
const MAX_REMEMBERED = 4_096;

/** Bytes of an Ed25519 signature, which is the last field of an envelope. */
const SIGNATURE_BYTES = 64;

/**
 * Reads signed peer records (libp2p RFC 0002 and 0003). The same record comes from many peers: the newest of each peer
 * is remembered once it was verified, what was found forged is not.
 */
export class SignedRecords implements RecordOpener {
  /** By the last bytes, which nearly always tell them apart; all bytes are compared. */
  readonly #verified = new Map<string, SignedFacts>();
  /** Where in `#verified` the record of a peer is, by PeerId. */
  readonly #newest = new Map<string, string>();

  known(envelope: Uint8Array): SignedFacts | undefined {
    const facts = this.#verified.get(keyOf(envelope));
    return facts !== undefined && Buffer.compare(facts.envelope, envelope) === 0 ? facts : undefined;
  }

  /** @throws ExchangeError RECORD_TOO_LARGE | RECORD_FORGED | RECORD_UNREADABLE | RECORD_KEY_TYPE */
  async open(envelope: Uint8Array): Promise<SignedFacts> {
    if (envelope.length > MAX_RECORD_BYTES) {
      throw new ExchangeError('RECORD_TOO_LARGE', `record has ${envelope.length} bytes`);
    }
    const known = this.known(envelope);
    if (known !== undefined) return known;
    const copy = ownCopy(envelope);
    const facts = await verify(copy);
    this.#remember(facts);
    return facts;
  }

  #remember(facts: SignedFacts): void {
    const { peerId, seq, envelope } = facts;
    const before = this.#newest.get(peerId);
    const old = before === undefined ? undefined : this.#verified.get(before);
    if (old !== undefined && old.peerId === peerId && old.seq > seq) return;
    if (before !== undefined) this.#forget(peerId, before);
    this.#newest.set(peerId, keyOf(envelope));
    this.#verified.set(keyOf(envelope), facts);
    const [longest] = this.#newest;
    if (this.#newest.size > MAX_REMEMBERED && longest !== undefined) this.#forget(...longest);
  }

  #forget(peerId: string, key: string): void {
    this.#newest.delete(peerId);
    this.#verified.delete(key);
  }
}

function keyOf(envelope: Uint8Array): string {
  const end = envelope.subarray(-SIGNATURE_BYTES);
  return Buffer.from(end.buffer, end.byteOffset, end.length).toString('latin1');
}

async function verify(bytes: Uint8Array): Promise<SignedFacts> {
  let envelope: RecordEnvelope;
  try {
    envelope = await RecordEnvelope.openAndCertify(bytes, PeerRecord.DOMAIN);
  } catch (cause) {
    throw forged(`the envelope proves nothing: ${cause instanceof Error ? cause.name : 'unknown'}`);
  }
  const { publicKey, payloadType, payload } = envelope;
  if (publicKey.type !== 'Ed25519') throw new ExchangeError('RECORD_KEY_TYPE', `key is ${publicKey.type}`);
  if (Buffer.compare(payloadType, PeerRecord.CODEC) !== 0) {
    throw new ExchangeError('RECORD_UNREADABLE', 'the envelope holds something else');
  }
  let record: PeerRecord;
  try {
    record = PeerRecord.createFromProtobuf(payload);
  } catch {
    // Well signed: perhaps a kind of address that is younger than this program.
    throw new ExchangeError('RECORD_UNREADABLE', 'the signed record cannot be read');
  }
  const peerId = peerIdFromPublicKey(publicKey);
  if (!record.peerId.equals(peerId)) throw forged('signed by another key than the one of its peer');
  return {
    peerId: peerId.toString(),
    publicKey: ownCopy(publicKey.raw),
    seq: record.seqNumber,
    envelope: bytes,
    addresses: record.multiaddrs.map(({ bytes: binary }) => ownCopy(binary)),
  };
}

function forged(message: string): ExchangeError {
  return new ExchangeError('RECORD_FORGED', message);
}
