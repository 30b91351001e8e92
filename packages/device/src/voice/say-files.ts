import { MusterError } from '@muster/contract';
import type { FileAudio } from '../audio/file.ts';
import { wait } from '../link/wait.ts';
import type { Conversation, ConversationEvent } from './conversation.ts';

/** From the end of the speech to the end of the answer, ms: thinking and a long answer. */
const ANSWER_MS = 90_000;
/** How long to wait for a channel, ms: activation by a person takes its time. */
const READY_MS = 900_000;
const LOOK_MS = 20;

export interface SayFilesDeps {
  readonly audio: FileAudio;
  readonly conversation: Conversation;
  readonly mode: 'auto' | 'manual' | 'realtime';
  readonly isConnected: () => boolean;
  /** Events of the conversation; the function returned ends them. */
  readonly listen: (listener: (event: ConversationEvent) => void) => () => void;
}

/** Says each file, waits for its answer to be played, and writes all that was played. Throws ANSWER_TIMEOUT. */
export async function sayFiles(deps: SayFilesDeps, paths: readonly string[], signal: AbortSignal): Promise<void> {
  const { audio, conversation, mode } = deps;
  for (const path of paths) {
    await until(() => deps.isConnected() && conversation.state() !== 'speaking', READY_MS, signal);
    const answered = Promise.withResolvers<void>();
    const forget = deps.listen((event) => {
      if (event.type === 'answered') answered.resolve();
    });
    try {
      const said = audio.say(path);
      if (mode !== 'realtime') conversation.press();
      await within(said, READY_MS, signal);
      if (mode === 'manual') conversation.press();
      await within(answered.promise, ANSWER_MS, signal);
      await audio.speaker.drained(signal);
    } finally {
      forget();
      await audio.save();
    }
  }
}

async function until(isTrue: () => boolean, limitMs: number, signal: AbortSignal): Promise<void> {
  for (let waited = 0; !isTrue(); waited += LOOK_MS) {
    if (waited > limitMs) throw new MusterError('SERVER_UNREACHABLE', { afterMs: limitMs });
    await wait(LOOK_MS, signal);
  }
}

/** Whatever comes first: the promise, the limit (ANSWER_TIMEOUT) or the signal's reason. */
async function within(promise: Promise<void>, limitMs: number, signal: AbortSignal): Promise<void> {
  const settled = new AbortController();
  const late = wait(limitMs, AbortSignal.any([signal, settled.signal])).then(() => {
    throw new MusterError('ANSWER_TIMEOUT', { afterMs: limitMs });
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    settled.abort();
    await late.catch(() => null);
  }
}
