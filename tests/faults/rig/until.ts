import { MusterError } from '@muster/contract';

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** Looks again and again until it is so; gives the ms that it took. UNAVAILABLE, with `what`, after `limitMs`. */
export async function until(
  what: string,
  limitMs: number,
  isSo: () => boolean | Promise<boolean>,
  everyMs = 50,
): Promise<number> {
  const begun = performance.now();
  while (!(await isSo())) {
    if (performance.now() - begun > limitMs) {
      throw new MusterError('UNAVAILABLE', { what, limitMs }, { say: `Not within ${limitMs} ms: ${what}.` });
    }
    await pause(everyMs);
  }
  return performance.now() - begun;
}
