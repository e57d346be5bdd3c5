import { hasBinaryPrefix } from './binary.ts';
import { findEnvelope } from './envelope.ts';
import { parseFields } from './fields.ts';
import { lockOf } from './locks.ts';
import type { TokenOutput } from './types.ts';

/**
 * Reads one output as BSV-21 token in the JSON encoding (token-rules §1, §2, §9; BRC-160, BRC-161).
 *
 * @param script the locking script
 * @param txid of its transaction, lower-case display hex
 * @returns undefined if it is no token, also where a binary prefix (BRC-162) takes precedence; never throws. The
 *   lock's bytes are views into `script`.
 */
export function decodeTokenOutput(script: Uint8Array, txid: string, vout: number): TokenOutput | undefined {
  const envelope = findEnvelope(script);
  if (envelope === undefined || hasBinaryPrefix(script) !== undefined) return undefined;
  const fields = parseFields(script.subarray(envelope.bodyStart, envelope.bodyEnd), txid);
  if (fields === undefined) return undefined;
  const lock = lockOf(script, envelope);
  const { op, amt, id, deploy } = fields;
  if (deploy === undefined) return { vout, tokenId: id, op, amt, lock };
  return { vout, tokenId: `${txid}_${vout}`, op, amt, lock, deploy };
}
