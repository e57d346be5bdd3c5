import { checkShape, type FieldShape, fields, type MessageShape } from '../shape.ts';
import {
  HASH_BYTES,
  HEADER_BYTES,
  MAX_FRAME_BYTES,
  MAX_HEADERS,
  MAX_HEIGHT,
  MAX_LOCATOR_HASHES,
  MAX_NETWORK_BYTES,
  MESSAGE_VERSION,
  WORK_BYTES,
} from './constants.ts';
import { HeadersError } from './errors.ts';
import {
  type GetHeaders,
  type Headers,
  Message,
  type Status,
  type Tip as TipMessage,
} from './messages.pb.ts';
import type { MessageBody, Tip } from './messages.ts';

const NUMBER: FieldShape = { wire: 0 };
const HASH: FieldShape = { wire: 2, minBytes: HASH_BYTES, maxBytes: HASH_BYTES };
const WORK: FieldShape = { wire: 2, minBytes: WORK_BYTES, maxBytes: WORK_BYTES };
const NETWORK: FieldShape = { wire: 2, minBytes: 1, maxBytes: MAX_NETWORK_BYTES };

function list(unitBytes: number, max: number): FieldShape {
  return { wire: 2, unitBytes, maxBytes: unitBytes * max, aboveMax: 'TOO_MANY' };
}

const TIP: FieldShape = { wire: 2, message: fields(NUMBER, HASH, WORK) };
const STATUS = fields(NUMBER, NUMBER, TIP);
const MESSAGE: MessageShape = fields(
  NUMBER,
  { wire: 2, message: new Map([...STATUS, [1, NETWORK]]) },
  { wire: 2, message: fields(list(HASH_BYTES, MAX_LOCATOR_HASHES), NUMBER) },
  { wire: 2, message: fields(TIP, list(HEADER_BYTES, MAX_HEADERS), NUMBER) },
);
const KINDS = [2, 3, 4];
const NO_BYTES = new Uint8Array(0);

/**
 * One message from one frame, its length prefix already off. Counts and lengths are checked before anything is
 * allocated for them. Byte fields are views of the frame.
 * @throws HeadersError FRAME_*, MESSAGE_AMBIGUOUS, VERSION_UNSUPPORTED, FIELD_INVALID, TOO_MANY
 */
export function decodeMessage(frame: Uint8Array): MessageBody {
  if (frame.length === 0) throw new HeadersError('FRAME_EMPTY', 'an empty frame is no message');
  if (frame.length > MAX_FRAME_BYTES) {
    throw new HeadersError('FRAME_TOO_LARGE', `frame has ${frame.length} bytes`, { bytes: frame.length });
  }
  const found = checkShape(frame, MESSAGE, HeadersError);
  if (KINDS.filter((number) => found.has(number)).length > 1) {
    throw new HeadersError('MESSAGE_AMBIGUOUS', 'one message has several kinds');
  }
  const { version = MESSAGE_VERSION, status, getHeaders, headers } = Message.decode(frame);
  if (version > MESSAGE_VERSION) {
    throw new HeadersError('VERSION_UNSUPPORTED', `message wants version ${version}`, { version });
  }
  if (status !== undefined) return statusOf(status);
  if (getHeaders !== undefined) return getHeadersOf(getHeaders);
  return headers === undefined ? { kind: 'unknown' } : headersOf(headers);
}

function statusOf({ network, base, tip }: Status): MessageBody {
  const held = tipOf(tip);
  const lowest = must('base', base);
  if (lowest > held.height + 1) throw invalid('base', 'above the tip');
  const name = must('network', network);
  if (!/^[a-z0-9]+$/.test(name)) throw invalid('network', 'not of lower-case letters and digits');
  return { kind: 'status', network: name, base: lowest, tip: held };
}

function getHeadersOf({ locator = NO_BYTES, count }: GetHeaders): MessageBody {
  const most = must('count', count);
  if (most === 0) throw invalid('count', 'nothing is asked');
  if (most > MAX_HEADERS) throw new HeadersError('TOO_MANY', `${most} headers are asked`, { count: most });
  return { kind: 'getHeaders', locator, count: most };
}

function headersOf({ tip, headers = NO_BYTES, apart = false }: Headers): MessageBody {
  if (apart && headers.length > 0) throw invalid('apart', 'headers that continue nothing');
  return { kind: 'headers', tip: tipOf(tip), headers, isApart: apart };
}

function tipOf(message: TipMessage | undefined): Tip {
  const { height, hash, work } = must('tip', message);
  const at = must('height', height);
  if (at > MAX_HEIGHT) throw invalid('height', 'no block is so high');
  return { height: at, hash: must('hash', hash), work: readWork(must('work', work)) };
}

function readWork(bytes: Uint8Array): bigint {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return BigInt(`0x${view.toString('hex')}`);
}

function must<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw invalid(field, 'missing');
  return value;
}

function invalid(field: string, why: string): HeadersError {
  return new HeadersError('FIELD_INVALID', `${field}: ${why}`, { field });
}

/** Bytes of a message, without length prefix. Says nothing about its limits: `decodeMessage` judges. */
export function encodeMessage(body: MessageBody): Uint8Array {
  switch (body.kind) {
    case 'status':
      return Message.encode({
        status: { network: body.network, base: body.base, tip: tipMessage(body.tip) },
      });
    case 'getHeaders':
      return Message.encode({ getHeaders: { locator: owned(body.locator), count: body.count } });
    case 'headers':
      return Message.encode({
        headers: {
          tip: tipMessage(body.tip),
          headers: owned(body.headers),
          ...(body.isApart ? { apart: true } : {}),
        },
      });
    case 'unknown':
      return Message.encode({ version: MESSAGE_VERSION });
  }
}

function tipMessage({ height, hash, work }: Tip): TipMessage {
  return { height, hash: owned(hash), work: Buffer.from(work.toString(16).padStart(64, '0'), 'hex') };
}

/** The generated types want bytes that are not shared; ours never are. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
