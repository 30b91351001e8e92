import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { DOWNLINK, type ListenMode } from '@muster/contract';
import { encodeSpeech } from '@muster/testkit';
import { createSpeaker } from '../audio/playout.ts';
import type { Audio } from '../audio/port.ts';
import type { Session } from '../link/session.ts';
import { createLog } from '../log.ts';
import { createConversation } from './conversation.ts';

const PACKETS = encodeSpeech(Int16Array.from({ length: 9_600 }, (_, i) => 9_000 * Math.sin(i / 6))).packets;

/** A conversation whose edges are seen: the socket records, the sound card counts, time is the test's. */
function stage(t: TestContext, mode: ListenMode, followUpMs = 8_000) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  let at = 0;
  let onFrame: ((pcm: Int16Array) => void) | null = null;
  const seen = { flushes: 0, heard: 0, packets: 0, sent: [] as string[], events: [] as string[] };
  const sink = {
    write: (pcm: Int16Array) => {
      seen.heard += pcm.length / 24;
    },
    flush: () => {
      seen.flushes++;
    },
  };
  const audio: Audio = {
    id: 'test',
    speaker: createSpeaker(sink, () => at),
    openMicrophone: (listener) => {
      onFrame = listener;
    },
    closeMicrophone: () => {
      onFrame = null;
    },
    volume: () => Promise.resolve(50),
    setVolume: () => Promise.resolve(),
    state: () => ({ state: 'ready', detail: null, since: 0 }),
    close: () => Promise.resolve(),
  };
  const session: Session = {
    sessionId: 's',
    audio: DOWNLINK,
    send: ({ type, state, mode: asked }) => {
      seen.sent.push([type, state, asked].filter((part) => part !== undefined).join(' '));
      return true;
    },
    sendAudio: () => {
      seen.packets++;
      return true;
    },
    silentMs: () => 0,
    isOpen: () => true,
    closed: new Promise(() => undefined),
    close: () => undefined,
  };
  const conversation = createConversation({
    audio,
    mode,
    followUpMs,
    log: createLog('error', () => undefined),
    onEvent: (event) => seen.events.push(event.type === 'state' ? event.state : event.type),
  });
  conversation.attach(session);
  return {
    conversation,
    reconnect() {
      conversation.detach();
      conversation.attach(session);
    },
    seen,
    speak: () => onFrame?.(new Int16Array(960)),
    isMicrophoneOn: () => onFrame !== null,
    tts: (state: 'start' | 'stop') => conversation.message({ type: 'tts', state }),
    play: () => {
      for (const packet of PACKETS) conversation.audio(packet);
    },
    async pass(ms: number) {
      for (let step = 0; step < ms; step += 20) {
        at += 20;
        t.mock.timers.tick(20);
        await Promise.resolve();
        await Promise.resolve();
        await Promise.resolve();
      }
    },
  };
}

test('auto: half duplex, plays to the last syllable, listens on, then rests', async (t) => {
  const { conversation, seen, speak, isMicrophoneOn, tts, play, pass } = stage(t, 'auto');
  assert.equal(isMicrophoneOn(), false);
  conversation.press();
  speak();
  assert.equal(seen.packets, 1);
  tts('start');
  assert.equal(isMicrophoneOn(), false);
  play();
  tts('stop');
  assert.equal(conversation.state(), 'draining');
  await pass(1_000);
  assert.equal(seen.heard, 600);
  assert.equal(seen.flushes, 0);
  assert.equal(conversation.state(), 'listening');
  assert.equal(isMicrophoneOn(), true);
  await pass(9_000);
  assert.equal(conversation.state(), 'idle');
  assert.equal(isMicrophoneOn(), false);
  assert.deepEqual(seen.sent, ['listen start auto', 'listen start auto', 'listen stop']);
  assert.deepEqual(seen.events, ['listening', 'speaking', 'draining', 'answered', 'listening', 'idle']);
});

