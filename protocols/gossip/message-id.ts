import { createHash } from 'node:crypto';
import { MESSAGE_ID_BYTES } from './constants.ts';

/**
 * What a message is known by: made from topic and content by everyone who sees it, never taken from the message. So nobody
 * can pass off other content under the id of an honest message, and the same content on two topics is two messages.
 */
export function messageId(topic: string, data: Uint8Array): Uint8Array {
  const digest = createHash('sha256').update(topic, 'utf8').update(SEPARATOR).update(data).digest();
  return digest.subarray(0, MESSAGE_ID_BYTES);
}

/** Not in any topic. */
const SEPARATOR = Uint8Array.of(0);
