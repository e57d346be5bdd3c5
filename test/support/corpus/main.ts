import { parseArgs } from 'node:util';
import { CorpusError } from './errors.ts';
import { type CorpusOptions, generateCorpus } from './generate.ts';

const USAGE = `main.js --out DIR --transfers N [--owners K] [--seed S] [--tokens T] [--mined-share 0..1]
  [--carry-parents] [--background N] [--background-owners K] [--block-transactions N]`;

/** Whole number of an option, or an error that names it. */
function count(name: string, text: string): number {
  if (!/^[0-9]+$/.test(text)) {
    throw new CorpusError('BAD_OPTION', `--${name} takes a whole number, not "${text}"`);
  }
  return Number(text);
}

function share(text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0 && value <= 1)) {
    throw new CorpusError('BAD_OPTION', `--mined-share takes a number from 0 to 1, not "${text}"`);
  }
  return value;
}

/** Options of `generateCorpus` from the command line. */
export function corpusOptions(args: readonly string[]): CorpusOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      out: { type: 'string' },
      transfers: { type: 'string' },
      owners: { type: 'string', default: '50' },
      seed: { type: 'string', default: 'corpus' },
      tokens: { type: 'string', default: '1' },
      'mined-share': { type: 'string', default: '0' },
      'carry-parents': { type: 'boolean', default: false },
      background: { type: 'string', default: '0' },
      'background-owners': { type: 'string' },
      'block-transactions': { type: 'string', default: '4096' },
    },
  });
  if (values.out === undefined || values.transfers === undefined) {
    throw new CorpusError('BAD_OPTION', `--out and --transfers are needed\n${USAGE}`);
  }
  const backgroundOwners = values['background-owners'];
  return {
    directory: values.out,
    seed: values.seed,
    transfers: count('transfers', values.transfers),
    owners: count('owners', values.owners),
    tokens: count('tokens', values.tokens),
    minedShare: share(values['mined-share']),
    carryParents: values['carry-parents'],
    blockTransactions: count('block-transactions', values['block-transactions']),
    background: count('background', values.background),
    ...(backgroundOwners === undefined
      ? {}
      : { backgroundOwners: count('background-owners', backgroundOwners) }),
  };
}

/** Prints with the time gone by; at most two lines a second, the last one (`done`) always. */
function progressLine(): (text: string) => void {
  const started = performance.now();
  let last = 0;
  return (text) => {
    const now = performance.now();
    if (now - last >= 500 || text.startsWith('done')) {
      last = now;
      process.stderr.write(`${((now - started) / 1000).toFixed(1).padStart(7)} s  ${text}\n`);
    }
  };
}

if (import.meta.main) {
  try {
    generateCorpus({ ...corpusOptions(process.argv.slice(2)), progress: progressLine() });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
