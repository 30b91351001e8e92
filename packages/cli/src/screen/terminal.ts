import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { MusterError } from '@muster/contract';

/** What a command shows and asks. Results go to standard output; everything for people beside them to standard error. */
export interface Terminal {
  /** Whether a person sits there who can answer a question. */
  readonly isInteractive: boolean;
  /** Width in columns; 80 when nobody looks. */
  readonly columns: number;
  print(line: string): void;
  note(line: string): void;
  /**
   * Asks for a line. `hidden` shows nothing of what is typed. Throws USAGE when nobody is there to answer; it names
   * `instead`, what to give on the command line.
   */
  ask(question: string, options: { readonly instead: string; readonly hidden?: boolean }): Promise<string>;
  /** Runs `task` with a line that moves while it waits; without a person to look there is none. */
  waiting<T>(label: string, task: (say: (label: string) => void) => Promise<T>): Promise<T>;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
/** Back to the first column, and clear the line. */
const CLEAR = '\r\u001b[K';

export function createTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  const isInteractive = stdin.isTTY === true && stderr.isTTY === true;
  return {
    isInteractive,
    columns: stdout.isTTY === true ? stdout.columns : 80,
    print: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    async ask(question, { instead, hidden = false }) {
      if (!isInteractive) {
        throw new MusterError('USAGE', {}, { say: `Give ${instead} (there is no terminal to ask in).` });
      }
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
      // it ends the echo of the terminal: the question comes after, or whoever is quick would see what they type
      const lines = createInterface({ input: stdin, output: hidden ? nowhere : stderr, terminal: true });
      stderr.write(`${question}: `);
      const stopped = Promise.withResolvers<never>();
      lines.on('SIGINT', () => stopped.reject(new MusterError('USAGE', {}, { say: 'Stopped.' })));
      try {
        return await Promise.race([lines.question(''), stopped.promise]);
      } finally {
        lines.close();
        if (hidden) stderr.write('\n');
      }
    },
    async waiting(label, task) {
      if (stderr.isTTY !== true) return task(() => undefined);
      const startedAt = performance.now();
      let frame = 0;
      let shown = label;
      const draw = (): void => {
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
        stderr.write(`${CLEAR}${FRAMES[frame++ % FRAMES.length] ?? ''} ${shown} ${seconds} s`);
      };
      const timer = setInterval(draw, FRAME_MS);
      draw();
      try {
        return await task((next) => {
          shown = next;
          draw();
        });
      } finally {
        clearInterval(timer);
        stderr.write(CLEAR);
      }
    },
  };
}

/** Rows under a head, in columns as wide as they need to be. Without rows: `empty`. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return empty;
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((value, column) => value.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
