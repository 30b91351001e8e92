/** Changes the rate of sound that comes in pieces. */
export interface Resampler {
  /** The sound that is complete so far: all but the newest 1 ms or so of the input is answered at once. */
  push(pcm: Int16Array): Int16Array;
  /** The rest, after the last piece; then the resampler is as new. */
  flush(): Int16Array;
}

/** Zero crossings of the sinc on each side: 90 dB down with the window below, and 1 ms of look-ahead at 16 kHz. */
const ZERO_CROSSINGS = 16;
/** Kaiser window: about 90 dB of stop band. */
const KAISER_BETA = 9;
/** Share of the lower Nyquist frequency that is kept; what is left is the filter's slope. */
const PASS_BAND = 0.91;

/**
 * A windowed-sinc polyphase filter. Linear interpolation would be cheaper (0.007 against 0.05 ms for 60 ms) but folds
 * what lies above 5 kHz of a 16 kHz voice back as hiss; a voice from flite or espeak is not dull enough for that.
 * `from` and `to` are Hz, whole numbers. As many samples come out as `to/from` times those that went in, rounded up.
 */
export function createResampler(from: number, to: number): Resampler {
  const divisor = greatestCommonDivisor(from, to);
  const phases = to / divisor;
  const step = from / divisor;
  const half = Math.ceil(ZERO_CROSSINGS * Math.max(1, from / to));
  const taps = 2 * half;
  const filters = designFilters(phases, half, Math.min(1, to / from) * PASS_BAND);

  let line = new Float32Array(4_096);
  let out = new Int16Array(4_096);
  let length = 0;
  let start = 0;
  let phase = 0;
  let taken = 0;
  let given = 0;
  restart();

  function restart(): void {
    line.fill(0, 0, half - 1);
    length = half - 1;
    start = 0;
    phase = 0;
    taken = 0;
    given = 0;
  }

  /** Makes room behind what is still needed. */
  function makeRoom(samples: number): void {
    line.copyWithin(0, start, length);
    length -= start;
    start = 0;
    if (length + samples <= line.length) return;
    const longer = new Float32Array(2 * (length + samples));
    longer.set(line.subarray(0, length));
    line = longer;
  }

  function drain(limit: number): Int16Array {
    const most = Math.ceil(((length - start) * phases) / step) + 1;
    if (most > out.length) out = new Int16Array(most);
    let count = 0;
    while (start + taps <= length && count < limit) {
      const filter = phase * taps;
      let sum = 0;
      for (let tap = 0; tap < taps; tap += 1) sum += (line[start + tap] ?? 0) * (filters[filter + tap] ?? 0);
      out[count] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
      count += 1;
      phase += step;
      while (phase >= phases) {
        phase -= phases;
        start += 1;
      }
    }
    given += count;
    return out.slice(0, count);
  }

  return {
    push(pcm) {
      makeRoom(pcm.length);
      for (let i = 0; i < pcm.length; i += 1) line[length + i] = pcm[i] ?? 0;
      length += pcm.length;
      taken += pcm.length;
      return drain(Number.POSITIVE_INFINITY);
    },
    flush() {
      makeRoom(taps);
      line.fill(0, length, length + taps);
      length += taps;
      const rest = drain(Math.ceil((taken * phases) / step) - given);
      restart();
      return rest;
    },
  };
}

/** For each phase the weights of the samples around it, each set with a sum of 1. `cutoff` is a share of Nyquist. */
function designFilters(phases: number, half: number, cutoff: number): Float32Array {
  const taps = 2 * half;
  const filters = new Float32Array(phases * taps);
  for (let phase = 0; phase < phases; phase += 1) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap += 1) {
      const at = tap - half + 1 - phase / phases;
      const x = Math.PI * cutoff * at;
      const sinc = x === 0 ? 1 : Math.sin(x) / x;
      const edge = 1 - (at / half) ** 2;
      const weight = edge <= 0 ? 0 : sinc * bessel(KAISER_BETA * Math.sqrt(edge));
      filters[phase * taps + tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < taps; tap += 1) {
      const index = phase * taps + tap;
      filters[index] = (filters[index] ?? 0) / sum;
    }
  }
  return filters;
}

/** The modified Bessel function of the first kind and order 0, which the Kaiser window is made of. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; term > sum * 1e-10; n += 1) {
    term *= (x / (2 * n)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
