import { CHECKPOINTS, type Checkpoint } from './checkpoints.ts';

export type Network = 'main' | 'test' | 'regtest';

/** What the header rules of a network depend on. Tests build their own; the daemon uses `RULES`. */
export interface NetworkRules {
  readonly network: Network;
  /** Easiest allowed difficulty, compact. */
  readonly easiestBits: number;
  /** The 80 bytes of block 0, hex. */
  readonly genesis: string;
  /** True: a block keeps the difficulty of the one before it (regtest). */
  readonly noRetarget: boolean;
  /** True: the 20-minute rule of the test network. It also switches the 2017 emergency rule off. */
  readonly minimumAfter20Minutes: boolean;
  /** First height of the 2017 emergency rule. */
  readonly emergencyHeight: number;
  /** First height whose difficulty the cw-144 rule decides. */
  readonly cw144Height: number;
  /** Enforced blocks, ascending. */
  readonly checkpoints: readonly Checkpoint[];
}

const GENESIS_START = `01000000${'00'.repeat(32)}3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a`;

/**
 * Heights as in the reference node's chain parameters. Its test for cw-144 looks at the height of the *previous* block
 * (>= 504,031 and >= 1,188,697), so the first block under that rule is one higher; likewise the emergency rule.
 */
export const RULES: Readonly<Record<Network, NetworkRules>> = {
  main: {
    network: 'main',
    easiestBits: 0x1d00ffff,
    genesis: `${GENESIS_START}29ab5f49ffff001d1dac2b7c`,
    noRetarget: false,
    minimumAfter20Minutes: false,
    emergencyHeight: 478_559,
    cw144Height: 504_032,
    checkpoints: CHECKPOINTS.main,
  },
  test: {
    network: 'test',
    easiestBits: 0x1d00ffff,
    genesis: `${GENESIS_START}dae5494dffff001d1aa4ae18`,
    noRetarget: false,
    minimumAfter20Minutes: true,
    emergencyHeight: 1_155_876,
    cw144Height: 1_188_698,
    checkpoints: CHECKPOINTS.test,
  },
  regtest: {
    network: 'regtest',
    easiestBits: 0x207fffff,
    genesis: `${GENESIS_START}dae5494dffff7f2002000000`,
    noRetarget: true,
    minimumAfter20Minutes: true,
    emergencyHeight: 0,
    cw144Height: 0,
    checkpoints: CHECKPOINTS.regtest,
  },
};
