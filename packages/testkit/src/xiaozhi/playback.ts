import { packetMs } from './speech.ts';

/** What the speaker of the firmware would have done with the packets. */
export interface PlaybackCount {
  /** Packets that found the queue of 40 full and were dropped. */
  readonly lost: number;
  /** Packets that came outside `tts start` … `tts stop` and were dropped. */
  readonly unwanted: number;
  /** Binary frames that the framing of the connection cannot read. */
  readonly malformed: number;
  /** Times the speaker ran dry between two packets of one answer. */
  readonly underruns: number;
  /** Sum of those gaps, ms. */
  readonly dryMs: number;
  /** Sound still queued when `tts stop` came, ms: older firmware clears it, so the last syllable is cut. */
  readonly cutMs: number;
  /** Longest queue seen, packets. */
  readonly deepest: number;
}

/** Packets the decode queue holds: 2,400 ms of 60 ms (xiaozhi-esp32 2.4.2). */
const QUEUE_PACKETS = 40;

/** Play-out of the firmware, computed from arrival times: no timer runs. Instants are ms of the monotonic clock. */
export function createPlayback() {
  const count = { lost: 0, unwanted: 0, malformed: 0, underruns: 0, dryMs: 0, cutMs: 0, deepest: 0 };
  let speaking = false;
  /** When the last sample queued leaves the speaker; null before the first packet of an answer. */
  let emptyAt: number | null = null;

  return {
    /** `tts start`: the queue is emptied and packets are taken from now on. */
    start(): void {
      speaking = true;
      emptyAt = null;
    },
    /** Returns whether the packet was taken. */
    packet(bytes: Uint8Array, at: number): boolean {
      if (!speaking) {
        count.unwanted++;
        return false;
      }
      const ms = packetMs(bytes) || 60;
      const queued = emptyAt === null ? 0 : Math.max(0, emptyAt - at) / ms;
      if (queued > QUEUE_PACKETS) {
        count.lost++;
        return false;
      }
      if (emptyAt !== null && at > emptyAt) {
        count.underruns++;
        count.dryMs += at - emptyAt;
      }
      count.deepest = Math.max(count.deepest, Math.ceil(queued) + 1);
      emptyAt = Math.max(at, emptyAt ?? at) + ms;
      return true;
    },
    /** `tts stop`; `flushed` when the device asked for silence, so what is left is no loss. */
    stop(at: number, flushed: boolean): void {
      if (!flushed && emptyAt !== null) count.cutMs += Math.max(0, emptyAt - at);
      speaking = false;
      emptyAt = null;
    },
    malformed(): void {
      count.malformed++;
    },
    count: (): PlaybackCount => ({ ...count }),
  };
}
