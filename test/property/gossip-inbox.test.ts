import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MIN_BEEF_BYTES } from '../../protocols/gossip/constants.ts';
import { encodeAnnouncements, encodeBeefs } from '../../protocols/gossip/message.ts';
import type { Outcome } from '../../src/ingest/outcome.ts';
import { SILENT_LOG } from '../../src/observe/log.ts';
import type { TxRecord } from '../../src/store/records.ts';
import { GossipInbox } from '../../src/sync/gossip-inbox.ts';
import { GOSSIP_LIMITS } from '../../src/sync/gossip-limits.ts';
import type { GossipVerdict } from '../../src/sync/gossip-net.ts';
import { type TellableState, Told } from '../../src/sync/told.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { BARE_TX, NotingJudge } from '../support/gossip.ts';

const RUNS = process.env['BTCFED_TEST_LONG'] === '1' ? 5_000 : 150;
const TOKEN = `${'ab'.repeat(32)}_0`;
const TXS = 12;
const txidOf = (n: number): string => n.toString(16).padStart(64, '0');

/** What a transaction is from the start, or becomes when its time comes. */
type Fate = 'valid' | 'later valid' | 'later invalid' | 'never' | 'invalid' | 'conflict' | 'foreign' | 'busy';
const FATES: readonly Fate[] = [
  'valid',
  'later valid',
  'later invalid',
  'never',
  'invalid',
  'conflict',
  'foreign',
  'busy',
];

interface Sent {
  readonly peer: string;
  readonly txs: readonly number[];
  readonly isAnnouncement: boolean;
  verdict: GossipVerdict | undefined;
}

class Model {
  readonly fates: readonly Fate[];
  readonly ripe = new Set<number>();

  constructor(fates: readonly Fate[]) {
    this.fates = fates;
  }

  outcome(n: number): Outcome {
    const txid = txidOf(n);
    const fate = this.fates[n]!;
    const isLater = fate.startsWith('later');
    if (fate === 'never' || (isLater && !this.ripe.has(n)))
      return { status: 'pending', txid, waitingFor: 'parents', missing: [] };
    if (fate === 'conflict') return { status: 'conflict', txid, conflictsWith: [] };
    if (fate === 'busy') return { status: 'rejected', code: 'QUEUE_FULL', data: {} };
    if (fate === 'invalid' || fate === 'later invalid')
      return { status: 'rejected', txid, code: 'SCRIPT_FAILED', data: {} };
    return { status: 'admitted', txid, tokens: [] };
  }

  record(n: number): TxRecord | undefined {
    if (this.outcome(n).status !== 'admitted') return undefined;
    const tokenNo = this.fates[n] === 'foreign' ? 2 : 1;
    const record = { txid: txidOf(n), arrival: n, raw: BARE_TX, status: 'active', tokens: [{ tokenNo }] };
    return record as unknown as TxRecord;
  }
}

const messages = fc.array(
  fc.record({
    peer: fc.constantFrom('p', 'q', 'r'),
    txs: fc.uniqueArray(fc.nat({ max: TXS - 1 }), { minLength: 1, maxLength: 4 }),
    isAnnouncement: fc.boolean(),
    advanceMs: fc.constantFrom(0, 0, 100, 2_000),
    ripe: fc.nat({ max: TXS - 1 }),
  }),
  { minLength: 1, maxLength: 25 },
);

describe('the inbox under any messages', () => {
  it('answers each, keeps nothing, passes on only what is valid, and blames only for what is not', async () => {
    const seen: Record<GossipVerdict, number> = { accept: 0, ignore: 0, reject: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...FATES), { minLength: TXS, maxLength: TXS }),
        messages,
        async (fates, list) => {
          const model = new Model(fates);
          const clock = new FakeClock();
          const judge = new NotingJudge();
          const rethought: TellableState[] = [];
          const told = new Told();
          const numberOf = (txid: string): number => Number.parseInt(txid, 16);
          const inbox = new GossipInbox({
            offers: {
              offer: (beef) => Promise.resolve(model.outcome(beef[0]!)),
              outcome: (txid) => model.outcome(numberOf(txid)),
              ready: () => Promise.resolve(),
            },
            store: { tx: (txid) => model.record(numberOf(txid)), tokenNos: new Map([[TOKEN, 1]]) },
            ...{ judge, told, clock, log: SILENT_LOG },
            chain: { tip: () => ({ height: 1 }) },
            isFollowed: () => true,
            hooks: { fetchMissing: () => undefined, compareSoon: () => undefined },
            rethink: (states) => rethought.push(...states),
          });
          const all: Sent[] = [];
          for (const { peer, txs, isAnnouncement, advanceMs, ripe } of list) {
            const data = isAnnouncement
              ? encodeAnnouncements(txs.map((n) => ({ txid: txidOf(n), size: 1, height: undefined })))
              : encodeBeefs(txs.map((n) => Buffer.alloc(MIN_BEEF_BYTES, n)));
            const sent: Sent = { peer, txs, isAnnouncement, verdict: undefined };
            all.push(sent);
            void inbox.validate(TOKEN, peer, data).then((verdict) => {
              sent.verdict = verdict;
            });
            await settled();
            model.ripe.add(ripe);
            inbox.settle(txidOf(ripe));
            await clock.advance(advanceMs);
          }
          await clock.advance(GOSSIP_LIMITS.holdMs + 10);
          assert.deepEqual(
            [inbox.facts().bytes, inbox.facts().held, inbox.facts().queued, clock.waiting],
            [0, 0, 0, 0],
          );
          const passedOn = new Set<number>();
          for (const { verdict, txs } of all) {
            assert.ok(verdict !== undefined);
            seen[verdict]++;
            const isGood = txs.every((n) => ['valid', 'later valid'].includes(fates[n]!));
            if (verdict === 'accept') assert.ok(isGood);
            if (verdict === 'accept') for (const n of txs) passedOn.add(n);
          }
          for (const { peerId, code } of judge.penalties) {
            const faults = {
              TX_INVALID: ['invalid', 'later invalid'],
              TX_FOREIGN: ['foreign'],
              GOSSIP_CONFLICT: ['conflict'],
            };
            const fatesOf = faults[code as keyof typeof faults];
            const hasSent = all.some(
              (sent) => sent.peer === peerId && sent.txs.some((n) => fatesOf.includes(fates[n]!)),
            );
            assert.ok(hasSent, `${peerId} ${code}`);
          }
          // What is valid is told to others by a message that was passed on, or is to be published by us.
          const toTell = new Set(rethought.map(({ arrival }) => arrival));
          for (const { txs, isAnnouncement } of all) {
            for (const n of txs) {
              if (fates[n] !== 'valid' || isAnnouncement) continue;
              assert.ok(passedOn.has(n) || toTell.has(n), `${n} is told to nobody`);
            }
          }
        },
      ),
      { numRuns: RUNS },
    );
    assert.ok(seen.accept > 0 && seen.ignore > 0 && seen.reject > 0, JSON.stringify(seen));
  });
});
