import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MusterError } from '@muster/contract';
import { createStubVoice } from '@muster/testkit';
import { systemClock } from '../../platform/clock.ts';
import { createLogger } from '../../platform/log.ts';
import { createOpusDecoder, createOpusEncoder } from '../audio/opus.ts';
import type { VoiceLink } from '../ports.ts';
import type { AnswerReport } from './answer.ts';
import { createConversation } from './conversation.ts';

function setUp(answerDeps: () => Promise<never>) {
  const sent: string[] = [];
  const reports: AnswerReport[] = [];
  const reported = Promise.withResolvers<AnswerReport>();
  const note = (what: string) => (text?: unknown) =>
    void sent.push(text === undefined ? what : `${what} ${String(text)}`);
  const link: VoiceLink = {
    deviceId: 'd',
    siteId: 's',
    sessionId: 'x',
    deviceName: 'D',
    heard: note('heard'),
    emotion: note('emotion'),
    speechStart: note('start'),
    sentence: note('sentence'),
    audio: () => true,
    speechStop: note('stop'),
    alert: note('alert'),
    tools: () => [],
  };
  const conversation = createConversation({
    clock: systemClock,
    log: createLogger('silent'),
    link,
    vad: createStubVoice().vad.open(),
    decoder: createOpusDecoder(16_000),
    encoder: createOpusEncoder(24_000, { bitrate: 24_000, complexity: 0 }),
    endpoint: { minMs: 300, maxMs: 700 },
    isWakeWord: () => false,
    answerDeps,
    apology: () => new Int16Array(2_880),
    onReport(report) {
      reports.push(report);
      reported.resolve(report);
    },
    onPaced: () => undefined,
    onFault: () => undefined,
  });
  return { conversation, sent, reports, reported: reported.promise };
}

test('when nobody can be found to answer, the person hears an apology and the turn names why', async () => {
  const { conversation, sent, reported } = setUp(() => Promise.reject(new MusterError('PROVIDER_UNKNOWN')));
  conversation.detect('hello');
  const report = await reported;
  assert.deepEqual([report.outcome, report.errorCode, report.cause], ['failed', 'PROVIDER_UNKNOWN', 'text']);
  assert.deepEqual(sent, ['alert PROVIDER_UNKNOWN', 'start', 'stop']);
  conversation.close();
});

test('a device that hangs up before that hears nothing and leaves no turn', async () => {
  const never = Promise.withResolvers<never>();
  const { conversation, sent, reports } = setUp(() => never.promise);
  conversation.detect('hello');
  conversation.close();
  never.reject(new MusterError('DATABASE_UNAVAILABLE'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual([sent, reports], [[], []]);
});

test('a server that stops waits for the turn at work, and begins no other', async () => {
  const later = Promise.withResolvers<never>();
  const { conversation, reports } = setUp(() => later.promise);
  conversation.detect('hello');
  const finished = conversation.finish(AbortSignal.timeout(5_000));
  later.reject(new MusterError('PROVIDER_UNKNOWN'));
  await finished;
  assert.equal(reports.length, 1);
  conversation.detect('again');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(reports.length, 1);
});
