import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { open, rename, rm } from 'node:fs/promises';

/** Where the bytes of a file go. */
export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
}

/** A file that has its name only when it is whole: until then, and after a fault, there is none or the one before. */
export async function writeWhole(path: string, task: (sink: Sink) => Promise<void>): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx');
  try {
    await task({ write: async (bytes) => void (await file.writeFile(bytes)) });
    await file.sync();
    await file.close();
    await rename(draft, path);
  } catch (error) {
    await file.close();
    await rm(draft, { force: true });
    throw error;
  }
}

/** Characters with which text of a device could steer the terminal of whoever looks at it. */
const STEERING = /[^\P{Cc}\t\r\n]/gu;

/** Standard output, as fast as its reader takes it. On a terminal nothing that steers it is passed on. */
export function standardOutput(): Sink {
  const { stdout } = process;
  const decoder = new TextDecoder();
  return {
    async write(bytes) {
      const shown = stdout.isTTY === true ? decoder.decode(bytes, { stream: true }).replace(STEERING, '\ufffd') : bytes;
      if (!stdout.write(shown)) await once(stdout, 'drain');
    },
  };
}

/** The same of one value in a line. */
export function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd');
}
