import { setTimeout as delay } from 'node:timers/promises';
import { MusterError } from '@muster/contract';
import { encodeSpeech, humanRecordings, recordingsMissing } from '@muster/testkit';
import { defineBench } from './define.ts';
import { benchDevice } from './devices/voice-device.ts';
import { percentile } from './report/statistics.ts';
import { startServerProcess } from './server-process.ts';

export const bench = defineBench({
  name: 'barge-in',
  summary: 'How fast the server falls silent: on the abort of a device, and on a voice over its own',
  options: { rounds: { default: 30, summary: 'interruptions of each kind' } },
  goals: { abortP95Ms: { atMost: 150 }, voiceP95Ms: { atMost: 150 }, latePackets: { atMost: 0 } },
  async run({ options, progress, signal }) {
    if (recordingsMissing !== false)
      throw new MusterError('USAGE', {}, { say: 'The recordings are missing: apt-get install pocketsphinx-testdata' });
    const server = await startServerProcess();
    try {
      const speech = encodeSpeech(trimmed(humanRecordings()[5]?.pcm ?? new Int16Array(0)));
      const device = await benchDevice(server, 1, { mode: 'realtime' });
      const abort: number[] = [];
      const voice: number[] = [];
      let latePackets = 0;
      for (let round = 0; round < options.rounds && !signal.aborted; round++) {
        progress('interrupting', round, options.rounds);
        const answer = device.talk(speech).catch(() => null);
        await device.waitFor((message) => message.type === 'tts' && message.state === 'sentence_start', 20_000);
        await delay(300 + Math.random() * 500);
        abort.push(await device.abort());
        await answer;
        void device.talk(speech).catch(() => null);
        const cut = await device.bargeIn(speech);
        voice.push(cut.silencedMs);
        latePackets += cut.latePackets;
        await cut.answer;
      }
      device.close();
      return {
        figures: {
          abortP50Ms: percentile(abort, 0.5),
          abortP95Ms: percentile(abort, 0.95),
          voiceP50Ms: percentile(voice, 0.5),
          voiceP95Ms: percentile(voice, 0.95),
          latePackets,
        },
      };
    } finally {
      await server.stop();
    }
  },
});

/** From the first loud sample on: an interruption begins with a voice. */
function trimmed(pcm: Int16Array): Int16Array {
  const first = pcm.findIndex((sample) => Math.abs(sample) > 1_000);
  return pcm.subarray(Math.max(0, first));
}
