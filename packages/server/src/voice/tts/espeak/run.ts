import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MusterError } from '@muster/contract';
import type { Clock } from '../../../platform/clock.ts';
import { readWavStream } from '../../audio/wav-stream.ts';
import type { PcmChunk } from '../../ports.ts';

/** What is kept of the program's complaints, characters. */
const COMPLAINT_CHARS = 500;

export interface EspeakRun {
  readonly program: string;
  readonly voice: string;
  readonly text: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Speaks one text and yields the sound as it comes. The text goes in through a pipe, so that it is never an option of
 * the program nor visible in the list of processes. Leaving early, an abort and the time limit kill the program.
 * Throws PROVIDER_TIMEOUT, PROVIDER_FAILED, PROVIDER_BROKEN or the signal's reason.
 */
export async function* runEspeak(run: EspeakRun): AsyncGenerator<PcmChunk, void, undefined> {
  const { signal, timeoutMs } = run;
  signal.throwIfAborted();
  const child = spawn(run.program, ['--stdout', '--stdin', '-b', '1', '-v', run.voice], { env: {} });
  let complaint = '';
  let stopped: unknown = null;
  const stop = (reason: unknown): void => {
    stopped ??= reason;
    end();
  };
  const end = (): void => {
    child.kill('SIGKILL');
    // A program that has handed its pipes to another process would keep us waiting.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const abort = (): void => stop(signal.reason);
  const cancelLimit = run.clock.after(timeoutMs, () => stop(new MusterError('PROVIDER_TIMEOUT', { timeoutMs })));
  signal.addEventListener('abort', abort, { once: true });
  const failed = (cause: unknown): void => stop(new MusterError('PROVIDER_FAILED', {}, { cause }));
  child.on('error', failed);
  // The program may end without having read all; what it says then decides.
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (data: Buffer) => {
    complaint = (complaint + data.toString('utf8')).slice(0, COMPLAINT_CHARS);
  });
  const exited = once(child, 'exit').catch(failed);
  child.stdin.end(run.text);
  try {
    yield* readWavStream(child.stdout);
    const [code] = (await exited) ?? [null];
    if (code !== 0) throw new MusterError('PROVIDER_FAILED', { exitCode: code }, { cause: complaint });
  } catch (error) {
    throw stopped ?? error;
  } finally {
    cancelLimit();
    signal.removeEventListener('abort', abort);
    end();
  }
}
