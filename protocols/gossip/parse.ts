import { FORM_1, FORM_FAMILY, MAX_MESSAGE_BYTES } from './constants.ts';
import { GossipError } from './errors.ts';
import { decodeHexTxid, decodeJson } from './foreign.ts';
import { decodeForm1, type GossipMessage } from './message.ts';

const BRACE = 0x7b;

/**
 * A message of any form that is understood, told apart by its first byte. BEEFs are views of `bytes` and not looked at.
 * @throws GossipError, nothing else
 */
export function parseGossip(bytes: Uint8Array): GossipMessage {
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new GossipError('GOSSIP_TOO_LARGE', `a message of ${bytes.length} bytes`, { bytes: bytes.length });
  }
  const first = bytes[0] ?? 0;
  if (first === FORM_1) return decodeForm1(bytes);
  if ((first & 0xf0) === FORM_FAMILY) {
    throw new GossipError('GOSSIP_VERSION', `form ${first}`, { form: first });
  }
  const announcement = first === BRACE ? decodeJson(bytes) : decodeHexTxid(bytes);
  return { kind: 'announcements', announcements: [announcement] };
}
