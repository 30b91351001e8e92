import { VAD_WINDOW, type VadStream } from '../../ports.ts';
import { createRow, type Row, WINDOWS_PER_ROW } from './batcher.ts';
import { CONTEXT, INPUT } from './model.ts';

/**
 * A window in which no sample is louder than this is silence without asking: -66 dB of full scale, below the noise of
 * any microphone and what a device with discontinuous transmission decodes to.
 */
const SILENT_PEAK = 16;

/** Cuts the sound of one conversation into windows and has them judged. */
export function createSileroStream(infer: (row: Row) => Promise<boolean>): VadStream {
  const window = new Int16Array(VAD_WINDOW);
  const context = new Float32Array(CONTEXT);
  let row = createRow();
  let filled = 0;
  let last = 0;

  /** Asks for the windows in the row and writes the answers to their places. */
  const ask = async (results: number[], places: readonly number[]): Promise<void> => {
    const asked = row;
    const answered = await infer(asked);
    for (const [index, place] of places.entries()) {
      // A gap keeps what was last known, so that it neither begins nor ends speech.
      if (answered) last = asked.probabilities[index] ?? 0;
      results[place] = last;
    }
    asked.windows = 0;
  };

  /** Puts the full window into the row, or answers false when it is silence. */
  const put = (): boolean => {
    let peak = 0;
    for (let i = 0; i < VAD_WINDOW; i += 1) peak = Math.max(peak, Math.abs(window[i] ?? 0));
    const silent = peak <= SILENT_PEAK;
    if (!silent) {
      const at = row.windows * INPUT;
      row.input.set(context, at);
      for (let i = 0; i < VAD_WINDOW; i += 1) row.input[at + CONTEXT + i] = (window[i] ?? 0) / 32_768;
      row.windows += 1;
    }
    for (let i = 0; i < CONTEXT; i += 1) context[i] = (window[VAD_WINDOW - CONTEXT + i] ?? 0) / 32_768;
    return !silent;
  };

  return {
    async push(pcm) {
      const results: number[] = [];
      let places: number[] = [];
      for (let offset = 0; offset < pcm.length; ) {
        const taken = pcm.subarray(offset, offset + VAD_WINDOW - filled);
        window.set(taken, filled);
        filled += taken.length;
        offset += taken.length;
        if (filled < VAD_WINDOW) break;
        filled = 0;
        if (put()) places.push(results.length);
        else last = 0;
        results.push(0);
        if (places.length === WINDOWS_PER_ROW) {
          await ask(results, places);
          places = [];
        }
      }
      if (places.length > 0) await ask(results, places);
      return results;
    },

    reset() {
      // A row on its way is left to its answer; what was heard goes with it.
      row = createRow();
      context.fill(0);
      filled = 0;
      last = 0;
    },

    close() {
      filled = 0;
    },
  };
}
