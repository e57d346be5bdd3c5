import type { Command } from '../command.ts';
import { configCommands } from './config.ts';
import { daemonCommands } from './daemon.ts';
import { headersCommands } from './headers.ts';
import { importCommands } from './import.ts';
import { networkCommands } from './network.ts';
import { purgeCommands } from './purge.ts';
import { queryCommands } from './queries.ts';
import { reloadCommands } from './reload.ts';
import { toolCommands } from './tools.ts';
import { txCommands } from './tx.ts';
import { verifyCommands } from './verify.ts';
import { watchCommands } from './watch.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...daemonCommands,
  ...reloadCommands,
  ...networkCommands,
  ...queryCommands,
  ...watchCommands,
  ...txCommands,
  ...importCommands,
  ...headersCommands,
  ...verifyCommands,
  ...purgeCommands,
  ...configCommands,
  ...toolCommands,
];
