import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MusterError } from '@muster/contract';
import type { Log } from '../log.ts';
import { createFramer } from './framer.ts';
import { createSpeaker } from './playout.ts';
import { type Audio, MICROPHONE_RATE, SPEAKER_RATE } from './port.ts';
import { createProgram } from './program.ts';

const run = promisify(execFile);
const MIXER_MS = 3_000;
/** Bytes waiting for `aplay`; 5 s of sound. A speaker that takes nothing for so long is broken. */
const PIPE_BYTES = SPEAKER_RATE * 2 * 5;

export interface AlsaOptions {
  readonly capture: string;
  readonly playback: string;
  readonly mixer: string;
  readonly frameMs: number;
}

/** Sound through alsa-utils: `arecord` and `aplay` as children, `amixer` for the volume. */
export function createAlsaAudio(options: AlsaOptions, log: Log): Audio {
  let onFrame: ((pcm: Int16Array) => void) | null = null;
  const format = (rate: number): string[] => ['-q', '-t', 'raw', '-f', 'S16_LE', '-c', '1', '-r', String(rate)];
  const recorder = createProgram('arecord', [...format(MICROPHONE_RATE), '-D', options.capture], log, (child) => {
    child.stdout?.on(
      'data',
      createFramer(options.frameMs, (pcm) => onFrame?.(pcm)),
    );
  });
  const player = createProgram(
    'aplay',
    [...format(SPEAKER_RATE), '-D', options.playback, '--buffer-time=200000'],
    log,
    (child) => child.stdout?.resume(),
  );

  const speaker = createSpeaker({
    write(pcm) {
      player.start();
      const input = player.child()?.stdin;
      if (input === undefined || input === null || input.writableLength > PIPE_BYTES) return;
      input.write(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength));
    },
    flush: () => player.restart(),
  });

  return {
    id: 'alsa',
    speaker,
    openMicrophone(listener) {
      onFrame = listener;
      recorder.start();
    },
    closeMicrophone() {
      onFrame = null;
      recorder.stop();
    },
    async volume() {
      return readVolume((await mixer(['sget', options.mixer])) ?? '', options.mixer);
    },
    async setVolume(percent) {
      await mixer(['-q', 'sset', options.mixer, `${percent}%`]);
    },
    state() {
      const [microphone, output] = [recorder.state(), player.state()];
      return microphone.state === 'down' ? microphone : output;
    },
    close() {
      speaker.flush();
      recorder.stop();
      player.stop();
      return Promise.resolve();
    },
  };
}

async function mixer(args: readonly string[]): Promise<string> {
  try {
    return (await run('amixer', [...args], { timeout: MIXER_MS, maxBuffer: 65_536 })).stdout;
  } catch (cause) {
    throw new MusterError('AUDIO_DEVICE_FAILED', { command: `amixer ${args.join(' ')}` }, { cause });
  }
}

function readVolume(text: string, control: string): number {
  const percent = /\[(\d{1,3})%\]/.exec(text)?.[1];
  if (percent === undefined) throw new MusterError('AUDIO_DEVICE_FAILED', { control, why: 'it has no volume' });
  return Number(percent);
}
