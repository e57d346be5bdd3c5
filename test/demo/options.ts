import { parseArgs } from 'node:util';

const USAGE = `usage: npm run demo -- [--seconds N] [--rate N]
  --seconds N  how long payments are made, 2 to 600 (default 20)
  --rate N     payments a second, 1 to 500 (default 60)`;

export interface DemoLength {
  readonly seconds: number;
  /** Payments a second. */
  readonly rate: number;
}

/** The options of the command line, or what is to be said of wrong ones. */
export function readOptions(args: readonly string[]): DemoLength | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seconds: { type: 'string', default: '20' },
        rate: { type: 'string', default: '60' },
      },
    });
    const seconds = Number(values.seconds);
    const rate = Number(values.rate);
    return isWithin(seconds, 2, 600) && isWithin(rate, 1, 500) ? { seconds, rate } : USAGE;
  } catch {
    return USAGE;
  }
}

function isWithin(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}
