import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';

/** One message that the server acknowledged. */
export interface Acked {
  readonly deviceId: string;
  readonly kind: 'telemetry' | 'event';
  readonly stream: string;
  readonly seq: number;
  readonly at: number;
  readonly value: number;
}

/**
 * What was acknowledged, written down where the killing of the server cannot reach it: each line is handed to the system
 * before the next message of its lane leaves, and the disk is told to keep them every 64 lines.
 */
export interface AckedLog {
  add(acked: Acked): void;
  all(): readonly Acked[];
  close(): void;
}

export function openAckedLog(path: string): AckedLog {
  const file = openSync(path, 'a');
  const all: Acked[] = [];
  let unsynced = 0;
  return {
    add(acked) {
      writeSync(file, `${JSON.stringify(acked)}\n`);
      unsynced += 1;
      if (unsynced >= 64) {
        fdatasyncSync(file);
        unsynced = 0;
      }
      all.push(acked);
    },
    all: () => all,
    close() {
      fdatasyncSync(file);
      closeSync(file);
    },
  };
}
