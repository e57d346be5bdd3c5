import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressOf, parseAddress, parseOwner } from '../../src/token/address.ts';
import { hasBinaryPrefix } from '../../src/token/binary.ts';
import { decodeTokenOutput } from '../../src/token/decode.ts';
import { findEnvelope } from '../../src/token/envelope.ts';
import { TokenError } from '../../src/token/errors.ts';
import {
  classifySpent,
  type InputClass,
  judge,
  type SpentOutput,
  type Verdict,
} from '../../src/token/judge.ts';
import { classifyLock } from '../../src/token/locks.ts';
import { parseOutpoint, parseTokenId } from '../../src/token/tokenid.ts';
import type { TokenOp, TokenOutput } from '../../src/token/types.ts';
import {
  CONTENT_TYPE,
  COSIGN,
  envelope,
  P2PKH,
  type PushForm,
  push,
  TOKEN_ID,
  TXID,
  textHex,
  toBytes,
  toHex,
  transferJson,
} from '../support/token-scripts.ts';

const MAX = 2n ** 64n - 1n;
const OPS: readonly TokenOp[] = ['deploy+mint', 'deploy+auth', 'mint', 'auth', 'transfer', 'burn'];

/* ---- scripts ---- */

const pushForm = fc.constantFrom<PushForm>('shortest', 'pushdata1', 'pushdata2', 'pushdata4');
/** Pieces that make nearly-envelopes out of random scripts. */
const piece = fc.oneof(
  fc.constantFrom(
    '00',
    '63',
    '036f7264',
    '51',
    '0101',
    '68',
    '6a',
    'ab',
    '4c',
    '4f',
    '50',
    '60',
    '0100',
    '4c00',
    '53',
  ),
  fc.constant(push(textHex(CONTENT_TYPE))),
  fc.constant(push(textHex('text/plain'))),
  fc.constant(push(textHex(transferJson()))),
  fc.constant('0063036f7264'),
  fc.constant(envelope({ body: transferJson() })),
  fc.constant(envelope({ body: transferJson(), end: '' })),
  fc.tuple(fc.uint8Array({ maxLength: 40 }), pushForm).map(([data, form]) => push(toHex(data), form)),
  fc.uint8Array({ minLength: 1, maxLength: 3 }).map(toHex),
  fc.constantFrom(P2PKH, COSIGN),
);
const soup = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));

interface Chunk {
  readonly op: number;
  readonly data: Buffer | undefined;
  readonly end: number;
}

/** The rules E1-E8 once more, on a list of chunks: slow, and written without a look at the walk. */
function referenceBody(script: Buffer): string | undefined {
  const chunks = chunksOf(script);
  let at = 0;
  while (at + 2 < chunks.length) {
    const [first, second, third] = chunks.slice(at, at + 3) as [Chunk, Chunk, Chunk];
    if (first.op !== 0 || second.op !== 0x63 || third.op !== 3 || third.data?.toString('latin1') !== 'ord') {
      at += 1;
      continue;
    }
    let type: Buffer | undefined;
    let next = at + 3;
    for (;;) {
      const tag = chunks[next];
      const value = chunks[next + 1];
      if (tag === undefined || value === undefined) return undefined;
      const number = tag.op >= 0x51 && tag.op <= 0x60 ? tag.op - 0x50 : numberOf(tag.data);
      if (number === 'forbidden' || value.op === 0x50 || value.op > 0x60) return undefined;
      next += 2;
      if (number === 1) type = value.data ?? Buffer.alloc(0);
      if (number !== 0) continue;
      if (chunks[next]?.op !== 0x68) break;
      return type?.toString('latin1') === CONTENT_TYPE
        ? (value.data ?? Buffer.alloc(0)).toString('hex')
        : undefined;
    }
    at = next;
  }
  return undefined;
}

function numberOf(data: Buffer | undefined): number | 'forbidden' | 'unknown' {
  if (data === undefined) return 'forbidden';
  if (data.length === 0) return 0;
  return data.length === 1 ? data.readUInt8(0) : 'unknown';
}

