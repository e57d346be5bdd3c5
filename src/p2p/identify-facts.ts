import type { IdentifyResult } from '@libp2p/interface';
import { netAddress } from './net-address.ts';
import type { IdentifiedFacts } from './types.ts';

/** What a peer may tell about itself; more is cut off. */
const MAX_AGENT_CHARS = 128;
const MAX_PROTOCOLS = 128;
const MAX_PROTOCOL_CHARS = 256;
const MAX_ADDRESSES = 16;

/** Identify's answer in bounds: TCP addresses only, no control characters. */
export function identifiedFacts(
  result: IdentifyResult,
  signedRecord: Uint8Array | undefined,
): IdentifiedFacts {
  const told = result.signedPeerRecord?.addresses ?? result.listenAddrs;
  const addresses = new Set(told.flatMap((address) => netAddress(address)?.text ?? []));
  return {
    agent: printable(result.agentVersion ?? '').slice(0, MAX_AGENT_CHARS),
    protocols: result.protocols.filter((id) => id.length <= MAX_PROTOCOL_CHARS).slice(0, MAX_PROTOCOLS),
    addresses: [...addresses].slice(0, MAX_ADDRESSES),
    signedRecord,
  };
}

/** What was told over this one connection, unsigned. */
export function toldAddresses({ listenAddrs }: Pick<IdentifyResult, 'listenAddrs'>): ReadonlySet<string> {
  const texts = listenAddrs.flatMap((address) => netAddress(address)?.text ?? []);
  return new Set(texts.slice(0, MAX_ADDRESSES));
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
