// Opens one damaged store after another and tells what a reader gets. A process of its own, since LevelDB ends the process
// on some damage: its assertions are compiled in.
import { ChainError } from '../../src/chain/errors.ts';
import { type Core, storeOptions } from '../../src/node/core.ts';
import { Database } from '../../src/store/database.ts';
import { StoreError } from '../../src/store/errors.ts';
import { audit, openTestCore, testCoreModules, testCoreOptions } from '../support/core.ts';
import type { CellRequest, CellResult } from '../support/damage-cells.ts';
import {
  type DumpPlan,
  dumpIndex,
  errorsIn,
  type IndexDump,
  planOf,
  wrongAnswers,
} from '../support/index-dump.ts';

interface Clean {
  readonly plan: DumpPlan;
  readonly answers: IndexDump;
}

const clean = new Map<string, Clean>();

function isTyped(error: unknown): error is StoreError | ChainError {
  return error instanceof StoreError || error instanceof ChainError;
}

async function answersOf(core: Core, request: CellRequest, plan: DumpPlan | undefined): Promise<Clean> {
  const asked = plan ?? (await planOf(core.reader));
  if (request.reader === 'store') return { plan: asked, answers: await dumpIndex(core.reader, asked) };
  return { plan: asked, answers: await rawRows(core.store.database) };
}

/** Reads without any check of our own: what LevelDB gives is taken for the truth. */
async function rawRows(database: Database): Promise<IndexDump> {
  const rows = new Map<string, string>();
  for await (const { key, value } of database.rows(Buffer.of(0), Buffer.of(0xff))) {
    if (key[0] !== 0x6d) rows.set(key.toString('hex'), value.toString('hex'));
  }
  return rows;
}

async function readRaw(request: CellRequest, known: Clean): Promise<CellResult> {
  const { config } = testCoreOptions({ path: request.path, follow: [] });
  const { database } = await Database.open(storeOptions(config, testCoreModules));
  try {
    const rows = await rawRows(database);
    const wrong = [...known.answers.keys()].filter((key) => rows.get(key) !== known.answers.get(key));
    return { wrong, errors: [], problems: [] };
  } finally {
    await database.close();
  }
}

async function readChecked(request: CellRequest, known: Clean): Promise<CellResult> {
  const core = await openTestCore({ path: request.path, follow: request.follow });
  try {
    if (request.compact) await core.store.database.compact();
    const { answers } = await answersOf(core, request, known.plan);
    const problems = [...(await codes(audit(core))), ...(await codes(core.chain.verify()))];
    return {
      wrong: wrongAnswers(known.answers, answers),
      errors: errorsIn(answers),
      problems: [...new Set(problems)],
    };
  } finally {
    await core.close().catch((error: unknown) => {
      if (!isTyped(error)) throw error;
    });
  }
}

/** Codes of what a check reports, or of the typed error that ended it. */
async function codes(check: Promise<object>): Promise<string[]> {
  try {
    const report = await check;
    return 'problems' in report ? (report.problems as { code: string }[]).map((p) => p.code) : [];
  } catch (error) {
    if (isTyped(error)) return [error.code];
    throw error;
  }
}

async function run(request: CellRequest): Promise<CellResult> {
  const { clean: cleanPath, follow, reader } = request;
  const id = `${reader} ${cleanPath}`;
  if (!clean.has(id)) {
    const core = await openTestCore({ path: cleanPath, follow });
    clean.set(id, await answersOf(core, request, undefined));
    await core.close();
  }
  const known = clean.get(id)!;
  if (request.path === cleanPath) return { wrong: [], errors: [], problems: [], asked: known.answers.size };
  try {
    return reader === 'raw' ? await readRaw(request, known) : await readChecked(request, known);
  } catch (error) {
    if (isTyped(error)) return { openError: error.code, wrong: [], errors: [], problems: [] };
    return {
      fault: error instanceof Error ? (error.stack ?? error.message) : String(error),
      wrong: [],
      errors: [],
      problems: [],
    };
  }
}

process.on('message', (request: CellRequest) => {
  void run(request).then((result) => process.send!(result));
});
