import {
  codeOf,
  type DeviceMessage,
  DOWNLINK,
  decodeFrame,
  ERROR_CODES,
  type ErrorCode,
  type FramingVersion,
  framingVersion,
  LIMITS,
  MusterError,
  readDeviceMessage,
} from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import { closeFor } from './close.ts';
import type { XiaozhiConfig } from './config.ts';
import type { XiaozhiCounters } from './counters.ts';
import { createIdleWatch } from './idle.ts';
import type { Conversation, DeviceIdentity, XiaozhiInbox, XiaozhiLink } from './inbox.ts';
import { parseJson } from './json.ts';
import { createLink } from './link.ts';
import { createMcpClient } from './mcp/client.ts';
import { createOutbox } from './outbox.ts';
import { createRateLimit } from './rate.ts';
import type { Wire } from './wire.ts';

/** Frames that make no sense before the device is sent away. */
const MOST_FAULTS = 20;
/** Span over which the rate of frames is averaged, ms. */
const RATE_WINDOW_MS = 5_000;

export interface SessionDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly inbox: XiaozhiInbox;
  readonly counters: XiaozhiCounters;
  readonly config: XiaozhiConfig;
  /** Version of this server, told to the device. */
  readonly version: string;
  /** Called once; `code` is `null` when the device hung up. */
  readonly onEnd: (session: Session, code: ErrorCode | null) => void;
}

/** One connection of one device: greeting, then talking, then over. The session is bound to the socket, not to ids. */
export interface Session {
  readonly device: DeviceIdentity;
  readonly link: XiaozhiLink;
  /** Ends the connection now; the device reads the code in the close frame. Later calls do nothing. */
  close(code: ErrorCode): void;
  /** Lets the turn finish until the signal is aborted, then closes. Never rejects. */
  stop(signal: AbortSignal): Promise<void>;
  /** Resolves when the socket is gone. */
  readonly gone: Promise<void>;
}

