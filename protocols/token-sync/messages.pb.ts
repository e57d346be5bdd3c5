// Generated from messages.proto, not to be edited.
// @ts-nocheck
import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Message {
  version?: number
  id?: number
  hello?: Hello
  welcome?: Welcome
  update?: Update
  anchorsRequest?: AnchorsRequest
  anchors?: Anchors
  rangeRequest?: RangeRequest
  head?: Head
  listing?: Listing
  chunk?: Chunk
  piece?: Piece
  credit?: Credit
  unminedRequest?: UnminedRequest
  unmined?: Unmined
  fetchRequest?: FetchRequest
  done?: Done
  failure?: Failure
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

        if (obj.id != null) {
          w.uint32(16)
          w.uint32(obj.id)
        }

        if (obj.hello != null) {
          w.uint32(26)
          Hello.codec().encode(obj.hello, w)
        }

        if (obj.welcome != null) {
          w.uint32(34)
          Welcome.codec().encode(obj.welcome, w)
        }

        if (obj.update != null) {
          w.uint32(42)
          Update.codec().encode(obj.update, w)
        }

        if (obj.anchorsRequest != null) {
          w.uint32(50)
          AnchorsRequest.codec().encode(obj.anchorsRequest, w)
        }

        if (obj.anchors != null) {
          w.uint32(58)
          Anchors.codec().encode(obj.anchors, w)
        }

        if (obj.rangeRequest != null) {
          w.uint32(66)
          RangeRequest.codec().encode(obj.rangeRequest, w)
        }

        if (obj.head != null) {
          w.uint32(74)
          Head.codec().encode(obj.head, w)
        }

        if (obj.listing != null) {
          w.uint32(82)
          Listing.codec().encode(obj.listing, w)
        }

        if (obj.chunk != null) {
          w.uint32(90)
          Chunk.codec().encode(obj.chunk, w)
        }

        if (obj.piece != null) {
          w.uint32(98)
          Piece.codec().encode(obj.piece, w)
        }

        if (obj.credit != null) {
          w.uint32(106)
          Credit.codec().encode(obj.credit, w)
        }

        if (obj.unminedRequest != null) {
          w.uint32(114)
          UnminedRequest.codec().encode(obj.unminedRequest, w)
        }

        if (obj.unmined != null) {
          w.uint32(122)
          Unmined.codec().encode(obj.unmined, w)
        }

        if (obj.fetchRequest != null) {
          w.uint32(130)
          FetchRequest.codec().encode(obj.fetchRequest, w)
        }

        if (obj.done != null) {
          w.uint32(138)
          Done.codec().encode(obj.done, w)
        }

        if (obj.failure != null) {
          w.uint32(146)
          Failure.codec().encode(obj.failure, w)
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
              obj.id = reader.uint32()
              break
            }
            case 3: {
              obj.hello = Hello.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.hello
              })
              break
            }
            case 4: {
              obj.welcome = Welcome.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.welcome
              })
              break
            }
            case 5: {
              obj.update = Update.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.update
              })
              break
            }
            case 6: {
              obj.anchorsRequest = AnchorsRequest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.anchorsRequest
              })
              break
            }
            case 7: {
              obj.anchors = Anchors.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.anchors
              })
              break
            }
            case 8: {
              obj.rangeRequest = RangeRequest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.rangeRequest
              })
              break
            }
            case 9: {
              obj.head = Head.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.head
              })
              break
            }
            case 10: {
              obj.listing = Listing.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.listing
              })
              break
            }
            case 11: {
              obj.chunk = Chunk.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.chunk
              })
              break
            }
            case 12: {
              obj.piece = Piece.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.piece
              })
              break
            }
            case 13: {
              obj.credit = Credit.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.credit
              })
              break
            }
            case 14: {
              obj.unminedRequest = UnminedRequest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.unminedRequest
              })
              break
            }
            case 15: {
              obj.unmined = Unmined.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.unmined
              })
              break
            }
            case 16: {
              obj.fetchRequest = FetchRequest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.fetchRequest
              })
              break
            }
            case 17: {
              obj.done = Done.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.done
              })
              break
            }
            case 18: {
              obj.failure = Failure.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.failure
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
                field: `${prefix}.id`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield * Hello.codec().stream(reader, reader.uint32(), `${prefix}.hello`, {
                limits: opts.limits?.hello
              })

              break
            }
            case 4: {
              yield * Welcome.codec().stream(reader, reader.uint32(), `${prefix}.welcome`, {
                limits: opts.limits?.welcome
              })

              break
            }
            case 5: {
              yield * Update.codec().stream(reader, reader.uint32(), `${prefix}.update`, {
                limits: opts.limits?.update
              })

              break
            }
            case 6: {
              yield * AnchorsRequest.codec().stream(reader, reader.uint32(), `${prefix}.anchorsRequest`, {
                limits: opts.limits?.anchorsRequest
              })

              break
            }
            case 7: {
              yield * Anchors.codec().stream(reader, reader.uint32(), `${prefix}.anchors`, {
                limits: opts.limits?.anchors
              })

              break
            }
            case 8: {
              yield * RangeRequest.codec().stream(reader, reader.uint32(), `${prefix}.rangeRequest`, {
                limits: opts.limits?.rangeRequest
              })

              break
            }
            case 9: {
              yield * Head.codec().stream(reader, reader.uint32(), `${prefix}.head`, {
                limits: opts.limits?.head
              })

              break
            }
            case 10: {
              yield * Listing.codec().stream(reader, reader.uint32(), `${prefix}.listing`, {
                limits: opts.limits?.listing
              })

              break
            }
            case 11: {
              yield * Chunk.codec().stream(reader, reader.uint32(), `${prefix}.chunk`, {
                limits: opts.limits?.chunk
              })

              break
            }
            case 12: {
              yield * Piece.codec().stream(reader, reader.uint32(), `${prefix}.piece`, {
                limits: opts.limits?.piece
              })

              break
            }
            case 13: {
              yield * Credit.codec().stream(reader, reader.uint32(), `${prefix}.credit`, {
                limits: opts.limits?.credit
              })

              break
            }
            case 14: {
              yield * UnminedRequest.codec().stream(reader, reader.uint32(), `${prefix}.unminedRequest`, {
                limits: opts.limits?.unminedRequest
              })

              break
            }
            case 15: {
              yield * Unmined.codec().stream(reader, reader.uint32(), `${prefix}.unmined`, {
                limits: opts.limits?.unmined
              })

              break
            }
            case 16: {
              yield * FetchRequest.codec().stream(reader, reader.uint32(), `${prefix}.fetchRequest`, {
                limits: opts.limits?.fetchRequest
              })

              break
            }
            case 17: {
              yield * Done.codec().stream(reader, reader.uint32(), `${prefix}.done`, {
                limits: opts.limits?.done
              })

              break
            }
            case 18: {
              yield * Failure.codec().stream(reader, reader.uint32(), `${prefix}.failure`, {
                limits: opts.limits?.failure
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

  export interface MessageIdFieldEvent {
    field: '$.id'
    value: number
  }

  export interface MessageHelloVersionFieldEvent {
    field: '$.hello.version'
    value: number
  }

  export interface MessageHelloNetworkFieldEvent {
    field: '$.hello.network'
    value: string
  }

  export interface MessageHelloRulesFieldEvent {
    field: '$.hello.rules'
    value: number
  }

  export interface MessageHelloSaltFieldEvent {
    field: '$.hello.salt'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageHelloDigestsFieldEvent {
    field: '$.hello.digests'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageWelcomeVersionFieldEvent {
    field: '$.welcome.version'
    value: number
  }

  export interface MessageWelcomeTipHeightFieldEvent {
    field: '$.welcome.tip.height'
    value: number
  }

  export interface MessageWelcomeTipHashFieldEvent {
    field: '$.welcome.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageWelcomeTokensTokenFieldEvent {
    field: '$.welcome.tokens[].token'
    value: number
    index: number
  }

  export interface MessageWelcomeTokensFirstHeightFieldEvent {
    field: '$.welcome.tokens[].firstHeight'
    value: number
    index: number
  }

  export interface MessageWelcomeTokensTacFieldEvent {
    field: '$.welcome.tokens[].tac'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageWelcomeTokensEntriesFieldEvent {
    field: '$.welcome.tokens[].entries'
    value: number
    index: number
  }

  export interface MessageWelcomeTokensUnminedFieldEvent {
    field: '$.welcome.tokens[].unmined'
    value: number
    index: number
  }

  export interface MessageWelcomeTokensUnminedDigestFieldEvent {
    field: '$.welcome.tokens[].unminedDigest'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageUpdateTipHeightFieldEvent {
    field: '$.update.tip.height'
    value: number
  }

  export interface MessageUpdateTipHashFieldEvent {
    field: '$.update.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageUpdateTokensTokenFieldEvent {
    field: '$.update.tokens[].token'
    value: number
    index: number
  }

  export interface MessageUpdateTokensFirstHeightFieldEvent {
    field: '$.update.tokens[].firstHeight'
    value: number
    index: number
  }

  export interface MessageUpdateTokensTacFieldEvent {
    field: '$.update.tokens[].tac'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageUpdateTokensEntriesFieldEvent {
    field: '$.update.tokens[].entries'
    value: number
    index: number
  }

  export interface MessageUpdateTokensUnminedFieldEvent {
    field: '$.update.tokens[].unmined'
    value: number
    index: number
  }

  export interface MessageUpdateTokensUnminedDigestFieldEvent {
    field: '$.update.tokens[].unminedDigest'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageUpdateGoneFieldEvent {
    field: '$.update.gone'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageAnchorsRequestTokenFieldEvent {
    field: '$.anchorsRequest.token'
    value: number
  }

  export interface MessageAnchorsRequestHeightsFieldEvent {
    field: '$.anchorsRequest.heights'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageAnchorsTipHeightFieldEvent {
    field: '$.anchors.tip.height'
    value: number
  }

  export interface MessageAnchorsTipHashFieldEvent {
    field: '$.anchors.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageAnchorsTacsFieldEvent {
    field: '$.anchors.tacs'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageAnchorsEntriesFieldEvent {
    field: '$.anchors.entries'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageRangeRequestTokenFieldEvent {
    field: '$.rangeRequest.token'
    value: number
  }

  export interface MessageRangeRequestFromHeightFieldEvent {
    field: '$.rangeRequest.fromHeight'
    value: number
  }

  export interface MessageRangeRequestToHeightFieldEvent {
    field: '$.rangeRequest.toHeight'
    value: number
  }

  export interface MessageRangeRequestBodiesFieldEvent {
    field: '$.rangeRequest.bodies'
    value: boolean
  }

  export interface MessageRangeRequestCreditFieldEvent {
    field: '$.rangeRequest.credit'
    value: number
  }

  export interface MessageRangeRequestOnlyFieldEvent {
    field: '$.rangeRequest.only'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageHeadTipHeightFieldEvent {
    field: '$.head.tip.height'
    value: number
  }

  export interface MessageHeadTipHashFieldEvent {
    field: '$.head.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageHeadEntriesFieldEvent {
    field: '$.head.entries'
    value: number
  }

  export interface MessageListingBlocksHeightFieldEvent {
    field: '$.listing.blocks[].height'
    value: number
    index: number
  }

  export interface MessageListingBlocksHashFieldEvent {
    field: '$.listing.blocks[].hash'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageListingBlocksRunsFieldEvent {
    field: '$.listing.blocks[].runs'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageChunkBlocksHeightFieldEvent {
    field: '$.chunk.blocks[].height'
    value: number
    index: number
  }

  export interface MessageChunkBlocksHashFieldEvent {
    field: '$.chunk.blocks[].hash'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageChunkBlocksRunsFieldEvent {
    field: '$.chunk.blocks[].runs'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageChunkBlocksBumpFieldEvent {
    field: '$.chunk.blocks[].bump'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageChunkBlocksTxsFieldEvent {
    field: '$.chunk.blocks[].txs[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageChunkLooseFieldEvent {
    field: '$.chunk.loose[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageChunkContextFieldEvent {
    field: '$.chunk.context[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageChunkProvenHeightFieldEvent {
    field: '$.chunk.proven[].height'
    value: number
    index: number
  }

  export interface MessageChunkProvenHashFieldEvent {
    field: '$.chunk.proven[].hash'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageChunkProvenRunsFieldEvent {
    field: '$.chunk.proven[].runs'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageChunkProvenBumpFieldEvent {
    field: '$.chunk.proven[].bump'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface MessageChunkProvenTxsFieldEvent {
    field: '$.chunk.proven[].txs[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessagePieceTotalFieldEvent {
    field: '$.piece.total'
    value: number
  }

  export interface MessagePieceBytesFieldEvent {
    field: '$.piece.bytes'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageCreditFramesFieldEvent {
    field: '$.credit.frames'
    value: number
  }

  export interface MessageCreditStopFieldEvent {
    field: '$.credit.stop'
    value: boolean
  }

  export interface MessageUnminedRequestTokenFieldEvent {
    field: '$.unminedRequest.token'
    value: number
  }

  export interface MessageUnminedRequestSaltFieldEvent {
    field: '$.unminedRequest.salt'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageUnminedRequestBucketsFieldEvent {
    field: '$.unminedRequest.buckets'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageUnminedSumsFieldEvent {
    field: '$.unmined.sums'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageUnminedShortIdsFieldEvent {
    field: '$.unmined.shortIds'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageFetchRequestTokenFieldEvent {
    field: '$.fetchRequest.token'
    value: number
  }

  export interface MessageFetchRequestTxidsFieldEvent {
    field: '$.fetchRequest.txids'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageFetchRequestSaltFieldEvent {
    field: '$.fetchRequest.salt'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageFetchRequestShortIdsFieldEvent {
    field: '$.fetchRequest.shortIds'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageFetchRequestCreditFieldEvent {
    field: '$.fetchRequest.credit'
    value: number
  }

  export interface MessageDoneEntriesFieldEvent {
    field: '$.done.entries'
    value: number
  }

  export interface MessageDoneMissingFieldEvent {
    field: '$.done.missing'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageFailureCodeFieldEvent {
    field: '$.failure.code'
    value: number
  }

  export interface MessageFailureRetryAfterMsFieldEvent {
    field: '$.failure.retryAfterMs'
    value: number
  }

  export function encode (obj: Partial<Message>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Message.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Message>): Message {
    return decodeMessage(buf, Message.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Message>): Generator<MessageVersionFieldEvent | MessageIdFieldEvent | MessageHelloVersionFieldEvent | MessageHelloNetworkFieldEvent | MessageHelloRulesFieldEvent | MessageHelloSaltFieldEvent | MessageHelloDigestsFieldEvent | MessageWelcomeVersionFieldEvent | MessageWelcomeTipHeightFieldEvent | MessageWelcomeTipHashFieldEvent | MessageWelcomeTokensTokenFieldEvent | MessageWelcomeTokensFirstHeightFieldEvent | MessageWelcomeTokensTacFieldEvent | MessageWelcomeTokensEntriesFieldEvent | MessageWelcomeTokensUnminedFieldEvent | MessageWelcomeTokensUnminedDigestFieldEvent | MessageUpdateTipHeightFieldEvent | MessageUpdateTipHashFieldEvent | MessageUpdateTokensTokenFieldEvent | MessageUpdateTokensFirstHeightFieldEvent | MessageUpdateTokensTacFieldEvent | MessageUpdateTokensEntriesFieldEvent | MessageUpdateTokensUnminedFieldEvent | MessageUpdateTokensUnminedDigestFieldEvent | MessageUpdateGoneFieldEvent | MessageAnchorsRequestTokenFieldEvent | MessageAnchorsRequestHeightsFieldEvent | MessageAnchorsTipHeightFieldEvent | MessageAnchorsTipHashFieldEvent | MessageAnchorsTacsFieldEvent | MessageAnchorsEntriesFieldEvent | MessageRangeRequestTokenFieldEvent | MessageRangeRequestFromHeightFieldEvent | MessageRangeRequestToHeightFieldEvent | MessageRangeRequestBodiesFieldEvent | MessageRangeRequestCreditFieldEvent | MessageRangeRequestOnlyFieldEvent | MessageHeadTipHeightFieldEvent | MessageHeadTipHashFieldEvent | MessageHeadEntriesFieldEvent | MessageListingBlocksHeightFieldEvent | MessageListingBlocksHashFieldEvent | MessageListingBlocksRunsFieldEvent | MessageChunkBlocksHeightFieldEvent | MessageChunkBlocksHashFieldEvent | MessageChunkBlocksRunsFieldEvent | MessageChunkBlocksBumpFieldEvent | MessageChunkBlocksTxsFieldEvent | MessageChunkLooseFieldEvent | MessageChunkContextFieldEvent | MessageChunkProvenHeightFieldEvent | MessageChunkProvenHashFieldEvent | MessageChunkProvenRunsFieldEvent | MessageChunkProvenBumpFieldEvent | MessageChunkProvenTxsFieldEvent | MessagePieceTotalFieldEvent | MessagePieceBytesFieldEvent | MessageCreditFramesFieldEvent | MessageCreditStopFieldEvent | MessageUnminedRequestTokenFieldEvent | MessageUnminedRequestSaltFieldEvent | MessageUnminedRequestBucketsFieldEvent | MessageUnminedSumsFieldEvent | MessageUnminedShortIdsFieldEvent | MessageFetchRequestTokenFieldEvent | MessageFetchRequestTxidsFieldEvent | MessageFetchRequestSaltFieldEvent | MessageFetchRequestShortIdsFieldEvent | MessageFetchRequestCreditFieldEvent | MessageDoneEntriesFieldEvent | MessageDoneMissingFieldEvent | MessageFailureCodeFieldEvent | MessageFailureRetryAfterMsFieldEvent> {
    return streamMessage(buf, Message.codec(), opts)
  }
}

export interface Hello {
  version?: number
  network?: string
  rules?: number
  salt?: Uint8Array<ArrayBuffer>
  digests?: Uint8Array<ArrayBuffer>
}

export namespace Hello {
  let _codec: Codec<Hello>

  export const codec = (): Codec<Hello> => {
    if (_codec == null) {
      _codec = message<Hello>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.version != null) {
          w.uint32(8)
          w.uint32(obj.version)
        }

        if (obj.network != null) {
          w.uint32(18)
          w.string(obj.network)
        }

        if (obj.rules != null) {
          w.uint32(24)
          w.uint32(obj.rules)
        }

        if (obj.salt != null) {
          w.uint32(34)
          w.bytes(obj.salt)
        }

        if (obj.digests != null) {
          w.uint32(42)
          w.bytes(obj.digests)
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
              obj.network = reader.string()
              break
            }
            case 3: {
              obj.rules = reader.uint32()
              break
            }
            case 4: {
              obj.salt = reader.bytes()
              break
            }
            case 5: {
              obj.digests = reader.bytes()
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
                field: `${prefix}.network`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.rules`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.salt`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.digests`,
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

  export interface HelloVersionFieldEvent {
    field: '$.version'
    value: number
  }

  export interface HelloNetworkFieldEvent {
    field: '$.network'
    value: string
  }

  export interface HelloRulesFieldEvent {
    field: '$.rules'
    value: number
  }

  export interface HelloSaltFieldEvent {
    field: '$.salt'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HelloDigestsFieldEvent {
    field: '$.digests'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Hello>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Hello.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Hello>): Hello {
    return decodeMessage(buf, Hello.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Hello>): Generator<HelloVersionFieldEvent | HelloNetworkFieldEvent | HelloRulesFieldEvent | HelloSaltFieldEvent | HelloDigestsFieldEvent> {
    return streamMessage(buf, Hello.codec(), opts)
  }
}

export interface Welcome {
  version?: number
  tip?: Tip
  tokens: TokenFacts[]
}

export namespace Welcome {
  let _codec: Codec<Welcome>

  export const codec = (): Codec<Welcome> => {
    if (_codec == null) {
      _codec = message<Welcome>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.version != null) {
          w.uint32(8)
          w.uint32(obj.version)
        }

        if (obj.tip != null) {
          w.uint32(18)
          Tip.codec().encode(obj.tip, w)
        }

        if (obj.tokens != null && obj.tokens.length > 0) {
          for (const value of obj.tokens) {
            w.uint32(26)
            TokenFacts.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          tokens: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.version = reader.uint32()
              break
            }
            case 2: {
              obj.tip = Tip.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.tip
              })
              break
            }
            case 3: {
              if (opts.limits?.tokens != null && obj.tokens.length === opts.limits.tokens) {
                throw new MaxLengthError('Decode error - repeated field "tokens" had too many elements')
              }

              obj.tokens.push(TokenFacts.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.tokens$
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
          tokens: 0
        }

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
              yield * Tip.codec().stream(reader, reader.uint32(), `${prefix}.tip`, {
                limits: opts.limits?.tip
              })

              break
            }
            case 3: {
              if (opts.limits?.tokens != null && obj.tokens === opts.limits.tokens) {
                throw new MaxLengthError('Streaming decode error - repeated field "tokens" had too many elements')
              }

              for (const evt of TokenFacts.codec().stream(reader, reader.uint32(), `${prefix}.tokens[]`, {
                limits: opts.limits?.tokens$
              })) {
                yield {
                  ...evt,
                  index: obj.tokens
                }
              }

              obj.tokens++

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

  export interface WelcomeVersionFieldEvent {
    field: '$.version'
    value: number
  }

  export interface WelcomeTipHeightFieldEvent {
    field: '$.tip.height'
    value: number
  }

  export interface WelcomeTipHashFieldEvent {
    field: '$.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface WelcomeTokensTokenFieldEvent {
    field: '$.tokens[].token'
    value: number
    index: number
  }

  export interface WelcomeTokensFirstHeightFieldEvent {
    field: '$.tokens[].firstHeight'
    value: number
    index: number
  }

  export interface WelcomeTokensTacFieldEvent {
    field: '$.tokens[].tac'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface WelcomeTokensEntriesFieldEvent {
    field: '$.tokens[].entries'
    value: number
    index: number
  }

  export interface WelcomeTokensUnminedFieldEvent {
    field: '$.tokens[].unmined'
    value: number
    index: number
  }

  export interface WelcomeTokensUnminedDigestFieldEvent {
    field: '$.tokens[].unminedDigest'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export function encode (obj: Partial<Welcome>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Welcome.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Welcome>): Welcome {
    return decodeMessage(buf, Welcome.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Welcome>): Generator<WelcomeVersionFieldEvent | WelcomeTipHeightFieldEvent | WelcomeTipHashFieldEvent | WelcomeTokensTokenFieldEvent | WelcomeTokensFirstHeightFieldEvent | WelcomeTokensTacFieldEvent | WelcomeTokensEntriesFieldEvent | WelcomeTokensUnminedFieldEvent | WelcomeTokensUnminedDigestFieldEvent> {
    return streamMessage(buf, Welcome.codec(), opts)
  }
}

export interface Update {
  tip?: Tip
  tokens: TokenFacts[]
  gone?: Uint8Array<ArrayBuffer>
}

export namespace Update {
  let _codec: Codec<Update>

  export const codec = (): Codec<Update> => {
    if (_codec == null) {
      _codec = message<Update>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.tip != null) {
          w.uint32(10)
          Tip.codec().encode(obj.tip, w)
        }

        if (obj.tokens != null && obj.tokens.length > 0) {
          for (const value of obj.tokens) {
            w.uint32(18)
            TokenFacts.codec().encode(value, w)
          }
        }

        if (obj.gone != null) {
          w.uint32(26)
          w.bytes(obj.gone)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          tokens: []
        }

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
              if (opts.limits?.tokens != null && obj.tokens.length === opts.limits.tokens) {
                throw new MaxLengthError('Decode error - repeated field "tokens" had too many elements')
              }

              obj.tokens.push(TokenFacts.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.tokens$
              }))
              break
            }
            case 3: {
              obj.gone = reader.bytes()
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
          tokens: 0
        }

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
              if (opts.limits?.tokens != null && obj.tokens === opts.limits.tokens) {
                throw new MaxLengthError('Streaming decode error - repeated field "tokens" had too many elements')
              }

              for (const evt of TokenFacts.codec().stream(reader, reader.uint32(), `${prefix}.tokens[]`, {
                limits: opts.limits?.tokens$
              })) {
                yield {
                  ...evt,
                  index: obj.tokens
                }
              }

              obj.tokens++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.gone`,
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

  export interface UpdateTipHeightFieldEvent {
    field: '$.tip.height'
    value: number
  }

  export interface UpdateTipHashFieldEvent {
    field: '$.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface UpdateTokensTokenFieldEvent {
    field: '$.tokens[].token'
    value: number
    index: number
  }

  export interface UpdateTokensFirstHeightFieldEvent {
    field: '$.tokens[].firstHeight'
    value: number
    index: number
  }

  export interface UpdateTokensTacFieldEvent {
    field: '$.tokens[].tac'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface UpdateTokensEntriesFieldEvent {
    field: '$.tokens[].entries'
    value: number
    index: number
  }

  export interface UpdateTokensUnminedFieldEvent {
    field: '$.tokens[].unmined'
    value: number
    index: number
  }

  export interface UpdateTokensUnminedDigestFieldEvent {
    field: '$.tokens[].unminedDigest'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface UpdateGoneFieldEvent {
    field: '$.gone'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Update>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Update.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Update>): Update {
    return decodeMessage(buf, Update.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Update>): Generator<UpdateTipHeightFieldEvent | UpdateTipHashFieldEvent | UpdateTokensTokenFieldEvent | UpdateTokensFirstHeightFieldEvent | UpdateTokensTacFieldEvent | UpdateTokensEntriesFieldEvent | UpdateTokensUnminedFieldEvent | UpdateTokensUnminedDigestFieldEvent | UpdateGoneFieldEvent> {
    return streamMessage(buf, Update.codec(), opts)
  }
}

export interface Tip {
  height?: number
  hash?: Uint8Array<ArrayBuffer>
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

  export function encode (obj: Partial<Tip>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Tip.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Tip>): Tip {
    return decodeMessage(buf, Tip.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Tip>): Generator<TipHeightFieldEvent | TipHashFieldEvent> {
    return streamMessage(buf, Tip.codec(), opts)
  }
}

export interface TokenFacts {
  token?: number
  firstHeight?: number
  tac?: Uint8Array<ArrayBuffer>
  entries?: number
  unmined?: number
  unminedDigest?: Uint8Array<ArrayBuffer>
}

export namespace TokenFacts {
  let _codec: Codec<TokenFacts>

  export const codec = (): Codec<TokenFacts> => {
    if (_codec == null) {
      _codec = message<TokenFacts>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.token != null) {
          w.uint32(8)
          w.uint32(obj.token)
        }

        if (obj.firstHeight != null) {
          w.uint32(16)
          w.uint32(obj.firstHeight)
        }

        if (obj.tac != null) {
          w.uint32(26)
          w.bytes(obj.tac)
        }

        if (obj.entries != null) {
          w.uint32(32)
          w.uint32(obj.entries)
        }

        if (obj.unmined != null) {
          w.uint32(40)
          w.uint32(obj.unmined)
        }

        if (obj.unminedDigest != null) {
          w.uint32(50)
          w.bytes(obj.unminedDigest)
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
              obj.token = reader.uint32()
              break
            }
            case 2: {
              obj.firstHeight = reader.uint32()
              break
            }
            case 3: {
              obj.tac = reader.bytes()
              break
            }
            case 4: {
              obj.entries = reader.uint32()
              break
            }
            case 5: {
              obj.unmined = reader.uint32()
              break
            }
            case 6: {
              obj.unminedDigest = reader.bytes()
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
                field: `${prefix}.token`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.firstHeight`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.tac`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.entries`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.unmined`,
                value: reader.uint32()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.unminedDigest`,
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

  export interface TokenFactsTokenFieldEvent {
    field: '$.token'
    value: number
  }

  export interface TokenFactsFirstHeightFieldEvent {
    field: '$.firstHeight'
    value: number
  }

  export interface TokenFactsTacFieldEvent {
    field: '$.tac'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TokenFactsEntriesFieldEvent {
    field: '$.entries'
    value: number
  }

  export interface TokenFactsUnminedFieldEvent {
    field: '$.unmined'
    value: number
  }

  export interface TokenFactsUnminedDigestFieldEvent {
    field: '$.unminedDigest'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<TokenFacts>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TokenFacts.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TokenFacts>): TokenFacts {
    return decodeMessage(buf, TokenFacts.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TokenFacts>): Generator<TokenFactsTokenFieldEvent | TokenFactsFirstHeightFieldEvent | TokenFactsTacFieldEvent | TokenFactsEntriesFieldEvent | TokenFactsUnminedFieldEvent | TokenFactsUnminedDigestFieldEvent> {
    return streamMessage(buf, TokenFacts.codec(), opts)
  }
}

export interface AnchorsRequest {
  token?: number
  heights?: Uint8Array<ArrayBuffer>
}

export namespace AnchorsRequest {
  let _codec: Codec<AnchorsRequest>

  export const codec = (): Codec<AnchorsRequest> => {
    if (_codec == null) {
      _codec = message<AnchorsRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.token != null) {
          w.uint32(8)
          w.uint32(obj.token)
        }

        if (obj.heights != null) {
          w.uint32(18)
          w.bytes(obj.heights)
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
              obj.token = reader.uint32()
              break
            }
            case 2: {
              obj.heights = reader.bytes()
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
                field: `${prefix}.token`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.heights`,
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

  export interface AnchorsRequestTokenFieldEvent {
    field: '$.token'
    value: number
  }

  export interface AnchorsRequestHeightsFieldEvent {
    field: '$.heights'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<AnchorsRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, AnchorsRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AnchorsRequest>): AnchorsRequest {
    return decodeMessage(buf, AnchorsRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AnchorsRequest>): Generator<AnchorsRequestTokenFieldEvent | AnchorsRequestHeightsFieldEvent> {
    return streamMessage(buf, AnchorsRequest.codec(), opts)
  }
}

export interface Anchors {
  tip?: Tip
  tacs?: Uint8Array<ArrayBuffer>
  entries?: Uint8Array<ArrayBuffer>
}

export namespace Anchors {
  let _codec: Codec<Anchors>

  export const codec = (): Codec<Anchors> => {
    if (_codec == null) {
      _codec = message<Anchors>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.tip != null) {
          w.uint32(10)
          Tip.codec().encode(obj.tip, w)
        }

        if (obj.tacs != null) {
          w.uint32(18)
          w.bytes(obj.tacs)
        }

        if (obj.entries != null) {
          w.uint32(26)
          w.bytes(obj.entries)
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
              obj.tacs = reader.bytes()
              break
            }
            case 3: {
              obj.entries = reader.bytes()
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
                field: `${prefix}.tacs`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.entries`,
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

  export interface AnchorsTipHeightFieldEvent {
    field: '$.tip.height'
    value: number
  }

  export interface AnchorsTipHashFieldEvent {
    field: '$.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface AnchorsTacsFieldEvent {
    field: '$.tacs'
    value: Uint8Array<ArrayBuffer>
  }

  export interface AnchorsEntriesFieldEvent {
    field: '$.entries'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Anchors>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Anchors.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Anchors>): Anchors {
    return decodeMessage(buf, Anchors.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Anchors>): Generator<AnchorsTipHeightFieldEvent | AnchorsTipHashFieldEvent | AnchorsTacsFieldEvent | AnchorsEntriesFieldEvent> {
    return streamMessage(buf, Anchors.codec(), opts)
  }
}

export interface RangeRequest {
  token?: number
  fromHeight?: number
  toHeight?: number
  bodies?: boolean
  credit?: number
  only?: Uint8Array<ArrayBuffer>
}

export namespace RangeRequest {
  let _codec: Codec<RangeRequest>

  export const codec = (): Codec<RangeRequest> => {
    if (_codec == null) {
      _codec = message<RangeRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.token != null) {
          w.uint32(8)
          w.uint32(obj.token)
        }

        if (obj.fromHeight != null) {
          w.uint32(16)
          w.uint32(obj.fromHeight)
        }

        if (obj.toHeight != null) {
          w.uint32(24)
          w.uint32(obj.toHeight)
        }

        if (obj.bodies != null) {
          w.uint32(32)
          w.bool(obj.bodies)
        }

        if (obj.credit != null) {
          w.uint32(40)
          w.uint32(obj.credit)
        }

        if (obj.only != null) {
          w.uint32(50)
          w.bytes(obj.only)
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
              obj.token = reader.uint32()
              break
            }
            case 2: {
              obj.fromHeight = reader.uint32()
              break
            }
            case 3: {
              obj.toHeight = reader.uint32()
              break
            }
            case 4: {
              obj.bodies = reader.bool()
              break
            }
            case 5: {
              obj.credit = reader.uint32()
              break
            }
            case 6: {
              obj.only = reader.bytes()
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
                field: `${prefix}.token`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.fromHeight`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.toHeight`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.bodies`,
                value: reader.bool()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.credit`,
                value: reader.uint32()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.only`,
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

  export interface RangeRequestTokenFieldEvent {
    field: '$.token'
    value: number
  }

  export interface RangeRequestFromHeightFieldEvent {
    field: '$.fromHeight'
    value: number
  }

  export interface RangeRequestToHeightFieldEvent {
    field: '$.toHeight'
    value: number
  }

  export interface RangeRequestBodiesFieldEvent {
    field: '$.bodies'
    value: boolean
  }

  export interface RangeRequestCreditFieldEvent {
    field: '$.credit'
    value: number
  }

  export interface RangeRequestOnlyFieldEvent {
    field: '$.only'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<RangeRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, RangeRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RangeRequest>): RangeRequest {
    return decodeMessage(buf, RangeRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RangeRequest>): Generator<RangeRequestTokenFieldEvent | RangeRequestFromHeightFieldEvent | RangeRequestToHeightFieldEvent | RangeRequestBodiesFieldEvent | RangeRequestCreditFieldEvent | RangeRequestOnlyFieldEvent> {
    return streamMessage(buf, RangeRequest.codec(), opts)
  }
}

export interface Head {
  tip?: Tip
  entries?: number
}

export namespace Head {
  let _codec: Codec<Head>

  export const codec = (): Codec<Head> => {
    if (_codec == null) {
      _codec = message<Head>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.tip != null) {
          w.uint32(10)
          Tip.codec().encode(obj.tip, w)
        }

        if (obj.entries != null) {
          w.uint32(16)
          w.uint32(obj.entries)
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
              obj.entries = reader.uint32()
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
                field: `${prefix}.entries`,
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

  export interface HeadTipHeightFieldEvent {
    field: '$.tip.height'
    value: number
  }

  export interface HeadTipHashFieldEvent {
    field: '$.tip.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HeadEntriesFieldEvent {
    field: '$.entries'
    value: number
  }

  export function encode (obj: Partial<Head>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Head.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Head>): Head {
    return decodeMessage(buf, Head.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Head>): Generator<HeadTipHeightFieldEvent | HeadTipHashFieldEvent | HeadEntriesFieldEvent> {
    return streamMessage(buf, Head.codec(), opts)
  }
}

export interface Listing {
  blocks: ListedBlock[]
}

export namespace Listing {
  let _codec: Codec<Listing>

  export const codec = (): Codec<Listing> => {
    if (_codec == null) {
      _codec = message<Listing>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.blocks != null && obj.blocks.length > 0) {
          for (const value of obj.blocks) {
            w.uint32(10)
            ListedBlock.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          blocks: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.blocks != null && obj.blocks.length === opts.limits.blocks) {
                throw new MaxLengthError('Decode error - repeated field "blocks" had too many elements')
              }

              obj.blocks.push(ListedBlock.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.blocks$
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
          blocks: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.blocks != null && obj.blocks === opts.limits.blocks) {
                throw new MaxLengthError('Streaming decode error - repeated field "blocks" had too many elements')
              }

              for (const evt of ListedBlock.codec().stream(reader, reader.uint32(), `${prefix}.blocks[]`, {
                limits: opts.limits?.blocks$
              })) {
                yield {
                  ...evt,
                  index: obj.blocks
                }
              }

              obj.blocks++

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

  export interface ListingBlocksHeightFieldEvent {
    field: '$.blocks[].height'
    value: number
    index: number
  }

  export interface ListingBlocksHashFieldEvent {
    field: '$.blocks[].hash'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ListingBlocksRunsFieldEvent {
    field: '$.blocks[].runs'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export function encode (obj: Partial<Listing>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Listing.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Listing>): Listing {
    return decodeMessage(buf, Listing.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Listing>): Generator<ListingBlocksHeightFieldEvent | ListingBlocksHashFieldEvent | ListingBlocksRunsFieldEvent> {
    return streamMessage(buf, Listing.codec(), opts)
  }
}

export interface ListedBlock {
  height?: number
  hash?: Uint8Array<ArrayBuffer>
  runs?: Uint8Array<ArrayBuffer>
}

export namespace ListedBlock {
  let _codec: Codec<ListedBlock>

  export const codec = (): Codec<ListedBlock> => {
    if (_codec == null) {
      _codec = message<ListedBlock>((obj, w, opts = {}) => {
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

        if (obj.runs != null) {
          w.uint32(26)
          w.bytes(obj.runs)
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
              obj.runs = reader.bytes()
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
                field: `${prefix}.runs`,
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

  export interface ListedBlockHeightFieldEvent {
    field: '$.height'
    value: number
  }

  export interface ListedBlockHashFieldEvent {
    field: '$.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ListedBlockRunsFieldEvent {
    field: '$.runs'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<ListedBlock>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ListedBlock.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ListedBlock>): ListedBlock {
    return decodeMessage(buf, ListedBlock.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ListedBlock>): Generator<ListedBlockHeightFieldEvent | ListedBlockHashFieldEvent | ListedBlockRunsFieldEvent> {
    return streamMessage(buf, ListedBlock.codec(), opts)
  }
}

export interface Chunk {
  blocks: Block[]
  loose: Uint8Array<ArrayBuffer>[]
  context: Uint8Array<ArrayBuffer>[]
  proven: Block[]
}

export namespace Chunk {
  let _codec: Codec<Chunk>

  export const codec = (): Codec<Chunk> => {
    if (_codec == null) {
      _codec = message<Chunk>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.blocks != null && obj.blocks.length > 0) {
          for (const value of obj.blocks) {
            w.uint32(10)
            Block.codec().encode(value, w)
          }
        }

        if (obj.loose != null && obj.loose.length > 0) {
          for (const value of obj.loose) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (obj.context != null && obj.context.length > 0) {
          for (const value of obj.context) {
            w.uint32(26)
            w.bytes(value)
          }
        }

        if (obj.proven != null && obj.proven.length > 0) {
          for (const value of obj.proven) {
            w.uint32(34)
            Block.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          blocks: [],
          loose: [],
          context: [],
          proven: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.blocks != null && obj.blocks.length === opts.limits.blocks) {
                throw new MaxLengthError('Decode error - repeated field "blocks" had too many elements')
              }

              obj.blocks.push(Block.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.blocks$
              }))
              break
            }
            case 2: {
              if (opts.limits?.loose != null && obj.loose.length === opts.limits.loose) {
                throw new MaxLengthError('Decode error - repeated field "loose" had too many elements')
              }

              obj.loose.push(reader.bytes())
              break
            }
            case 3: {
              if (opts.limits?.context != null && obj.context.length === opts.limits.context) {
                throw new MaxLengthError('Decode error - repeated field "context" had too many elements')
              }

              obj.context.push(reader.bytes())
              break
            }
            case 4: {
              if (opts.limits?.proven != null && obj.proven.length === opts.limits.proven) {
                throw new MaxLengthError('Decode error - repeated field "proven" had too many elements')
              }

              obj.proven.push(Block.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.proven$
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
          blocks: 0,
          loose: 0,
          context: 0,
          proven: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.blocks != null && obj.blocks === opts.limits.blocks) {
                throw new MaxLengthError('Streaming decode error - repeated field "blocks" had too many elements')
              }

              for (const evt of Block.codec().stream(reader, reader.uint32(), `${prefix}.blocks[]`, {
                limits: opts.limits?.blocks$
              })) {
                yield {
                  ...evt,
                  index: obj.blocks
                }
              }

              obj.blocks++

              break
            }
            case 2: {
              if (opts.limits?.loose != null && obj.loose === opts.limits.loose) {
                throw new MaxLengthError('Streaming decode error - repeated field "loose" had too many elements')
              }

              yield {
                field: `${prefix}.loose[]`,
                index: obj.loose,
                value: reader.bytes()
              }

              obj.loose++

              break
            }
            case 3: {
              if (opts.limits?.context != null && obj.context === opts.limits.context) {
                throw new MaxLengthError('Streaming decode error - repeated field "context" had too many elements')
              }

              yield {
                field: `${prefix}.context[]`,
                index: obj.context,
                value: reader.bytes()
              }

              obj.context++

              break
            }
            case 4: {
              if (opts.limits?.proven != null && obj.proven === opts.limits.proven) {
                throw new MaxLengthError('Streaming decode error - repeated field "proven" had too many elements')
              }

              for (const evt of Block.codec().stream(reader, reader.uint32(), `${prefix}.proven[]`, {
                limits: opts.limits?.proven$
              })) {
                yield {
                  ...evt,
                  index: obj.proven
                }
              }

              obj.proven++

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

  export interface ChunkBlocksHeightFieldEvent {
    field: '$.blocks[].height'
    value: number
    index: number
  }

  export interface ChunkBlocksHashFieldEvent {
    field: '$.blocks[].hash'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ChunkBlocksRunsFieldEvent {
    field: '$.blocks[].runs'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ChunkBlocksBumpFieldEvent {
    field: '$.blocks[].bump'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ChunkBlocksTxsFieldEvent {
    field: '$.blocks[].txs[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface ChunkLooseFieldEvent {
    field: '$.loose[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface ChunkContextFieldEvent {
    field: '$.context[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface ChunkProvenHeightFieldEvent {
    field: '$.proven[].height'
    value: number
    index: number
  }

  export interface ChunkProvenHashFieldEvent {
    field: '$.proven[].hash'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ChunkProvenRunsFieldEvent {
    field: '$.proven[].runs'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ChunkProvenBumpFieldEvent {
    field: '$.proven[].bump'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ChunkProvenTxsFieldEvent {
    field: '$.proven[].txs[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Chunk>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Chunk.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Chunk>): Chunk {
    return decodeMessage(buf, Chunk.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Chunk>): Generator<ChunkBlocksHeightFieldEvent | ChunkBlocksHashFieldEvent | ChunkBlocksRunsFieldEvent | ChunkBlocksBumpFieldEvent | ChunkBlocksTxsFieldEvent | ChunkLooseFieldEvent | ChunkContextFieldEvent | ChunkProvenHeightFieldEvent | ChunkProvenHashFieldEvent | ChunkProvenRunsFieldEvent | ChunkProvenBumpFieldEvent | ChunkProvenTxsFieldEvent> {
    return streamMessage(buf, Chunk.codec(), opts)
  }
}

export interface Block {
  height?: number
  hash?: Uint8Array<ArrayBuffer>
  runs?: Uint8Array<ArrayBuffer>
  bump?: Uint8Array<ArrayBuffer>
  txs: Uint8Array<ArrayBuffer>[]
}

export namespace Block {
  let _codec: Codec<Block>

  export const codec = (): Codec<Block> => {
    if (_codec == null) {
      _codec = message<Block>((obj, w, opts = {}) => {
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

        if (obj.runs != null) {
          w.uint32(26)
          w.bytes(obj.runs)
        }

        if (obj.bump != null) {
          w.uint32(34)
          w.bytes(obj.bump)
        }

        if (obj.txs != null && obj.txs.length > 0) {
          for (const value of obj.txs) {
            w.uint32(42)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          txs: []
        }

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
              obj.runs = reader.bytes()
              break
            }
            case 4: {
              obj.bump = reader.bytes()
              break
            }
            case 5: {
              if (opts.limits?.txs != null && obj.txs.length === opts.limits.txs) {
                throw new MaxLengthError('Decode error - repeated field "txs" had too many elements')
              }

              obj.txs.push(reader.bytes())
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
          txs: 0
        }

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
                field: `${prefix}.runs`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.bump`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              if (opts.limits?.txs != null && obj.txs === opts.limits.txs) {
                throw new MaxLengthError('Streaming decode error - repeated field "txs" had too many elements')
              }

              yield {
                field: `${prefix}.txs[]`,
                index: obj.txs,
                value: reader.bytes()
              }

              obj.txs++

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

  export interface BlockHeightFieldEvent {
    field: '$.height'
    value: number
  }

  export interface BlockHashFieldEvent {
    field: '$.hash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface BlockRunsFieldEvent {
    field: '$.runs'
    value: Uint8Array<ArrayBuffer>
  }

  export interface BlockBumpFieldEvent {
    field: '$.bump'
    value: Uint8Array<ArrayBuffer>
  }

  export interface BlockTxsFieldEvent {
    field: '$.txs[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Block>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Block.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Block>): Block {
    return decodeMessage(buf, Block.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Block>): Generator<BlockHeightFieldEvent | BlockHashFieldEvent | BlockRunsFieldEvent | BlockBumpFieldEvent | BlockTxsFieldEvent> {
    return streamMessage(buf, Block.codec(), opts)
  }
}

export interface Piece {
  total?: number
  bytes?: Uint8Array<ArrayBuffer>
}

export namespace Piece {
  let _codec: Codec<Piece>

  export const codec = (): Codec<Piece> => {
    if (_codec == null) {
      _codec = message<Piece>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.total != null) {
          w.uint32(8)
          w.uint32(obj.total)
        }

        if (obj.bytes != null) {
          w.uint32(18)
          w.bytes(obj.bytes)
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
              obj.total = reader.uint32()
              break
            }
            case 2: {
              obj.bytes = reader.bytes()
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
                field: `${prefix}.total`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.bytes`,
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

  export interface PieceTotalFieldEvent {
    field: '$.total'
    value: number
  }

  export interface PieceBytesFieldEvent {
    field: '$.bytes'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Piece>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Piece.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Piece>): Piece {
    return decodeMessage(buf, Piece.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Piece>): Generator<PieceTotalFieldEvent | PieceBytesFieldEvent> {
    return streamMessage(buf, Piece.codec(), opts)
  }
}

export interface Credit {
  frames?: number
  stop?: boolean
}

export namespace Credit {
  let _codec: Codec<Credit>

  export const codec = (): Codec<Credit> => {
    if (_codec == null) {
      _codec = message<Credit>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.frames != null) {
          w.uint32(8)
          w.uint32(obj.frames)
        }

        if (obj.stop != null) {
          w.uint32(16)
          w.bool(obj.stop)
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
              obj.frames = reader.uint32()
              break
            }
            case 2: {
              obj.stop = reader.bool()
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
                field: `${prefix}.frames`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.stop`,
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

  export interface CreditFramesFieldEvent {
    field: '$.frames'
    value: number
  }

  export interface CreditStopFieldEvent {
    field: '$.stop'
    value: boolean
  }

  export function encode (obj: Partial<Credit>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Credit.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Credit>): Credit {
    return decodeMessage(buf, Credit.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Credit>): Generator<CreditFramesFieldEvent | CreditStopFieldEvent> {
    return streamMessage(buf, Credit.codec(), opts)
  }
}

export interface UnminedRequest {
  token?: number
  salt?: Uint8Array<ArrayBuffer>
  buckets?: Uint8Array<ArrayBuffer>
}

export namespace UnminedRequest {
  let _codec: Codec<UnminedRequest>

  export const codec = (): Codec<UnminedRequest> => {
    if (_codec == null) {
      _codec = message<UnminedRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.token != null) {
          w.uint32(8)
          w.uint32(obj.token)
        }

        if (obj.salt != null) {
          w.uint32(18)
          w.bytes(obj.salt)
        }

        if (obj.buckets != null) {
          w.uint32(26)
          w.bytes(obj.buckets)
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
              obj.token = reader.uint32()
              break
            }
            case 2: {
              obj.salt = reader.bytes()
              break
            }
            case 3: {
              obj.buckets = reader.bytes()
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
                field: `${prefix}.token`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.salt`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.buckets`,
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

  export interface UnminedRequestTokenFieldEvent {
    field: '$.token'
    value: number
  }

  export interface UnminedRequestSaltFieldEvent {
    field: '$.salt'
    value: Uint8Array<ArrayBuffer>
  }

  export interface UnminedRequestBucketsFieldEvent {
    field: '$.buckets'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<UnminedRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, UnminedRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<UnminedRequest>): UnminedRequest {
    return decodeMessage(buf, UnminedRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<UnminedRequest>): Generator<UnminedRequestTokenFieldEvent | UnminedRequestSaltFieldEvent | UnminedRequestBucketsFieldEvent> {
    return streamMessage(buf, UnminedRequest.codec(), opts)
  }
}

export interface Unmined {
  sums?: Uint8Array<ArrayBuffer>
  shortIds?: Uint8Array<ArrayBuffer>
}

export namespace Unmined {
  let _codec: Codec<Unmined>

  export const codec = (): Codec<Unmined> => {
    if (_codec == null) {
      _codec = message<Unmined>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.sums != null) {
          w.uint32(10)
          w.bytes(obj.sums)
        }

        if (obj.shortIds != null) {
          w.uint32(18)
          w.bytes(obj.shortIds)
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
              obj.sums = reader.bytes()
              break
            }
            case 2: {
              obj.shortIds = reader.bytes()
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
                field: `${prefix}.sums`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.shortIds`,
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

  export interface UnminedSumsFieldEvent {
    field: '$.sums'
    value: Uint8Array<ArrayBuffer>
  }

  export interface UnminedShortIdsFieldEvent {
    field: '$.shortIds'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Unmined>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Unmined.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Unmined>): Unmined {
    return decodeMessage(buf, Unmined.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Unmined>): Generator<UnminedSumsFieldEvent | UnminedShortIdsFieldEvent> {
    return streamMessage(buf, Unmined.codec(), opts)
  }
}

export interface FetchRequest {
  token?: number
  txids?: Uint8Array<ArrayBuffer>
  salt?: Uint8Array<ArrayBuffer>
  shortIds?: Uint8Array<ArrayBuffer>
  credit?: number
}

export namespace FetchRequest {
  let _codec: Codec<FetchRequest>

  export const codec = (): Codec<FetchRequest> => {
    if (_codec == null) {
      _codec = message<FetchRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.token != null) {
          w.uint32(8)
          w.uint32(obj.token)
        }

        if (obj.txids != null) {
          w.uint32(18)
          w.bytes(obj.txids)
        }

        if (obj.salt != null) {
          w.uint32(26)
          w.bytes(obj.salt)
        }

        if (obj.shortIds != null) {
          w.uint32(34)
          w.bytes(obj.shortIds)
        }

        if (obj.credit != null) {
          w.uint32(40)
          w.uint32(obj.credit)
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
              obj.token = reader.uint32()
              break
            }
            case 2: {
              obj.txids = reader.bytes()
              break
            }
            case 3: {
              obj.salt = reader.bytes()
              break
            }
            case 4: {
              obj.shortIds = reader.bytes()
              break
            }
            case 5: {
              obj.credit = reader.uint32()
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
                field: `${prefix}.token`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.txids`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.salt`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.shortIds`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.credit`,
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

  export interface FetchRequestTokenFieldEvent {
    field: '$.token'
    value: number
  }

  export interface FetchRequestTxidsFieldEvent {
    field: '$.txids'
    value: Uint8Array<ArrayBuffer>
  }

  export interface FetchRequestSaltFieldEvent {
    field: '$.salt'
    value: Uint8Array<ArrayBuffer>
  }

  export interface FetchRequestShortIdsFieldEvent {
    field: '$.shortIds'
    value: Uint8Array<ArrayBuffer>
  }

  export interface FetchRequestCreditFieldEvent {
    field: '$.credit'
    value: number
  }

  export function encode (obj: Partial<FetchRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, FetchRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FetchRequest>): FetchRequest {
    return decodeMessage(buf, FetchRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FetchRequest>): Generator<FetchRequestTokenFieldEvent | FetchRequestTxidsFieldEvent | FetchRequestSaltFieldEvent | FetchRequestShortIdsFieldEvent | FetchRequestCreditFieldEvent> {
    return streamMessage(buf, FetchRequest.codec(), opts)
  }
}

export interface Done {
  entries?: number
  missing?: Uint8Array<ArrayBuffer>
}

export namespace Done {
  let _codec: Codec<Done>

  export const codec = (): Codec<Done> => {
    if (_codec == null) {
      _codec = message<Done>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.entries != null) {
          w.uint32(8)
          w.uint32(obj.entries)
        }

        if (obj.missing != null) {
          w.uint32(18)
          w.bytes(obj.missing)
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
              obj.entries = reader.uint32()
              break
            }
            case 2: {
              obj.missing = reader.bytes()
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
                field: `${prefix}.entries`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.missing`,
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

  export interface DoneEntriesFieldEvent {
    field: '$.entries'
    value: number
  }

  export interface DoneMissingFieldEvent {
    field: '$.missing'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Done>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Done.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Done>): Done {
    return decodeMessage(buf, Done.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Done>): Generator<DoneEntriesFieldEvent | DoneMissingFieldEvent> {
    return streamMessage(buf, Done.codec(), opts)
  }
}

export interface Failure {
  code?: number
  retryAfterMs?: number
}

export namespace Failure {
  let _codec: Codec<Failure>

  export const codec = (): Codec<Failure> => {
    if (_codec == null) {
      _codec = message<Failure>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.code != null) {
          w.uint32(8)
          w.uint32(obj.code)
        }

        if (obj.retryAfterMs != null) {
          w.uint32(16)
          w.uint32(obj.retryAfterMs)
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
              obj.code = reader.uint32()
              break
            }
            case 2: {
              obj.retryAfterMs = reader.uint32()
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
                field: `${prefix}.code`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.retryAfterMs`,
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

  export interface FailureCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export interface FailureRetryAfterMsFieldEvent {
    field: '$.retryAfterMs'
    value: number
  }

  export function encode (obj: Partial<Failure>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Failure.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Failure>): Failure {
    return decodeMessage(buf, Failure.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Failure>): Generator<FailureCodeFieldEvent | FailureRetryAfterMsFieldEvent> {
    return streamMessage(buf, Failure.codec(), opts)
  }
}
