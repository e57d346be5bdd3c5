import type { z } from 'zod';
import { configMethods } from './config.ts';
import { eventsMethods } from './events.ts';
import { headersMethods } from './headers.ts';
import { importMethods } from './import.ts';
import { networkMethods } from './network.ts';
import { nodeMethods } from './node.ts';
import { purgeMethods } from './purge.ts';
import { reloadMethods } from './reload.ts';
import { rpcMethods } from './rpc.ts';
import { storeMethods } from './store.ts';
import { tokenMethods } from './token.ts';
import { tokenListMethods } from './token-lists.ts';
import { txMethods } from './tx.ts';

/** Every method of the RPC. */
export const METHODS = {
  ...nodeMethods,
  ...networkMethods,
  ...reloadMethods,
  ...configMethods,
  ...tokenMethods,
  ...tokenListMethods,
  ...purgeMethods,
  ...txMethods,
  ...headersMethods,
  ...eventsMethods,
  ...storeMethods,
  ...importMethods,
  ...rpcMethods,
};

export type MethodName = keyof typeof METHODS;
export type Params<M extends MethodName> = z.input<(typeof METHODS)[M]['params']>;
export type Result<M extends MethodName> = z.output<(typeof METHODS)[M]['result']>;