function chunksOf(script: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  let pos = 0;
  while (pos < script.length) {
    const op = script.readUInt8(pos);
    pos += 1;
    let length = op <= 0x4b ? op : -1;
    const width = op === 0x4c ? 1 : op === 0x4d ? 2 : op === 0x4e ? 4 : 0;
    if (width > 0) {
      if (pos + width > script.length) break;
      length = script.readUIntLE(pos, width);
      pos += width;
    }
    if (length > script.length - pos) break;
    const data = length < 0 ? undefined : script.subarray(pos, pos + length);
    pos += data?.length ?? 0;
    chunks.push({ op, data, end: pos });
  }
  return chunks;
}

test('random bytes and nearly-envelopes never throw', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), soup.map(toBytes));
  fc.assert(
    fc.property(bytes, fc.nat(5), (script, vout) => {
      const found = decodeTokenOutput(script, TXID, vout);
      assert.ok(found === undefined || OPS.includes(found.op));
      hasBinaryPrefix(script);
      assert.ok([20, 32].includes(classifyLock(script).owner.length));
    }),
    { numRuns: 5_000 },
  );
});

test('E1-E8 the walk agrees with a slow reference on scripts of envelope pieces', () => {
  let found = 0;
  fc.assert(
    fc.property(soup, (hex) => {
      const script = Buffer.from(hex, 'hex');
      const actual = findEnvelope(script);
      const body =
        actual === undefined ? undefined : script.toString('hex', actual.bodyStart, actual.bodyEnd);
      assert.equal(body, referenceBody(script));
      if (body !== undefined) found += 1;
    }),
    { numRuns: 10_000 },
  );
  assert.ok(found > 500, `only ${found} envelopes among the scripts`);
});

/** A token output as a wallet might write it, with the freedom the rules leave. */
const written = fc.record({
  op: fc.constantFrom(...OPS),
  amt: fc.bigInt({ min: 0n, max: MAX }),
  zeros: fc.nat(3),
  idVout: fc.nat(0xffff_ffff),
  sym: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  dec: fc.integer({ min: 0, max: 18 }),
  iconVout: fc.nat(0xffff_ffff),
  extra: fc.dictionary(
    fc.string({ maxLength: 6 }).map((key) => `x${key}`),
    fc.jsonValue({ maxDepth: 2 }),
  ),
  upper: fc.boolean(),
  form: pushForm,
  pairs: fc.constantFrom(
    '',
    `53${push('ab'.repeat(36))}`,
    `${push(textHex('app'))}${push('')}57${push('ff')}`,
  ),
  lock: fc.constantFrom(P2PKH, COSIGN),
  place: fc.constantFrom('before', 'after', 'separated'),
  indent: fc.nat(2),
});

test('encode and decode are inverse', () => {
  fc.assert(
    fc.property(written, (w) => {
      const isDeploy = w.op.startsWith('deploy');
      const hasAmount = w.op !== 'auth' && w.op !== 'deploy+auth';
      const tokenId = `${'bc'.repeat(32)}_${w.idVout}`;
      const members = {
        ...w.extra,
        p: 'bsv-20',
        op: w.upper ? w.op.toUpperCase() : w.op,
        ...(isDeploy ? { sym: w.sym, dec: String(w.dec), icon: `_${w.iconVout}` } : { id: tokenId }),
        ...(hasAmount ? { amt: '0'.repeat(w.zeros) + w.amt } : {}),
      };
      const body = envelope({ body: JSON.stringify(members, null, w.indent), form: w.form, pairs: w.pairs });
      const script =
        w.place === 'after' ? w.lock + body : body + (w.place === 'separated' ? 'ab' : '') + w.lock;
      const found = decodeTokenOutput(toBytes(script), TXID, 2);
      assert.deepEqual(found, {
        vout: 2,
        tokenId: isDeploy ? `${TXID}_2` : tokenId,
        op: w.op,
        amt: hasAmount ? w.amt : 0n,
        lock: classifyLock(toBytes(w.lock)),
        ...(isDeploy
          ? {
              deploy: {
                sym: w.sym.toWellFormed(),
                dec: w.dec,
                icon: `${TXID}_${w.iconVout}`,
                iconRaw: `_${w.iconVout}`,
              },
            }
          : {}),
      });
    }),
    { numRuns: 1_000 },
  );
});

