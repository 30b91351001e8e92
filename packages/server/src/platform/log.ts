import { type DestinationStream, type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';

/**
 * Structured log: a static message plus fields. Personal data goes under a `pii` key only, which is redacted here;
 * secrets are never logged.
 */
export type Logger = PinoLogger;

const options: LoggerOptions = {
  base: null,
  timestamp: () => `,"at":${Date.now()}`,
  redact: { paths: ['pii', '*.pii', 'req.headers.authorization', 'req.headers.cookie'], censor: '[redacted]' },
  serializers: { err: describeError },
  formatters: { level: (label) => ({ level: label }) },
};

/** `level` is one of pino's. `to` defaults to standard error, so that standard output stays for people. */
export function createLogger(level: string, to: DestinationStream = process.stderr): Logger {
  return pino({ ...options, level }, to);
}

/** Chosen fields only: errors of drivers carry whole clients, connection strings included. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, context } = error as { code?: unknown; context?: unknown };
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    ...(context === undefined ? {} : { context }),
    message: error.message,
    stack: error.stack?.split('\n').slice(1, 6).join('\n'),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}
