import { spawn } from 'node:child_process';
import { decodeWav, type Language } from '@muster/contract';
import type { Log } from '../log.ts';

const LINES: Readonly<Record<Language, { readonly voice: string; readonly spoken: string; readonly printed: string }>> =
  {
    en: {
      voice: 'en',
      spoken: 'My activation code is',
      printed: 'Sign in to your Muster server and type this code, or run: muster activate',
    },
    vi: {
      voice: 'vi',
      spoken: 'Mã kích hoạt là',
      printed: 'Đăng nhập máy chủ Muster và nhập mã này, hoặc chạy: muster activate',
    },
    ar: {
      voice: 'ar',
      spoken: 'رمز التفعيل هو',
      printed: 'سجّل الدخول إلى خادم Muster واكتب هذا الرمز، أو نفّذ: muster activate',
    },
    zh: { voice: 'cmn', spoken: '激活码是', printed: '请登录 Muster 服务器并输入此代码，或运行：muster activate' },
  };

const SPEAK_MS = 10_000;
/** A sentence with six digits is about 5 s; twice that at 22 kHz. */
const SPOKEN_BYTES = 500_000;

export interface Announcer {
  readonly language: Language;
  readonly print: (text: string) => void;
  /** Plays sound at any rate; null when the code shall not be spoken. */
  readonly play: ((pcm: Int16Array, sampleRate: number) => void) | null;
  readonly log: Log;
}

/** Shows the code so that it is seen from across the room, and speaks it digit by digit when espeak-ng is there. */
export async function announceCode(to: Announcer, code: string, signal: AbortSignal): Promise<void> {
  const digits = code.replace(/[^0-9A-Za-z]/g, '').slice(0, 12);
  const { voice, spoken, printed } = LINES[to.language];
  const wide = [...digits].join(' ');
  const line = '═'.repeat(wide.length + 6);
  to.print(`\n╔${line}╗\n║   ${wide}   ║\n╚${line}╝\n${printed} ${digits}\n\n`);
  if (to.play === null) return;
  const sound = await speak(`${spoken} ${[...digits].join(', ')}.`, voice, signal);
  if (sound === null) {
    to.log.info('espeak-ng is not there, so the code is only printed');
    return;
  }
  to.log.debug('speaking the code');
  to.play(sound.pcm, sound.sampleRate);
}

async function speak(text: string, voice: string, signal: AbortSignal) {
  const { promise, resolve } = Promise.withResolvers<Buffer | null>();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(SPEAK_MS)]);
  const child = spawn('espeak-ng', ['-v', voice, '-s', '130', '--stdout', '--stdin'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    signal: limit,
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes <= SPOKEN_BYTES) chunks.push(chunk);
  });
  // not installed, aborted or crashed: the printed code is enough
  child.on('error', () => resolve(null));
  child.stdin.on('error', () => resolve(null));
  child.on('close', (status) => resolve(status === 0 ? Buffer.concat(chunks) : null));
  child.stdin.end(text);
  const wav = await promise;
  return wav === null ? null : decodeWav(wav);
}
