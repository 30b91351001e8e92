import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Language, MusterError } from '@muster/contract';
import { ttsConformance } from '@muster/testkit';
import { systemClock } from '../../../platform/clock.ts';
import { createLogger } from '../../../platform/log.ts';
import type { TextToSpeech } from '../../ports.ts';
import { createEspeak, provider } from './index.ts';

const deps = { log: createLogger('silent'), clock: systemClock };
const config = { command: 'espeak-ng', processes: 2, queue: 2, timeoutMs: 5_000 };
const skip = existsSync('/usr/bin/espeak-ng') ? false : 'needs espeak-ng';
const never = new AbortController().signal;
const refusesWith = (code: string) => (error: unknown) => error instanceof MusterError && error.code === code;

async function seconds(tts: TextToSpeech, text: string, language: Language, signal = never): Promise<number> {
  let total = 0;
  for await (const { pcm, sampleRate } of tts.speak(text, { language, voice: null, signal })) {
    assert.equal(sampleRate, 22_050);
    total += pcm.length / sampleRate;
  }
  return total;
}

/** Runs a test with a program of our own in place of espeak-ng. */
async function withProgram(script: string, test: (command: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'espeak-'));
  try {
    const command = join(folder, 'speak');
    await writeFile(command, `#!/bin/sh\n${script}\n`);
    await chmod(command, 0o755);
    await test(command);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('espeak', { skip }, () => {
  it('speaks the four languages', async () => {
    const tts = await createEspeak(config, deps);
    for (const [language, text] of [
      ['en', 'Good morning, how are you?'],
      ['vi', 'Chào buổi sáng, bạn khỏe không?'],
      ['ar', 'صباح الخير كيف حالك'],
      ['zh', '早上好，你好吗'],
    ] as const) {
      assert.equal(tts.speaks(language), true);
      const length = await seconds(tts, text, language);
      assert.ok(length > 0.8 && length < 10, `${language}: ${length} s`);
    }
  });

  it('reads the text as text, never as an option', async () => {
    const tts = await createEspeak(config, deps);
    assert.ok((await seconds(tts, '--version', 'en')) > 0.4);
    assert.ok((await seconds(tts, '-f /etc/passwd', 'en')) < 5);
  });

  it('speaks as many at once as it may, lets some wait and refuses the rest', async () => {
    const tts = await createEspeak(config, deps);
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => seconds(tts, 'Hello.', 'en')));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 4);
    for (const result of results) {
      if (result.status === 'rejected') assert.ok(refusesWith('QUEUE_FULL')(result.reason));
    }
    assert.ok((await seconds(tts, 'Hello.', 'en')) > 0);
  });
});

describe('a program in place of espeak', () => {
  it('is not configured when it is not there', async () => {
    assert.equal(await provider.configured({ ...config, command: '/nowhere/espeak-ng' }), false);
    await assert.rejects(
      createEspeak({ ...config, command: '/nowhere/espeak-ng' }, deps),
      refusesWith('PROVIDER_FAILED'),
    );
  });

  it('that hangs is killed at the limit, and at an abort', () =>
    withProgram('exec sleep 60', async (command) => {
      const limited = await createEspeak({ ...config, command, timeoutMs: 200 }, deps);
      await assert.rejects(seconds(limited, 'Hello.', 'en'), refusesWith('PROVIDER_TIMEOUT'));
      const tts = await createEspeak({ ...config, command }, deps);
      const stop = new AbortController();
      const reason = new Error('barge-in');
      setTimeout(() => stop.abort(reason), 50);
      await assert.rejects(seconds(tts, 'Hello.', 'en', stop.signal), reason);
      const closed = seconds(tts, 'Hello.', 'en');
      await tts.close();
      await assert.rejects(closed, refusesWith('SERVER_STOPPING'));
    }));

  it('that fails or says something else is reported', async () => {
    await withProgram('exit 3', async (command) => {
      const tts = await createEspeak({ ...config, command }, deps);
      await assert.rejects(seconds(tts, 'Hello.', 'en'), refusesWith('PROVIDER_BROKEN'));
    });
    await withProgram('cat', async (command) => {
      const tts = await createEspeak({ ...config, command }, deps);
      await assert.rejects(seconds(tts, 'This is no sound at all.', 'en'), refusesWith('PROVIDER_BROKEN'));
    });
    await withProgram('espeak-ng --stdout hello 2>/dev/null; exit 4', async (command) => {
      const tts = await createEspeak({ ...config, command }, deps);
      await assert.rejects(seconds(tts, 'Hello.', 'en'), (error) => error instanceof MusterError);
    });
  });
});

if (skip === false) {
  ttsConformance('espeak', async () => {
    const port = await createEspeak(config, deps);
    return { port, setFault: () => undefined, open: () => 0, close: () => port.close() };
  }, []);
}