/** `asked` is the framing that the handshake named; without it, hello decides. */
export function openSession(
  deps: SessionDeps,
  wire: Wire,
  device: DeviceIdentity,
  asked: FramingVersion | null,
): Session {
  const { clock, counters, config } = deps;
  const sessionId = newId(clock.now());
  const log = deps.log.child({ deviceId: device.deviceId, sessionId });
  const gone = Promise.withResolvers<void>();
  const rate = createRateLimit(clock, LIMITS.framesPerSecond, RATE_WINDOW_MS);
  const alerted = new Set<ErrorCode>();
  let framing: FramingVersion = asked ?? 1;
  let phase: 'greeting' | 'opening' | 'talking' | 'over' = 'greeting';
  let conversation: Conversation | null = null;
  let faults = 0;
  let cancelPing = clock.after(config.pingMs, ping);

  const outbox = createOutbox(wire, counters, () => close('DEVICE_SLOW'));
  const mcp = createMcpClient({
    clock,
    log,
    version: deps.version,
    send: (payload) => outbox.text({ type: 'mcp', session_id: sessionId, payload }),
    onTools: () => deps.inbox.toolsListed?.(device),
  });
  const idle = createIdleWatch({
    clock,
    idleMs: config.idleMs,
    goodbyeMs: config.goodbyeMs,
    sayGoodbye() {
      if (conversation?.idle === undefined) return false;
      conversation.idle();
      return true;
    },
    onOver: () => close('IDLE_TIMEOUT'),
  });
  const link = createLink({ device, sessionId, outbox, mcp, idle, framing: () => framing });
  const cancelGreeting = clock.after(LIMITS.helloMs, () =>
    close(phase === 'greeting' ? 'HELLO_TIMEOUT' : 'UNAVAILABLE'),
  );
  const session: Session = { device, link, close, stop, gone: gone.promise };

  function receive(kind: 'text' | 'audio', data: Uint8Array): void {
    if (phase === 'over') return;
    const { byteLength } = data;
    if (!rate.take(1 + byteLength / LIMITS.audioFrameBytes)) {
      refused('MESSAGE_RATE');
      close('MESSAGE_RATE');
    } else if (kind === 'audio') {
      counters.audioIn(byteLength);
      receiveAudio(data);
    } else {
      counters.textIn(byteLength);
      receiveText(Buffer.from(data.buffer, data.byteOffset, byteLength).toString());
    }
  }

  function receiveAudio(bytes: Uint8Array): void {
    const frame = decodeFrame(framing, bytes);
    if (frame !== null) conversation?.audio(frame.payload);
  }

  function receiveText(text: string): void {
    const value = parseJson(text);
    if (value === undefined && mcp.receiveBroken(text)) return;
    const message = readDeviceMessage(value);
    if (message === null) throw new MusterError('MESSAGE_MALFORMED');
    handle(message);
  }

  function handle(message: DeviceMessage): void {
    switch (message.type) {
      case 'hello':
        greet(message).catch(fail);
        break;
      case 'listen':
        listen(message);
        break;
      case 'abort':
        idle.touch();
        conversation?.abort(message.reason);
        break;
      case 'mcp':
        mcp.receive(message.payload);
        break;
      case 'ping':
        outbox.text({ type: 'pong', session_id: sessionId, timestamp: clock.now() });
        break;
      // Things of other transports, of older firmware and of firmware to come: not for us, and no fault.
      case 'goodbye':
      case 'iot':
      case 'unknown':
        break;
    }
  }

  function listen(message: Extract<DeviceMessage, { type: 'listen' }>): void {
    if (message.state === 'start') {
      idle.opened();
      conversation?.listenStart(message.mode);
    } else if (message.state === 'stop') {
      idle.touch();
      conversation?.listenStop();
    } else {
      idle.heard();
      conversation?.detect(message.text.slice(0, LIMITS.textChars));
    }
  }

  /** A hello that comes again is only answered again. */
  async function greet(hello: Extract<DeviceMessage, { type: 'hello' }>): Promise<void> {
    if (phase === 'opening') return;
    const isFirst = phase === 'greeting';
    if (isFirst) await begin(hello.version);
    outbox.text({ type: 'hello', ...wire.greeting, session_id: sessionId, audio_params: DOWNLINK });
    if (isFirst && hello.mcp) mcp.start();
  }

  async function begin(helloVersion: number): Promise<void> {
    phase = 'opening';
    framing = asked ?? framingVersion(helloVersion);
    const opened = await deps.inbox.open(device, link);
    if (isOver()) {
      opened.close();
      return;
    }
    conversation = opened;
    phase = 'talking';
    cancelGreeting();
  }

  function isOver(): boolean {
    return phase === 'over';
  }

  /** A frame that makes no sense is counted, and told once; other faults end the connection. */
  function fail(error: unknown): void {
    const code = codeOf(error);
    if (code === 'FRAME_MALFORMED' || code === 'MESSAGE_MALFORMED' || code === 'FRAME_TOO_LARGE') {
      refused(code);
      faults++;
      log.info({ code, faults }, 'malformed frame');
      if (code === 'FRAME_TOO_LARGE' || faults >= MOST_FAULTS) close(code);
      else if (!alerted.has(code)) alert(code);
    } else {
      log.error({ err: error }, 'session failed');
      close(code);
    }
  }

  function refused(code: ErrorCode): void {
    counters.fault(code);
    deps.inbox.refused?.(device, code);
  }

  function alert(code: ErrorCode): void {
    alerted.add(code);
    link.alert(code, ERROR_CODES[code].meaning, 'sad');
  }

  function ping(): void {
    wire.ping();
    cancelPing = clock.after(config.pingMs, ping);
  }

  function close(code: ErrorCode): void {
    if (isOver()) return;
    end(code);
    if (closeFor(code).alert) alert(code);
    if (wire.greeting.transport === 'udp') outbox.text({ type: 'goodbye', session_id: sessionId });
    wire.close(code);
  }

  function end(code: ErrorCode | null): void {
    if (isOver()) return;
    phase = 'over';
    cancelGreeting();
    cancelPing();
    idle.stop();
    mcp.close();
    counters.closed(code);
    log.info({ code }, 'connection ended');
    try {
      conversation?.close();
    } catch (error) {
      log.error({ err: error }, 'conversation did not close');
    }
    deps.onEnd(session, code);
  }

  async function stop(signal: AbortSignal): Promise<void> {
    try {
      await conversation?.finish?.(signal);
    } catch (error) {
      log.debug({ err: error }, 'turn was not finished');
    }
    close('SERVER_STOPPING');
  }

  function receiveSafely(kind: 'text' | 'audio', data: Uint8Array): void {
    try {
      receive(kind, data);
    } catch (error) {
      fail(error);
    }
  }

  wire.attach({
    text: (bytes) => receiveSafely('text', bytes),
    audio: (bytes) => receiveSafely('audio', bytes),
    failed(code, error) {
      if (code === null) {
        log.debug({ err: error }, 'the connection failed');
      } else {
        refused(code);
        close(code);
      }
    },
    ended() {
      end(null);
      gone.resolve();
    },
  });
  counters.opened();
  log.info({ framing: asked, transport: wire.greeting.transport }, 'connection opened');
  return session;
}
