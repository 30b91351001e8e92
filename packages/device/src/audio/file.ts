import { readFile, writeFile } from 'node:fs/promises';
import { decodeWav, encodeWav, resample } from '@muster/contract';
import { createSpeaker } from './playout.ts';
import { type Audio, MICROPHONE_RATE, SPEAKER_RATE } from './port.ts';

/** Longest sound kept for the file, samples: 10 minutes, 29 MB. */
const OUT_SAMPLES = SPEAKER_RATE * 600;
/** How often the clock of the microphone is looked at, ms. */
const TICK_MS = 5;

export interface FileOptions {
  readonly frameMs: number;
  readonly out: string | undefined;
}

/** A microphone that says WAV files, then silence, in real time; and a speaker whose sound ends up in a WAV file. */
export interface FileAudio extends Audio {
  /** Says a file with the next frames. Resolves when its last frame was given. AUDIO_FILE_INVALID. */
  say(path: string): Promise<void>;
  /** Writes what the speaker played so far to the file; nothing without one. Rejects when it cannot be written. */
  save(): Promise<void>;
}

export function createFileAudio(options: FileOptions): FileAudio {
  const samples = (MICROPHONE_RATE * options.frameMs) / 1_000;
  const frame = new Int16Array(samples);
  const played: Int16Array[] = [];
  let playedSamples = 0;
  let gain = 1;
  let timer: NodeJS.Timeout | null = null;
  let current: { readonly pcm: Int16Array; at: number; readonly done: () => void } | null = null;

  function nextFrame(): Int16Array {
    frame.fill(0);
    if (current === null) return frame;
    frame.set(current.pcm.subarray(current.at, current.at + samples));
    current.at += samples;
    if (current.at >= current.pcm.length) {
      current.done();
      current = null;
    }
    return frame;
  }

  const speaker = createSpeaker({
    write(pcm) {
      if (playedSamples + pcm.length > OUT_SAMPLES) return;
      played.push(gain === 1 ? pcm : pcm.map((sample) => sample * gain));
      playedSamples += pcm.length;
    },
    // what is in the file was written 120 ms ahead at most; a person would have heard nearly all of it
    flush: () => undefined,
  });
  const since = performance.now();

  function closeMicrophone(): void {
    if (timer !== null) clearInterval(timer);
    timer = null;
  }

  return {
    id: 'file',
    speaker,
    openMicrophone(onFrame) {
      closeMicrophone();
      const startedAt = performance.now();
      let given = 0;
      timer = setInterval(() => {
        while (timer !== null && startedAt + (given + 1) * options.frameMs <= performance.now()) {
          given++;
          onFrame(nextFrame());
        }
      }, TICK_MS);
    },
    closeMicrophone,
    async say(path) {
      const wav = decodeWav(await readFile(path));
      const pcm = resample(wav.pcm, wav.sampleRate, MICROPHONE_RATE);
      const { promise, resolve } = Promise.withResolvers<void>();
      current = { pcm, at: 0, done: resolve };
      return promise;
    },
    async save() {
      if (options.out === undefined) return;
      const all = new Int16Array(playedSamples);
      let at = 0;
      for (const pcm of played) {
        all.set(pcm, at);
        at += pcm.length;
      }
      await writeFile(options.out, encodeWav(all, SPEAKER_RATE));
    },
    volume: () => Promise.resolve(Math.round(gain * 100)),
    setVolume(percent) {
      gain = percent / 100;
      return Promise.resolve();
    },
    state: () => ({ state: 'ready', detail: null, since }),
    close() {
      speaker.flush();
      closeMicrophone();
      return Promise.resolve();
    },
  };
}
