import { type ChildProcess, spawn } from 'node:child_process';
import { fullJitterMs } from '../link/backoff.ts';
import type { Log } from '../log.ts';
import type { AudioState } from './port.ts';

/** Alive for this long counts as working again, ms. */
const STEADY_MS = 5_000;
/** What a program says before it dies, kept for the log, characters. */
const COMPLAINT_CHARS = 500;

/** A program (`arecord`, `aplay`) that is kept running while it is wanted. */
export interface Program {
  start(): void;
  /** Kills it at once and lets it rest. */
  stop(): void;
  /** Kills it at once and starts it anew. */
  restart(): void;
  /** The running child, or null between two lives. */
  child(): ChildProcess | null;
  state(): AudioState;
}

/** `onStart` gets each new child, to wire its streams. A child that dies is started again after a growing pause. */
export function createProgram(
  command: string,
  args: readonly string[],
  log: Log,
  onStart: (child: ChildProcess) => void,
): Program {
  let child: ChildProcess | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isWanted = false;
  let failures = 0;
  let state: AudioState = { state: 'ready', detail: 'not in use', since: performance.now() };

  function set(next: AudioState['state'], detail: string | null): void {
    if (state.state !== next || state.detail !== detail) state = { state: next, detail, since: performance.now() };
  }

  function run(): void {
    timer = null;
    const own = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    child = own;
    const startedAt = performance.now();
    let complaint = '';
    let isOver = false;
    const over = (why: string): void => {
      if (isOver) return;
      isOver = true;
      if (child !== own) return;
      child = null;
      if (!isWanted) return;
      if (performance.now() - startedAt > STEADY_MS) failures = 0;
      set('down', `${command}: ${complaint.trim().split('\n').at(-1) || why}`);
      log.warn('an audio program ended', { command, failures, detail: state.detail });
      timer = setTimeout(run, 200 + fullJitterMs(failures++) / 2);
    };
    own.stderr?.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString('utf8')).slice(-COMPLAINT_CHARS);
    });
    // EPIPE on the way to a program that just died: its end is told by `close`
    own.stdin?.on('error', () => own.kill('SIGKILL'));
    own.on('spawn', () => set('ready', null));
    own.on('error', (error) => over(error.message));
    own.on('close', (status, signal) => over(`ended with ${status ?? signal}`));
    onStart(own);
  }

  function stop(): void {
    isWanted = false;
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const own = child;
    child = null;
    own?.kill('SIGKILL');
  }

  function start(): void {
    if (isWanted) return;
    isWanted = true;
    run();
  }

  return {
    start,
    stop,
    restart() {
      stop();
      start();
    },
    child: () => child,
    state: () => state,
  };
}
