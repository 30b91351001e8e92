import { type Device, DOWNLINK, MusterError, type Turn } from '@muster/contract';
import type { Answer } from '@muster/testkit';
import { barOf, spansText } from './screen/time-line.ts';
import type { Api } from './server/api.ts';

/** What came of one question to the server, as `muster talk --json` prints it. */
export interface Report {
  readonly heard: string | null;
  readonly said: string;
  readonly emotion: string | null;
  readonly out: string | null;
  /** Length of the answer, ms. */
  readonly answerMs: number;
  /** From the last frame with a voice in it, as the device saw it, ms; null where it did not happen. */
  readonly times: {
    readonly heardMs: number | null;
    readonly firstAudioMs: number | null;
    readonly totalMs: number | null;
  };
  /** The server's own record; null when nobody is signed in who could read it. */
  readonly turn: Turn | null;
}

export function reportOf(answer: Answer, turn: Turn | null, out: string | null): Report {
  const { lastVoicedFrameSentAt: from, heardAt, firstAudioAt, stopAt } = answer.times;
  const since = (at: number | null): number | null => (at === null || from === null ? null : Math.round(at - from));
  return {
    heard: answer.heard,
    said: answer.sentences.map(({ text }) => text).join(' '),
    emotion: answer.emotion,
    out,
    answerMs: Math.round((answer.pcm().length / DOWNLINK.sample_rate) * 1000),
    times: { heardMs: since(heardAt), firstAudioMs: since(firstAudioAt), totalMs: since(stopAt) },
    turn,
  };
}

const BAR_COLUMNS = 32;

/** The report for people, line by line. */
export function reportLines({ heard, said, out, answerMs, times, turn }: Report): string[] {
  const lines = [
    `heard   ${heard ?? '(nothing)'}`,
    `said    ${said === '' ? '(nothing)' : said}`,
    `time    after your last word: words known ${ms(times.heardMs)}, first sound ${ms(times.firstAudioMs)}, end ${ms(times.totalMs)}`,
  ];
  if (turn !== null) {
    const fullMs = turn.times.firstAudioMs ?? 0;
    lines.push(`server  ${barOf(turn.times, BAR_COLUMNS, fullMs)}  ${spansText(turn.times)}`);
    lines.push(`turn    ${turn.outcome}${turn.errorCode === null ? '' : ` ${turn.errorCode}`}, ${turn.turnId}`);
  }
  if (out !== null) lines.push(`answer  ${out} (${(answerMs / 1000).toFixed(1)} s)`);
  return lines;
}

function ms(value: number | null): string {
  return value === null ? 'never' : `${value} ms`;
}

/** The row of a turn is written when the turn ends; a busy server may need a moment. */
const RECORD_TRIES = 15;
const RECORD_WAIT_MS = 200;

/** Waits for a turn of the device that is newer than `previous`; null when none comes within 3 s. */
export async function newTurn(api: Api, deviceId: string, previous: string | null): Promise<Turn | null> {
  for (let tries = 0; tries < RECORD_TRIES; tries++) {
    const turn = await newestTurn(api, deviceId);
    if (turn !== null && turn.turnId !== previous) return turn;
    await new Promise((resolve) => setTimeout(resolve, RECORD_WAIT_MS));
  }
  return null;
}

export async function newestTurn(api: Api, deviceId: string): Promise<Turn | null> {
  return (await api.turns(deviceId, { limit: 1 })).turns[0] ?? null;
}

/** The device with this hardware id if the user may see it. */
export async function ownDevice(api: Api, hardwareId: string): Promise<Device | null> {
  const { devices } = await api.devices({ limit: 200 });
  return devices.find((device) => device.hardwareId === hardwareId) ?? null;
}

/** The value, or null when nobody is signed in. */
export async function unlessSignedOut<T>(value: Promise<T>): Promise<T | null> {
  return value.catch((error: unknown) => {
    if (error instanceof MusterError && error.code === 'SIGN_IN_REQUIRED') return null;
    throw error;
  });
}
