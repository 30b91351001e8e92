import { ERROR_CODES, type ErrorCode } from '@muster/contract';

/** Reason codes of MQTT 5, section 2.4, that we use. */
export const REASON = {
  success: 0x00,
  noSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  unspecified: 0x80,
  malformed: 0x81,
  protocolError: 0x82,
  implementation: 0x83,
  version: 0x84,
  clientId: 0x85,
  credentials: 0x86,
  notAuthorized: 0x87,
  unavailable: 0x88,
  serverStopping: 0x8b,
  keepAlive: 0x8d,
  takenOver: 0x8e,
  filterInvalid: 0x8f,
  topicInvalid: 0x90,
  idInUse: 0x91,
  idNotFound: 0x92,
  receiveMaximum: 0x93,
  topicAlias: 0x94,
  tooLarge: 0x95,
  rate: 0x96,
  quota: 0x97,
  administrative: 0x98,
  payloadFormat: 0x99,
  sharedSubscriptions: 0x9e,
} as const;

const PUBLISH_REASONS: Partial<Record<ErrorCode, number>> = {
  TOPIC_FORBIDDEN: REASON.notAuthorized,
  TOPIC_UNKNOWN: REASON.topicInvalid,
  QUOTA_EXCEEDED: REASON.quota,
  RATE_LIMITED: REASON.quota,
  QUEUE_FULL: REASON.quota,
  SERIES_LIMIT: REASON.quota,
  RETAINED_LIMIT: REASON.quota,
  MESSAGE_INVALID: REASON.payloadFormat,
  MESSAGE_TOO_DEEP: REASON.payloadFormat,
};

/** What a PUBACK or PUBREC says about a message that was not taken. */
export function publishReason(code: ErrorCode): number {
  return PUBLISH_REASONS[code] ?? (ERROR_CODES[code].retryable ? REASON.unspecified : REASON.implementation);
}

const CLOSE_REASONS: Partial<Record<ErrorCode, number>> = {
  SESSION_REPLACED: REASON.takenOver,
  SERVER_STOPPING: REASON.serverStopping,
  DEVICE_REVOKED: REASON.notAuthorized,
  TOKEN_REPLACED: REASON.notAuthorized,
  DEVICE_DECOMMISSIONED: REASON.notAuthorized,
  DEVICE_QUARANTINED: REASON.notAuthorized,
  DEVICE_TOKEN_INVALID: REASON.notAuthorized,
  IDLE_TIMEOUT: REASON.keepAlive,
  MESSAGE_RATE: REASON.rate,
  QUOTA_EXCEEDED: REASON.quota,
  FRAME_TOO_LARGE: REASON.tooLarge,
  FRAME_MALFORMED: REASON.malformed,
  DEVICE_SLOW: REASON.quota,
};

/** What a DISCONNECT says when we end a connection. */
export function closeReason(code: ErrorCode): number {
  return CLOSE_REASONS[code] ?? REASON.unspecified;
}

const REFUSALS: Partial<Record<ErrorCode, { readonly v5: number; readonly v3: number }>> = {
  DEVICE_TOKEN_INVALID: { v5: REASON.credentials, v3: 4 },
  DEVICE_DECOMMISSIONED: { v5: REASON.notAuthorized, v3: 5 },
  DEVICE_QUARANTINED: { v5: REASON.notAuthorized, v3: 5 },
  CERTIFICATE_REFUSED: { v5: REASON.notAuthorized, v3: 5 },
  CLIENT_ID_INVALID: { v5: REASON.clientId, v3: 2 },
  FORBIDDEN: { v5: REASON.notAuthorized, v3: 5 },
  RATE_LIMITED: { v5: 0x9f, v3: 3 },
};

/** What a CONNACK says: the code of MQTT 5, or the return code of 3.1.1, section 3.2.2.3. */
export function connectReason(code: ErrorCode, version: number): number {
  const found = REFUSALS[code] ?? { v5: REASON.unavailable, v3: 3 };
  return version === 5 ? found.v5 : found.v3;
}
