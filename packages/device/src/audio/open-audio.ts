import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { createAlsaAudio } from './alsa.ts';
import { createFileAudio, type FileAudio } from './file.ts';
import type { Audio } from './port.ts';

/** The driver that the configuration names; `files` is it again when it is the one with files. */
export function openAudio(config: Config, log: Log): { readonly audio: Audio; readonly files: FileAudio | null } {
  if (config.audio === 'file') {
    const files = createFileAudio({ frameMs: config.frameMs, out: config.out });
    return { audio: files, files };
  }
  const { alsaCapture: capture, alsaPlayback: playback, alsaMixer: mixer, frameMs } = config;
  return { audio: createAlsaAudio({ capture, playback, mixer, frameMs }, log), files: null };
}
