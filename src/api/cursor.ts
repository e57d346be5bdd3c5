import { createHash } from 'node:crypto';
import type { StoreView } from '../store/view.ts';
import { ApiError } from './errors.ts';
import { MAX_CURSOR_CHARS } from './limits.ts';

/** What a cursor belongs to: the list as it was asked for, and the store that it points into. */
export type ListName = readonly (string | number | undefined)[];

const SEAL_BYTES = 6;
const SEAL_CHARS = 8;

/**
 * Cursors as callers see them: the store's own and a seal over it and the list that gave it. A cursor of another list,
 * owner, filter or node, or one that was cut off in copying, would else begin somewhere and look like an answer.
 */
export class Cursors {
  readonly #list: string;

  constructor(view: StoreView, list: ListName) {
    this.#list = JSON.stringify([view.facts().databaseId, ...list]);
  }

  give(inner: string): string {
    return `${inner}.${this.#seal(inner)}`;
  }

  /** @throws ApiError CURSOR_INVALID */
  take(cursor: string): string {
    const inner = cursor.slice(0, -SEAL_CHARS - 1);
    if (inner === '' || cursor !== this.give(inner)) {
      throw new ApiError('CURSOR_INVALID', { cursor: cursor.slice(0, MAX_CURSOR_CHARS) });
    }
    return inner;
  }

  #seal(inner: string): string {
    const digest = createHash('sha256').update(`${this.#list}\n${inner}`).digest();
    return digest.subarray(0, SEAL_BYTES).toString('base64url');
  }
}
