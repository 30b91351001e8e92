import type { ActivationProof, DeviceTool, Emotion, ErrorCode, Language, ListenMode } from '@muster/contract';

/**
 * How long the gateway waits for an answer of the inbox. Python clients give a handshake 5 s and a boot request 10 s,
 * firmware 10 s and 30 s (py-xiaozhi 2.1.1, xiaozhi-esp32 2.4.2).
 */
export const INBOX_DEADLINE = { ms: 4_000, code: 'UNAVAILABLE' } as const;

/**
 * What the Xiaozhi gateway needs from the rest of the server. The gateway owns this interface and knows no feature;
 * the composition root joins it to devices and voice. Every call gets a signal that is aborted when its time is up.
 */
export interface XiaozhiInbox {
  /** A device boots and asks for its configuration. Must answer the same code until it is used or has expired. */
  checkIn(request: CheckIn, signal: AbortSignal): Promise<CheckInReply>;
  /** A device that shows a code asks whether it has been typed. `refused` is a proof that does not hold. */
  activate(request: ActivationPoll, signal: AbortSignal): Promise<'active' | 'waiting' | 'refused'>;
  /** Whose token this is; `null` when it is unknown, revoked or of another device. May throw RATE_LIMITED. */
  authenticate(credentials: Credentials, signal: AbortSignal): Promise<DeviceIdentity | null>;
  /**
   * A device said hello. What is resolved is closed exactly once, also when the socket goes while this is waiting;
   * until it resolves the device hears no hello and nothing it sends is passed on.
   */
  open(device: DeviceIdentity, link: XiaozhiLink): Conversation | Promise<Conversation>;
  /**
   * A device keeps an MQTT connection: it is there, also without a conversation. The function returned says that the
   * connection ended.
   */
  channelOpened?(device: DeviceIdentity): () => void;
  /** The device has listed its tools: `link.tools()` has them. */
  toolsListed?(device: DeviceIdentity): void;
  /** Something that the device sent was refused, or a newer connection of it took the place of one. */
  refused?(device: DeviceIdentity, code: ErrorCode): void;
  /** The connection of a device ended; `null` when the device hung up. Not called for one that was replaced. */
  closed?(device: DeviceIdentity, code: ErrorCode | null): void;
}

/** How a device names itself, as far as it can be read: everything here is a claim, nothing is proven. */
export interface CheckIn {
  /** A lower-case MAC address with colons, or 1 to 64 characters of `A-Za-z0-9._:-`. */
  readonly hardwareId: string;
  readonly clientId: string | null;
  readonly serialNumber: string | null;
  /** The leading integer of `Activation-Version`; 1 when it is absent: no key, activation by code alone. */
  readonly activationVersion: number;
  /** Board name. */
  readonly model: string | null;
  readonly firmwareVersion: string | null;
  readonly language: Language | null;
  /** Python clients send their HMAC key as `application.elf_sha256`: 64 lower-case hex digits. Firmware sends a hash there. */
  readonly hmacKeyCandidate: string | null;
  readonly simulated: boolean;
  /** Network address, for rate limits. */
  readonly source: string;
}

export type CheckInReply =
  | { readonly active: true; readonly deviceId: string; readonly token: string; readonly timeZone: string | null }
  | {
      readonly active: false;
      /** Six digits; `null` when the device is known and only has to prove its key: nothing is shown then. */
      readonly code: string | null;
      /** Never left out: without it firmware shows the code and never asks whether it was typed. */
      readonly challenge: string;
      /** Shown on the screen of the device. */
      readonly message: string;
      readonly timeZone: string | null;
    };

export interface ActivationPoll {
  readonly hardwareId: string;
  readonly clientId: string | null;
  readonly serialNumber: string | null;
  readonly activationVersion: number;
  /** `null`: the device has no key and sent an empty body. */
  readonly proof: ActivationProof | null;
  readonly source: string;
}

export interface Credentials {
  readonly token: string;
  readonly hardwareId: string;
  readonly clientId: string | null;
  readonly source: string;
}

/** A device whose token held. */
export interface DeviceIdentity {
  readonly deviceId: string;
  readonly siteId: string;
  readonly deviceName: string;
  /** What is stored of the token that it showed, hex; left out: it showed none. */
  readonly credential?: string;
  /** Closes the connection that its conversations run over; left out: each has its own. */
  readonly hangUp?: (code: ErrorCode) => void;
}

/** What a conversation may do to its device. Sends never throw; after the connection closed they do nothing. */
export interface XiaozhiLink {
  readonly deviceId: string;
  readonly siteId: string;
  readonly sessionId: string;
  readonly deviceName: string;
  heard(text: string): void;
  emotion(emotion: Emotion): void;
  speechStart(): void;
  sentence(text: string): void;
  /**
   * One Opus packet; its bytes must not change afterwards, they may wait in the socket. False when the device reads too
   * slowly or is gone: stop sending. Pacing is the caller's.
   */
  audio(packet: Uint8Array): boolean;
  speechStop(): void;
  alert(status: string, message: string, emotion: Emotion): void;
  /** Tools that the device listed; empty until it has. */
  tools(): readonly DeviceTool[];
  /**
   * Calls a tool of the device and resolves with its text. Rejects with TOOL_UNKNOWN, TOOL_TIMEOUT (30 s),
   * TOOL_FAILED, QUEUE_FULL, DEVICE_NOT_CONNECTED, or with the signal's reason.
   */
  callTool(name: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<string>;
}

/** What the gateway tells a conversation. Calls must not throw or block. */
export interface Conversation {
  listenStart(mode: ListenMode): void;
  listenStop(): void;
  detect(text: string): void;
  /** One Opus packet of any duration, cut out of its frame; its bytes are not checked. Valid during the call only. */
  audio(packet: Uint8Array): void;
  abort(reason: string | null): void;
  /**
   * Nothing was said for the idle time, after somebody was heard. Say goodbye: the gateway closes after a `speechStop`
   * that comes when its sound can have been played; one that comes earlier is an interruption and takes it back.
   */
  idle?(): void;
  /** The server stops: finish the turn and begin no other. The signal is aborted when time is up. */
  finish?(signal: AbortSignal): Promise<void>;
  /** The connection is gone. */
  close(): void;
}
