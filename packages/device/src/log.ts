const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

/** Static message plus fields, as JSON lines. Personal data goes under `pii` only, which is never printed. */
export type Log = Readonly<Record<Level, (message: string, fields?: LogFields) => void>>;
export type LogFields = Readonly<Record<string, unknown>> & { readonly pii?: unknown };

/** Logs from `level` on, to `write`: standard error unless told otherwise. */
export function createLog(level: Level, write = (line: string): unknown => process.stderr.write(line)): Log {
  const at =
    (own: Level) =>
    (message: string, fields: LogFields = {}): void => {
      if (LEVELS.indexOf(own) < LEVELS.indexOf(level)) return;
      const safe = fields.pii === undefined ? fields : { ...fields, pii: '[redacted]' };
      write(`${JSON.stringify({ level: own, at: Date.now(), msg: message, ...safe })}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
