import { parseTransaction } from '../spv/transaction.ts';
import { PREFIX, txKey } from '../store/keys.ts';
import { decodeTx } from '../store/records.ts';
import { RowWriter } from '../store/row-bytes.ts';
import type { Row } from '../store/scan.ts';
import type { TokenRecord } from '../store/token-row.ts';
import { outputLike, unjudged } from './evaluate.ts';
import { cascade, childrenOf } from './settle.ts';
import type { TokenBook } from './token-book.ts';
import { tokensOf } from './token-outputs.ts';
import type { Workset } from './workset.ts';

/** Rows looked at in one turn of the writer: what others offer meanwhile waits for no more than this. */
const TURN_ROWS = 256;

export interface RescanModules {
  readonly book: TokenBook;
  readonly begin: () => Workset;
  readonly commit: (ws: Workset, tokens: readonly TokenRecord[]) => Promise<void>;
  /** Runs after everything that was asked of the one writer before. */
  readonly exclusive: (work: () => Promise<void>) => Promise<void>;
}

/**
 * Evaluates the stored history of tokens that are followed from now on, turn by turn between the commits of others. A cut
 * or a commit of others in between is harmless, since evaluation depends on nothing but the stored transactions: what came
 * in since the tokens are followed has them already, and a parent evaluated later has its children evaluated again.
 */
export class Rescan {
  private readonly modules: RescanModules;
  private last: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(modules: RescanModules) {
    this.modules = modules;
  }

  /** Until no followed token is incomplete. Rejects with the error of a read or write. */
  run(): Promise<void> {
    const run = this.last.then(() => this.scans());
    this.last = run.catch(() => undefined);
    return run;
  }

  /** Ends it after the turn that it is in. */
  stop(): Promise<void> {
    this.stopped = true;
    return this.last;
  }

  private async scans(): Promise<void> {
    const { book } = this.modules;
    for (let left = book.incomplete(); left.length > 0 && !this.stopped; left = book.incomplete()) {
      await this.scan(new Set(left), book.version);
    }
  }

  /** One pass over all transactions for these tokens; given up when the followed tokens change. */
  private async scan(wanted: ReadonlySet<number>, version: number): Promise<void> {
    const { book, begin, commit, exclusive } = this.modules;
    const { store } = begin();
    const { database, tokens } = store;
    // What comes from now on is judged when it comes.
    const end = Buffer.from(txKey(new RowWriter(), store.tip().arrival + 1));
    const rows = database.rows(Buffer.of(PREFIX.tx), end);
    try {
      for (let isOver = false; !isOver; ) {
        await exclusive(async () => {
          isOver = this.stopped || book.version !== version;
          if (isOver) return;
          const turn = await take(rows, TURN_ROWS);
          const ws = begin();
          for (const row of turn) evaluateRow(ws, row, wanted, book);
          isOver = turn.length < TURN_ROWS;
          const done = isOver ? [...wanted].map((no) => ({ ...tokens.get(no)!, tracked: true })) : [];
          await commit(ws, done);
        });
      }
    } finally {
      await rows.return(undefined);
    }
  }
}

async function take(rows: AsyncGenerator<Row>, count: number): Promise<Row[]> {
  const taken: Row[] = [];
  while (taken.length < count) {
    const next = await rows.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

/** The row is as old as the scan, so it only tells which transaction to look at. */
function evaluateRow(ws: Workset, { key, value }: Row, wanted: ReadonlySet<number>, book: TokenBook): void {
  const record = ws.tx(decodeTx(key, value).txid);
  if (record === undefined) return;
  const tx = parseTransaction(record.raw);
  const content = tokensOf(tx, book);
  for (const tokenId of content.binaryTokens) ws.binaryTokens.add(book.followed(tokenId)!);
  const groups = content.groups.filter((g) => wanted.has(g.tokenNo));
  if (groups.length === 0) return;
  const kept = record.tokens.filter((p) => !wanted.has(p.tokenNo) || p.outputs.length === 0);
  const found = groups.map((g) => unjudged({ tokenNo: g.tokenNo, outputs: g.outputs.map(outputLike) }));
  ws.setTx({ ...record, tokens: [...kept, ...found].sort((a, b) => a.tokenNo - b.tokenNo) });
  cascade(ws, [record.txid, ...childrenOf(ws, tx)]);
}
