import { AsyncLocalStorage } from 'node:async_hooks';
import { type Caller, SYSTEM } from './entries.ts';

const callers = new AsyncLocalStorage<Caller>();

/** Who is at work in this asynchronous context: the server itself when nobody said. */
export const callerHere = (): Caller => callers.getStore() ?? SYSTEM;
export const asCaller = <T>(caller: Caller, task: () => T): T => callers.run(caller, task);
