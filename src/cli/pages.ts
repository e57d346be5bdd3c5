import type { Context } from './context.ts';
import { EXIT, type ExitCode } from './errors.ts';
import { table } from './format.ts';

interface ListPage {
  readonly items: readonly unknown[];
  readonly cursor?: string | undefined;
}

interface PageAsked {
  limit?: number;
  cursor?: string;
}

interface ListView<P extends ListPage> {
  row(item: P['items'][number], page: P): readonly string[];
  /** Columns of figures. */
  readonly right: readonly number[];
  /** What is said of an empty list. */
  readonly none: string;
  remarks?(page: P): readonly string[];
}

/** Items of a page where all pages are wanted and no limit was given. */
const LARGE_PAGE = 1000;

/** Prints a list, whole or one page; a list that was cut says so and gives the cursor for the rest. */
export async function printPages<P extends ListPage>(
  context: Context,
  fetch: (page: PageAsked) => Promise<P>,
  list: ListView<P>,
): Promise<ExitCode> {
  const { out, io } = context;
  const all = context.flag('all');
  const limit = context.number('limit') ?? (all ? LARGE_PAGE : undefined);
  let cursor = context.text('cursor');
  let isEmpty = true;
  for (let first = true; ; first = false) {
    const asked: PageAsked = {};
    if (limit !== undefined) asked.limit = limit;
    if (cursor !== undefined) asked.cursor = cursor;
    const page = await fetch(asked);
    out.data(page, () =>
      table(
        page.items.map((item) => list.row(item, page)),
        list.right,
      ),
    );
    cursor = page.cursor;
    isEmpty &&= page.items.length === 0;
    if (out.mode === 'human') {
      // A page may be empty and yet not the last: a filter left out all that was looked at.
      if (isEmpty && cursor === undefined) out.note(list.none);
      if (first) for (const remark of list.remarks?.(page) ?? []) out.note(remark);
    }
    if (cursor === undefined || io.signal.aborted) return EXIT.ok;
    if (all) continue;
    if (out.mode !== 'json')
      out.note(`${isEmpty ? 'nothing so far; ' : ''}there is more: --cursor ${cursor}`);
    return EXIT.ok;
  }
}
