import type { Network } from './networks.ts';

/** A block everybody agrees on. With `chainWork` a store may begin above it, without it is only enforced. */
export interface Checkpoint {
  readonly height: number;
  /** Hex, display order. */
  readonly hash: string;
  /** Expected hashes of this header and all before it. */
  readonly chainWork?: bigint;
  /** Compact difficulty of this header; bounds the first headers above it, whose rule cannot be computed yet. */
  readonly bits?: number;
}

/** A checkpoint a store can begin at. */
export type StartCheckpoint = Checkpoint & { readonly chainWork: bigint };

/**
 * Main network. The rows without chain work are the places where other chains left: Bitcoin Core at 478,559 (August
 * 2017) and Bitcoin Cash at 556,767 (November 2018; it keeps our rules to height 661,646 and has more work there, so
 * without this row a wrong source could hold a fresh store on it for good), and the cw-144 start.
 */
const MAIN: readonly Checkpoint[] = [
  {
    height: 99_999,
    hash: '000000000002d01c1fccc21636b607dfd930d31d01c3a62104612a1719011250',
    chainWork: 0x644_92e9f00e251fn,
    bits: 0x1b04864c,
  },
  {
    height: 199_999,
    hash: '00000000000003a20def7a05a77361b9657ff954b2f2080e135ea6f5970da215',
    chainWork: 0x1a_c0479f32_5781cb7fn,
    bits: 0x1a05db8b,
  },
  {
    height: 299_999,
    hash: '000000000000000067ecc744b5ae34eebbde14d21ca4db51652e4d67e155f07e',
    chainWork: 0x5a79_5f5d6edd_10bb6d5fn,
    bits: 0x1900896c,
  },
  {
    height: 399_999,
    hash: '0000000000000000030034b661aed920a9bdf6bbfa6d2e7a021f78481882fa39',
    chainWork: 0x1229fe_a679a4cc_c26d745fn,
    bits: 0x1806b99f,
  },
  { height: 478_559, hash: '000000000000000000651ef99cb9fcbe0dadde1d424bd9f15ff20136191a5eec' },
  {
    height: 499_999,
    hash: '0000000000000000043831d6ebb013716f0580287ee5e5687e27d0ed72e6e523',
    chainWork: 0x7ae470_7601d47a_c6685486n,
    bits: 0x1809b91a,
  },
  { height: 504_031, hash: '0000000000000000011ebf65b60d0a3de80b8175be709d653b4c1a1beeb6ab9c' },
  { height: 556_767, hash: '000000000000000001d956714215d96ffc00e0afda4cd0a96c96f8d802b1662b' },
  {
    height: 599_999,
    hash: '0000000000000000078f57b9a986b53b73f007c6b27b6f16409ca4eda83034e8',
    chainWork: 0xe8f2ea_21f069a1_14057ed6n,
    bits: 0x1808d0b6,
  },
  {
    height: 699_999,
    hash: '000000000000000013abf3ab026610ed70e023476db8ce96f68637acdcbcf3cb',
    chainWork: 0x12f32fb_33b26aa1_39bd0fc2n,
    bits: 0x18142776,
  },
  {
    height: 799_999,
    hash: '00000000000000000b6ae23bbe9f549844c20943d8c20b8ceedbae8aa1dde8e0',
    chainWork: 0x1483b29_95af390b_20b4831fn,
    bits: 0x180d8775,
  },
  {
    height: 899_999,
    hash: '00000000000000000e7dcc27c06ee353bd37260b2e7e664314c204f0324a5087',
    chainWork: 0x1664db1_f2d50326_927f07dfn,
    bits: 0x1813954f,
  },
  {
    height: 916_817,
    hash: '00000000000000002530fb16feba5e3beffd243e5ba89264f27f0f425cbd5436',
    chainWork: 0x168f8ae_21396bd5_00d01ab6n,
    bits: 0x18257ed6,
  },
];

/** Test network (v3): the fork of August 2017 and the cw-144 start. */
const TEST: readonly Checkpoint[] = [
  { height: 546, hash: '000000002a936ca763904c3c35fce2f3556c559c0214345d31b1bcebf76acb70' },
  { height: 1_155_875, hash: '00000000f17c850672894b9a75b63a1e72830bbd5f4c8889b5c1a80e7faef138' },
  { height: 1_188_697, hash: '0000000000170ed0918077bde7b4d36cc4c91be69fa09211f748240dabe047fb' },
];

/** Built-in checkpoints by network, ascending. */
export const CHECKPOINTS: Readonly<Record<Network, readonly Checkpoint[]>> = {
  main: MAIN,
  test: TEST,
  regtest: [],
};

export function isStart(checkpoint: Checkpoint): checkpoint is StartCheckpoint {
  return checkpoint.chainWork !== undefined;
}
