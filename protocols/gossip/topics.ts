import { TOPIC_PREFIX } from './constants.ts';
import { GossipError } from './errors.ts';

const TOKEN_ID = /^[0-9a-f]{64}_(?:0|[1-9][0-9]{0,9})$/;
const MAX_VOUT = 0xffff_ffff;

/** `tm_<txid>_<vout>`. @throws GossipError TOPIC_INVALID */
export function topicOf(tokenId: string): string {
  if (!isTokenId(tokenId)) throw new GossipError('TOPIC_INVALID', `${tokenId.slice(0, 100)} is no token id`);
  return TOPIC_PREFIX + tokenId;
}

/** The token of a topic; undefined for topics of anything else (`tm_bsv21`, for one). */
export function tokenIdOf(topic: string): string | undefined {
  if (!topic.startsWith(TOPIC_PREFIX)) return undefined;
  const tokenId = topic.slice(TOPIC_PREFIX.length);
  return isTokenId(tokenId) ? tokenId : undefined;
}

function isTokenId(text: string): boolean {
  return TOKEN_ID.test(text) && Number(text.slice(65)) <= MAX_VOUT;
}
