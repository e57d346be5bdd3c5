import {
  BUCKET_BYTES,
  DIGEST_BUCKETS,
  DIGEST_BYTES,
  MAX_ADDRESS_BYTES,
  MAX_ADDRESSES_PER_RECORD,
  MAX_FRAME_BYTES,
  MAX_RECORD_BYTES,
  MAX_RECORDS_PER_ANNOUNCEMENT,
  MAX_RECORDS_PER_RESPONSE,
  MAX_TOKEN_HINT_BYTES,
  MAX_TOKENS,
  MESSAGE_VERSION,
  TOKEN_HINT_BYTES,
  TOKEN_ID_BYTES,
} from './constants.ts';
import { ExchangeError } from './errors.ts';
import { Message, type Record as RecordMessage } from './messages.pb.ts';
import { checkShape, type MessageShape } from './shape.ts';

/** A record as it travels: signed, or the bare addresses of the sender itself. */
export interface WireRecord {
  readonly envelope?: Uint8Array | undefined;
  /** Binary multiaddrs. */
  readonly addresses?: readonly Uint8Array[] | undefined;
  readonly tokenHints?: Uint8Array | undefined;
  /** Seconds since somebody on the way had a living connection to the peer. */
  readonly seenS?: number | undefined;
}

export interface RequestBody {
  readonly kind: 'request';
  readonly digest?: Uint8Array | undefined;
  readonly buckets?: Uint8Array | undefined;
  readonly have?: Uint8Array | undefined;
}
export interface ResponseBody {
  readonly kind: 'response';
  readonly digest?: Uint8Array | undefined;
  readonly isComplete: boolean;
  readonly records: readonly WireRecord[];
}
export interface AnnouncementBody {
  readonly kind: 'announcement';
  readonly digest?: Uint8Array | undefined;
  readonly records: readonly WireRecord[];
  /** Token ids of 36 bytes; undefined: nothing is said about tokens. */
  readonly tokens?: readonly Uint8Array[] | undefined;
}
export interface UpdateBody {
  readonly kind: 'update';
  readonly digest?: Uint8Array | undefined;
  readonly record?: WireRecord | undefined;
  readonly tokens?: readonly Uint8Array[] | undefined;
}
/** A kind of a later version of the protocol: ignored. */
export interface UnknownBody {
  readonly kind: 'unknown';
}
export type MessageBody = RequestBody | ResponseBody | AnnouncementBody | UpdateBody | UnknownBody;

export interface ExchangeMessage {
  /** 32 bits. */
  readonly correlation?: number | undefined;
  readonly body: MessageBody;
}

const RECORD: MessageShape = new Map([
  [1, { wire: 2, maxBytes: MAX_RECORD_BYTES, badSize: 'RECORD_TOO_LARGE' }],
  [
    2,
    {
      wire: 2,
      max: MAX_ADDRESSES_PER_RECORD,
      tooMany: 'TOO_MANY_ADDRESSES',
      maxBytes: MAX_ADDRESS_BYTES,
      badSize: 'ADDRESS_TOO_LONG',
    },
  ],
  [3, { wire: 2, maxBytes: MAX_TOKEN_HINT_BYTES, unitBytes: TOKEN_HINT_BYTES, badSize: 'TOKENS_INVALID' }],
  [4, { wire: 0 }],
]);
const TOKENS: MessageShape = new Map([
  [
    1,
    {
      wire: 2,
      max: MAX_TOKENS,
      tooMany: 'TOKENS_INVALID',
      minBytes: TOKEN_ID_BYTES,
      maxBytes: TOKEN_ID_BYTES,
      badSize: 'TOKENS_INVALID',
    },
  ],
]);
const DIGEST = {
  wire: 2,
  minBytes: DIGEST_BYTES,
  maxBytes: DIGEST_BYTES,
  badSize: 'DIGEST_INVALID',
} as const;
const BUCKETS_BYTES = DIGEST_BUCKETS * BUCKET_BYTES;
const BUCKETS = {
  wire: 2,
  minBytes: BUCKETS_BYTES,
  maxBytes: BUCKETS_BYTES,
  badSize: 'DIGEST_INVALID',
} as const;

function records(max: number): MessageShape {
  // The bound of the whole record comes before the one of its envelope.
  const record = {
    wire: 2,
    max,
    tooMany: 'TOO_MANY_RECORDS',
    maxBytes: MAX_RECORD_BYTES,
    badSize: 'RECORD_TOO_LARGE',
    message: RECORD,
  } as const;
  return new Map([[max === 1 ? 2 : max === MAX_RECORDS_PER_RESPONSE ? 3 : 2, record]]);
}

const REQUEST: MessageShape = new Map([
  [1, DIGEST],
  [2, BUCKETS],
  [3, DIGEST],
]);
const RESPONSE: MessageShape = new Map([[1, DIGEST], [2, { wire: 0 }], ...records(MAX_RECORDS_PER_RESPONSE)]);
const ANNOUNCEMENT: MessageShape = new Map([
  [1, DIGEST],
  ...records(MAX_RECORDS_PER_ANNOUNCEMENT),
  [3, { wire: 2, message: TOKENS }],
]);
const UPDATE: MessageShape = new Map([[1, DIGEST], ...records(1), [3, { wire: 2, message: TOKENS }]]);
const MESSAGE: MessageShape = new Map([
  [1, { wire: 0 }],
  [2, { wire: 5 }],
  [3, { wire: 2, message: REQUEST }],
  [4, { wire: 2, message: RESPONSE }],
  [5, { wire: 2, message: ANNOUNCEMENT }],
  [6, { wire: 2, message: UPDATE }],
]);
const KINDS = [3, 4, 5, 6];

