import { MAX_PAGE } from '../../api/limits.ts';
import type { Result } from '../../api/methods/index.ts';
import type { Command, OptionTable } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../errors.ts';
import { clean, formatUnits, table } from '../format.ts';
import { printPages } from '../pages.ts';
import { disagreeLines, syncText } from '../sync-text.ts';

const TOKEN = { name: 'ID', doc: 'Token id <txid>_<output index>.' } as const;

const MAX_HEIGHT = 0xffff_ffff;

const PAGE: OptionTable = {
  limit: { type: 'int', value: 'N', min: 1, max: MAX_PAGE, doc: 'Items at most (1 to 1000; default 100).' },
  cursor: { type: 'text', value: 'CURSOR', doc: 'Go on where a list was cut.' },
  all: { type: 'flag', doc: 'All pages; with --json one object a page.' },
};

interface Head {
  readonly token: string;
  readonly symbol?: string | undefined;
  readonly decimals?: number | undefined;
  readonly state: string;
}

function unit(head: Head): string {
  return head.symbol === undefined ? '' : ` ${clean(head.symbol, 20)}`;
}

function amount(head: Head, value: string): string {
  return `${formatUnits(value, head.decimals)}${unit(head)}`;
}

/** What a person must know before the figures: an empty token, or figures that may still change. */
function remarks(of: object & { state: string }): string[] {
  const warnings = Object.entries(of).filter(([key]) => key.startsWith('warning_'));
  const empty = of.state === 'empty' ? ['nothing of this token has arrived yet'] : [];
  return [...empty, ...warnings.map(([, text]) => `warning: ${String(text)}`)];
}

function tokenText(info: Result<'token.get'>, isTty: boolean): string {
  const { supply, sync } = info;
  const rows = [
    ['token', info.token],
    ['symbol', clean(info.symbol ?? '-')],
    ['decimals', String(info.decimals ?? '-')],
    ['state', info.state],
    ['issued', amount(info, supply.issued)],
    ['burned', amount(info, supply.burned)],
    ['lost', amount(info, supply.lost)],
    ['circulating', amount(info, supply.circulating)],
    ['holders', String(info.holders)],
    ['coins', String(info.coins)],
    ['transactions', String(info.transactions)],
    ['undecided', String(info.undecided)],
    ...(sync === undefined ? [] : syncRows(sync, isTty)),
  ];
  return [table(rows), ...remarks(info)].join('\n');
}

function syncRows(sync: NonNullable<Result<'token.get'>['sync']>, isTty: boolean): string[][] {
  const { commitment, agree } = sync;
  return [
    ['sync', syncText(sync, isTty)],
    ...(commitment === undefined
      ? []
      : [
          [
            'commitment',
            `${commitment.tac} at block ${commitment.height}, ${commitment.entries} mined, ${commitment.unmined} not`,
          ],
        ]),
    ...agree.map((peer) => ['', `${peer} agrees`]),
    ...disagreeLines(sync).map((line) => ['', line]),
  ];
}

async function runToken(context: Context): Promise<number> {
  const info = await context.with(context.daemon(), (c) => c.call('token.get', { token: context.arg(0) }));
  context.out.data(info, () => tokenText(info, context.io.stdout.isTty));
  return EXIT.ok;
}

async function runTokens(context: Context): Promise<number> {
  return context.with(context.daemon(), (caller) =>
    printPages(context, (page) => caller.call('token.list', { all: context.flag('seen'), ...page }), {
      row: (t) => [
        t.token,
        clean(t.symbol ?? '-', 20),
        t.followed ? t.state : 'not followed',
        amount(t, t.supply.circulating),
        `${t.holders} holders`,
        `${t.transactions} transactions`,
      ],
      right: [],
      none: 'no token is followed; add ids to tokens.follow in conf.yaml',
    }),
  );
}

async function runBalance(context: Context): Promise<number> {
  const [token = '', ...addresses] = context.args;
  const answer = await context.with(context.daemon(), async (caller) => {
    const [address = ''] = addresses;
    if (addresses.length === 1) return caller.call('token.balance', { token, address });
    return caller.call('token.balances', { token, addresses });
  });
  const items = 'items' in answer ? answer.items : [answer];
  context.out.data(answer, () => {
    const head = ['address', 'total', 'confirmed', 'unconfirmed', 'coins'];
    const rows = items.map((b) => [
      b.address,
      amount(b, b.total),
      formatUnits(b.confirmed, b.decimals),
      formatUnits(b.unconfirmed, b.decimals),
      String(b.coins),
    ]);
    const [first] = items;
    const notes = first === undefined ? [] : remarks(first);
    return [table([head, ...rows], [1, 2, 3, 4]), `sequence ${answer.sequence}`, ...notes].join('\n');
  });
  return EXIT.ok;
}

