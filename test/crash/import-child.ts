// Imports a corpus and tells, line by line on a pipe, what it does and what was acknowledged: made to be killed.
import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openTestCore } from '../support/core.ts';
import { readFrames } from '../support/corpus/frames.ts';

export interface ImportOrder {
  readonly path: string;
  readonly corpus: string;
  readonly follow: readonly string[];
  readonly syncWrites: boolean;
  /** Frame to begin with. */
  readonly from: number;
}

/** Offers in flight: small, so that there are many commits. */
const WINDOW = 24;
/** Headers come in portions between the transactions, so that proofs wait for them, and waiting ones are tried again. */
const HEADER_PORTIONS = 6;

/** What the parent reads was said before the kill: the write is done when this returns. */
function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error; // full, while the parent is busy
    }
  }
}

const order = JSON.parse(process.argv[2]!) as ImportOrder;
const headers = readFileSync(join(order.corpus, 'headers.bin'));
const frames = ['history.bin', 'transfers.bin'].flatMap((name) => [
  ...readFrames(readFileSync(join(order.corpus, name))),
]);

say('opening');
const core = await openTestCore(order);
say('open');
const portion = Math.ceil(frames.length / HEADER_PORTIONS);
let added = 0;
for (let at = order.from; at < frames.length; at += WINDOW) {
  const known = Math.min(1, (Math.floor(at / portion) + 1) / HEADER_PORTIONS);
  const until = 80 * Math.floor((known * headers.length) / 80);
  if (until > added) {
    await core.chain.add(headers.subarray(0, until));
    await core.chainSettled();
    added = until;
  }
  const offers = frames.slice(at, at + WINDOW).map(async (frame, i) => {
    const outcome = await core.ingest.offer(frame, 'import');
    say(`ack ${at + i} ${outcome.status} ${outcome.txid ?? ''}`);
  });
  await Promise.all(offers);
}
await core.chain.add(headers);
await core.chainSettled();
await core.ingest.drained();
say('headers');
await core.close();
say('done');
