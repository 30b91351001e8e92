import { MusterError } from '@muster/contract';
import { SPEAKING_RATE, type SpeakOptions, type TextToSpeech } from '../ports.ts';
import { createResampler, type Resampler } from './resample.ts';

/** Speaks a text to its end: mono PCM at 24 kHz. PROVIDER_BROKEN when no sound came. */
export async function recordSpeech(tts: TextToSpeech, text: string, options: SpeakOptions): Promise<Int16Array> {
  const parts: Int16Array[] = [];
  let resampler: Resampler | null = null;
  for await (const { pcm, sampleRate } of tts.speak(text, options)) {
    if (sampleRate === SPEAKING_RATE) parts.push(pcm);
    else {
      resampler ??= createResampler(sampleRate, SPEAKING_RATE);
      parts.push(resampler.push(pcm).slice());
    }
  }
  const sound = joined(resampler === null ? parts : [...parts, resampler.flush().slice()]);
  if (sound.length === 0) throw new MusterError('PROVIDER_BROKEN', {}, { say: 'The provider gave no sound.' });
  return sound;
}

function joined(parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
