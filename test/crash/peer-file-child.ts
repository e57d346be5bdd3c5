// Saves learned peers to a peers.yaml without end, or COUNT times, one more peer each time; says what it begins and
// what it has saved. Arguments: FILE FIRST [COUNT].
import { randomBytes } from 'node:crypto';
import { nodeDisk } from '../../config/disk.ts';
import type { PeerEntry } from '../../config/peer-entry.ts';
import { PeerFile } from '../../src/p2p/peer-file.ts';
import { OWN_KEY, peerOfNumber, recordingLog, TestClock } from '../support/peer-file.ts';

const [file = '', first = '0', count = 'Infinity'] = process.argv.slice(2);
const memory = new Map<string, PeerEntry>();
const peers = new PeerFile(
  { file, ownKey: OWN_KEY },
  {
    disk: nodeDisk,
    clock: new TestClock(),
    randomBytes,
    log: recordingLog([]),
    watch: async () => async () => {},
  },
);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const { learned } = await peers.load();
for (const entry of learned) memory.set(entry.publicKey, entry);
await peers.start({
  learned: () => [...memory.values()],
  changed(change) {
    for (const entry of change.learned) memory.set(entry.publicKey, entry);
    for (const key of change.removed) memory.delete(key);
  },
});
say(`loaded ${memory.size} ${peers.state()}`);
for (let number = Number(first); number < Number(first) + Number(count); number++) {
  const entry = peerOfNumber(number);
  memory.set(entry.publicKey, entry);
  say(`begin ${number}`);
  say((await peers.save()) ? `saved ${number}` : `failed ${number} ${peers.state()}`);
}
await peers.stop();
