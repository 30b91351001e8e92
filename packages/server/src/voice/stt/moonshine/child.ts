import { serveChild } from '../../../platform/children/serve.ts';
import { HEARING_RATE } from '../../ports.ts';
import { loadRecogniser } from './recogniser.ts';

/**
 * Seconds of sound decoded before the first real call, the longest first so that memory grows once. The first run of
 * each network takes up to twice as long as later ones; an utterance is mostly 1 to 8 s.
 */
const WARM_SECONDS = [8, 1, 2, 4, 1];

serveChild<null, Int16Array, string>(async () => {
  const recogniser = await loadRecogniser();
  const never = new AbortController().signal;
  for (const seconds of WARM_SECONDS) await recogniser.transcribe(hum(seconds), never);
  return (pcm, signal) => recogniser.transcribe(pcm, signal);
});

/** A tone that swells four times a second like syllables do, so that the decoder has something to say. */
function hum(seconds: number): Int16Array {
  const pcm = new Int16Array(seconds * HEARING_RATE);
  for (let i = 0; i < pcm.length; i += 1) {
    const at = (i / HEARING_RATE) * 2 * Math.PI;
    pcm[i] = 8_000 * Math.sin(4 * at) ** 2 * Math.sin(150 * at) * Math.sin(570 * at);
  }
  return pcm;
}
