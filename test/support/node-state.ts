import assert from 'node:assert/strict';
import { afterPrefix, PREFIX } from '../../src/store/keys.ts';
import { decodeTx } from '../../src/store/records.ts';
import type { Page, PageRequest, Position, TokenEvent, TxView } from '../../src/store/view.ts';
import type { ChainView } from './corpus/active.ts';
import { VALUE_OPS } from './corpus/decode.ts';
import { type ReferenceState, type ReferenceToken, referenceState } from './corpus/reference.ts';
import type { TestNode } from './node.ts';

/** What a node answers, and what the reference model says, in one form. Lines of text, so that a difference is readable. */

export interface TokenState {
  /** Every output of an active transaction: what it is, its verdict, where it was made, who spends it. */
  readonly outputs: readonly string[];
  /** Unspent, authorities included. */
  readonly coins: readonly string[];
  readonly balances: readonly string[];
  readonly supply: string;
  /** Largest first. */
  readonly holders: readonly string[];
  /** By owner; under the empty name of the token as a whole. */
  readonly history: Readonly<Record<string, readonly string[]>>;
  /** Transactions with a pending verdict, and the outpoints that it waits for. */
  readonly undecided: readonly string[];
}

export interface IndexState {
  readonly tokens: Readonly<Record<string, TokenState>>;
  /** Held transactions that count, by txid, with their place. */
  readonly active: readonly string[];
}

/** Small, so that tests turn pages. */
const PAGE = 3;

const place = (position: Position | undefined): string =>
  position === undefined ? 'unmined' : `${position.height}:${position.index}`;

const sorted = (lines: Iterable<string>): string[] => [...lines].sort();

async function all<T>(read: (page: PageRequest) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<T> = await read(cursor === undefined ? { limit: PAGE } : { limit: PAGE, cursor });
    assert.ok(page.items.length <= PAGE);
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return items;
}

/** Every transaction in the index, in order of arrival. */
export async function heldTxs(node: TestNode): Promise<TxView[]> {
  const prefix = Buffer.of(PREFIX.tx);
  const views: TxView[] = [];
  for await (const { key, value } of node.store.database.rows(prefix, afterPrefix(prefix))) {
    const { txid } = decodeTx(key, value);
    const view = node.reader.tx(txid);
    assert.ok(view !== undefined, `${txid} has a row, but is not found`);
    views.push(view);
  }
  return views;
}

/** txids that wait, whatever for; those of indexed transactions (for a proof) are left out. */
export function waitingTxids(node: TestNode): string[] {
  return sorted([...node.store.waiting.keys()].filter((txid) => node.store.tx(txid) === undefined));
}

export async function nodeState(node: TestNode): Promise<IndexState> {
  const held = await heldTxs(node);
  const tokens: Record<string, TokenState> = {};
  for (const tokenId of node.ingest.followed()) tokens[tokenId] = await tokenState(node, tokenId, held);
  const active = held.filter((tx) => tx.status === 'active').map((tx) => `${tx.txid} ${place(tx.position)}`);
  return { tokens, active: sorted(active) };
}

async function tokenState(node: TestNode, tokenId: string, held: readonly TxView[]): Promise<TokenState> {
  const { reader } = node;
  const info = reader.token(tokenId);
  assert.ok(info !== undefined);
  const parts = held
    .filter((tx) => tx.status === 'active')
    .flatMap((tx) => tx.tokens.filter((part) => part.tokenId === tokenId).map((part) => ({ tx, part })));
  const outputs = parts.flatMap(({ tx, part }) =>
    part.outputs.map(
      (o) =>
        `${tx.txid}_${o.vout} ${o.op} ${o.amt} ${o.lock} ${hex(o.owner)} ${o.verdict} ${place(tx.position)} ${o.spentBy ?? '-'}`,
    ),
  );
  const owners = new Map(
    parts.flatMap(({ part }) => part.outputs.map((o) => [hex(o.owner), o.owner] as const)),
  );
  const balances: string[] = [];
  const history: Record<string, readonly string[]> = {};
  for (const [name, owner] of [['', undefined] as const, ...owners]) {
    const rows = await all((page) => reader.history(tokenId, owner === undefined ? {} : { owner }, page));
    const lines = rows.map((row) => `${row.txid} ${place(row.position)} +${row.received} -${row.sent}`);
    if (lines.length > 0) history[name] = lines;
    if (owner !== undefined) balances.push(...(await balanceLines(node, tokenId, name, owner)));
  }
  const coins = await all((page) => reader.coins(tokenId, undefined, page));
  const holders = await all((page) => reader.holders(tokenId, page));
  assert.equal(info.coins, coins.length, 'the number of coins is that of the list');
  assert.equal(info.holders, holders.length, 'the number of holders is that of the list');
  assert.equal(
    info.transactions,
    history['']?.length ?? 0,
    'the number of transactions is that of the history',
  );
  const undecided = parts.filter(({ part }) => !part.decided);
  assert.equal(info.undecided, undecided.length, 'the number of undecided transactions');
  return {
    outputs: sorted(outputs),
    coins: sorted(
      coins.map((c) => `${c.outpoint} ${c.op} ${c.amt} ${c.lock} ${hex(c.owner)} ${place(c.position)}`),
    ),
    balances: sorted(balances),
    supply: supplyLine(info.supply),
    holders: holders.map(({ owner, balance }) => `${balance} ${hex(owner)}`),
    history,
    undecided: sorted(undecided.map(({ tx, part }) => `${tx.txid} ${part.undecided.join()}`)),
  };
}