test('every truncation and every changed byte of a valid script is decoded without throwing', () => {
  const script = toBytes(envelope({ body: transferJson() }) + P2PKH);
  const complete = envelope({ body: transferJson() }).length / 2;
  for (let length = 0; length < script.length; length += 1) {
    assert.equal(decodeTokenOutput(script.subarray(0, length), TXID, 0) !== undefined, length >= complete);
  }
  fc.assert(
    fc.property(fc.nat(script.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const changed = script.slice();
      changed[at]! ^= mask;
      const found = decodeTokenOutput(changed, TXID, 0);
      if (at >= complete) assert.equal(found?.amt, 100n);
      else if (found !== undefined) assert.match(found.tokenId, /^[0-9a-f]{64}_(0|[1-9][0-9]*)$/);
    }),
    { numRuns: 2_000 },
  );
});

/* ---- addresses and ids ---- */

test('addresses round-trip, and no other text is one', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.constantFrom('main', 'test', 'regtest'),
      (hash, network) => {
        assert.deepEqual(parseAddress(network, addressOf(network, hash)), hash);
      },
    ),
    { numRuns: 300 },
  );
  const text = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc.string({ unit: fc.constantFrom(...'1A1zP1eP5QGefi0'), maxLength: 40 }),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      for (const parse of [
        () => parseOwner('main', candidate),
        () => parseTokenId(candidate),
        () => parseOutpoint(candidate),
      ]) {
        assert.throws(parse, TokenError);
      }
    }),
    { numRuns: 2_000 },
  );
});

/* ---- verdicts ---- */

const amount = fc.oneof(
  fc.bigInt({ min: 0n, max: 12n }),
  fc.bigInt({ min: 0n, max: MAX }),
  fc.constant(2n ** 63n),
);
const decided: fc.Arbitrary<InputClass> = fc.oneof(
  amount.map((amt) => ({ kind: 'value' as const, amt })),
  fc.constant({ kind: 'authority' as const }),
  fc.constant({ kind: 'nothing' as const }),
);
const UNDECIDED: InputClass = { kind: 'undecided' };
const inputs = fc.array(
  fc.oneof({ weight: 3, arbitrary: decided }, { weight: 1, arbitrary: fc.constant(UNDECIDED) }),
  {
    maxLength: 6,
  },
);
const tokenOutput = (op: TokenOp, amt: bigint): TokenOutput => ({
  vout: 0,
  tokenId: TOKEN_ID,
  op,
  amt: op === 'auth' || op === 'deploy+auth' ? 0n : amt,
  lock: { type: 'other', owner: new Uint8Array(32) },
});
const outputs = fc.array(
  fc.tuple(fc.constantFrom(...OPS), amount).map(([op, amt]) => tokenOutput(op, amt)),
  {
    maxLength: 5,
  },
);

test('A10 the order of inputs means nothing', () => {
  fc.assert(
    fc.property(inputs, outputs, fc.infiniteStream(fc.nat()), (given, made, keys) => {
      const shuffled = given
        .map((input) => ({ input, key: keys.next().value ?? 0 }))
        .sort((a, b) => a.key - b.key);
      const { undecided: left, ...one } = judge(given, made);
      const { undecided: right, ...other } = judge(
        shuffled.map(({ input }) => input),
        made,
      );
      assert.deepEqual(other, one);
      assert.equal(right.length, left.length);
    }),
  );
});

test('L1 what is decided stays decided, whatever the undecided inputs turn out to be, one by one', () => {
  fc.assert(
    fc.property(
      inputs,
      outputs,
      fc.array(decided, { minLength: 6, maxLength: 6 }),
      (given, made, revealed) => {
        let before = judge(given, made);
        for (let known = 0; known < given.length; known += 1) {
          const after = judge(
            given.map((input, i) => (input.kind === 'undecided' && i <= known ? revealed[i]! : input)),
            made,
          );
          before.outputs.forEach((verdict, i) => {
            if (verdict !== 'pending') assert.equal(after.outputs[i], verdict);
          });
          assert.ok(after.valueIn >= before.valueIn);
          before = after;
        }
        assert.equal(before.decided, true);
        assert.equal(before.outputs.includes('pending'), false);
      },
    ),
  );
});

test('A2 all or nothing, and never more out than in', () => {
  fc.assert(
    fc.property(inputs, outputs, (given, made) => {
      const { outputs: verdicts, valueIn, lost, decided: final, undecided } = judge(given, made);
      const balance = new Set(
        verdicts.filter((_, i) => made[i]!.op === 'transfer' || made[i]!.op === 'burn'),
      );
      assert.ok(balance.size <= 1);
      const moved = made.reduce((sum, { op, amt }, i) => {
        return verdicts[i] === 'valid' && (op === 'transfer' || op === 'burn') ? sum + amt : sum;
      }, 0n);
      assert.equal(moved + lost, valueIn);
      assert.ok(lost >= 0n);
      assert.equal(final, undecided.length === 0);
      if (final) assert.equal(verdicts.includes('pending'), false);
    }),
  );
});

