import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, encodeSpeech } from '@muster/testkit';
import { defineBench } from './define.ts';
import { benchDevice } from './devices/voice-device.ts';
import { percentile } from './report/statistics.ts';
import { STUB_MAIN, startServerProcess } from './server-process.ts';

/** `tts start` to the first packet: the protocol asks for it, so it is no overhead of ours. It is reported apart. */
const START_GAP_MS = 60;
const FRAME_MS = 60;
const BURST = 5;

export const bench = defineBench({
  name: 'voice-overhead',
  summary: 'What the server itself adds to a turn, with providers that take no time, and how evenly it plays',
  options: {
    sessions: { default: 100, summary: 'conversations at once' },
    seconds: { default: 40, summary: 'how long they talk' },
  },
  goals: {
    addedP95Ms: { atMost: 20 },
    addedP99Ms: { atMost: 50 },
    pacingP99Ms: { atMost: 10 },
    lostFrames: { atMost: 0 },
  },
  async run({ options, progress, signal }) {
    progress('starting the server');
    const server = await startServerProcess({ main: STUB_MAIN });
    const speech = encodeSpeech(hum(1_200));
    const added: number[] = [];
    const pacing: number[] = [];
    let lostFrames = 0;
    let unanswered = 0;
    try {
      const until = performance.now() + options.seconds * 1_000;
      await Promise.all(
        Array.from({ length: options.sessions }, async (_, index) => {
          // spread over one turn, as people are
          await delay((index * 4_000) / options.sessions);
          const device = await benchDevice(server, index, { mode: 'manual' });
          while (performance.now() < until && !signal.aborted) {
            const answer = await device.talk(speech, { timeoutMs: 10_000 }).catch(() => null);
            if (answer === null) unanswered += 1;
            else measure(answer, added, pacing);
            progress('talking', added.length);
            await delay(200 + Math.random() * 400);
          }
          const { lost, unwanted, underruns } = device.playback();
          lostFrames += lost + unwanted + underruns;
          device.close();
        }),
      );
      return {
        figures: {
          addedP50Ms: percentile(added, 0.5),
          addedP95Ms: percentile(added, 0.95),
          addedP99Ms: percentile(added, 0.99),
          pacingP99Ms: percentile(pacing, 0.99),
          lostFrames,
          unanswered,
          turns: added.length,
          rssMb: await server.memoryMb(),
        },
        beside: { addedP95Ms: START_GAP_MS },
      };
    } finally {
      await server.stop();
    }
  },
});

function measure(answer: Answer, added: number[], pacing: number[]): void {
  const { lastVoicedFrameSentAt, firstAudioAt } = answer.times;
  if (lastVoicedFrameSentAt === null || firstAudioAt === null) return;
  added.push(firstAudioAt - lastVoicedFrameSentAt - START_GAP_MS);
  for (const [index, packet] of answer.packets.entries()) {
    if (index >= BURST) pacing.push(Math.abs(packet.at - firstAudioAt - (index - BURST + 1) * FRAME_MS));
  }
}

/** A voiced sound to the last sample, so that the button is released on the last voiced frame. */
function hum(ms: number): Int16Array {
  return Int16Array.from({ length: 16 * ms }, (_, i) => 5_000 * Math.sin((2 * Math.PI * 180 * i) / 16_000));
}
