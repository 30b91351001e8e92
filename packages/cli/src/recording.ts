import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, MusterError } from '@muster/contract';

/** Ten minutes of 48 kHz stereo: far more than the 30 s that a server listens to. */
const FILE_BYTES = 115_200_000;

/** The speech in a file. Throws AUDIO_FILE_INVALID with the name of the file and how to convert it. */
export async function readRecording(path: string, read: (path: string) => Promise<Int16Array>): Promise<Int16Array> {
  const found = await stat(path);
  if (found.isDirectory()) throw invalid(`${path} is a folder, not a WAV file.`);
  if (found.size > FILE_BYTES) throw invalid(`${path} is too long.`);
  const speech = await read(path).catch((cause: unknown) => {
    if (codeOf(cause) !== 'AUDIO_FILE_INVALID') throw cause;
    const cure = `Convert it: sox ${path} -b 16 out.wav (mp3: ffmpeg -i in.mp3 out.wav)`;
    throw invalid(`${path} is not a WAV file with 16-bit PCM. ${cure}`, cause);
  });
  if (speech.length === 0) throw invalid(`There is no sound in ${path}.`);
  return speech;
}

/** Throws AUDIO_FILE_INVALID when no file can be written at `path`: to be asked before a long task, not after it. */
export async function refuseUnwritable(path: string): Promise<void> {
  const folder = dirname(path);
  if (!(await isFolder(folder))) throw invalid(`The folder ${folder} does not exist.`);
  if (await isFolder(path)) throw invalid(`${path} is a folder, not a WAV file.`);
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  return found?.isDirectory() ?? false;
}

function invalid(say: string, cause?: unknown): MusterError {
  return new MusterError('AUDIO_FILE_INVALID', {}, { say, cause });
}
