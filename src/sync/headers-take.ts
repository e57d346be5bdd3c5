import {
  HASH_BYTES,
  HEADER_BYTES,
  MAX_HEADERS,
  MAX_LOCATOR_HASHES,
} from '../../protocols/headers/constants.ts';
import { HeadersError } from '../../protocols/headers/errors.ts';
import type { HeadersBody, Tip } from '../../protocols/headers/messages.ts';
import { displayHex, headerHash, prevBytesOf } from '../chain/header.ts';
import { refusalOf } from './headers-faults.ts';
import type { SyncedChain } from './headers-modules.ts';
import { checkClaim } from './headers-status.ts';
import type { HeadersTalk } from './headers-talk.ts';

/** Known headers that a peer may walk us over before something new comes: 128,000, in pages. */
const MAX_BARREN_PAGES = 64;
/** How often a peer may begin anew at an older header in one taking: its chain was reorganised meanwhile. */
const MAX_RESTARTS = 3;

export interface TakeOptions {
  /** True: the first headers may begin at any checkpoint we know, since we hold none. */
  readonly anywhere: boolean;
  /** After each answer that was taken; it may throw to end the taking. */
  readonly onPage: (added: number) => void;
}

/** Hashes of one question, display order; `last`: the newest header that was taken, if there is one. */
function locatorOf(chain: SyncedChain, last: string | undefined): readonly string[] {
  const locator = last === undefined ? chain.locator() : [last, ...chain.locator()];
  return locator.slice(0, MAX_LOCATOR_HASHES);
}

/**
 * Takes all headers that a peer has beyond ours, page by page, up to the tip it names with the last one. While one page
 * is checked the next is on its way. Nothing is believed: the chain judges the headers, and in the end the tip.
 * @returns the peer's tip, known to our chain now
 * @throws HeadersError what the peer did wrong, APART; ChainError a fault of ours
 */
export async function takeHeaders(talk: HeadersTalk, chain: SyncedChain, opts: TakeOptions): Promise<Tip> {
  let locator = opts.anywhere && !chain.isStarted() ? [] : locatorOf(chain, undefined);
  let page = await talk.ask(locator, MAX_HEADERS);
  let last: string | undefined;
  let barren = 0;
  let restarts = 0;
  for (;;) {
    if (page.isApart) throw new HeadersError('APART', 'none of our headers is on its chain, nor below it');
    const first = firstLink(page);
    if (first === undefined) return endedAt(chain, page.tip);
    if (locator.length > 0 && !locator.includes(first)) throw unlinked(first);
    if (last !== undefined && first !== last && ++restarts > MAX_RESTARTS) throw withheld(page.tip);
    last = lastHash(page.headers);
    const isLast = last === displayHex(page.tip.hash);
    if (!isLast && page.headers.length < MAX_HEADERS * HEADER_BYTES) throw withheld(page.tip);
    locator = locatorOf(chain, last);
    const next = isLast ? undefined : talk.ask(locator, MAX_HEADERS);
    // It may fail while the page before is still at work; whoever awaits it hears of it.
    next?.catch(() => undefined);
    const { added } = await chain.add(page.headers).catch((thrown: unknown) => {
      throw refusalOf(thrown);
    });
    opts.onPage(added);
    barren = added > 0 ? 0 : barren + 1;
    if (barren > MAX_BARREN_PAGES) throw withheld(page.tip);
    if (next === undefined) return endedAt(chain, page.tip);
    page = await next;
  }
}

/** The claim is judged now that its headers are known. */
function endedAt(chain: SyncedChain, tip: Tip): Tip {
  if (!chain.knows(displayHex(tip.hash))) throw withheld(tip);
  checkClaim(chain, tip);
  return tip;
}

/** What the first header links to, display order. */
function firstLink({ headers }: HeadersBody): string | undefined {
  return headers.length === 0 ? undefined : displayHex(prevBytesOf(headers));
}

function lastHash(headers: Uint8Array): string {
  return displayHex(headerHash(headers.subarray(headers.length - HEADER_BYTES)));
}

function unlinked(prevHash: string): HeadersError {
  return new HeadersError(
    'HEADERS_UNLINKED',
    `the first header links to ${prevHash}, which was not asked for`,
    {
      prevHash,
    },
  );
}

function withheld({ height, hash }: Tip): HeadersError {
  const name = displayHex(hash);
  return new HeadersError('HEADERS_WITHHELD', `gave no headers that lead to ${name} at height ${height}`, {
    hash: name,
    height,
  });
}

/** Hashes of a locator on the wire, display order. */
export function readLocator(bytes: Uint8Array): readonly string[] {
  const hashes: string[] = [];
  for (let at = 0; at < bytes.length; at += HASH_BYTES)
    hashes.push(displayHex(bytes.subarray(at, at + HASH_BYTES)));
  return hashes;
}
