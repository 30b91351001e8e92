import type { PartState } from '@muster/contract';

/** Microphone rate, Hz. */
export const MICROPHONE_RATE = 16_000;
/** Speaker rate, Hz. */
export const SPEAKER_RATE = 24_000;

export interface AudioState {
  readonly state: PartState;
  readonly detail: string | null;
  /** When the state began, ms of the monotonic clock. */
  readonly since: number;
}

/** The microphone and the speaker of a device: mono signed 16-bit PCM. Calls never throw and never block. */
export interface Audio {
  readonly id: string;
  /** Begins to give frames of `frameMs` at 16 kHz; a frame is only valid during the call. */
  openMicrophone(onFrame: (pcm: Int16Array) => void): void;
  closeMicrophone(): void;
  readonly speaker: Speaker;
  /** 0 to 100. Rejects with AUDIO_DEVICE_FAILED when the device has no volume. */
  volume(): Promise<number>;
  setVolume(percent: number): Promise<void>;
  state(): AudioState;
  close(): Promise<void>;
}

/** Where play-out hands its samples: at 24 kHz, at most 120 ms ahead of what is heard. */
export interface SpeakerSink {
  write(pcm: Int16Array): void;
  /** Silence at once: what was written and is not heard yet is dropped. */
  flush(): void;
}

/** The play-out queue in front of a sink. */
export interface Speaker {
  /** Queues sound at 24 kHz. Past the bound the newest is dropped and counted. */
  play(pcm: Int16Array): void;
  /** Silence at once. */
  flush(): void;
  /** Sound not heard yet, ms. */
  queuedMs(): number;
  /** Resolves when all is heard or flushed; rejects when aborted. */
  drained(signal: AbortSignal): Promise<void>;
  /** `silences`: times it fell silent by itself; an answer without a gap makes one. `dropped`: packets past the bound. */
  readonly counts: { readonly silences: number; readonly dropped: number };
}