/* ---- whole histories ---- */

interface Tx {
  readonly spends: readonly (readonly [tx: number, vout: number])[];
  readonly made: readonly TokenOutput[];
}

/** A random history: each output spent at most once, by a later transaction; the first one deploys. */
const history = fc
  .array(
    fc.record({
      picks: fc.array(fc.nat(), { maxLength: 3 }),
      made: fc.array(
        fc.tuple(fc.constantFrom<TokenOp>('transfer', 'transfer', 'burn', 'mint', 'auth'), fc.nat(40)),
        {
          maxLength: 3,
        },
      ),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((drafts) => {
    const txs: Tx[] = [
      { spends: [], made: [tokenOutput('deploy+mint', 100n), tokenOutput('deploy+auth', 0n)] },
    ];
    const free: (readonly [number, number])[] = [
      [0, 0],
      [0, 1],
    ];
    for (const { picks, made } of drafts) {
      const spends = picks.flatMap((pick) => (free.length === 0 ? [] : free.splice(pick % free.length, 1)));
      const tx = { spends, made: made.map(([op, amt]) => tokenOutput(op, BigInt(amt))) };
      made.forEach((_, vout) => {
        free.push([txs.length, vout]);
      });
      txs.push(tx);
    }
    return txs;
  });

type State = (readonly Verdict[])[];

/** Judges what is known again and again until nothing changes, beginning with transaction `order[0]`. */
function settle(txs: readonly Tx[], order: readonly number[], state: State): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const index of order) {
      const { spends, made } = txs[index]!;
      const given = spends.map(([from, vout]) =>
        classifySpent(TOKEN_ID, spentOutput(txs, state, from, vout)),
      );
      const verdicts = judge(given, made).outputs;
      if (String(state[index]) !== String(verdicts)) changed = true;
      state[index] = verdicts;
    }
  }
}

function spentOutput(txs: readonly Tx[], state: State, from: number, vout: number): SpentOutput {
  const verdicts = state[from];
  if (verdicts === undefined) return 'unknown';
  return { ...txs[from]!.made[vout]!, verdict: verdicts[vout]! };
}

/** §4 from the verdicts of the known transactions, next to the plain sum over their unspent outputs. */
function supply(txs: readonly Tx[], state: State): { circulating: bigint; unspent: bigint } {
  let circulating = 0n;
  const spent = new Set<string>();
  txs.forEach(({ spends, made }, index) => {
    const verdicts = state[index];
    if (verdicts === undefined) return;
    for (const [from, vout] of spends) spent.add(`${from}_${vout}`);
    const given = spends.map(([from, vout]) => classifySpent(TOKEN_ID, spentOutput(txs, state, from, vout)));
    circulating -= judge(given, made).lost;
    made.forEach(({ op, amt }, vout) => {
      if (verdicts[vout] !== 'valid') return;
      if (op === 'mint' || op === 'deploy+mint') circulating += amt;
      if (op === 'burn') circulating -= amt;
    });
  });
  let unspent = 0n;
  txs.forEach(({ made }, index) => {
    made.forEach(({ op, amt }, vout) => {
      if (state[index]?.[vout] === 'valid' && op !== 'burn' && !spent.has(`${index}_${vout}`)) unspent += amt;
    });
  });
  return { circulating, unspent };
}

test('§4 circulating equals the valid unspent amounts, at every moment of any order of arrival', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), (txs, keys) => {
      const order = txs
        .map((_, index) => ({ index, key: keys.next().value ?? 0 }))
        .sort((a, b) => a.key - b.key);
      const state: State = [];
      const known: number[] = [];
      for (const { index } of order) {
        known.push(index);
        settle(txs, known, state);
        const { circulating, unspent } = supply(txs, state);
        assert.equal(circulating, unspent);
      }
      const inOrder: State = [];
      settle(txs, [...txs.keys()], inOrder);
      assert.deepEqual(state, inOrder);
      assert.equal(inOrder.flat().includes('pending'), false);
    }),
    { numRuns: 500 },
  );
});
