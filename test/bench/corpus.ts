import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateCorpus } from '../support/corpus/generate.ts';

/** What `facts.json` of a corpus says. */
export interface Facts {
  readonly tokenId: string;
  readonly supply: string;
  /** Per address, what its coins made by the transfers sum up to. */
  readonly balances: Readonly<Record<string, string>>;
}

export interface BenchCorpus {
  readonly directory: string;
  readonly facts: Facts;
  /** Token id of `background.bin`, if there is one. */
  readonly backgroundTokenId: string | undefined;
  readonly remove: () => void;
}

export interface CorpusShape {
  readonly transfers: number;
  readonly owners: number;
  readonly background: number;
}

/** The corpus in a folder, or one generated now into a temporary folder. */
export function openCorpus(directory: string | undefined, shape: CorpusShape): BenchCorpus {
  if (directory !== undefined) {
    return { directory, facts: factsOf(directory), backgroundTokenId: undefined, remove: () => undefined };
  }
  const made = mkdtempSync(join(tmpdir(), 'btcfed-corpus-'));
  generateCorpus({ directory: made, seed: 'bench', ...shape });
  const background = join(made, 'background.json');
  return {
    directory: made,
    facts: factsOf(made),
    backgroundTokenId: existsSync(background) ? factsOf(made, 'background.json').tokenId : undefined,
    remove: () => rmSync(made, { recursive: true, force: true }),
  };
}

function factsOf(directory: string, name = 'facts.json'): Facts {
  return JSON.parse(readFileSync(join(directory, name), 'utf8')) as Facts;
}

const READ_BYTES = 1 << 20;

/** Frames (`u32 LE length` + BEEF) of a file, read a megabyte at a time; each is a copy of its own. */
export function* framesOf(path: string): Generator<Uint8Array> {
  const file = openSync(path, 'r');
  try {
    let held = Buffer.alloc(0);
    for (;;) {
      const piece = Buffer.alloc(READ_BYTES);
      const read = readSync(file, piece, 0, READ_BYTES, null);
      held = Buffer.concat([held, piece.subarray(0, read)]);
      let at = 0;
      while (held.length - at >= 4 && held.length - at - 4 >= held.readUInt32LE(at)) {
        const end = at + 4 + held.readUInt32LE(at);
        yield Uint8Array.prototype.slice.call(held, at + 4, end);
        at = end;
      }
      held = held.subarray(at);
      if (read === 0) {
        if (held.length > 0) throw new Error(`${path}: ${held.length} bytes after the last whole frame`);
        return;
      }
    }
  } finally {
    closeSync(file);
  }
}
