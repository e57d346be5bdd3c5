import { checkSigned } from '../../protocols/peer-exchange/record.ts';
import { SignedRecords } from '../../src/p2p/signed-record.ts';
import { type SimNode, testKey } from './exchange-net.ts';

/** Fills each attacker's book with signed records of keys that nobody runs, and calls them alive for ever. */
export async function poison(attackers: readonly SimNode[], each: number): Promise<void> {
  const records = new SignedRecords();
  let number = 1_000_000;
  for (const { book } of attackers) {
    for (let i = 0; i < each; i++, number++) {
      const key = await testKey(number);
      const subnet = number - 1_000_000;
      const record = await key.sign([`/ip4/60.${(subnet >> 8) & 255}.${subnet & 255}.1/tcp/9000`], 1n);
      const facts = await records.open(record);
      book.take(
        { ...checkSigned(facts, () => true), tokenHints: undefined, seenS: 0 },
        { source: key.peerId, isPublic: true },
      );
      book.present(key.peerId);
    }
  }
}
