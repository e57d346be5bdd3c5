/** What one daemon says of one token. */
export interface Row {
  readonly daemon: string;
  readonly peers: number;
  readonly height: number;
  readonly symbol: string;
  readonly transactions: number;
  /** Of them a second. */
  readonly pace: number;
  readonly unmined: number;
  /** Of the person who is shown. */
  readonly balance: string;
  /** Commitment to the mined history; undefined while it cannot be told. */
  readonly tac: string | undefined;
  readonly state: string;
}

interface Column {
  readonly head: string;
  readonly width: number;
  readonly isText?: boolean;
  /** The same for all tokens of a daemon: shown once. */
  readonly isOfDaemon?: boolean;
  cell(row: Row): string;
}

const SHORT_HASH = 10;
const GAP = '  ';

const COLUMNS: readonly Column[] = [
  { head: 'daemon', width: 6, isText: true, isOfDaemon: true, cell: ({ daemon }) => daemon },
  { head: 'peers', width: 5, isOfDaemon: true, cell: ({ peers }) => String(peers) },
  { head: 'tip', width: 3, isOfDaemon: true, cell: ({ height }) => String(height) },
  { head: 'token', width: 5, isText: true, cell: ({ symbol }) => symbol },
  { head: 'txs', width: 5, cell: ({ transactions }) => String(transactions) },
  { head: 'tx/s', width: 4, cell: ({ pace }) => pace.toFixed(0) },
  { head: 'unmined', width: 7, cell: ({ unmined }) => String(unmined) },
  { head: 'alice', width: 6, cell: ({ balance }) => balance },
  {
    head: 'commitment',
    width: SHORT_HASH,
    isText: true,
    cell: ({ tac }) => tac?.slice(0, SHORT_HASH) ?? '-',
  },
  { head: 'state', width: 10, isText: true, cell: ({ state }) => state },
];

/** No line is wider, as long as no cell outgrows its column. */
export const TABLE_WIDTH = COLUMNS.reduce((sum, { width }) => sum + width + GAP.length, -GAP.length);

/** The rows under their heads. */
export function table(rows: readonly Row[]): string[] {
  const heads = COLUMNS.map((column) => padded(column, column.head));
  const cells = rows.map((row, i) => {
    const isNext = rows[i - 1]?.daemon === row.daemon;
    return COLUMNS.map((column) => padded(column, isNext && column.isOfDaemon ? '' : column.cell(row)));
  });
  return [heads, ...cells].map((line) => line.join(GAP).trimEnd());
}

function padded({ width, isText }: Column, text: string): string {
  return isText ? text.padEnd(width) : text.padStart(width);
}
