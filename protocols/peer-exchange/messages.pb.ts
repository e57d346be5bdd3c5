// Generated from messages.proto, not to be edited.
// @ts-nocheck
import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Message {
  version?: number
  correlation?: number
  request?: Request
  response?: Response
  announcement?: Announcement
  update?: Update
}

export namespace Message {
  let _codec: Codec<Message>

  export const codec = (): Codec<Message> => {
    if (_codec == null) {
      _codec = message<Message>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.version != null) {
          w.uint32(8)
          w.uint32(obj.version)
        }

        if (obj.correlation != null) {
          w.uint32(21)
          w.fixed32(obj.correlation)
        }

        if (obj.request != null) {
          w.uint32(26)
          Request.codec().encode(obj.request, w)
        }

        if (obj.response != null) {
          w.uint32(34)
          Response.codec().encode(obj.response, w)
        }

        if (obj.announcement != null) {
          w.uint32(42)
          Announcement.codec().encode(obj.announcement, w)
        }

        if (obj.update != null) {
          w.uint32(50)
          Update.codec().encode(obj.update, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.version = reader.uint32()
              break
            }
            case 2: {
              obj.correlation = reader.fixed32()
              break
            }
            case 3: {
              obj.request = Request.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.request
              })
              break
            }
            case 4: {
              obj.response = Response.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.response
              })
              break
            }
            case 5: {
              obj.announcement = Announcement.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.announcement
              })
              break
            }
            case 6: {
              obj.update = Update.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.update
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.version`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.correlation`,
                value: reader.fixed32()
              }
              break
            }
            case 3: {
              yield * Request.codec().stream(reader, reader.uint32(), `${prefix}.request`, {
                limits: opts.limits?.request
              })

              break
            }
            case 4: {
              yield * Response.codec().stream(reader, reader.uint32(), `${prefix}.response`, {
                limits: opts.limits?.response
              })

              break
            }
            case 5: {
              yield * Announcement.codec().stream(reader, reader.uint32(), `${prefix}.announcement`, {
                limits: opts.limits?.announcement
              })

              break
            }
            case 6: {
              yield * Update.codec().stream(reader, reader.uint32(), `${prefix}.update`, {
                limits: opts.limits?.update
              })

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface MessageVersionFieldEvent {
    field: '$.version'
    value: number
  }

  export interface MessageCorrelationFieldEvent {
    field: '$.correlation'
    value: number
  }

  export interface MessageRequestDigestFieldEvent {
    field: '$.request.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageRequestBucketsFieldEvent {
    field: '$.request.buckets'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageRequestHaveFieldEvent {
    field: '$.request.have'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageResponseDigestFieldEvent {
    field: '$.response.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageResponseCompleteFieldEvent {
    field: '$.response.complete'
    value: boolean
  }

  export interface MessageResponseRecordsEnvelopeFieldEvent {
    field: '$.response.records[].envelope'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageResponseRecordsAddressesFieldEvent {
    field: '$.response.records[].addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageResponseRecordsTokenHintsFieldEvent {
    field: '$.response.records[].tokenHints'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageResponseRecordsSeenSFieldEvent {
    field: '$.response.records[].seenS'
    value: number
    index: number
  }

  export interface MessageAnnouncementDigestFieldEvent {
    field: '$.announcement.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageAnnouncementRecordsEnvelopeFieldEvent {
    field: '$.announcement.records[].envelope'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageAnnouncementRecordsAddressesFieldEvent {
    field: '$.announcement.records[].addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageAnnouncementRecordsTokenHintsFieldEvent {
    field: '$.announcement.records[].tokenHints'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageAnnouncementRecordsSeenSFieldEvent {
    field: '$.announcement.records[].seenS'
    value: number
    index: number
  }

  export interface MessageAnnouncementTokensIdsFieldEvent {
    field: '$.announcement.tokens.ids[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageUpdateDigestFieldEvent {
    field: '$.update.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageUpdateRecordEnvelopeFieldEvent {
    field: '$.update.record.envelope'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageUpdateRecordAddressesFieldEvent {
    field: '$.update.record.addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageUpdateRecordTokenHintsFieldEvent {
    field: '$.update.record.tokenHints'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageUpdateRecordSeenSFieldEvent {
    field: '$.update.record.seenS'
    value: number
  }

  export interface MessageUpdateTokensIdsFieldEvent {
    field: '$.update.tokens.ids[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Message>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Message.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Message>): Message {
    return decodeMessage(buf, Message.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Message>): Generator<MessageVersionFieldEvent | MessageCorrelationFieldEvent | MessageRequestDigestFieldEvent | MessageRequestBucketsFieldEvent | MessageRequestHaveFieldEvent | MessageResponseDigestFieldEvent | MessageResponseCompleteFieldEvent | MessageResponseRecordsEnvelopeFieldEvent | MessageResponseRecordsAddressesFieldEvent | MessageResponseRecordsTokenHintsFieldEvent | MessageResponseRecordsSeenSFieldEvent | MessageAnnouncementDigestFieldEvent | MessageAnnouncementRecordsEnvelopeFieldEvent | MessageAnnouncementRecordsAddressesFieldEvent | MessageAnnouncementRecordsTokenHintsFieldEvent | MessageAnnouncementRecordsSeenSFieldEvent | MessageAnnouncementTokensIdsFieldEvent | MessageUpdateDigestFieldEvent | MessageUpdateRecordEnvelopeFieldEvent | MessageUpdateRecordAddressesFieldEvent | MessageUpdateRecordTokenHintsFieldEvent | MessageUpdateRecordSeenSFieldEvent | MessageUpdateTokensIdsFieldEvent> {
    return streamMessage(buf, Message.codec(), opts)
  }
}

export interface Request {
  digest?: Uint8Array<ArrayBuffer>
  buckets?: Uint8Array<ArrayBuffer>
  have?: Uint8Array<ArrayBuffer>
}

export namespace Request {
  let _codec: Codec<Request>

  export const codec = (): Codec<Request> => {
    if (_codec == null) {
      _codec = message<Request>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.digest != null) {
          w.uint32(10)
          w.bytes(obj.digest)
        }

        if (obj.buckets != null) {
          w.uint32(18)
          w.bytes(obj.buckets)
        }

        if (obj.have != null) {
          w.uint32(26)
          w.bytes(obj.have)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.digest = reader.bytes()
              break
            }
            case 2: {
              obj.buckets = reader.bytes()
              break
            }
            case 3: {
              obj.have = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.digest`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.buckets`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.have`,
                value: reader.bytes()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RequestDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestBucketsFieldEvent {
    field: '$.buckets'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestHaveFieldEvent {
    field: '$.have'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Request>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Request.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Request>): Request {
    return decodeMessage(buf, Request.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Request>): Generator<RequestDigestFieldEvent | RequestBucketsFieldEvent | RequestHaveFieldEvent> {
    return streamMessage(buf, Request.codec(), opts)
  }
}

export interface Response {
  digest?: Uint8Array<ArrayBuffer>
  complete?: boolean
  records: Record[]
}

export namespace Response {
  let _codec: Codec<Response>

  export const codec = (): Codec<Response> => {
    if (_codec == null) {
      _codec = message<Response>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.digest != null) {
          w.uint32(10)
          w.bytes(obj.digest)
        }

        if (obj.complete != null) {
          w.uint32(16)
          w.bool(obj.complete)
        }

        if (obj.records != null && obj.records.length > 0) {
          for (const value of obj.records) {
            w.uint32(26)
            Record.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          records: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.digest = reader.bytes()
              break
            }
            case 2: {
              obj.complete = reader.bool()
              break
            }
            case 3: {
              if (opts.limits?.records != null && obj.records.length === opts.limits.records) {
                throw new MaxLengthError('Decode error - repeated field "records" had too many elements')
              }

              obj.records.push(Record.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.records$
              }))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          records: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.digest`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.complete`,
                value: reader.bool()
              }
              break
            }
            case 3: {
              if (opts.limits?.records != null && obj.records === opts.limits.records) {
                throw new MaxLengthError('Streaming decode error - repeated field "records" had too many elements')
              }

              for (const evt of Record.codec().stream(reader, reader.uint32(), `${prefix}.records[]`, {
                limits: opts.limits?.records$
              })) {
                yield {
                  ...evt,
                  index: obj.records
                }
              }

              obj.records++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface ResponseDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponseCompleteFieldEvent {
    field: '$.complete'
    value: boolean
  }

  export interface ResponseRecordsEnvelopeFieldEvent {
    field: '$.records[].envelope'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ResponseRecordsAddressesFieldEvent {
    field: '$.records[].addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponseRecordsTokenHintsFieldEvent {
    field: '$.records[].tokenHints'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ResponseRecordsSeenSFieldEvent {
    field: '$.records[].seenS'
    value: number
    index: number
  }

  export function encode (obj: Partial<Response>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Response.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Response>): Response {
    return decodeMessage(buf, Response.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Response>): Generator<ResponseDigestFieldEvent | ResponseCompleteFieldEvent | ResponseRecordsEnvelopeFieldEvent | ResponseRecordsAddressesFieldEvent | ResponseRecordsTokenHintsFieldEvent | ResponseRecordsSeenSFieldEvent> {
    return streamMessage(buf, Response.codec(), opts)
  }
}

export interface Announcement {
  digest?: Uint8Array<ArrayBuffer>
  records: Record[]
  tokens?: Tokens
}

export namespace Announcement {
  let _codec: Codec<Announcement>

  export const codec = (): Codec<Announcement> => {
    if (_codec == null) {
      _codec = message<Announcement>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.digest != null) {
          w.uint32(10)
          w.bytes(obj.digest)
        }

        if (obj.records != null && obj.records.length > 0) {
          for (const value of obj.records) {
            w.uint32(18)
            Record.codec().encode(value, w)
          }
        }

        if (obj.tokens != null) {
          w.uint32(26)
          Tokens.codec().encode(obj.tokens, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          records: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.digest = reader.bytes()
              break
            }
            case 2: {
              if (opts.limits?.records != null && obj.records.length === opts.limits.records) {
                throw new MaxLengthError('Decode error - repeated field "records" had too many elements')
              }

              obj.records.push(Record.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.records$
              }))
              break
            }
            case 3: {
              obj.tokens = Tokens.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.tokens
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          records: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.digest`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              if (opts.limits?.records != null && obj.records === opts.limits.records) {
                throw new MaxLengthError('Streaming decode error - repeated field "records" had too many elements')
              }

              for (const evt of Record.codec().stream(reader, reader.uint32(), `${prefix}.records[]`, {
                limits: opts.limits?.records$
              })) {
                yield {
                  ...evt,
                  index: obj.records
                }
              }

              obj.records++

              break
            }
            case 3: {
              yield * Tokens.codec().stream(reader, reader.uint32(), `${prefix}.tokens`, {
                limits: opts.limits?.tokens
              })

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface AnnouncementDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface AnnouncementRecordsEnvelopeFieldEvent {
    field: '$.records[].envelope'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface AnnouncementRecordsAddressesFieldEvent {
    field: '$.records[].addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface AnnouncementRecordsTokenHintsFieldEvent {
    field: '$.records[].tokenHints'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface AnnouncementRecordsSeenSFieldEvent {
    field: '$.records[].seenS'
    value: number
    index: number
  }

  export interface AnnouncementTokensIdsFieldEvent {
    field: '$.tokens.ids[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Announcement>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Announcement.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Announcement>): Announcement {
    return decodeMessage(buf, Announcement.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Announcement>): Generator<AnnouncementDigestFieldEvent | AnnouncementRecordsEnvelopeFieldEvent | AnnouncementRecordsAddressesFieldEvent | AnnouncementRecordsTokenHintsFieldEvent | AnnouncementRecordsSeenSFieldEvent | AnnouncementTokensIdsFieldEvent> {
    return streamMessage(buf, Announcement.codec(), opts)
  }
}

export interface Update {
  digest?: Uint8Array<ArrayBuffer>
  record?: Record
  tokens?: Tokens
}

export namespace Update {
  let _codec: Codec<Update>

  export const codec = (): Codec<Update> => {
    if (_codec == null) {
      _codec = message<Update>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.digest != null) {
          w.uint32(10)
          w.bytes(obj.digest)
        }

        if (obj.record != null) {
          w.uint32(18)
          Record.codec().encode(obj.record, w)
        }

        if (obj.tokens != null) {
          w.uint32(26)
          Tokens.codec().encode(obj.tokens, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.digest = reader.bytes()
              break
            }
            case 2: {
              obj.record = Record.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.record
              })
              break
            }
            case 3: {
              obj.tokens = Tokens.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.tokens
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.digest`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield * Record.codec().stream(reader, reader.uint32(), `${prefix}.record`, {
                limits: opts.limits?.record
              })

              break
            }
            case 3: {
              yield * Tokens.codec().stream(reader, reader.uint32(), `${prefix}.tokens`, {
                limits: opts.limits?.tokens
              })

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface UpdateDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface UpdateRecordEnvelopeFieldEvent {
    field: '$.record.envelope'
    value: Uint8Array<ArrayBuffer>
  }

  export interface UpdateRecordAddressesFieldEvent {
    field: '$.record.addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface UpdateRecordTokenHintsFieldEvent {
    field: '$.record.tokenHints'
    value: Uint8Array<ArrayBuffer>
  }

  export interface UpdateRecordSeenSFieldEvent {
    field: '$.record.seenS'
    value: number
  }

  export interface UpdateTokensIdsFieldEvent {
    field: '$.tokens.ids[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Update>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Update.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Update>): Update {
    return decodeMessage(buf, Update.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Update>): Generator<UpdateDigestFieldEvent | UpdateRecordEnvelopeFieldEvent | UpdateRecordAddressesFieldEvent | UpdateRecordTokenHintsFieldEvent | UpdateRecordSeenSFieldEvent | UpdateTokensIdsFieldEvent> {
    return streamMessage(buf, Update.codec(), opts)
  }
}

export interface Record {
  envelope?: Uint8Array<ArrayBuffer>
  addresses: Uint8Array<ArrayBuffer>[]
  tokenHints?: Uint8Array<ArrayBuffer>
  seenS?: number
}

export namespace Record {
  let _codec: Codec<Record>

  export const codec = (): Codec<Record> => {
    if (_codec == null) {
      _codec = message<Record>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.envelope != null) {
          w.uint32(10)
          w.bytes(obj.envelope)
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (obj.tokenHints != null) {
          w.uint32(26)
          w.bytes(obj.tokenHints)
        }

        if (obj.seenS != null) {
          w.uint32(32)
          w.uint32(obj.seenS)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          addresses: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.envelope = reader.bytes()
              break
            }
            case 2: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.bytes())
              break
            }
            case 3: {
              obj.tokenHints = reader.bytes()
              break
            }
            case 4: {
              obj.seenS = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          addresses: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.envelope`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              yield {
                field: `${prefix}.addresses[]`,
                index: obj.addresses,
                value: reader.bytes()
              }

              obj.addresses++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.tokenHints`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.seenS`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RecordEnvelopeFieldEvent {
    field: '$.envelope'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RecordAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface RecordTokenHintsFieldEvent {
    field: '$.tokenHints'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RecordSeenSFieldEvent {
    field: '$.seenS'
    value: number
  }

  export function encode (obj: Partial<Record>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Record.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Record>): Record {
    return decodeMessage(buf, Record.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Record>): Generator<RecordEnvelopeFieldEvent | RecordAddressesFieldEvent | RecordTokenHintsFieldEvent | RecordSeenSFieldEvent> {
    return streamMessage(buf, Record.codec(), opts)
  }
}

export interface Tokens {
  ids: Uint8Array<ArrayBuffer>[]
}

export namespace Tokens {
  let _codec: Codec<Tokens>

  export const codec = (): Codec<Tokens> => {
    if (_codec == null) {
      _codec = message<Tokens>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.ids != null && obj.ids.length > 0) {
          for (const value of obj.ids) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          ids: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.ids != null && obj.ids.length === opts.limits.ids) {
                throw new MaxLengthError('Decode error - repeated field "ids" had too many elements')
              }

              obj.ids.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          ids: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.ids != null && obj.ids === opts.limits.ids) {
                throw new MaxLengthError('Streaming decode error - repeated field "ids" had too many elements')
              }

              yield {
                field: `${prefix}.ids[]`,
                index: obj.ids,
                value: reader.bytes()
              }

              obj.ids++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface TokensIdsFieldEvent {
    field: '$.ids[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Tokens>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Tokens.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Tokens>): Tokens {
    return decodeMessage(buf, Tokens.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Tokens>): Generator<TokensIdsFieldEvent> {
    return streamMessage(buf, Tokens.codec(), opts)
  }
}