async function runUtxos(context: Context): Promise<number> {
  const address = context.args[1];
  const params = { token: context.arg(0), ...(address === undefined ? {} : { address }) };
  return context.with(context.daemon(), (caller) =>
    printPages(context, (page) => caller.call('token.utxos', { ...params, ...page }), {
      row: (coin, head) => [
        coin.outpoint,
        amount(head, coin.amount),
        coin.height === undefined ? 'unmined' : `height ${coin.height}`,
        coin.lock,
        coin.address,
      ],
      right: [1],
      none: 'no coins',
      remarks: (page) => remarks(page),
    }),
  );
}

async function runHistory(context: Context): Promise<number> {
  const given = {
    address: context.args[1],
    fromHeight: context.number('from-height'),
    toHeight: context.number('to-height'),
    from: context.text('from'),
    to: context.text('to'),
  };
  const filters = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return context.with(context.daemon(), (caller) =>
    printPages(
      context,
      (page) => caller.call('token.history', { token: context.arg(0), ...filters, ...page }),
      {
        row: (entry, head) => [
          entry.time ?? '-',
          entry.height === undefined ? 'unmined' : `${entry.height}:${entry.index}`,
          entry.change.startsWith('-') ? amount(head, entry.change) : `+${amount(head, entry.change)}`,
          entry.txid,
        ],
        right: [1, 2],
        none: 'no transactions',
        remarks: (page) => remarks(page),
      },
    ),
  );
}

async function runHolders(context: Context): Promise<number> {
  return context.with(context.daemon(), (caller) =>
    printPages(context, (page) => caller.call('token.holders', { token: context.arg(0), ...page }), {
      row: (holder, head) => [holder.address, amount(head, holder.balance)],
      right: [1],
      none: 'no holders',
      remarks: (page) => remarks(page),
    }),
  );
}

export const queryCommands: readonly Command[] = [
  {
    name: 'tokens',
    summary: 'Tokens that are followed.',
    args: [],
    options: { ...PAGE, seen: { type: 'flag', doc: 'Also tokens that were only seen.' } },
    examples: [['tokens', 'all followed tokens']],
    run: runTokens,
  },
  {
    name: 'token',
    summary: 'One token: symbol, supply, holders.',
    args: [TOKEN],
    options: {},
    examples: [['token ID', 'symbol, supply and state']],
    run: runToken,
  },
  {
    name: 'balance',
    summary: 'Balances of addresses, all true for the same event sequence.',
    args: [TOKEN, { name: 'ADDRESS', doc: 'Address, or 64 hex digits of a script hash.', many: true }],
    options: {},
    examples: [
      ['balance ID ADDRESS', 'one address'],
      ['balance --json ID ADDRESS1 ADDRESS2', 'several, as base units in JSON'],
    ],
    run: runBalance,
  },
  {
    name: 'utxos',
    summary: 'Unspent coins of an address, or of all.',
    args: [TOKEN, { name: 'ADDRESS', doc: 'Only coins of this owner.', optional: true }],
    options: PAGE,
    examples: [['utxos ID ADDRESS --limit 10', 'the first ten coins']],
    run: runUtxos,
  },
  {
    name: 'history',
    summary: 'Transactions in chronological order, the unmined ones last.',
    args: [TOKEN, { name: 'ADDRESS', doc: 'Only what this owner received or sent.', optional: true }],
    options: {
      'from-height': { type: 'int', value: 'N', max: MAX_HEIGHT, doc: 'From this block on.' },
      'to-height': { type: 'int', value: 'N', max: MAX_HEIGHT, doc: 'Up to this block.' },
      from: {
        type: 'text',
        value: 'DATE',
        doc: 'From this date (2025-07-01), time (UTC) or Unix second on.',
      },
      to: { type: 'text', value: 'DATE', doc: 'Up to this date, its whole day included.' },
      ...PAGE,
    },
    examples: [
      ['history ID ADDRESS --from 2025-07-01 --to 2025-07-31', 'one month of one address'],
      ['history ID --all --json', 'everything, a page a line'],
    ],
    run: runHistory,
  },
  {
    name: 'holders',
    summary: 'Owners with a balance, the largest first.',
    args: [TOKEN],
    options: PAGE,
    examples: [['holders ID --limit 20', 'the twenty largest']],
    run: runHolders,
  },
];
