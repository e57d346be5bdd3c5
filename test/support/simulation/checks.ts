import assert from 'node:assert/strict';
import { naiveCommitment } from '../naive-commitment.ts';
import {
  assertConserved,
  expectedState,
  type IndexState,
  nodeState,
  type TokenState,
} from '../node-state.ts';
import type { SimDaemon } from './daemon.ts';
import type { Simulation } from './simulation.ts';
import { LIAR } from './trap.ts';

/** Everybody honest who follows a token tells the same of it, at the tip of the history. */
export async function checkAgreement({ plan, honest }: Simulation): Promise<boolean> {
  const { tokens, chain } = plan.history;
  if (honest.some(({ life }) => life?.node.chain.tip().hash !== chain.tip.hash)) return false;
  for (const tokenId of tokens) {
    const digests = new Set<string>();
    for (const daemon of honest) {
      if (!daemon.tokens.includes(tokenId)) continue;
      const { ingest, reader } = daemon.now.node;
      if (!ingest.follows(tokenId)) return false;
      // Counted by a commitment, whatever it is worth.
      if ((reader.token(tokenId)?.undecided ?? 0) > 0) return false;
      const digest = await daemon.digest(tokenId).catch((error: unknown) => {
        // The index is following the header chain, or it was never heard of.
        if (['NOT_READY', 'TOKEN_UNKNOWN'].includes((error as { code?: string }).code ?? ''))
          return undefined;
        throw error;
      });
      if (digest === undefined) return false;
      digests.add(digest);
    }
    if (digests.size > 1) return false;
    const [digest] = digests;
    if (digest !== undefined && digest !== expectedDigest(plan.history, tokenId)) return false;
  }
  return true;
}

type History = Simulation['plan']['history'];

const digests = new WeakMap<History, Map<string, string>>();

/** What the specification says, from nothing. */
function expectedDigest(history: History, tokenId: string): string {
  const known = digests.get(history) ?? new Map<string, string>();
  digests.set(history, known);
  let digest = known.get(tokenId);
  if (digest === undefined) {
    const naive = naiveCommitment(history.view, history.headers, tokenId);
    const tac = Buffer.from(naive.tacs.at(-1)!, 'hex').reverse().toString('hex');
    digest = `${tac} ${naive.mined.length} ${naive.unmined.length} ${naive.unminedDigest}`;
    known.set(tokenId, digest);
  }
  return digest;
}

const states = new WeakMap<History, Readonly<Record<string, TokenState>>>();

function expectedTokens(history: History): Readonly<Record<string, TokenState>> {
  let state = states.get(history);
  if (state === undefined) {
    const { tokens, full } = expectedState(history.view, history.tokens);
    assertConserved(full);
    state = tokens;
    states.set(history, state);
  }
  return state;
}

/** Indexes are those of the reference model, row by row, supply and balances among them; nobody honest was banned. */
export async function checkEnd(simulation: Simulation): Promise<void> {
  const { honest, plan } = simulation;
  for (const daemon of honest) {
    const { node } = daemon.now;
    checkState(daemon, await nodeState(node), plan.history);
    // Sums over all coins against issued - burned - lost, every spend once, every row by another one.
    const { problemCount } = await node.audit();
    assert.equal(problemCount, 0);
  }
  checkLiar(simulation);
  const isHonest = (id: string): boolean => honest.some((daemon) => daemon.id === id);
  const wronged = honest.flatMap(({ penalties }) =>
    penalties.filter(({ of, code, verdict }) => isHonest(of) && (verdict === 'ban' || !NATURAL.test(code))),
  );
  assert.deepEqual(wronged, [], 'honest ones are banned, or blamed for what they did not do');
}

/** A store that is made anew from transactions, proofs and headers of a daemon tells the same. */
export async function checkRebuilt({ plan }: Simulation, daemon: SimDaemon): Promise<void> {
  checkState(daemon, await daemon.rebuilt(), plan.history);
}

function checkState({ id, tokens: followed }: SimDaemon, { tokens }: IndexState, history: History): void {
  const expected = expectedTokens(history);
  assert.deepEqual(Object.keys(tokens).sort(), [...followed].sort());
  for (const [tokenId, state] of Object.entries(tokens))
    assert.deepEqual(comparable(state), comparable(expected[tokenId]!), `${id} ${tokenId}`);
}

/** What anybody is said to do where lines break and coins are spent twice. */
const NATURAL = /^(SILENT|SLOW|GOSSIP_CONFLICT)$/;

/**
 * Nothing that he made up is anywhere, and nothing is said of him but what he did. Whether he is found out is told by the count: a
 * lie may come too late to matter.
 */
function checkLiar({ honest, trap, plan, counts }: Simulation): void {
  if (trap === undefined) return;
  const { liar } = trap;
  const said = honest.flatMap(({ penalties }) => penalties.filter(({ of }) => of === LIAR));
  const caught = said.filter(({ code }) => liar.codes.test(code));
  if (counts.of('lie') > 0) counts.add(`${plan.lie} told`);
  if (caught.length > 0) counts.add(`${plan.lie} caught`);
  if (caught.some(({ verdict }) => verdict !== 'none')) counts.add(`${plan.lie} dropped`);
  if (caught.some(({ verdict }) => verdict === 'ban')) counts.add(`${plan.lie} banned`);
  const other = said.filter(({ code }) => !liar.codes.test(code) && !NATURAL.test(code));
  assert.deepEqual(other, [], `he lies by ${plan.lie}`);
  for (const { id, now } of honest)
    for (const txid of liar.lies) assert.equal(now.node.store.tx(txid), undefined, `${id} holds a lie`);
}

/** Unmined rows of a history are in order of arrival, which is each one's own; and what is worth nothing need not be known. */
function comparable(state: TokenState): unknown {
  const history = Object.fromEntries(
    Object.entries(state.history).map(([owner, rows]) => [
      owner,
      [
        ...rows.filter((row) => !row.includes(' unmined ')),
        ...rows.filter((row) => row.includes(' unmined ')).sort(),
      ],
    ]),
  );
  return { ...state, history, outputs: state.outputs.filter((line) => / valid /.test(line)) };
}

/** What queues and maps hold beyond what they hold at rest: nothing. */
export function busy({ now }: SimDaemon): string {
  const { node, sync, gossip, headers } = now;
  const { lanes, hunts, wanted } = sync.facts();
  const { queued, held, bytes } = gossip.facts().inbound;
  const { inFlight } = node.ingest.facts();
  const { rounds, serving } = headers.facts();
  const all = { lanes, hunts, wanted, queued, held, bytes, inFlight, rounds, serving };
  return Object.entries(all)
    .flatMap(([name, count]) => (count === 0 ? [] : [`${name} ${count}`]))
    .join();
}
