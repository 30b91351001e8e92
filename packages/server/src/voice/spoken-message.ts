import { type Assistant, type Language, LIMITS } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import { oggOpus } from './audio/ogg-opus.ts';
import { createOpusEncoder, type OpusEncoderOptions } from './audio/opus.ts';
import { recordSpeech } from './audio/record-speech.ts';
import { firstAnswer, speaking } from './fallback.ts';
import { SPEAKING_RATE, type TextToSpeech } from './ports.ts';

/** A line as a file, for a device without an open conversation. */
export interface SpokenMessage {
  readonly text: string;
  /** Ogg Opus, mono. */
  readonly sound: Buffer;
  readonly durationMs: number;
}

const PACKET_MS = 60;
const PACKET_SAMPLES = (SPEAKING_RATE / 1_000) * PACKET_MS;
/** Longest time for speaking a line to its end, ms: it is made before anything is sent. */
const SPEAKING_MS = 15_000;

/** Speaks `text` with the assistant's providers, the next when one fails. SPEAKING_TIMEOUT, LANGUAGE_UNSUPPORTED, … */
export async function speakToFile(
  deps: {
    readonly clock: Clock;
    readonly tts: readonly TextToSpeech[];
    readonly encoder: OpusEncoderOptions;
    readonly onFailure: (provider: string, error: unknown) => void;
  },
  text: string,
  { language, voice }: Pick<Assistant, 'voice'> & { readonly language: Language },
  signal: AbortSignal,
): Promise<SpokenMessage> {
  const { value: pcm } = await firstAnswer(
    deps,
    speaking(deps.tts, language),
    { ms: SPEAKING_MS, code: 'SPEAKING_TIMEOUT' },
    signal,
    (tts, inner) => recordSpeech(tts, text.slice(0, LIMITS.textChars), { language, voice, signal: inner }),
  );
  const encoder = createOpusEncoder(SPEAKING_RATE, deps.encoder);
  const packets: Uint8Array[] = [];
  for (let at = 0; at < pcm.length; at += PACKET_SAMPLES) {
    const frame = new Int16Array(PACKET_SAMPLES);
    frame.set(pcm.subarray(at, at + PACKET_SAMPLES));
    // the encoder's own memory is used again for the next packet
    packets.push(Uint8Array.from(encoder.encode(frame)));
  }
  const durationMs = packets.length * PACKET_MS;
  return { text, sound: oggOpus(packets, PACKET_MS, SPEAKING_RATE), durationMs };
}
