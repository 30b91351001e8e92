import { FINAL_COMMAND_STATES, LIMITS, LIVE_TOPICS, type LiveKind } from '@muster/contract';
import type { LiveItem } from './inbox.ts';

/** How the things of one kind of topic follow each other. */
export interface KindRules {
  /** A slow viewer gets only the newest of each thing; for the others every change counts, and nothing is left out. */
  readonly merges: boolean;
  /** Things that a snapshot holds; of more the oldest (the least key) goes. */
  readonly most: number;
  /** Whether the things themselves say which is newer, so that two ways of hearing of one cannot set it back. */
  readonly ordered: boolean;
  isNews(known: LiveItem, item: LiveItem): boolean;
  /** Told once and then forgotten: it is in no later snapshot. */
  hasEnded(item: LiveItem): boolean;
  /** What is told of a thing that is in no snapshot any more; null: it is looked up by its key. */
  absent(key: string, now: number): LiveItem | null;
}

/** JSON has members in the order of one piece of code, so that the same thing has the same text. */
const differs = (known: LiveItem, item: LiveItem): boolean => JSON.stringify(known) !== JSON.stringify(item);
const never = (): boolean => false;
const lookUp = (): null => null;
const listed = { merges: false, ordered: false, isNews: differs, hasEnded: never, absent: lookUp };
const ENDED: ReadonlySet<unknown> = FINAL_COMMAND_STATES;

export const KIND_RULES: Readonly<Record<LiveKind, KindRules>> = {
  telemetry: {
    merges: true,
    most: LIMITS.seriesPerDevice,
    ordered: true,
    isNews: (known, item) =>
      Number(item.at) > Number(known.at) ||
      (item.at === known.at && JSON.stringify(item.value) !== JSON.stringify(known.value)),
    hasEnded: never,
    absent: lookUp,
  },
  twin: {
    merges: true,
    most: 1,
    ordered: true,
    isNews: (known, item) => versions(item) > versions(known),
    hasEnded: never,
    absent: lookUp,
  },
  commands: { ...listed, most: 50 },
  command: { ...listed, most: 1 },
  siteCommands: { ...listed, most: 200, hasEnded: ({ state }) => ENDED.has(state) },
  events: { ...listed, most: 50 },
  alerts: { ...listed, most: 1_000, hasEnded: ({ state }) => state === 'closed' },
  presence: {
    merges: false,
    most: 100_000,
    ordered: false,
    isNews: (known, item) => known.connected !== item.connected,
    hasEnded: ({ connected }) => connected !== true,
    absent: (deviceId, at) => ({ deviceId, connected: false, at }),
  },
};

/** Each half of a twin counts its own changes, so that the sum grows with every one. */
function versions(twin: LiveItem): number {
  return Number(twin.desiredVersion) + Number(twin.reportedVersion);
}

export function keyOf(kind: LiveKind, item: LiveItem): string {
  return String(item[LIVE_TOPICS[kind].key]);
}
