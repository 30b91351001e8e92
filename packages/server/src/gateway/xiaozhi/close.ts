import type { ErrorCode } from '@muster/contract';

/** How a connection is closed for a reason: the WebSocket status, and whether the device shows an alert first. */
export interface Close {
  readonly status: number;
  readonly alert: boolean;
}

const CLOSES: Partial<Record<ErrorCode, Close>> = {
  // The ordinary end of a conversation, and of a server: nothing to show to a person.
  IDLE_TIMEOUT: { status: 1000, alert: false },
  SERVER_STOPPING: { status: 1001, alert: false },
  FRAME_TOO_LARGE: { status: 1009, alert: true },
  // Its socket takes nothing more, so an alert would never arrive.
  DEVICE_SLOW: { status: 1013, alert: false },
  UNAVAILABLE: { status: 1013, alert: true },
  DATABASE_UNAVAILABLE: { status: 1013, alert: true },
  QUEUE_FULL: { status: 1013, alert: true },
  INTERNAL: { status: 1011, alert: true },
};

const POLICY: Close = { status: 1008, alert: true };

/** How to close for `code`; a breach of policy (1008) unless the table says otherwise. */
export function closeFor(code: ErrorCode): Close {
  return CLOSES[code] ?? POLICY;
}

/**
 * Time between our close frame and the end of the socket, ms: enough for the frame to leave. Firmware never answers a
 * close frame, it drops the connection.
 */
export const CLOSE_GRACE_MS = 250;