test('the button cuts off an answer: silence at once, nothing of it comes back', async (t) => {
  const { conversation, seen, tts, play, pass } = stage(t, 'auto');
  conversation.press();
  tts('start');
  play();
  await pass(200);
  conversation.press();
  assert.equal(seen.sent.at(-1), 'abort');
  assert.equal(seen.flushes, 1);
  const { heard } = seen;
  play();
  await pass(500);
  assert.equal(seen.heard, heard);
  assert.equal(conversation.counts().strayPackets, PACKETS.length);
  tts('stop');
  assert.equal(conversation.state(), 'listening');
});

test('manual: the button is pressed and released, and the microphone is off after the answer', async (t) => {
  const { conversation, seen, isMicrophoneOn, tts, play, pass } = stage(t, 'manual');
  conversation.press();
  conversation.press();
  assert.deepEqual(seen.sent, ['listen start manual', 'listen stop']);
  assert.equal(isMicrophoneOn(), false);
  tts('start');
  play();
  tts('stop');
  await pass(1_000);
  assert.equal(conversation.state(), 'idle');
});

test('realtime: the microphone is never off, and a barge-in is silence', async (t) => {
  const { conversation, seen, speak, isMicrophoneOn, tts, play, pass } = stage(t, 'realtime');
  assert.deepEqual(seen.sent, ['listen start realtime']);
  tts('start');
  play();
  await pass(200);
  speak();
  assert.equal(seen.packets, 1, 'heard while it speaks');
  tts('stop');
  assert.equal(seen.flushes, 1);
  assert.equal(conversation.state(), 'listening');
  assert.equal(isMicrophoneOn(), true);
  assert.equal(seen.sent.length, 1, 'told once');
});

test('a reminder rings while idle, and leaves the microphone off', async (t) => {
  const { conversation, seen, isMicrophoneOn, tts, play, pass } = stage(t, 'auto');
  tts('start');
  play();
  tts('stop');
  await pass(1_000);
  assert.equal(seen.heard, 600);
  assert.equal(conversation.state(), 'idle');
  assert.equal(isMicrophoneOn(), false);
  assert.deepEqual(seen.sent, []);
});

test('a server that goes quiet leaves no open microphone and no endless answer', async (t) => {
  const { conversation, isMicrophoneOn, tts, pass } = stage(t, 'auto');
  conversation.press();
  await pass(61_000);
  assert.equal(conversation.state(), 'idle');
  assert.equal(isMicrophoneOn(), false);
  tts('start');
  await pass(31_000);
  assert.equal(conversation.state(), 'idle');
});

test('garbage from the server is counted, and the answer goes on', async (t) => {
  const { conversation, seen, tts, play, pass } = stage(t, 'auto');
  tts('start');
  conversation.audio(Uint8Array.of(1, 2, 3, 255, 255, 9, 9, 9));
  conversation.audio(new Uint8Array(0));
  play();
  await pass(1_000);
  assert.equal(conversation.counts().malformedPackets, 2);
  assert.equal(seen.heard, 600);
});

test('losing the channel in mid-answer is silence and a closed microphone', async (t) => {
  const { conversation, seen, isMicrophoneOn, tts, play, pass } = stage(t, 'realtime');
  tts('start');
  play();
  await pass(200);
  conversation.detach();
  assert.equal(seen.flushes, 1);
  assert.equal(isMicrophoneOn(), false);
  conversation.press();
  assert.equal(conversation.state(), 'idle');
});

test('a server that says goodbye and closes gets a new channel, and not the microphone', async (t) => {
  for (const mode of ['auto', 'manual'] as const) {
    await t.test(mode, async (t) => {
      const { conversation, seen, isMicrophoneOn, reconnect, tts, play, pass } = stage(t, mode);
      conversation.press();
      reconnect();
      assert.equal(isMicrophoneOn(), false);
      const sent = seen.sent.length;
      tts('start');
      play();
      tts('stop');
      await pass(1_000);
      reconnect();
      await pass(120_000);
      assert.equal(conversation.state(), 'idle');
      assert.equal(isMicrophoneOn(), false);
      assert.equal(seen.sent.length, sent, 'nothing was sent on the new channel');
    });
  }
});