/**
 * One message from one frame, its length prefix already off.
 * @throws ExchangeError FRAME_* | MESSAGE_AMBIGUOUS | VERSION_UNSUPPORTED | the code of a field
 */
export function decodeMessage(frame: Uint8Array): ExchangeMessage {
  if (frame.length === 0) throw new ExchangeError('FRAME_EMPTY', 'an empty frame is no message');
  if (frame.length > MAX_FRAME_BYTES) {
    throw new ExchangeError('FRAME_TOO_LARGE', `frame has ${frame.length} bytes`, { bytes: frame.length });
  }
  const fields = checkShape(frame, MESSAGE);
  const kinds = KINDS.filter((number) => fields.has(number));
  if (kinds.length > 1) throw new ExchangeError('MESSAGE_AMBIGUOUS', 'one message has several kinds');
  const { version = MESSAGE_VERSION, correlation, ...message } = Message.decode(frame);
  if (version > MESSAGE_VERSION) {
    throw new ExchangeError('VERSION_UNSUPPORTED', `message wants version ${version}`, { version });
  }
  return { correlation, body: bodyOf(message) };
}

function bodyOf(message: Message): MessageBody {
  const { request, response, announcement, update } = message;
  if (request !== undefined) {
    return { kind: 'request', digest: request.digest, buckets: request.buckets, have: request.have };
  }
  if (response !== undefined) {
    return {
      kind: 'response',
      digest: response.digest,
      isComplete: response.complete === true,
      records: response.records.map(wireRecord),
    };
  }
  if (announcement !== undefined) {
    return {
      kind: 'announcement',
      digest: announcement.digest,
      records: announcement.records.map(wireRecord),
      tokens: announcement.tokens?.ids,
    };
  }
  if (update !== undefined) {
    return {
      kind: 'update',
      digest: update.digest,
      record: update.record === undefined ? undefined : wireRecord(update.record),
      tokens: update.tokens?.ids,
    };
  }
  return { kind: 'unknown' };
}

function wireRecord(record: RecordMessage): WireRecord {
  const { envelope, addresses, tokenHints, seenS } = record;
  return { envelope, addresses, tokenHints, seenS };
}

/** Bytes of a message, without length prefix. Says nothing about its limits: `decodeMessage` judges. */
export function encodeMessage(message: ExchangeMessage): Uint8Array {
  const { correlation, body } = message;
  const head = correlation === undefined ? {} : { correlation };
  switch (body.kind) {
    case 'request':
      return Message.encode({ ...head, request: present({ ...body, kind: undefined }) });
    case 'response':
      return Message.encode({
        ...head,
        response: {
          ...present({ digest: body.digest }),
          ...(body.isComplete ? { complete: true } : {}),
          records: body.records.map(recordMessage),
        },
      });
    case 'announcement':
      return Message.encode({
        ...head,
        announcement: {
          ...present({ digest: body.digest }),
          records: body.records.map(recordMessage),
          ...tokensMessage(body.tokens),
        },
      });
    case 'update':
      return Message.encode({
        ...head,
        update: {
          ...present({ digest: body.digest }),
          ...(body.record === undefined ? {} : { record: recordMessage(body.record) }),
          ...tokensMessage(body.tokens),
        },
      });
    case 'unknown':
      return Message.encode(head);
  }
}

/** Bytes that a record takes inside a message, its tag and length included. */
export function recordCost(record: WireRecord): number {
  const addresses = record.addresses?.reduce((sum, { length }) => sum + length + 3, 0) ?? 0;
  return (record.envelope?.length ?? 0) + (record.tokenHints?.length ?? 0) + addresses + 20;
}

function recordMessage(record: WireRecord): RecordMessage {
  const { envelope, tokenHints, seenS, addresses = [] } = record;
  // Field by field: a hundred of them are in each answer.
  const message: Writable = { addresses: [...addresses] };
  if (envelope !== undefined) message.envelope = envelope;
  if (tokenHints !== undefined && tokenHints.length > 0) message.tokenHints = tokenHints;
  if (seenS !== undefined) message.seenS = seenS;
  return message as RecordMessage;
}

interface Writable {
  envelope?: Uint8Array;
  addresses: Uint8Array[];
  tokenHints?: Uint8Array;
  seenS?: number;
}

function tokensMessage(tokens: readonly Uint8Array[] | undefined): {
  tokens?: { ids: Uint8Array<ArrayBuffer>[] };
} {
  return tokens === undefined ? {} : { tokens: { ids: [...tokens] as Uint8Array<ArrayBuffer>[] } };
}

type Present<T> = {
  [K in keyof T]?:
    | Exclude<T[K], undefined | Uint8Array>
    | (Extract<T[K], Uint8Array> & Uint8Array<ArrayBuffer>);
};

/** The same without what is undefined, as generated code wants it. */
function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}
