import type { PointValue, Profile, ProfileSeries } from '@muster/contract';
import type { Random } from './random.ts';

/** What a device of a profile measures: walks that begin and go on by its own random numbers. A number for each series is all it keeps. */
export interface Measuring {
  /** Every series of the profile, one step further. `upMs`: time since the device started. */
  next(upMs: number): Record<string, PointValue>;
}

/** How one series behaves: between `low` and `high` as a rule, always within the limits of the profile. */
interface Course {
  readonly name: string;
  readonly kind: ProfileSeries['kind'];
  readonly low: number;
  readonly high: number;
  /** Only grows, from nought: a counter. */
  readonly grows: boolean;
  /** It counts things: there are no halves. */
  readonly whole: boolean;
}

/** Where working devices are, by the name of the series, else by its unit: the limits alone are those of the sensor. */
const USUAL: Readonly<Record<string, readonly [number, number]>> = {
  temperature: [18, 27],
  humidity: [35, 60],
  pressure: [990, 1_030],
  co2: [420, 1_100],
  illuminance: [5, 900],
  battery: [45, 100],
  signal: [-72, -45],
  cpuLoad: [5, 55],
  memoryUsed: [30, 65],
  diskUsed: [20, 60],
  motorTemperature: [30, 60],
  speed: [0, 1.5],
  heading: [-180, 180],
  fps: [12, 30],
  volume: [20, 80],
  freeHeap: [40_000, 160_000],
  errorShare: [0, 2],
};
const USUAL_OF_UNIT: Readonly<Record<string, readonly [number, number]>> = {
  '%': [20, 70],
  Cel: [20, 50],
  ms: [10, 80],
  m: [-20, 20],
  kg: [0, 40],
  'By/s': [10_000, 900_000],
};
const GROWING = new Set(['peopleIn', 'peopleOut', 'odometer']);
const STATES = ['idle', 'driving', 'waiting', 'charging'];
/** Chance of a step that a boolean turns over or a word changes. */
const TURN = 0.02;
/** Where the devices with a position are; each begins within a kilometre of it. */
const PLACE = { latitude: 21.028, longitude: 105.834 };
/** A degree of latitude is 111 km: some metres. */
const STEP_DEGREES = 0.00003;

const courses = new WeakMap<Profile, readonly Course[]>();

export function createMeasuring(profile: Profile, random: Random): Measuring {
  const known = coursesOf(profile);
  const state = new Float64Array(known.length * 2);
  known.forEach((course, at) => {
    state[2 * at] = course.grows ? 0 : course.low + random() * (course.high - course.low);
    state[2 * at + 1] = course.kind === 'position' ? random() : 0;
  });

  function step(course: Course, at: number, upMs: number): PointValue {
    const before = state[2 * at] ?? 0;
    switch (course.kind) {
      case 'number':
        if (course.name === 'uptime') return Math.round(upMs / 1_000);
        state[2 * at] = walk(course, before, random);
        return course.whole ? Math.round(state[2 * at] ?? 0) : rounded(state[2 * at] ?? 0);
      case 'boolean':
        if (random() < TURN) state[2 * at] = before > 0.5 ? 0 : 1;
        return (state[2 * at] ?? 0) > 0.98;
      case 'string':
        if (random() < TURN) state[2 * at] = random();
        return STATES[Math.floor((state[2 * at] ?? 0) * STATES.length)] ?? 'idle';
      case 'position':
        state[2 * at] = before + (random() - 0.5) * STEP_DEGREES * 100;
        state[2 * at + 1] = (state[2 * at + 1] ?? 0) + (random() - 0.5) * STEP_DEGREES * 100;
        return {
          latitude: PLACE.latitude + ((state[2 * at] ?? 0) - 0.5) / 100,
          longitude: PLACE.longitude + ((state[2 * at + 1] ?? 0) - 0.5) / 100,
        };
      case 'object':
        return { step: Math.round(upMs) };
    }
  }

  return {
    next: (upMs) => Object.fromEntries(known.map((course, at) => [course.name, step(course, at, upMs)])),
  };
}

/** A step that leads back to the middle the more, the further away it is. */
function walk({ low, high, grows, whole }: Course, before: number, random: Random): number {
  if (grows) return before + (whole ? Math.floor(random() * 1.3) : random());
  const span = high - low;
  const pull = ((low + high) / 2 - before) * 0.02;
  return Math.min(high, Math.max(low, before + pull + (random() - 0.5) * span * 0.06));
}

function coursesOf(profile: Profile): readonly Course[] {
  let found = courses.get(profile);
  if (found === undefined) {
    found = Object.entries(profile.series).map(([name, series]) => courseOf(name, series));
    courses.set(profile, found);
  }
  return found;
}

function courseOf(name: string, { kind, unit, min, max }: ProfileSeries): Course {
  const grows = GROWING.has(name);
  const whole = unit === '1';
  if (kind !== 'number' || grows) return { name, kind, low: 0, high: 1, grows, whole };
  const [low, high] = USUAL[name] ?? USUAL_OF_UNIT[unit ?? ''] ?? between(min ?? 0, max ?? (min ?? 0) + 10);
  return { name, kind, low: Math.max(low, min ?? low), high: Math.min(high, max ?? high), grows, whole };
}

/** The middle half. */
function between(min: number, max: number): readonly [number, number] {
  return [min + (max - min) / 4, max - (max - min) / 4];
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
