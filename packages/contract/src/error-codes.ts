/**
 * Every error that Muster gives to a person, a client or a device.
 *
 * `status` is the HTTP status, `retryable` says whether the same request may succeed later without a change,
 * `meaning` is the one line that docs/reference/errors.md prints. A code is never renamed: clients depend on it.
 */
export const ERROR_CODES = {
  // requests
  REQUEST_INVALID: { status: 400, retryable: false, meaning: 'The request does not have the documented shape.' },
  REQUEST_TOO_LARGE: { status: 413, retryable: false, meaning: 'The request body is larger than the limit.' },
  RATE_LIMITED: { status: 429, retryable: true, meaning: 'Too many requests from this source; wait and try again.' },
  NOT_FOUND: { status: 404, retryable: false, meaning: 'There is no such thing, or it is not yours to see.' },
  CONFLICT: { status: 409, retryable: false, meaning: 'The thing has changed or exists already.' },
  INTERNAL: { status: 500, retryable: true, meaning: 'A fault of the server; the log has it under the request id.' },
  UNAVAILABLE: { status: 503, retryable: true, meaning: 'A part that this needs is not ready; see /ready.' },
  DATABASE_UNAVAILABLE: { status: 503, retryable: true, meaning: 'PostgreSQL does not answer; nothing was stored.' },
  STORAGE_FULL: { status: 507, retryable: true, meaning: 'The disk is full; nothing was stored.' },

  // accounts
  SETUP_DONE: { status: 409, retryable: false, meaning: 'An administrator exists already; sign in instead.' },
  SETUP_TOKEN_INVALID: { status: 403, retryable: false, meaning: 'The set-up link is wrong or was used.' },
  SIGN_IN_REQUIRED: { status: 401, retryable: false, meaning: 'No valid session; sign in.' },
  SIGN_IN_FAILED: { status: 401, retryable: false, meaning: 'E-mail or password is wrong.' },
  PASSWORD_WEAK: {
    status: 400,
    retryable: false,
    meaning: 'The password has fewer than 12 characters or is one that attackers try first.',
  },
  PASSWORD_BREACHED: {
    status: 400,
    retryable: false,
    meaning: 'The password is on the lists that attackers try first.',
  },
  MAIL_REFUSED: { status: 400, retryable: false, meaning: 'That is no e-mail address.' },
  MAIL_UNAVAILABLE: { status: 503, retryable: true, meaning: 'No mail server is set, or too many mails wait for it.' },
  SECRET_UNREADABLE: { status: 500, retryable: false, meaning: 'A secret was sealed with a key that is not here.' },
  FACTOR_WRONG: { status: 403, retryable: false, meaning: 'The code or the passkey is not right.' },
  PASSKEY_UNAVAILABLE: {
    status: 409,
    retryable: false,
    meaning:
      'Passkeys need a fixed name: set http.publicUrl to an https address, or open the server as http://localhost.',
  },
  AUDIT_WRONG: { status: 409, retryable: false, meaning: 'The audit was changed, or an end of it is missing.' },
  SECOND_FACTOR_REQUIRED: {
    status: 403,
    retryable: false,
    meaning: 'This server asks your role for a second factor: set up an authenticator app or a passkey first.',
  },
  INVITATION_INVALID: {
    status: 404,
    retryable: false,
    meaning: 'The invitation was used or withdrawn, or is too old: ask for a new one.',
  },
  LINK_INVALID: {
    status: 404,
    retryable: false,
    meaning: 'The link was used already, or is too old: ask for a new one.',
  },
  REGISTRATION_CLOSED: { status: 403, retryable: false, meaning: 'This server takes people by invitation only.' },
  SSO_FAILED: {
    status: 401,
    retryable: false,
    meaning: 'Signing in by the identity provider did not work; begin again.',
  },
  SSO_REFUSED: {
    status: 403,
    retryable: false,
    meaning: 'The identity provider knows you, and this server does not let you in: ask whoever runs it.',
  },
  SSO_UNAVAILABLE: {
    status: 503,
    retryable: true,
    meaning: 'The identity provider does not answer, or not as it should; try again later.',
  },
  LAST_OWNER: { status: 409, retryable: false, meaning: 'They are the last owner of a site: make another one first.' },
  LAST_ADMINISTRATOR: {
    status: 409,
    retryable: false,
    meaning: 'They are the last administrator: make another one first.',
  },
  STEP_UP_REQUIRED: {
    status: 403,
    retryable: false,
    meaning: 'This needs a fresh proof that it is you: enter your password or second factor again (muster prove).',
  },
  FORBIDDEN: { status: 403, retryable: false, meaning: 'Your role does not allow this.' },

  // devices
  ACTIVATION_CODE_WRONG: { status: 404, retryable: false, meaning: 'No device shows this code now.' },
  ACTIVATION_REFUSED: { status: 403, retryable: false, meaning: 'The device did not prove its key.' },
  ACTIVATION_KEY_UNKNOWN: {
    status: 403,
    retryable: false,
    meaning: 'The device has a serial number whose key is not registered.',
  },
  DEVICE_TOKEN_INVALID: {
    status: 401,
    retryable: false,
    meaning: 'The device token is wrong, revoked or of another device.',
  },
  CERTIFICATE_INVALID: { status: 400, retryable: false, meaning: 'The certificate cannot be used for this.' },
  CERTIFICATE_REFUSED: {
    status: 401,
    retryable: false,
    meaning: 'The client certificate does not hold: it ended, was revoked, or is of another device.',
  },
  DEVICE_NOT_CONNECTED: { status: 409, retryable: true, meaning: 'The device has no open connection to this server.' },
  TOKEN_WEAK: { status: 400, retryable: false, meaning: 'The token is too short or too regular to be a secret.' },
  SERIAL_TAKEN: { status: 409, retryable: false, meaning: 'A key is registered for this serial number already.' },

  // the device wire
  FRAME_TOO_LARGE: { status: 413, retryable: false, meaning: 'A frame is larger than the limit.' },
  FRAME_MALFORMED: {
    status: 400,
    retryable: false,
    meaning: 'A binary frame has a header that does not fit its bytes.',
  },
  MESSAGE_MALFORMED: { status: 400, retryable: false, meaning: 'A text frame is not a JSON object with a type.' },
  MESSAGE_RATE: { status: 429, retryable: true, meaning: 'The device sends faster than its limit.' },
  AUDIO_MALFORMED: { status: 400, retryable: false, meaning: 'An audio packet is not valid Opus.' },
  HELLO_TIMEOUT: { status: 408, retryable: true, meaning: 'The device sent no hello within 10 s.' },
  IDLE_TIMEOUT: { status: 408, retryable: true, meaning: 'Nothing was heard for the idle time.' },
  SESSION_REPLACED: { status: 409, retryable: false, meaning: 'The same device opened a newer connection.' },
  DEVICE_REVOKED: { status: 401, retryable: false, meaning: 'The device was revoked while connected.' },
  DEVICE_DECOMMISSIONED: {
    status: 410,
    retryable: false,
    meaning: 'The device was decommissioned: reset it, and activate it anew.',
  },
  DEVICE_QUARANTINED: {
    status: 403,
    retryable: false,
    meaning: 'Two devices seem to use this identity: a person has to release it, or give it a new token.',
  },
  IDENTITY_SHARED: { status: 409, retryable: false, meaning: 'Two devices seem to use one identity.' },
  TOKEN_REPLACED: { status: 401, retryable: false, meaning: 'A newer token of the device is in use; this one ended.' },
  DEVICE_SLOW: { status: 503, retryable: true, meaning: 'The device reads too slowly; its connection was closed.' },
  SERVER_STOPPING: { status: 503, retryable: true, meaning: 'The server is stopping; connect again.' },

  // device API: telemetry, twins, commands
  MESSAGE_INVALID: { status: 400, retryable: false, meaning: 'The message does not have the documented shape.' },
  MESSAGE_TOO_DEEP: { status: 400, retryable: false, meaning: 'The JSON nests deeper than the limit.' },
  TOPIC_FORBIDDEN: { status: 403, retryable: false, meaning: 'The topic is not yours.' },
  TOPIC_UNKNOWN: { status: 404, retryable: false, meaning: 'There is no such topic.' },
  CLIENT_ID_INVALID: {
    status: 400,
    retryable: false,
    meaning: 'The MQTT client id does not belong to these credentials.',
  },
  QUOTA_EXCEEDED: { status: 429, retryable: true, meaning: 'The client is past its limit of messages or bytes.' },
  TIME_IMPOSSIBLE: {
    status: 400,
    retryable: false,
    meaning: 'The time of a point is in the future or older than what is kept.',
  },
  SERIES_KIND: { status: 400, retryable: false, meaning: 'The series holds values of another kind.' },
  RETAINED_LIMIT: {
    status: 400,
    retryable: false,
    meaning: 'The device has as many retained topics as are allowed; clear one.',
  },
  SERIES_LIMIT: { status: 400, retryable: false, meaning: 'The device has as many series as are allowed.' },
  STREAM_LIMIT: { status: 400, retryable: false, meaning: 'The device counts in as many streams as are allowed.' },
  SERIES_UNKNOWN: { status: 404, retryable: false, meaning: 'The device has no such series.' },
  TWIN_CONFLICT: { status: 409, retryable: false, meaning: 'The twin has changed since that version; read it again.' },
  TWIN_TOO_LARGE: { status: 413, retryable: false, meaning: 'The twin would be larger than the limit.' },
  COMMAND_UNKNOWN: { status: 400, retryable: false, meaning: 'Devices of this profile have no such command.' },
  COMMAND_INVALID: { status: 400, retryable: false, meaning: 'The arguments do not fit the command.' },
  COMMAND_EXPIRED: { status: 409, retryable: false, meaning: 'The deadline passed before the command was sent.' },
  COMMAND_UNCONFIRMED: {
    status: 504,
    retryable: false,
    meaning: 'The command was sent and the device never said how it ended: it may or may not have happened.',
  },
  COMMAND_ENDED: { status: 409, retryable: false, meaning: 'The command has ended already.' },
  COMMAND_QUEUE_FULL: { status: 429, retryable: true, meaning: 'Too many commands wait for this device.' },
  IDEMPOTENCY_MISMATCH: {
    status: 422,
    retryable: false,
    meaning: 'The Idempotency-Key was used with another request.',
  },
  IDEMPOTENCY_BUSY: {
    status: 409,
    retryable: true,
    meaning: 'A request with this Idempotency-Key is under way; ask again for its answer.',
  },
  DEVICE_ERROR: { status: 502, retryable: false, meaning: 'The device refused the command or failed to do it.' },

  // alerts
  RULE_INVALID: { status: 400, retryable: false, meaning: 'The settings do not fit the rule.' },
  NOTIFIER_FAILED: { status: 502, retryable: true, meaning: 'The notification was not taken by its receiver.' },

  // live feed
  WATCH_LIMIT: { status: 429, retryable: false, meaning: 'Too many topics on one connection.' },
  VIEWER_SLOW: { status: 503, retryable: true, meaning: 'The viewer reads too slowly; its connection was closed.' },

  // tools of a device
  TOOL_UNKNOWN: { status: 404, retryable: false, meaning: 'The device has no such tool.' },
  TOOL_TIMEOUT: { status: 504, retryable: true, meaning: 'The device did not answer the tool call in time.' },
  TOOL_FAILED: { status: 502, retryable: false, meaning: 'The device answered the tool call with an error.' },

  // voice
  HEARING_TIMEOUT: { status: 504, retryable: true, meaning: 'Speech recognition did not answer in time.' },
  HEARING_FAILED: { status: 502, retryable: true, meaning: 'Speech recognition failed.' },
  THINKING_TIMEOUT: { status: 504, retryable: true, meaning: 'The language model did not answer in time.' },
  THINKING_FAILED: { status: 502, retryable: true, meaning: 'The language model failed.' },
  SPEAKING_TIMEOUT: { status: 504, retryable: true, meaning: 'Speech synthesis did not answer in time.' },
  SPEAKING_FAILED: { status: 502, retryable: true, meaning: 'Speech synthesis failed.' },
  SCREENING_REFUSED: { status: 403, retryable: false, meaning: 'The screener of the site refused the words.' },
  SCREENING_FAILED: { status: 502, retryable: true, meaning: 'The screener failed, so the words were refused.' },
  TURN_LIMIT: { status: 504, retryable: false, meaning: 'The turn took longer than the longest turn allowed.' },

  // providers
  PROVIDER_KEY: { status: 502, retryable: false, meaning: 'The provider refused its key.' },
  PROVIDER_RATE: { status: 502, retryable: true, meaning: 'The provider says too many requests.' },
  PROVIDER_FAILED: { status: 502, retryable: true, meaning: 'The provider answered with an error.' },
  PROVIDER_REFUSED: { status: 502, retryable: false, meaning: 'The provider says the request is wrong.' },
  PROVIDER_TIMEOUT: { status: 504, retryable: true, meaning: 'The provider did not answer in time.' },
  PROVIDER_BROKEN: { status: 502, retryable: true, meaning: 'The answer of the provider broke off or makes no sense.' },
  PROVIDER_UNKNOWN: { status: 400, retryable: false, meaning: 'No provider has this name.' },
  LANGUAGE_UNSUPPORTED: { status: 400, retryable: false, meaning: 'The provider does not speak this language.' },
  CHILD_CRASHED: { status: 503, retryable: true, meaning: 'The inference process died; it is being started again.' },
  CHILD_TIMEOUT: { status: 504, retryable: true, meaning: 'The inference process did not answer in time.' },
  QUEUE_FULL: { status: 503, retryable: true, meaning: 'Too much work is waiting; this request was refused.' },

  // start
  CONFIG_INVALID: {
    status: 500,
    retryable: false,
    meaning: 'The configuration has an unknown key, a wrong value or a missing secret.',
  },
  DATA_DIR_IN_USE: { status: 500, retryable: false, meaning: 'Another Muster server runs on this data directory.' },
  DATABASE_START_FAILED: { status: 500, retryable: false, meaning: 'The embedded PostgreSQL did not start.' },
  MIGRATION_FAILED: { status: 500, retryable: false, meaning: 'A database migration failed; nothing of it was kept.' },
  RUNTIME_TOO_OLD: { status: 500, retryable: false, meaning: 'Muster needs Node 24 or newer.' },
  MODEL_INVALID: {
    status: 500,
    retryable: false,
    meaning: 'A model file is missing or does not have the expected hash.',
  },
  BUS_UNAVAILABLE: { status: 503, retryable: true, meaning: 'The message bus does not answer.' },
  PORT_IN_USE: { status: 500, retryable: false, meaning: 'Another program listens on the address.' },

  // device runtime and command line
  SERVER_UNREACHABLE: { status: 503, retryable: true, meaning: 'The server does not answer.' },
  ANSWER_TIMEOUT: { status: 504, retryable: true, meaning: 'No spoken answer came in time.' },
  IDENTITY_DAMAGED: { status: 500, retryable: false, meaning: 'The identity file of the device cannot be read.' },
  AUDIO_DEVICE_FAILED: { status: 500, retryable: true, meaning: 'The microphone or the speaker failed.' },
  AUDIO_FILE_INVALID: { status: 400, retryable: false, meaning: 'The file is not a WAV file with 16-bit PCM.' },
  USAGE: { status: 400, retryable: false, meaning: 'The command line is wrong; see --help.' },
} as const satisfies Record<string, { status: number; retryable: boolean; meaning: string }>;

/** A key of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** True when `code` is in the table: for codes that come from a wire. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
