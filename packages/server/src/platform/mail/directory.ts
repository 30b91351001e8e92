import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import type { Clock } from '../clock.ts';
import { newId } from '../ids.ts';
import type { Carrier } from './mailer.ts';

/** Writes each mail as `{id}.eml`, named in the order of time, for its owner only: it may hold a link that resets a password. */
export function createMailDirectory(dir: string, clock: Clock): Carrier {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  return {
    async carry(message) {
      const { message: bytes } = await composer.sendMail({
        ...message,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await writeFile(join(dir, `${newId(clock.now())}.eml`), bytes, { mode: 0o600, flag: 'wx' });
    },
    close: () => composer.close(),
  };
}