async function balanceLines(
  node: TestNode,
  tokenId: string,
  name: string,
  owner: Uint8Array,
): Promise<string[]> {
  const balance = await node.reader.balance(tokenId, owner);
  const own = await all((page) => node.reader.coins(tokenId, owner, page));
  const coins = balance.byLock.reduce((sum, each) => sum + each.coins, 0);
  assert.equal(coins, own.length, 'the coins of a balance are those listed');
  return balance.byLock
    .filter((each) => each.confirmed + each.unconfirmed > 0n)
    .map((each) => `${name} ${each.lock} ${each.confirmed} ${each.unconfirmed}`);
}

function supplyLine(supply: { issued: bigint; burned: bigint; lost: bigint; circulating: bigint }): string {
  const { issued, burned, lost, circulating } = supply;
  return `issued ${issued} burned ${burned} lost ${lost} circulating ${circulating}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** The same of the reference model, for these tokens. */
export function expectedState(
  view: ChainView,
  tokenIds: readonly string[],
): IndexState & { full: ReferenceState } {
  const full = referenceState(view);
  const tokens: Record<string, TokenState> = {};
  for (const tokenId of tokenIds) tokens[tokenId] = expectedToken(full, full.tokens.get(tokenId));
  const active = full.set.active.map((tx) => `${tx.txid} ${place(tx.position)}`);
  return { tokens, active: sorted(active), full };
}

const NOTHING: TokenState = {
  outputs: [],
  coins: [],
  balances: [],
  supply: supplyLine({ issued: 0n, burned: 0n, lost: 0n, circulating: 0n }),
  holders: [],
  history: {},
  undecided: [],
};

function expectedToken(full: ReferenceState, token: ReferenceToken | undefined): TokenState {
  if (token === undefined) return NOTHING;
  const outputs = [...token.outputs.values()];
  const totals = [...token.balances].map(([owner, b]) => [b.confirmed + b.unconfirmed, owner] as const);
  return {
    outputs: sorted(
      outputs.map(
        (o) =>
          `${o.outpoint} ${o.op} ${o.amt} ${o.lockType} ${o.owner} ${o.verdict} ${place(o.position)} ${o.spentBy ?? '-'}`,
      ),
    ),
    coins: sorted(
      [...token.coins, ...token.authorities].map(
        (c) => `${c.outpoint} ${c.op} ${c.amt} ${c.lockType} ${c.owner} ${place(c.position)}`,
      ),
    ),
    balances: sorted(
      [...token.balances].flatMap(([owner, balance]) =>
        [...balance.byLock]
          .filter(([, each]) => each.confirmed + each.unconfirmed > 0n)
          .map(([lock, each]) => `${owner} ${lock} ${each.confirmed} ${each.unconfirmed}`),
      ),
    ),
    supply: supplyLine(token.supply),
    holders: totals
      .filter(([sum]) => sum > 0n)
      .sort((a, b) => (a[0] === b[0] ? (a[1] < b[1] ? -1 : 1) : a[0] > b[0] ? -1 : 1))
      .map(([sum, owner]) => `${sum} ${owner}`),
    history: expectedHistory(full, token),
    undecided: sorted([...token.undecided].map(([txid, outpoints]) => `${txid} ${outpoints.join()}`)),
  };
}

/** Who only gets the satoshis of a burn back has no history of the token (A7). */
function expectedHistory(full: ReferenceState, token: ReferenceToken): Record<string, readonly string[]> {
  const isBurn = (outpoint: string): boolean => token.outputs.get(outpoint)?.op === 'burn';
  const history: Record<string, readonly string[]> = {};
  const whole = new Map<string, { received: bigint; sent: bigint }>();
  for (const [owner, entries] of token.history) {
    const shown = entries.filter((e) => e.created.length > 0 || !e.spent.every(isBurn));
    if (shown.length > 0) {
      history[owner] = shown.map((e) => `${e.txid} ${place(e.position)} +${e.received} -${e.sent}`);
    }
    for (const { txid, received, sent } of shown) {
      const sum = whole.get(txid) ?? { received: 0n, sent: 0n };
      whole.set(txid, { received: sum.received + received, sent: sum.sent + sent });
    }
  }
  const known = (txid: string) => full.set.known.get(txid)!;
  const ordered = [...whole].sort(([a], [b]) => {
    const [x, y] = [known(a), known(b)];
    if (x.position === undefined || y.position === undefined) {
      return Number(x.position === undefined) - Number(y.position === undefined) || x.arrival - y.arrival;
    }
    return x.position.height - y.position.height || x.position.index - y.position.index;
  });
  if (ordered.length > 0) {
    history[''] = ordered.map(
      ([txid, { received, sent }]) => `${txid} ${place(known(txid).position)} +${received} -${sent}`,
    );
  }
  return history;
}

/** VALUE coins of the reference add up to its circulation, so that the oracle itself is held to section 4. */
export function assertConserved(state: ReferenceState): void {
  for (const token of state.tokens.values()) {
    const coins = token.coins.reduce((sum, coin) => sum + (VALUE_OPS.includes(coin.op) ? coin.amt : 0n), 0n);
    assert.equal(token.supply.circulating, coins);
  }
}

/** The events replayed: what a subscriber believes. Fails on a gap, and on an event that does not fit what went before. */
export async function replayed(node: TestNode): Promise<Map<string, string>> {
  const outputs = new Map<string, { what: string; created: string; spentBy?: string; spentAt?: string }>();
  let sequence = 0n;
  for (;;) {
    const events = await node.reader.events(sequence, 7);
    if (events.length === 0) break;
    for (const event of events) {
      sequence++;
      assert.equal(event.sequence, sequence, 'events are numbered without gaps');
      apply(outputs, event);
    }
  }
  assert.equal(sequence, node.reader.facts().sequence);
  const lines = [...outputs].map(
    ([id, o]) => [id, `${o.what} ${o.created} ${o.spentBy ?? '-'} ${o.spentAt ?? '-'}`] as const,
  );
  return new Map(lines.sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Output = { what: string; created: string; spentBy?: string; spentAt?: string };

function apply(outputs: Map<string, Output>, event: TokenEvent): void {
  const { type, tokenId, outpoint, op, amt, owner, lock, txid, position } = event;
  const id = `${tokenId} ${outpoint}`;
  const label = `event ${event.sequence} ${type} ${id}`;
  const output = outputs.get(id);
  if (type === 'created') {
    assert.equal(output, undefined, `${label}: it is there already`);
    outputs.set(id, { what: `${op} ${amt} ${lock} ${hex(owner)}`, created: place(position) });
    return;
  }
  assert.ok(output !== undefined, `${label}: it is not there`);
  assert.equal(`${op} ${amt} ${lock} ${hex(owner)}`, output.what, label);
  switch (type) {
    case 'removed':
      assert.equal(output.spentBy, undefined, `${label}: it is spent`);
      assert.equal(place(position), output.created, label);
      outputs.delete(id);
      return;
    case 'createdMined':
      assert.equal(output.created, 'unmined', label);
      output.created = place(position);
      return;
    case 'createdUnmined':
      assert.equal(output.created, place(position), label);
      output.created = 'unmined';
      return;
    case 'spent':
      assert.equal(output.spentBy, undefined, `${label}: it is spent already`);
      output.spentBy = txid;
      output.spentAt = place(position);
      return;
    default:
      assert.equal(output.spentBy, txid, `${label}: another one spends it`);
      if (type === 'spentMined') assert.equal(output.spentAt, 'unmined', label);
      else assert.equal(output.spentAt, place(position), label);
      if (type === 'unspent') {
        delete output.spentBy;
        delete output.spentAt;
      } else output.spentAt = type === 'spentMined' ? place(position) : 'unmined';
  }
}

/** What the events should have told, from what the node holds. A burn is final: spending its satoshi tells nothing. */
async function outputsHeld(node: TestNode): Promise<Map<string, string>> {
  const held = await heldTxs(node);
  const byTxid = new Map(held.map((tx) => [tx.txid, tx]));
  const lines: [string, string][] = [];
  for (const tx of held) {
    if (tx.status !== 'active') continue;
    for (const { tokenId, outputs } of tx.tokens) {
      for (const o of outputs) {
        if (o.verdict !== 'valid') continue;
        const spender = o.op === 'burn' ? undefined : o.spentBy;
        const spentAt = spender === undefined ? '-' : place(byTxid.get(spender)?.position);
        const what = `${o.op} ${o.amt} ${o.lock} ${hex(o.owner)}`;
        lines.push([
          `${tokenId} ${tx.txid}_${o.vout}`,
          `${what} ${place(tx.position)} ${spender ?? '-'} ${spentAt}`,
        ]);
      }
    }
  }
  return new Map(lines.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The node agrees with the reference model of what it was told, with itself (audit), and its events with its state.
 * Transactions that the model counts and the node does not hold must touch none of the tokens, which the rest shows.
 */
export async function assertState(node: TestNode, view: ChainView): Promise<IndexState> {
  const state = await nodeState(node);
  const { full, ...expected } = expectedState(view, node.ingest.followed());
  assertConserved(full);
  assert.deepEqual(state.tokens, expected.tokens);
  const counted = new Set(expected.active);
  assert.deepEqual(
    state.active.filter((line) => !counted.has(line)),
    [],
    'transactions that count here, or in another place, but not in the model',
  );
  for (const { txid, status } of await heldTxs(node)) {
    if (status !== 'active')
      assert.ok(full.set.inactive.has(txid), `${txid} is ${status}, but counts in the model`);
  }
  assert.deepEqual(await replayed(node), await outputsHeld(node), 'the events tell another state');
  await node.audit();
  return state;
}
