import { RowReader, type RowWriter } from './row-bytes.ts';

/** Running figures of one token; the row changes with every commit that touches the token. */
export interface TokenRecord {
  readonly tokenNo: number;
  readonly tokenId: string;
  /** Complete for all transactions held: it was followed since its row was made, or was rescanned after. */
  readonly tracked: boolean;
  readonly deploy: TokenDeploy | undefined;
  readonly binaryOutputsSeen: boolean;
  readonly issued: bigint;
  readonly burned: bigint;
  readonly lost: bigint;
  /** Kept as the sum of coins, checked at each commit against issued - burned - lost. */
  readonly circulating: bigint;
  readonly holders: number;
  readonly coins: number;
  readonly transactions: number;
  readonly undecided: number;
}

export interface TokenDeploy {
  readonly sym: string | undefined;
  readonly dec: number;
  readonly icon: string | undefined;
}

export function newToken(tokenNo: number, tokenId: string, tracked: boolean): TokenRecord {
  return {
    tokenNo,
    tokenId,
    tracked,
    deploy: undefined,
    binaryOutputsSeen: false,
    issued: 0n,
    burned: 0n,
    lost: 0n,
    circulating: 0n,
    holders: 0,
    coins: 0,
    transactions: 0,
    undecided: 0,
  };
}

/** False for a token that was only met, or has nothing here: followed from now on, it was never indexed. */
export function isIndexed(t: TokenRecord): boolean {
  const hasData = t.transactions + t.undecided + t.coins > 0 || t.issued > 0n || t.burned > 0n || t.lost > 0n;
  return t.tracked || t.binaryOutputsSeen || t.deploy !== undefined || hasData;
}

/** Value of a `u` row. */
export function encodeToken(w: RowWriter, key: Uint8Array, t: TokenRecord): Buffer {
  const flags = (t.tracked ? 1 : 0) | (t.deploy === undefined ? 0 : 2) | (t.binaryOutputsSeen ? 4 : 0);
  w.begin().text(t.tokenId).u8(flags);
  if (t.deploy !== undefined) {
    w.u8(t.deploy.dec).u8((t.deploy.sym === undefined ? 0 : 1) | (t.deploy.icon === undefined ? 0 : 2));
    if (t.deploy.sym !== undefined) w.text(t.deploy.sym);
    if (t.deploy.icon !== undefined) w.text(t.deploy.icon);
  }
  w.amount(t.issued).amount(t.burned).amount(t.lost).amount(t.circulating);
  return w.varint(t.holders).varint(t.coins).varint(t.transactions).varint(t.undecided).seal(key);
}

export function decodeToken(key: Uint8Array, value: Uint8Array): TokenRecord {
  const tokenNo = RowReader.ofKey(key).u32();
  const r = RowReader.open(key, value);
  const tokenId = r.text();
  const flags = r.u8();
  let deploy: TokenDeploy | undefined;
  if ((flags & 2) !== 0) {
    const dec = r.u8();
    const has = r.u8();
    const sym = (has & 1) === 0 ? undefined : r.text();
    deploy = { dec, sym, icon: (has & 2) === 0 ? undefined : r.text() };
  }
  const record: TokenRecord = {
    tokenNo,
    tokenId,
    tracked: (flags & 1) !== 0,
    deploy,
    binaryOutputsSeen: (flags & 4) !== 0,
    issued: r.amount(),
    burned: r.amount(),
    lost: r.amount(),
    circulating: r.amount(),
    holders: r.varint(),
    coins: r.varint(),
    transactions: r.varint(),
    undecided: r.varint(),
  };
  r.finish();
  return record;
}
