// Generated from messages.proto, not to be edited.
// @ts-nocheck
import { decodeMessage, encodeMessage, message, streamMessage } from 'protons-runtime'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Message {
  version?: number
  status?: Status
  getHeaders?: GetHeaders
  headers?: Headers
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

        if (obj.status != null) {
          w.uint32(18)
          Status.codec().encode(obj.status, w)
        }

        if (obj.getHeaders != null) {
          w.uint32(26)
          GetHeaders.codec().encode(obj.getHeaders, w)
        }

        if (obj.headers != null) {
          w.uint32(34)
          Headers.codec().encode(obj.headers, w)
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
              obj.status = Status.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.status
              })
              break
            }
            case 3: {
              obj.getHeaders = GetHeaders.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.getHeaders
              })
              break
            }
            case 4: {
              obj.headers = Headers.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.headers
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
              yield * Status.codec().stream(reader, reader.uint32(), `${prefix}.status`, {
                limits: opts.limits?.status
              })

              break
            }
            case 3: {
              yield * GetHeaders.codec().stream(reader, reader.uint32(), `${prefix}.getHeaders`, {
                limits: opts.limits?.getHeaders
              })

              break
            }
            case 4: {
              yield * Headers.codec().stream(reader, reader.uint32(), `${prefix}.headers`, {
                limits: opts.limits?.headers
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

  export interface MessageStatusNetworkFieldEvent {
    field: '$.status.network'
    value: string
  }

  export interface MessageStatusBaseFieldEvent {
    field: '$.status.base'
    value: number
  }

  export interface MessageStatusTipHeightFieldEvent {
    field: '$.status.tip.height'
    value: number
  }

  export interface MessageStatusTipHashFieldEvent {
    field: '$.status.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageStatusTipWorkFieldEvent {
    field: '$.status.tip.work'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageGetHeadersLocatorFieldEvent {
    field: '$.getHeaders.locator'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageGetHeadersCountFieldEvent {
    field: '$.getHeaders.count'
    value: number
  }

  export interface MessageHeadersTipHeightFieldEvent {
    field: '$.headers.tip.height'
    value: number
  }

  export interface MessageHeadersTipHashFieldEvent {
    field: '$.headers.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageHeadersTipWorkFieldEvent {
    field: '$.headers.tip.work'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageHeadersHeadersFieldEvent {
    field: '$.headers.headers'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageHeadersApartFieldEvent {
    field: '$.headers.apart'
    value: boolean
  }

  export function encode (obj: Partial<Message>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Message.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Message>): Message {
    return decodeMessage(buf, Message.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Message>): Generator<MessageVersionFieldEvent | MessageStatusNetworkFieldEvent | MessageStatusBaseFieldEvent | MessageStatusTipHeightFieldEvent | MessageStatusTipHashFieldEvent | MessageStatusTipWorkFieldEvent | MessageGetHeadersLocatorFieldEvent | MessageGetHeadersCountFieldEvent | MessageHeadersTipHeightFieldEvent | MessageHeadersTipHashFieldEvent | MessageHeadersTipWorkFieldEvent | MessageHeadersHeadersFieldEvent | MessageHeadersApartFieldEvent> {
    return streamMessage(buf, Message.codec(), opts)
  }
}

export interface Status {
  network?: string
  base?: number
  tip?: Tip
}

export namespace Status {
  let _codec: Codec<Status>

  export const codec = (): Codec<Status> => {
    if (_codec == null) {
      _codec = message<Status>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.network != null) {
          w.uint32(10)
          w.string(obj.network)
        }

        if (obj.base != null) {
          w.uint32(16)
          w.uint32(obj.base)
        }

        if (obj.tip != null) {
          w.uint32(26)
          Tip.codec().encode(obj.tip, w)
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
              obj.network = reader.string()
              break
            }
            case 2: {
              obj.base = reader.uint32()
              break
            }
            case 3: {
              obj.tip = Tip.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.tip
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
                field: `${prefix}.network`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.base`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield * Tip.codec().stream(reader, reader.uint32(), `${prefix}.tip`, {
                limits: opts.limits?.tip
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

  export interface StatusNetworkFieldEvent {
    field: '$.network'
    value: string
  }

  export interface StatusBaseFieldEvent {
    field: '$.base'
    value: number
  }

  export interface StatusTipHeightFieldEvent {
    field: '$.tip.height'
    value: number
  }

  export interface StatusTipHashFieldEvent {
    field: '$.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StatusTipWorkFieldEvent {
    field: '$.tip.work'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Status>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Status.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Status>): Status {
    return decodeMessage(buf, Status.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Status>): Generator<StatusNetworkFieldEvent | StatusBaseFieldEvent | StatusTipHeightFieldEvent | StatusTipHashFieldEvent | StatusTipWorkFieldEvent> {
    return streamMessage(buf, Status.codec(), opts)
  }
}

export interface Tip {
  height?: number
  hash?: Uint8Array<ArrayBuffer>
  work?: Uint8Array<ArrayBuffer>
}

export namespace Tip {
  let _codec: Codec<Tip>

  export const codec = (): Codec<Tip> => {
    if (_codec == null) {
      _codec = message<Tip>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.height != null) {
          w.uint32(8)
          w.uint32(obj.height)
        }

        if (obj.hash != null) {
          w.uint32(18)
          w.bytes(obj.hash)
        }

        if (obj.work != null) {
          w.uint32(26)
          w.bytes(obj.work)
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
              obj.height = reader.uint32()
              break
            }
            case 2: {
              obj.hash = reader.bytes()
              break
            }
            case 3: {
              obj.work = reader.bytes()
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
                field: `${prefix}.height`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.hash`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.work`,
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

  export interface TipHeightFieldEvent {
    field: '$.height'
    value: number
  }

  export interface TipHashFieldEvent {
    field: '$.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TipWorkFieldEvent {
    field: '$.work'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Tip>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Tip.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Tip>): Tip {
    return decodeMessage(buf, Tip.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Tip>): Generator<TipHeightFieldEvent | TipHashFieldEvent | TipWorkFieldEvent> {
    return streamMessage(buf, Tip.codec(), opts)
  }
}

export interface GetHeaders {
  locator?: Uint8Array<ArrayBuffer>
  count?: number
}

export namespace GetHeaders {
  let _codec: Codec<GetHeaders>

  export const codec = (): Codec<GetHeaders> => {
    if (_codec == null) {
      _codec = message<GetHeaders>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.locator != null) {
          w.uint32(10)
          w.bytes(obj.locator)
        }

        if (obj.count != null) {
          w.uint32(16)
          w.uint32(obj.count)
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
              obj.locator = reader.bytes()
              break
            }
            case 2: {
              obj.count = reader.uint32()
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
                field: `${prefix}.locator`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.count`,
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

  export interface GetHeadersLocatorFieldEvent {
    field: '$.locator'
    value: Uint8Array<ArrayBuffer>
  }

  export interface GetHeadersCountFieldEvent {
    field: '$.count'
    value: number
  }

  export function encode (obj: Partial<GetHeaders>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, GetHeaders.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<GetHeaders>): GetHeaders {
    return decodeMessage(buf, GetHeaders.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<GetHeaders>): Generator<GetHeadersLocatorFieldEvent | GetHeadersCountFieldEvent> {
    return streamMessage(buf, GetHeaders.codec(), opts)
  }
}

export interface Headers {
  tip?: Tip
  headers?: Uint8Array<ArrayBuffer>
  apart?: boolean
}

export namespace Headers {
  let _codec: Codec<Headers>

  export const codec = (): Codec<Headers> => {
    if (_codec == null) {
      _codec = message<Headers>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.tip != null) {
          w.uint32(10)
          Tip.codec().encode(obj.tip, w)
        }

        if (obj.headers != null) {
          w.uint32(18)
          w.bytes(obj.headers)
        }

        if (obj.apart != null) {
          w.uint32(24)
          w.bool(obj.apart)
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
              obj.tip = Tip.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.tip
              })
              break
            }
            case 2: {
              obj.headers = reader.bytes()
              break
            }
            case 3: {
              obj.apart = reader.bool()
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
              yield * Tip.codec().stream(reader, reader.uint32(), `${prefix}.tip`, {
                limits: opts.limits?.tip
              })

              break
            }
            case 2: {
              yield {
                field: `${prefix}.headers`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.apart`,
                value: reader.bool()
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

  export interface HeadersTipHeightFieldEvent {
    field: '$.tip.height'
    value: number
  }

  export interface HeadersTipHashFieldEvent {
    field: '$.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HeadersTipWorkFieldEvent {
    field: '$.tip.work'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HeadersHeadersFieldEvent {
    field: '$.headers'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HeadersApartFieldEvent {
    field: '$.apart'
    value: boolean
  }

  export function encode (obj: Partial<Headers>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Headers.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Headers>): Headers {
    return decodeMessage(buf, Headers.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Headers>): Generator<HeadersTipHeightFieldEvent | HeadersTipHashFieldEvent | HeadersTipWorkFieldEvent | HeadersHeadersFieldEvent | HeadersApartFieldEvent> {
    return streamMessage(buf, Headers.codec(), opts)
  }
}
