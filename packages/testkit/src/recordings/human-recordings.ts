import { existsSync, readFileSync } from 'node:fs';
import { decodeWav } from '@muster/contract';

/** One sentence read by a person, from Debian's `pocketsphinx-testdata`, at 16 kHz. */
export interface Recording {
  readonly name: string;
  readonly pcm: Int16Array;
  /** Lower case, without punctuation. */
  readonly words: string;
}

const FOLDER = '/usr/share/pocketsphinx/test/data';

/** A reason to skip, or false: what `node:test` takes as `skip`. */
export const recordingsMissing = existsSync(FOLDER) ? false : 'needs the Debian package pocketsphinx-testdata';

export function humanRecordings(): Recording[] {
  return [
    ...transcribed('librivox/transcription', 'librivox'),
    raw('goforward', 'go forward ten meters'),
    raw('something', 'go somewhere and do something'),
    ...transcribed('cards/cards.transcription', 'cards'),
  ];
}

function transcribed(list: string, folder: string): Recording[] {
  const lines = readFileSync(`${FOLDER}/${list}`, 'utf8').trim().split('\n');
  return lines.flatMap((line) => {
    const [, words, name] = /<s>\s+(.*?)\s+<\/s>\s+\((.*)\)/.exec(line) ?? [];
    if (words === undefined || name === undefined) return [];
    return [{ name, words, pcm: decodeWav(readFileSync(`${FOLDER}/${folder}/${name}.wav`)).pcm }];
  });
}

function raw(name: string, words: string): Recording {
  const bytes = readFileSync(`${FOLDER}/${name}.raw`);
  return { name, words, pcm: new Int16Array(new Uint8Array(bytes).buffer) };
}
