import { UNMINED_HEIGHT } from './keys.ts';
import { decodeHistory } from './owner-rows.ts';
import type { RowPageRequest } from './pages.ts';
import { RowReader } from './row-bytes.ts';
import type { HistoryFilter } from './view.ts';

export type TimeOfHeight = (height: number) => number | undefined;

/** Block times may run backwards, by no more than this: a block is later than the median of 11 and at most 2 h ahead. */
const TIME_SLACK_SECONDS = 3 * 60 * 60;

interface Times {
  readonly timeOfHeight: TimeOfHeight;
  readonly tipHeight: number;
}

/** Turns a filter into a range of keys and a check a row. Rows are in order of block, unmined ones last. */
export function historyRequest(
  prefix: Buffer,
  filter: HistoryFilter,
  times: Times,
): Pick<RowPageRequest, 'prefix' | 'from' | 'to' | 'keep'> {
  const { fromHeight, toHeight, fromTime, toTime } = filter;
  const first = Math.max(
    fromHeight ?? 0,
    fromTime === undefined ? 0 : firstHeightAfter(fromTime - TIME_SLACK_SECONDS, times),
  );
  const range = {
    prefix,
    from: atHeight(prefix, first),
    ...(toHeight === undefined ? {} : { to: atHeight(prefix, toHeight + 1) }),
  };
  if (fromTime === undefined && toTime === undefined) return range;
  return {
    ...range,
    keep: ({ key, value }) => {
      const height = heightOf(key, prefix);
      const isMined = height !== UNMINED_HEIGHT;
      const time = isMined ? times.timeOfHeight(height) : decodeHistory(key, value).seenAt;
      // It may be within: to leave it out would be a statement that lacks a deposit.
      if (time === undefined) return true;
      return time >= (fromTime ?? 0) && time <= (toTime ?? Number.MAX_SAFE_INTEGER);
    },
  };
}

function atHeight(prefix: Buffer, height: number): Buffer {
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(Math.min(height, UNMINED_HEIGHT));
  return Buffer.concat([prefix, tail]);
}

function heightOf(key: Buffer, prefix: Buffer): number {
  return RowReader.ofKey(key.subarray(prefix.length - 1)).u32();
}

/** Lowest height from which on blocks may be later than `time`. */
function firstHeightAfter(time: number, { timeOfHeight, tipHeight }: Times): number {
  let low = 0;
  let high = tipHeight + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((timeOfHeight(middle) ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  // Nothing tells when the blocks below the first header were.
  return low > 0 && timeOfHeight(low - 1) === undefined ? 0 : low;
}
