import { type ChildPoolState, createChildPool } from '../../../platform/children/pool.ts';
import type { ProviderDeps, Vad } from '../../ports.ts';
import { createBatcher } from './batcher.ts';
import type { Batch, BatchResult } from './model.ts';
import { createSileroStream } from './stream.ts';

/** Longest load and warm-up, ms: 0.5 s on two shared cores, several times that on a small board. */
const START_MS = 30_000;
/** Longest wait for a batch, a restart of the child included, ms. */
const TIMEOUT_MS = 3_000;
/** One batch takes a few ms; a child that needs this much longer than the limit of a batch hangs, ms. */
const GRACE_MS = 500;

/** Silero VAD v5 on onnxruntime: one child process judges the windows of every conversation. */
export function createSilero({ log, clock }: ProviderDeps): Vad & { state(): ChildPoolState } {
  const pool = createChildPool<Batch, BatchResult>({
    name: 'silero',
    kind: 'process',
    module: new URL('./child.ts', import.meta.url),
    init: null,
    count: 1,
    perChild: 1,
    queue: 1,
    startMs: START_MS,
    graceMs: GRACE_MS,
    clock,
    log,
  });
  const never = new AbortController().signal;
  const infer = createBatcher((batch) => pool.call(batch, { signal: never, timeoutMs: TIMEOUT_MS }), log);
  return {
    id: 'silero',
    open: () => createSileroStream(infer),
    warm: () => pool.start(),
    close: () => pool.close(),
    state: () => pool.state(),
  };
}
