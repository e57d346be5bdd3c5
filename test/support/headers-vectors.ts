// Writes protocols/headers/vectors: `node --experimental-transform-types test/support/headers-vectors.ts`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeMessage } from '../../protocols/headers/codec.ts';
import type { MessageBody, Tip } from '../../protocols/headers/messages.ts';
import { headerHash } from '../../src/chain/header.ts';
import { RULES } from '../../src/chain/networks.ts';

export interface MessageVector {
  readonly name: string;
  readonly body: unknown;
  /** Without length prefix. */
  readonly hex: string;
}

const GENESIS = Buffer.from(RULES.main.genesis, 'hex');
const HASH = headerHash(GENESIS);
const START: Tip = { height: 0, hash: HASH, work: 0x1_0001_0001n };
const TIP: Tip = { height: 916_817, hash: Buffer.alloc(32, 0xab), work: (1n << 89n) + 7n };

/** Messages of every kind. */
export function messageVectors(): readonly MessageVector[] {
  const none = new Uint8Array(0);
  const messages: readonly (readonly [string, MessageBody])[] = [
    ['status of a node without headers', { kind: 'status', network: 'main', base: 0, tip: START }],
    ['status above a checkpoint', { kind: 'status', network: 'main', base: 900_000, tip: TIP }],
    ['question from the first header on', { kind: 'getHeaders', locator: none, count: 2_000 }],
    [
      'question with a locator',
      { kind: 'getHeaders', locator: Buffer.concat([TIP.hash, HASH]), count: 2_000 },
    ],
    ['headers', { kind: 'headers', tip: START, headers: GENESIS, isApart: false }],
    ['headers: nothing above', { kind: 'headers', tip: TIP, headers: none, isApart: false }],
    ['headers: nothing in common', { kind: 'headers', tip: TIP, headers: none, isApart: true }],
    ['a kind of a later version', { kind: 'unknown' }],
  ];
  return messages.map(([name, body]) => ({
    name,
    body: plain(body),
    hex: Buffer.from(encodeMessage(body)).toString('hex'),
  }));
}

/** Byte arrays as hex, wide numbers as hex text. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'bigint') return value.toString(16);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}

/** Frames that are to be refused, by hand: what a good encoder never writes. */
function refused(): readonly { readonly name: string; readonly hex: string; readonly code: string }[] {
  const hash = 'ab'.repeat(32);
  const work = '00'.repeat(31).concat('05');
  const field = (tag: string, hex: string): string => tag + varint(hex.length / 2) + hex;
  const tip = (height = '08051220', h = hash, w = `1a20${work}`): string => height + h + w;
  const status = (network: string, rest: string): string => field('12', network + rest);
  const main = field('0a', Buffer.from('main').toString('hex'));
  const question = (locator: string, count: string): string => field('1a', field('0a', locator) + count);
  const answer = (headers: string, more = ''): string =>
    field('22', field('0a', tip()) + field('12', headers) + more);
  const good = status(main, `1000${field('1a', tip())}`);
  const cases: readonly (readonly [string, string, string])[] = [
    ['empty', '', 'FRAME_EMPTY'],
    ['ends inside a tag', '92', 'FRAME_MALFORMED'],
    ['ends inside a field', '1205', 'FRAME_MALFORMED'],
    ['group', '130014', 'FRAME_MALFORMED'],
    ['field number 0', '0200', 'FRAME_MALFORMED'],
    ['wire type of a status', '1000', 'FRAME_MALFORMED'],
    ['status twice', good + good, 'TOO_MANY'],
    ['status and question', good + question('', '1001'), 'MESSAGE_AMBIGUOUS'],
    ['later version', `0802${good}`, 'VERSION_UNSUPPORTED'],
    ['version wider than 32 bits', '088080808080800100', 'FRAME_MALFORMED'],
    ['status without a network', status('', `1000${field('1a', tip())}`), 'FIELD_INVALID'],
    ['network of no letter', status('0a00', `1000${field('1a', tip())}`), 'FIELD_INVALID'],
    ['network with a capital', status('0a044d61696e', `1000${field('1a', tip())}`), 'FIELD_INVALID'],
    [
      'network of 17 letters',
      status(field('0a', '61'.repeat(17)), `1000${field('1a', tip())}`),
      'FIELD_INVALID',
    ],
    ['status without a base', status(main, field('1a', tip())), 'FIELD_INVALID'],
    ['status without a tip', status(main, '1000'), 'FIELD_INVALID'],
    ['base above the tip', status(main, `1007${field('1a', tip())}`), 'FIELD_INVALID'],
    ['tip without a height', status(main, `1000${field('1a', tip('1220'))}`), 'FIELD_INVALID'],
    [
      'height above 2^31',
      status(main, `1000${field('1a', tip('08808080800812 20'.replace(' ', '')))}`),
      'FIELD_INVALID',
    ],
    [
      'hash of 31 bytes',
      status(main, `1000${field('1a', `0805121f${hash.slice(2)}1a20${work}`)}`),
      'FIELD_INVALID',
    ],
    ['work of 33 bytes', status(main, `1000${field('1a', `08051220${hash}1a2100${work}`)}`), 'FIELD_INVALID'],
    ['tip without work', status(main, `1000${field('1a', `08051220${hash}`)}`), 'FIELD_INVALID'],
    ['locator of 33 bytes', question(`${hash}00`, '1001'), 'FIELD_INVALID'],
    ['locator of 65 hashes', question(hash.repeat(65), '1001'), 'TOO_MANY'],
    ['question for nothing', question(hash, '1000'), 'FIELD_INVALID'],
    ['question without a count', question(hash, ''), 'FIELD_INVALID'],
    ['question for 2,001', question(hash, '10d10f'), 'TOO_MANY'],
    ['headers of 81 bytes', answer('00'.repeat(81)), 'FIELD_INVALID'],
    ['headers that continue nothing', answer('00'.repeat(80), '1801'), 'FIELD_INVALID'],
    ['headers without a tip', field('22', field('12', '00'.repeat(80))), 'FIELD_INVALID'],
  ];
  return cases.map(([name, hex, code]) => ({ name, hex, code }));
}

function varint(value: number): string {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]).toString('hex');
}

if (process.argv[1] === import.meta.filename) {
  const folder = join(import.meta.dirname, '../../protocols/headers/vectors');
  const write = (name: string, value: unknown): void =>
    writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
  write('messages.json', messageVectors());
  write('refused.json', refused());
}
