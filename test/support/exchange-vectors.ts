// Writes protocols/peer-exchange/vectors: `node --experimental-transform-types test/support/exchange-vectors.ts`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressBytes } from '../../protocols/peer-exchange/address.ts';
import { type ExchangeMessage, encodeMessage } from '../../protocols/peer-exchange/codec.ts';
import { contentHash, DigestSum } from '../../protocols/peer-exchange/digest.ts';
import { tokenHint, tokenIdBytes } from '../../protocols/peer-exchange/tokens.ts';
import { testKey } from './exchange-net.ts';

export interface MessageVector {
  readonly name: string;
  readonly correlation?: number;
  readonly body: unknown;
  /** Without length prefix. */
  readonly hex: string;
}

const DIGEST = Buffer.alloc(16, 0xd1);
const BUCKETS = Buffer.alloc(64, 0xb2);
const TOKEN = tokenIdBytes(`${'ab'.repeat(32)}_7`)!;

/** Messages of every kind from fixed keys; Ed25519 signatures are the same each time. */
export async function messageVectors(): Promise<readonly MessageVector[]> {
  const key = await testKey(1);
  const envelope = await key.sign(
    ['/ip4/198.51.100.7/tcp/9000', '/dns4/node.example.com/tcp/9000'],
    1_700_000_000_000n,
  );
  const addresses = [addressBytes('/ip6/2001:db8::1/tcp/9000')];
  const messages: [string, ExchangeMessage][] = [
    [
      'request, first contact',
      { correlation: 0x01020304, body: { kind: 'request', digest: DIGEST, buckets: BUCKETS } },
    ],
    [
      'request, with have',
      { correlation: 5, body: { kind: 'request', digest: DIGEST, buckets: BUCKETS, have: DIGEST } },
    ],
    [
      'response, empty',
      { correlation: 5, body: { kind: 'response', digest: DIGEST, isComplete: true, records: [] } },
    ],
    [
      'response, one record',
      {
        correlation: 5,
        body: {
          kind: 'response',
          digest: DIGEST,
          isComplete: false,
          records: [{ envelope, tokenHints: tokenHint(TOKEN), seenS: 61 }],
        },
      },
    ],
    [
      'announcement of oneself',
      {
        correlation: 6,
        body: { kind: 'announcement', digest: DIGEST, records: [{ envelope, seenS: 0 }], tokens: [TOKEN] },
      },
    ],
    ['announcement, unsigned', { body: { kind: 'announcement', records: [{ addresses, seenS: 0 }] } }],
    [
      'update, record',
      { correlation: 7, body: { kind: 'update', digest: DIGEST, record: { envelope, seenS: 0 } } },
    ],
    ['update, nothing followed any more', { correlation: 8, body: { kind: 'update', tokens: [] } }],
    ['a kind of a later version', { correlation: 9, body: { kind: 'unknown' } }],
  ];
  return messages.map(([name, message]) => ({
    name,
    ...(message.correlation === undefined ? {} : { correlation: message.correlation }),
    body: plain(message.body),
    hex: Buffer.from(encodeMessage(message)).toString('hex'),
  }));
}

export async function digestVectors(): Promise<unknown> {
  const sum = new DigestSum();
  const peers = [];
  for (const [number, texts] of [
    [1, ['/ip4/198.51.100.7/tcp/9000']],
    [2, ['/dns4/node.example.com/tcp/9000', '/ip6/2001:db8::1/tcp/9000']],
    [3, []],
  ] as const) {
    const { publicKey, peerId } = await testKey(number);
    const addresses = texts.map((text) => addressBytes(text));
    const content = contentHash(publicKey, addresses);
    sum.toggle(publicKey, content);
    peers.push({ peerId, ...(plain({ publicKey, addresses, content }) as object) });
  }
  return { peers, ...(plain(sum.value()) as object) };
}

/** Byte arrays as hex, absent fields left out. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}

if (process.argv[1] === import.meta.filename) {
  const folder = join(import.meta.dirname, '../../protocols/peer-exchange/vectors');
  const write = (name: string, value: unknown) =>
    writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
  write('messages.json', await messageVectors());
  write('digest.json', await digestVectors());
}
