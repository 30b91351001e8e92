import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { MusterError } from '@muster/contract';
import {
  type Answer,
  createXiaozhiDevice,
  encodeSpeech,
  humanRecordings,
  type Recording,
  recordingsMissing,
  wordErrors,
} from '@muster/testkit';
import { defineBench } from './define.ts';
import { percentile } from './report/statistics.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

/** Each device says one recording after the other and waits for the whole answer, as people do. */
const PAUSE_MS = { least: 500, most: 1_500 };

interface Turn {
  readonly firstAudioMs: number;
  readonly wrong: number;
  readonly words: number;
}

export const bench = defineBench({
  name: 'voice',
  summary: 'Real conversations, keyless: human recordings in real time, last voiced frame to first sound of the answer',
  options: {
    sessions: { default: 20, summary: 'conversations at once' },
    seconds: { default: 90, summary: 'how long they talk' },
  },
  goals: {
    firstAudioP50Ms: { atMost: 700 },
    firstAudioP95Ms: { atMost: 1_300 },
    wordErrorPercent: { atMost: 6 },
    unanswered: { atMost: 0 },
    lostFrames: { atMost: 0 },
  },
  async run({ options, progress, signal }) {
    if (recordingsMissing !== false) {
      throw new MusterError('USAGE', {}, { say: 'The recordings are missing: apt-get install pocketsphinx-testdata' });
    }
    const recordings = humanRecordings();
    progress('starting the server');
    const server = await startServerProcess();
    try {
      const turns: Turn[] = [];
      let unanswered = 0;
      let lostFrames = 0;
      let memory = 0;
      const until = performance.now() + options.seconds * 1_000;
      const watch = setInterval(() => {
        progress('talking', turns.length, 0);
        void server.memoryMb().then((now) => {
          memory = Math.max(memory, now);
        });
      }, 5_000);
      await Promise.all(
        Array.from({ length: options.sessions }, async (_, index) => {
          // people do not begin on the same millisecond
          await delay((index * 4_000) / options.sessions);
          const result = await converse(server, recordings, index, until, signal);
          turns.push(...result.turns);
          unanswered += result.unanswered;
          lostFrames += result.lostFrames;
        }),
      );
      clearInterval(watch);
      const times = turns.map((turn) => turn.firstAudioMs);
      const [wrong, words] = [sum(turns.map((turn) => turn.wrong)), sum(turns.map((turn) => turn.words))];
      return {
        figures: {
          firstAudioP50Ms: Math.round(percentile(times, 0.5)),
          firstAudioP95Ms: Math.round(percentile(times, 0.95)),
          wordErrorPercent: (100 * wrong) / words,
          rssMb: memory,
          conversations: options.sessions,
          turns: turns.length,
          unanswered,
          lostFrames,
          readyMs: Math.round(server.readyMs),
        },
      };
    } finally {
      await server.stop();
    }
  },
});

async function converse(
  server: ServerProcess,
  recordings: readonly Recording[],
  index: number,
  until: number,
  signal: AbortSignal,
) {
  const device = createXiaozhiDevice({
    otaUrl: server.otaUrl,
    hardwareId: `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`,
    clientId: randomUUID(),
  });
  await device.activateWith(server.activate);
  await device.connect();
  const turns: Turn[] = [];
  let unanswered = 0;
  for (let turn = index; performance.now() < until && !signal.aborted; turn++) {
    const recording = recordings[turn % recordings.length];
    if (recording === undefined) break;
    const speech = spoken.get(recording.name) ?? encodeSpeech(recording.pcm);
    spoken.set(recording.name, speech);
    try {
      const answer = await device.talk(speech, { timeoutMs: 30_000 });
      const measured = measure(answer, recording);
      if (measured === null) unanswered += 1;
      else turns.push(measured);
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      unanswered += 1;
    }
    await delay(PAUSE_MS.least + Math.random() * (PAUSE_MS.most - PAUSE_MS.least));
  }
  const { lost } = device.playback();
  device.close();
  return { turns, unanswered, lostFrames: lost };
}

const spoken = new Map<string, ReturnType<typeof encodeSpeech>>();

function measure(answer: Answer, recording: Recording): Turn | null {
  const { lastVoicedFrameSentAt, firstAudioAt } = answer.times;
  if (lastVoicedFrameSentAt === null || firstAudioAt === null || answer.heard === null) return null;
  const { errors, words } = wordErrors(recording.words, answer.heard);
  return { firstAudioMs: firstAudioAt - lastVoicedFrameSentAt, wrong: errors, words };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
