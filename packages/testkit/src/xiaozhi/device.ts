import { MusterError } from '@muster/contract';
import { type Answer, createAnswers } from './answer.ts';
import { activate, type CheckInReply, checkIn } from './boot.ts';
import {
  type Closed,
  type Connection,
  type ConnectionEvents,
  type Message,
  openConnection,
  type ServerHello,
} from './connection.ts';
import { createMicrophone, type SpokenTimes } from './microphone.ts';
import { connectMqttLink, type MqttLink } from './mqtt-link.ts';
import type { XiaozhiDeviceOptions } from './options.ts';
import type { PlaybackCount } from './playback.ts';
import type { Reply } from './post.ts';
import { encodeSilence, encodeSpeech, type Speech } from './speech.ts';
import { answerMcp, firmwareTools, type ToolCall } from './tools.ts';

export interface TalkOptions {
  /**
   * How long the microphone stays on after the speech, ms. Default 5,000 in auto mode (it is switched off by
   * `tts start` before that), 0 in manual mode (the button is released), without end in realtime.
   */
  readonly tailSilenceMs?: number;
  /** How long to wait for `tts stop` from the end of the speech, ms. Default 30,000. */
  readonly timeoutMs?: number;
}

/** A WebSocket and the token for it. */
export interface Target {
  readonly url: string;
  readonly token: string;
}

/** What happened when the person spoke into an answer. */
export interface BargeIn {
  /** The answer that was cut off. */
  readonly interrupted: Answer;
  /** First voiced frame of the interruption to `tts stop`, ms. */
  readonly silencedMs: number;
  /** Packets that still came after `tts stop` and before the next `tts start`. */
  readonly latePackets: number;
  /** The answer to the interruption. */
  readonly answer: Promise<Answer>;
}

/** A message of the server; `at` is ms of the monotonic clock. */
export interface ServerEvent {
  readonly at: number;
  readonly message: Message;
}

export interface XiaozhiDevice {
  readonly options: XiaozhiDeviceOptions;
  /** What the tools changed. */
  readonly state: { volume: number; rebooted: boolean };
  /** The newest 2,000 messages of the server, without audio. */
  readonly events: readonly ServerEvent[];
  readonly toolCalls: readonly ToolCall[];
  /** Boot request; keeps url, token and challenge of the reply for what follows. Throws SERVER_UNREACHABLE. */
  checkIn(): Promise<CheckInReply>;
  /** One poll with the proof for the challenge of the last check-in. 200 done, 202 wait. */
  activate(): Promise<Reply>;
  /** `checkIn`, and with a code: `confirm(code)`, then polls until 200 and checks in again. */
  activateWith(confirm: (code: string) => Promise<void>): Promise<void>;
  /** MQTT only: connects and stays idle, so that the server can speak first. DEVICE_TOKEN_INVALID, SERVER_UNREACHABLE. */
  standBy(): Promise<void>;
  /**
   * Opens the socket of the last check-in (or `target`), or a channel of the MQTT connection, and says hello.
   * DEVICE_TOKEN_INVALID, SERVER_UNREACHABLE.
   */
  connect(target?: Target): Promise<ServerHello>;
  /** Speaks in real time and resolves with the answer at its `tts stop`; ANSWER_TIMEOUT, SERVER_UNREACHABLE. */
  talk(speech: Int16Array | Speech, options?: TalkOptions): Promise<Answer>;
  /** Typed text, or a wake word: `listen detect`. */
  say(text: string, timeoutMs?: number): Promise<Answer>;
  /** The next answer that ends, whoever began it: a reminder rings by itself. */
  nextAnswer(timeoutMs?: number): Promise<Answer>;
  /** Asks for silence; resolves with the time to `tts stop`, ms. */
  abort(reason?: string): Promise<number>;
  /** Realtime mode, while the server speaks: speaks over it. Waits up to 10 s for the server to speak first. */
  bargeIn(speech: Int16Array | Speech, options?: TalkOptions): Promise<BargeIn>;
  /** The next message that `wanted` accepts. ANSWER_TIMEOUT after `timeoutMs` (default 10,000). */
  waitFor(wanted: (message: Message) => boolean, timeoutMs?: number): Promise<ServerEvent>;
  /** Any JSON, or any text: for what no proper device sends. */
  send(message: object | string): void;
  sendRaw(bytes: Uint8Array): void;
  playback(): PlaybackCount;
  isSpeaking(): boolean;
  /** Resolves when the connection is gone, at once when there is none. */
  closed(): Promise<Closed | null>;
  /** Ends the conversation as the firmware does: drops TCP, or says goodbye over MQTT and stays idle. */
  close(): void;
  /** Loses its power: every connection is dropped. */
  powerOff(): void;
}

const EVENTS_KEPT = 2_000;
/** Python clients poll each 5 s, the firmware each 3 s; a simulator need not wait that long. */
const POLL_MS = 200;
const POLLS = 150;

