import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventRecord } from '../../../src/store/event-row.ts';
import { UNMINED_HEIGHT } from '../../../src/store/keys.ts';
import type { HistoryEntryAt, HistoryPlace, TokenHistory } from '../../../src/store/token-history.ts';
import { TokenState } from '../../../src/sync/token-state.ts';

const TOKEN = 7;
const TIP = 5;

const txid = (arrival: number): Buffer => Buffer.alloc(32, arrival);

/** The history at one read point: by arrival, at which place of which block; undefined: unmined. */
class Rows {
  private readonly places: ReadonlyMap<number, readonly [height: number, index: number] | undefined>;
  /** From which heights mined rows were read. */
  readonly heights: number[] = [];
  /** Called when the mined rows, or the unmined ones, are read. */
  onRead: (kind: 'mined' | 'unmined') => void = () => undefined;

  constructor(places: Readonly<Record<number, readonly [number, number] | undefined>>) {
    this.places = new Map(Object.entries(places).map(([arrival, place]) => [Number(arrival), place]));
  }

  async *pages(_token: number, from: HistoryPlace, to: number): AsyncGenerator<readonly HistoryEntryAt[]> {
    if (from.height !== UNMINED_HEIGHT) this.heights.push(from.height);
    const rows = [...this.places].map(([arrival, place]) => ({
      height: place?.[0] ?? UNMINED_HEIGHT,
      order: place?.[1] ?? arrival,
      txid: txid(arrival),
    }));
    rows.sort((a, b) => a.height - b.height || a.order - b.order);
    yield rows.filter(({ height }) => height >= from.height && height <= to);
    this.onRead(from.height === UNMINED_HEIGHT ? 'unmined' : 'mined');
  }

  unmined(_token: number, arrival: number): Buffer | undefined {
    return this.places.has(arrival) && this.places.get(arrival) === undefined ? txid(arrival) : undefined;
  }

  txidOf(arrival: number): Buffer | undefined {
    return this.places.has(arrival) ? txid(arrival) : undefined;
  }

  get history(): TokenHistory {
    return this as unknown as TokenHistory;
  }
}

function event(
  type: EventRecord['type'],
  created: number,
  position?: { height: number; index: number },
): EventRecord {
  return { type, tokenNo: TOKEN, created, vout: 0, spender: undefined, position };
}

function made(): TokenState {
  return new TokenState(TOKEN, () => Buffer.alloc(32, 1));
}

function counts(state: TokenState): readonly [mined: number, unmined: number] {
  return [state.chain.countAt(TIP), state.unmined.size];
}

describe('what is known of a token', () => {
  it('a commit while the mined rows of an earlier one are read counts for the next read', async () => {
    const state = made();
    const first = new Rows({ 1: [2, 0], 2: undefined });
    await state.refresh(first.history, TIP);
    assert.deepEqual(counts(state), [1, 1]);
    first.onRead = () => {
      first.onRead = () => undefined;
      state.markEvent(event('created', 3));
      state.markEvent(event('createdMined', 2, { height: 3, index: 0 }));
    };
    await state.refresh(first.history, TIP);
    assert.deepEqual(counts(state), [1, 1]);
    await state.refresh(new Rows({ 1: [2, 0], 2: [3, 0], 3: undefined }).history, TIP);
    assert.deepEqual(counts(state), [2, 1]);
    assert.ok(state.unmined.has(3) && !state.unmined.has(2));
  });

  it('a commit while all is read anew counts for the next read, too', async () => {
    const state = made();
    const first = new Rows({ 1: [2, 0], 2: undefined });
    await state.refresh(first.history, TIP);
    for (const kind of ['mined', 'unmined'] as const) {
      first.onRead = (read) => {
        if (read === kind) state.markEvent(event('createdMined', 2, { height: 3, index: 0 }));
      };
      state.markAll();
      await state.refresh(first.history, TIP);
      assert.deepEqual(counts(state), [1, 1]);
      await state.refresh(new Rows({ 1: [2, 0], 2: [3, 0] }).history, TIP);
      assert.deepEqual(counts(state), [2, 0], kind);
      state.markEvent(event('createdUnmined', 2, { height: 3, index: 0 }));
      await state.refresh(first.history, TIP);
      assert.deepEqual(counts(state), [1, 1], kind);
    }
  });

  it('one that comes, or goes, in the middle costs no reading of the blocks above', async () => {
    const before = { 1: [2, 0], 2: [3, 0], 3: [4, 0] } as const;
    const [with4, without2] = [
      { ...before, 4: [3, 1] },
      { 1: [2, 0], 3: [4, 0] },
    ] as const;
    for (const [after, moved] of [
      [with4, event('created', 4, { height: 3, index: 1 })],
      [without2, event('createdUnmined', 2, { height: 3, index: 0 })],
    ] as const) {
      const [state, anew] = [made(), made()];
      await state.refresh(new Rows(before).history, TIP);
      state.markEvent(moved);
      const rows = new Rows(after);
      await state.refresh(rows.history, TIP);
      assert.deepEqual(rows.heights, [3, TIP + 1]);
      await anew.refresh(new Rows(after).history, TIP);
      assert.deepEqual(state.tacAt(TIP), anew.tacAt(TIP));
      assert.equal(state.chain.countAt(TIP), anew.chain.countAt(TIP));
    }
  });

  it('a read that fails is made again as a whole', async () => {
    const state = made();
    const first = new Rows({ 1: [2, 0], 2: undefined });
    await state.refresh(first.history, TIP);
    const second = new Rows({ 1: [2, 0], 2: [3, 0], 3: undefined });
    state.markEvent(event('createdMined', 2, { height: 3, index: 0 }));
    state.markEvent(event('created', 3));
    second.onRead = () => {
      throw new Error('the disk');
    };
    await assert.rejects(state.refresh(second.history, TIP), /the disk/);
    second.onRead = () => undefined;
    await state.refresh(second.history, TIP);
    assert.deepEqual(counts(state), [2, 1]);
  });
});
