// npm run bench -- NAME [options]: runs one benchmark and prints its figures as the last line, one JSON object.
import { BENCHES } from './benches.ts';

const [name = '', ...args] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  process.stderr.write(`usage: npm run bench -- NAME [options]\n`);
  for (const [known, { about }] of Object.entries(BENCHES))
    process.stderr.write(`  ${known.padEnd(10)} ${about}\n`);
  process.exit(3);
}
const { run } = await bench.load();
const figures = await run(args);
process.stdout.write(`${JSON.stringify({ bench: name, ...figures })}\n`);
