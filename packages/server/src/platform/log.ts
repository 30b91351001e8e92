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
  formatters: { level: (label) => ({ level: label }) },
};

/** `level` is one of pino's. `to` defaults to standard error, so that standard output stays for people. */
export function createLogger(level: string, to: DestinationStream = process.stderr): Logger {
  return pino({ ...options, level }, to);
}
