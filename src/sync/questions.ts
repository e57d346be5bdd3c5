import * as c from '../../protocols/token-sync/constants.ts';
import { hashHex } from '../../protocols/token-sync/digests.ts';
import { TokenSyncError } from '../../protocols/token-sync/errors.ts';
import type { AnswerBody, ListedBlock, Tip } from '../../protocols/token-sync/messages.ts';
import { decodeRuns } from '../../protocols/token-sync/runs.ts';
import type { AnswerFrames } from './answer-frames.ts';
import { LISTING_CREDIT } from './client-limits.ts';
import type { Anchor } from './commitments.ts';
import type { Conversation } from './conversation.ts';
import { SyncError } from './errors.ts';

/** Block as a peer names it, display order. */
export interface PeerTip {
  readonly height: number;
  readonly hash: string;
}

export interface PeerAnchors {
  readonly tip: PeerTip;
  /** Of the heights asked, as far as the tip. */
  readonly anchors: readonly Anchor[];
}

/** Places of a token's transactions in one block, as a peer has them. */
export interface PeerBlock {
  readonly hash: string;
  readonly places: readonly number[];
}

/** Commitments of the peer at ascending heights. @throws as Conversation.ask; FIELD_INVALID, ORDER_WRONG */
export function askAnchors(
  conversation: Conversation,
  tokenId: string,
  heights: readonly number[],
  signal: AbortSignal,
): Promise<PeerAnchors> {
  return conversation.ask(
    tokenId,
    (token) => ({ kind: 'anchorsRequest', token, heights }),
    async (answer) => {
      const body = await expect(answer, 'anchors', signal);
      const tip = tipOf(body.tip);
      const told = heights.filter((height) => height <= tip.height);
      if (body.entries.length !== told.length)
        throw new TokenSyncError('FIELD_INVALID', 'anchors at other heights than were asked', {
          anchors: body.entries.length,
        });
      const anchors = told.map((height, i): Anchor => {
        const tac = Buffer.from(body.tacs.subarray(i * c.HASH_BYTES, (i + 1) * c.HASH_BYTES));
        return { height, tac, entries: body.entries[i] as number };
      });
      if (anchors.some((anchor, i) => anchor.entries < (anchors[i - 1]?.entries ?? 0)))
        throw new TokenSyncError('ORDER_WRONG', 'counts that go down as blocks go up');
      return { tip, anchors };
    },
    signal,
  );
}

/**
 * Which places in which blocks the peer has of the token, from one height to another.
 * @throws as Conversation.ask; ORDER_WRONG, COUNT_EXCEEDED; SyncError NOT_READY: more than `most`, so it has changed
 */
export function askPlaces(
  conversation: Conversation,
  tokenId: string,
  range: { readonly from: number; readonly to: number; readonly most: number },
  signal: AbortSignal,
): Promise<ReadonlyMap<number, PeerBlock>> {
  const { from, to, most } = range;
  const credit = LISTING_CREDIT;
  return conversation.ask(
    tokenId,
    (token) => ({
      kind: 'rangeRequest',
      token,
      fromHeight: from,
      toHeight: to,
      bodies: false,
      credit,
      only: undefined,
    }),
    async (answer) => {
      const { entries } = await expect(answer, 'head', signal);
      if (entries > most)
        throw new SyncError('NOT_READY', 'the peer has more there than before', { entries });
      const blocks = new Map<number, PeerBlock>();
      const listing = { last: from - 1, to, left: entries };
      for (;;) {
        const { body } = await answer.next(signal);
        if (body.kind === 'done') {
          if (body.entries === entries - listing.left) return blocks;
          throw new TokenSyncError('FIELD_INVALID', 'done with another number than was listed');
        }
        if (body.kind !== 'listing') throw unexpected(body.kind);
        for (const block of body.blocks) addBlock(blocks, block, listing);
        answer.grant(1);
      }
    },
    signal,
  );
}

/** Sums of the peer's unmined set by bucket. @throws as Conversation.ask */
export async function askSums(
  conversation: Conversation,
  tokenId: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { sums } = await askUnmined(conversation, tokenId, undefined, signal);
  if (sums === undefined) throw new TokenSyncError('FIELD_INVALID', 'short ids instead of sums');
  return sums;
}

/** Short ids of what the peer has in some buckets. @throws as Conversation.ask; TOO_LARGE */
export async function askShortIds(
  conversation: Conversation,
  tokenId: string,
  ask: { readonly salt: Uint8Array; readonly buckets: Uint8Array },
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { shortIds } = await askUnmined(conversation, tokenId, ask, signal);
  if (shortIds === undefined) throw new TokenSyncError('FIELD_INVALID', 'sums instead of short ids');
  return shortIds;
}

function askUnmined(
  conversation: Conversation,
  tokenId: string,
  ask: { readonly salt: Uint8Array; readonly buckets: Uint8Array } | undefined,
  signal: AbortSignal,
): Promise<Extract<AnswerBody, { kind: 'unmined' }>> {
  return conversation.ask(
    tokenId,
    (token) => ({ kind: 'unminedRequest', token, ask }),
    (answer) => expect(answer, 'unmined', signal),
    signal,
  );
}

/** The next frame, which must be of this kind. @throws TokenSyncError MESSAGE_UNEXPECTED */
export async function expect<K extends AnswerBody['kind']>(
  answer: AnswerFrames,
  kind: K,
  signal: AbortSignal,
): Promise<Extract<AnswerBody, { kind: K }>> {
  const { body } = await answer.next(signal);
  if (body.kind !== kind) throw unexpected(body.kind);
  return body as Extract<AnswerBody, { kind: K }>;
}

export function tipOf({ height, hash }: Tip): PeerTip {
  return { height, hash: hashHex(hash) };
}

export function unexpected(kind: string): TokenSyncError {
  return new TokenSyncError('MESSAGE_UNEXPECTED', `a ${kind} where another part of the answer was due`);
}

function addBlock(
  blocks: Map<number, PeerBlock>,
  { height, hash, runs }: ListedBlock,
  listing: { last: number; to: number; left: number },
): void {
  if (height <= listing.last || height > listing.to)
    throw new TokenSyncError('ORDER_WRONG', 'listed blocks ascend, within what was asked', { height });
  const places = decodeRuns(runs, c.MAX_BLOCK_ENTRIES);
  listing.last = height;
  listing.left -= places.length;
  if (listing.left < 0)
    throw new TokenSyncError('COUNT_EXCEEDED', 'more places than the head announced', { height });
  blocks.set(height, { hash: hashHex(hash), places });
}
