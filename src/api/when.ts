import { ApiError } from './errors.ts';

const DAY_SECONDS = 86_400;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/;
const UNIX = /^\d{1,11}$/;

/**
 * Unix seconds of one end of a time range, both ends inclusive. Takes Unix seconds, an ISO time (UTC unless it
 * says otherwise), or a bare date: its first second as `from`, its last as `to`.
 */
export function boundary(end: 'from' | 'to', given: string | number | undefined): number | undefined {
  if (given === undefined) return undefined;
  const seconds = typeof given === 'number' ? given : parse(end, given.trim());
  if (seconds !== undefined && Number.isFinite(seconds)) {
    // Between two seconds there is no block: round towards the inside of the range.
    return end === 'from' ? Math.ceil(seconds) : Math.floor(seconds);
  }
  throw new ApiError(
    'INVALID_PARAMS',
    { fields: [end] },
    `${end}: "${given}" is no date; write 2025-07-01, 2025-07-01T12:00:00Z or Unix seconds`,
  );
}

function parse(end: 'from' | 'to', text: string): number | undefined {
  if (UNIX.test(text)) return Number(text);
  if (!DATE.test(text) && !TIME.test(text)) return undefined;
  const date = text.slice(0, 10);
  const start = Date.parse(`${date}T00:00:00Z`) / 1000;
  // Date.parse takes 2025-02-30 for March; a date must come back as it was written.
  if (Number.isNaN(start) || new Date(start * 1000).toISOString().slice(0, 10) !== date) return undefined;
  if (text === date) return end === 'from' ? start : start + DAY_SECONDS - 1;
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10)) ? text : `${text}Z`;
  const ms = Date.parse(zoned.replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : ms / 1000;
}
