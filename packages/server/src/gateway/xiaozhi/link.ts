import { DOWNLINK, type FramingVersion } from '@muster/contract';
import type { IdleWatch } from './idle.ts';
import type { DeviceIdentity, XiaozhiLink } from './inbox.ts';
import type { McpClient } from './mcp/client.ts';
import type { Outbox } from './outbox.ts';

export interface LinkDeps {
  readonly device: DeviceIdentity;
  readonly sessionId: string;
  readonly outbox: Outbox;
  readonly mcp: McpClient;
  readonly idle: IdleWatch;
  readonly framing: () => FramingVersion;
}

/** Turns what a conversation says into messages and frames, in the order it says them. */
export function createLink({ device, sessionId, outbox, mcp, idle, framing }: LinkDeps): XiaozhiLink {
  const session_id = sessionId;
  return {
    deviceId: device.deviceId,
    siteId: device.siteId,
    deviceName: device.deviceName,
    sessionId,
    heard(text) {
      idle.heard();
      outbox.text({ type: 'stt', session_id, text });
    },
    emotion(emotion) {
      // Firmware draws the face and ignores `text`, yet parsers of other devices want it there.
      outbox.text({ type: 'llm', session_id, emotion, text: '' });
    },
    speechStart() {
      idle.speaking(0);
      outbox.text({ type: 'tts', session_id, state: 'start' });
    },
    sentence(text) {
      outbox.text({ type: 'tts', session_id, state: 'sentence_start', text });
    },
    audio(packet) {
      idle.speaking(DOWNLINK.frame_duration);
      return outbox.audio(framing(), packet);
    },
    speechStop() {
      outbox.text({ type: 'tts', session_id, state: 'stop' });
      idle.spoken();
    },
    alert(status, message, emotion) {
      outbox.text({ type: 'alert', session_id, status, message, emotion });
    },
    tools: () => mcp.tools(),
    callTool: (name, args, signal) => mcp.call(name, args, signal),
  };
}