/** A Xiaozhi device as the server sees one. It opens nothing by itself. */
export function createXiaozhiDevice(options: XiaozhiDeviceOptions): XiaozhiDevice {
  const frameMs = options.frameMs ?? 60;
  const mode = options.mode ?? 'auto';
  const state = { volume: 70, rebooted: false };
  const tools = options.tools === null ? [] : (options.tools ?? firmwareTools(state));
  const events: ServerEvent[] = [];
  const toolCalls: ToolCall[] = [];
  const answers = createAnswers();
  const watchers = new Set<(event: ServerEvent) => void>();
  const microphone = createMicrophone(encodeSilence(frameMs), (packet) => connection?.sendAudio(packet));
  let checkedIn: CheckInReply = {};
  let connection: Connection | null = null;
  let link: MqttLink | null = null;
  let opened: Promise<unknown> = Promise.resolve();
  let whenClosed: Promise<Closed | null> = Promise.resolve(null);

  function onMessage(message: Message, at: number): void {
    const event = { at, message };
    events.push(event);
    if (events.length > EVENTS_KEPT) events.shift();
    // half duplex: the firmware's microphone is off while it speaks, but in realtime
    if (message.type === 'tts' && message.state === 'start' && mode !== 'realtime') microphone.off();
    if (message.type === 'mcp') void replyMcp(message.payload);
    if (message.type === 'system' && message.command === 'reboot') state.rebooted = true;
    answers.message(message, at);
    for (const watch of [...watchers]) watch(event);
  }

  async function replyMcp(payload: unknown): Promise<void> {
    if (options.tools === null || options.faults?.muteTools === true) return;
    // the server may ask in the same breath as its hello, before the connection is handed over here
    await opened;
    const reply = await answerMcp(payload, tools, options.board ?? 'muster-simulator', (call) => toolCalls.push(call));
    if (reply === null) return;
    // put together by hand, as the firmware does, so that broken JSON of a tool arrives broken
    connection?.send(`{"session_id":"${connection.hello.sessionId}","type":"mcp","payload":${reply}}`);
  }

  function sendText(message: object | string): void {
    if (connection?.isOpen() !== true) throw new MusterError('SERVER_UNREACHABLE', { why: 'not connected' });
    connection.send(message);
  }
  const session = (): { session_id: string } => ({ session_id: connection?.hello.sessionId ?? '' });
  const encoded = (speech: Int16Array | Speech): Speech =>
    speech instanceof Int16Array ? encodeSpeech(speech, frameMs) : speech;

  function nextAnswer(timeoutMs = 30_000): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => reject(new MusterError('ANSWER_TIMEOUT', { afterMs: timeoutMs })), timeoutMs);
    const forget = answers.onNext(resolve, ({ code, reason }) =>
      reject(new MusterError('SERVER_UNREACHABLE', { code, reason, why: 'closed before the answer ended' })),
    );
    return promise.finally(() => {
      clearTimeout(timer);
      forget();
    });
  }

  function waitFor(wanted: (message: Message) => boolean, timeoutMs = 10_000): Promise<ServerEvent> {
    const { promise, resolve, reject } = Promise.withResolvers<ServerEvent>();
    const timer = setTimeout(() => reject(new MusterError('ANSWER_TIMEOUT', { afterMs: timeoutMs })), timeoutMs);
    const watch = (event: ServerEvent): void => {
      if (wanted(event.message)) resolve(event);
    };
    watchers.add(watch);
    return promise.finally(() => {
      clearTimeout(timer);
      watchers.delete(watch);
    });
  }

  /** Speaks, and ties the answer that follows to what was said. */
  function speak(speech: Speech, talk: TalkOptions): { times: SpokenTimes; answer: Promise<Answer> } {
    const tail = { auto: 5_000, manual: 0, realtime: Number.POSITIVE_INFINITY }[mode];
    const spokenMs = speech.packets.length * speech.frameMs;
    if (mode !== 'realtime' || !microphone.isOn()) {
      sendText({ ...session(), type: 'listen', state: 'start', mode });
    }
    const answer = nextAnswer(spokenMs + (talk.timeoutMs ?? 30_000));
    const release = (): void => {
      if (mode === 'manual') connection?.send({ ...session(), type: 'listen', state: 'stop' });
    };
    const times = microphone.speak(speech, talk.tailSilenceMs ?? tail, release);
    return {
      times,
      answer: answer
        .then((found) => {
          // an answer that is cut off belongs to what was said before, not to the interruption
          found.times.lastVoicedFrameSentAt ??= times.lastVoicedFrameSentAt;
          return found;
        })
        .finally(() => {
          if (mode !== 'realtime') microphone.off();
        }),
    };
  }

  async function bargeIn(speech: Speech, talk: TalkOptions): Promise<BargeIn> {
    const deadline = performance.now() + 10_000;
    while (!answers.isSpeaking() || answers.current().times.firstAudioAt === null) {
      if (performance.now() > deadline) throw new MusterError('ANSWER_TIMEOUT', { why: 'nothing to interrupt' });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const unwanted = answers.playback().unwanted;
    const first = speak(speech, talk);
    const interrupted = await first.answer;
    const stopAt = interrupted.times.stopAt ?? performance.now();
    const answer = nextAnswer(talk.timeoutMs).then((found) => {
      found.times.lastVoicedFrameSentAt = first.times.lastVoicedFrameSentAt;
      return found;
    });
    await waitFor((message) => message.type === 'tts' && message.state === 'start', talk.timeoutMs ?? 30_000);
    return {
      interrupted,
      silencedMs: stopAt - (first.times.firstVoicedFrameSentAt ?? stopAt),
      latePackets: answers.playback().unwanted - unwanted,
      answer,
    };
  }

  async function open(target: Target | undefined, to: ConnectionEvents): Promise<Connection> {
    if (options.transport === 'mqtt') {
      await device.standBy();
      if (link === null) throw new MusterError('SERVER_UNREACHABLE', { why: 'no MQTT connection' });
      return link.openChannel(to);
    }
    if (target === undefined) throw new MusterError('SERVER_UNREACHABLE', { why: 'no websocket in the check-in' });
    return openConnection(options, target, to);
  }

  const device: XiaozhiDevice = {
    options,
    state,
    events,
    toolCalls,
    async checkIn() {
      checkedIn = await checkIn(options);
      return checkedIn;
    },
    activate: () => activate(options, checkedIn.activation?.challenge ?? ''),
    async activateWith(confirm) {
      // one that has a key proves it to become active, and again to be given its token
      for (let rounds = 0; rounds < 2; rounds++) {
        await device.checkIn();
        if (checkedIn.activation === undefined) return;
        // a challenge without a code: nobody has to type anything
        if (checkedIn.activation.code !== undefined) await confirm(checkedIn.activation.code);
        for (let polls = 0; polls < POLLS; polls++) {
          const { status } = await device.activate();
          if (status === 200) break;
          if (status !== 202) throw new MusterError('ACTIVATION_REFUSED', { status });
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
      }
      await device.checkIn();
      if (checkedIn.activation !== undefined) throw new MusterError('ACTIVATION_REFUSED', { why: 'still asked for' });
    },
    async standBy() {
      if (link?.isOpen === true) return;
      const { mqtt } = checkedIn;
      if (mqtt === undefined) throw new MusterError('SERVER_UNREACHABLE', { why: 'no mqtt in the check-in' });
      link = await connectMqttLink(options, mqtt, onMessage);
    },
    async connect(target = checkedIn.websocket) {
      const closing = Promise.withResolvers<Closed>();
      connection?.drop();
      const channelEvents: ConnectionEvents = {
        message: onMessage,
        audio: answers.audio,
        malformed: answers.malformed,
        closed(closed) {
          microphone.off();
          answers.closed(closed);
          closing.resolve(closed);
        },
      };
      const opening = open(target, channelEvents);
      opened = opening;
      connection = await opening;
      whenClosed = closing.promise;
      if (options.legacyIot === true) announceThings(connection);
      return connection.hello;
    },
    talk: async (speech, talk = {}) => speak(encoded(speech), talk).answer,
    async say(text, timeoutMs) {
      // the wake word goes out as sound before its text; over UDP it shows the server where to send
      const [heard] = encodeSilence(frameMs).silence;
      if (options.transport === 'mqtt' && heard !== undefined) connection?.sendAudio(heard);
      const answer = nextAnswer(timeoutMs);
      sendText({ ...session(), type: 'listen', state: 'detect', text });
      return answer;
    },
    nextAnswer,
    async abort(reason) {
      const from = performance.now();
      answers.flush();
      const stopped = waitFor((message) => message.type === 'tts' && message.state === 'stop');
      sendText({ ...session(), type: 'abort', ...(reason === undefined ? {} : { reason }) });
      return (await stopped).at - from;
    },
    bargeIn: async (speech, talk = {}) => {
      answers.flush();
      return bargeIn(encoded(speech), talk);
    },
    waitFor,
    send: sendText,
    sendRaw: (bytes) => connection?.sendRaw(bytes),
    playback: () => answers.playback(),
    isSpeaking: () => answers.isSpeaking(),
    closed: () => whenClosed,
    close() {
      microphone.off();
      connection?.drop();
    },
    powerOff() {
      microphone.off();
      if (link === null) connection?.drop();
      else link.drop();
    },
  };
  return device;
}

/** What firmware before 1.7 and Smart C send after hello; servers ignore it. */
function announceThings(connection: Connection): void {
  const lamp = { name: 'Lamp', description: 'A lamp', properties: { power: { type: 'boolean' } }, methods: {} };
  connection.send({ session_id: '', type: 'iot', update: true, descriptors: [lamp] });
  connection.send({ session_id: '', type: 'iot', update: true, states: [{ name: 'Lamp', state: { power: false } }] });
}
