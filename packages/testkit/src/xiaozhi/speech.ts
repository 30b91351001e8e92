import { readFile } from 'node:fs/promises';
import { Decoder, Encoder } from '@evan/opus';
import { DOWNLINK, decodeWav, MusterError, resample, UPLINK } from '@muster/contract';

/** Speech encoded once, to be shared by any number of simulated devices: packets are only ever read. */
export interface Speech {
  readonly packets: readonly Uint8Array[];
  /** What the microphone sends when nobody speaks, with DTX: played round and round. */
  readonly silence: readonly Uint8Array[];
  readonly frameMs: number;
  /** Index of the first packet with a voice in it; 0 when there is none. */
  readonly firstVoiced: number;
  /** Index of the last packet with a voice in it; -1 when there is none. */
  readonly lastVoiced: number;
}

/** Frames of silence that are encoded: the DTX of Opus refreshes every 400 ms, so 2.4 s at 60 ms has several. */
const SILENCE_FRAMES = 40;

/**
 * Encodes 16 kHz speech as the firmware does: variable rate, complexity 0, DTX on (xiaozhi-esp32 2.4.2). The last
 * frame is filled up with silence.
 */
export function encodeSpeech(pcm: Int16Array, frameMs: 20 | 40 | 60 = 60): Speech {
  const samples = (UPLINK.sample_rate * frameMs) / 1_000;
  const encoder = new Encoder({ channels: 1, sample_rate: 16_000, application: 'audio' });
  encoder.complexity = 0;
  encoder.dtx = true;
  encoder.signal = 'voice';
  const packets: Uint8Array[] = [];
  for (let at = 0; at < pcm.length; at += samples) packets.push(encoder.encode(frameAt(pcm, at, samples)));
  const quiet = new Int16Array(samples);
  const silence = Array.from({ length: SILENCE_FRAMES }, () => encoder.encode(quiet));
  return { packets, silence, frameMs, ...voicedFrames(pcm, samples) };
}

const silences = new Map<number, Speech>();

/** Silence alone, for a microphone that is on while nobody speaks; encoded once per process. */
export function encodeSilence(frameMs: 20 | 40 | 60 = 60): Speech {
  const silence = silences.get(frameMs) ?? encodeSpeech(new Int16Array(0), frameMs);
  silences.set(frameMs, silence);
  return silence;
}

/** Decodes downlink packets to 24 kHz PCM, as the speaker of the device gets it. Throws AUDIO_MALFORMED. */
export function decodeAnswer(packets: readonly Uint8Array[]): Int16Array {
  const decoder = new Decoder({ channels: 1, sample_rate: 24_000 });
  const parts = packets.map((packet) => decodePacket(decoder, packet));
  const pcm = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    pcm.set(part, at);
    at += part.length;
  }
  return pcm;
}

/** Length of the sound in one packet, ms (RFC 6716, section 3.1); 0 for a packet that cannot be. */
export function packetMs(packet: Uint8Array): number {
  const toc = packet[0];
  if (toc === undefined) return 0;
  const config = toc >> 3;
  const frame =
    config < 12 ? [10, 20, 40, 60][config & 3] : config < 16 ? [10, 20][config & 1] : [2.5, 5, 10, 20][config & 3];
  const code = toc & 3;
  const frames = code === 0 ? 1 : code === 3 ? (packet[1] ?? 0) & 63 : 2;
  return (frame ?? 0) * frames;
}

/** Human speech from a `.wav` file of any rate, or a `.raw` file of 16 kHz signed 16-bit samples, as 16 kHz PCM. */
export async function readSpeech(path: string): Promise<Int16Array> {
  const bytes = await readFile(path);
  if (path.endsWith('.raw')) {
    return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.byteLength & ~1)));
  }
  const wav = decodeWav(bytes);
  return resample(wav.pcm, wav.sampleRate, UPLINK.sample_rate);
}

function decodePacket(decoder: Decoder, packet: Uint8Array): Int16Array {
  try {
    const bytes = decoder.decode(packet);
    return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
  } catch (cause) {
    throw new MusterError('AUDIO_MALFORMED', { bytes: packet.byteLength, rate: DOWNLINK.sample_rate }, { cause });
  }
}

/** A frame has a voice when its energy is within 30 dB of the loudest frame: what is under is breath and room. */
function voicedFrames(pcm: Int16Array, samples: number): { firstVoiced: number; lastVoiced: number } {
  const energies: number[] = [];
  for (let at = 0; at < pcm.length; at += samples) energies.push(energy(pcm.subarray(at, at + samples)));
  const floor = Math.max(...energies, 1) / 1_000;
  const isVoiced = (value: number): boolean => value > floor && value > 1;
  return {
    firstVoiced: Math.max(0, energies.findIndex(isVoiced)),
    lastVoiced: energies.findLastIndex(isVoiced),
  };
}

function energy(pcm: Int16Array): number {
  let sum = 0;
  for (const sample of pcm) sum += sample * sample;
  return pcm.length === 0 ? 0 : sum / pcm.length;
}

function frameAt(pcm: Int16Array, at: number, samples: number): Int16Array {
  if (at + samples <= pcm.length) return pcm.subarray(at, at + samples);
  const frame = new Int16Array(samples);
  frame.set(pcm.subarray(at));
  return frame;
}
