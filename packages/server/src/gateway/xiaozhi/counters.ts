import type { ErrorCode } from '@muster/contract';
import { Counter, Gauge, type Registry } from 'prom-client';

export interface XiaozhiCounters {
  textIn(bytes: number): void;
  audioIn(bytes: number): void;
  textOut(bytes: number): void;
  audioOut(bytes: number): void;
  /** A frame that was not passed on, and why. */
  fault(code: ErrorCode): void;
  /** A connection that was refused before the upgrade. */
  refused(code: ErrorCode): void;
  opened(): void;
  /** `null`: the device hung up. */
  closed(code: ErrorCode | null): void;
  /** Datagrams that were not passed on, by `reason`. */
  readonly soundDropped: Counter;
}

/** Counts the traffic of the gateway in `registry`. One set per registry: names must be free. */
export function createCounters(registry: Registry): XiaozhiCounters {
  const registers = [registry];
  const frames = new Counter({
    name: 'muster_xiaozhi_frames_total',
    help: 'WebSocket frames of Xiaozhi devices',
    labelNames: ['direction', 'kind'],
    registers,
  });
  const bytes = new Counter({
    name: 'muster_xiaozhi_bytes_total',
    help: 'Payload bytes of those frames',
    labelNames: ['direction', 'kind'],
    registers,
  });
  const faults = new Counter({
    name: 'muster_xiaozhi_faults_total',
    help: 'Frames that were not passed on, by error code',
    labelNames: ['code'],
    registers,
  });
  const refusals = new Counter({
    name: 'muster_xiaozhi_refusals_total',
    help: 'Connections refused before the upgrade, by error code',
    labelNames: ['code'],
    registers,
  });
  const closes = new Counter({
    name: 'muster_xiaozhi_closes_total',
    help: 'Connections ended, by error code; HUNG_UP when the device ended it',
    labelNames: ['code'],
    registers,
  });
  const open = new Gauge({ name: 'muster_xiaozhi_sessions', help: 'Connections open now', registers });

  const soundDropped = new Counter({
    name: 'muster_xiaozhi_sound_dropped_total',
    help: 'UDP datagrams that were not passed on: malformed, stranger (no such conversation), foreign (another address), old',
    labelNames: ['reason'],
    registers,
  });

  const flow = (direction: 'in' | 'out', kind: 'text' | 'audio') => {
    const frame = frames.labels(direction, kind);
    const byte = bytes.labels(direction, kind);
    return (size: number): void => {
      frame.inc();
      byte.inc(size);
    };
  };
  return {
    textIn: flow('in', 'text'),
    audioIn: flow('in', 'audio'),
    textOut: flow('out', 'text'),
    audioOut: flow('out', 'audio'),
    fault: (code) => faults.inc({ code }),
    refused: (code) => refusals.inc({ code }),
    soundDropped,
    opened: () => open.inc(),
    closed(code) {
      open.dec();
      closes.inc({ code: code ?? 'HUNG_UP' });
    },
  };
}
