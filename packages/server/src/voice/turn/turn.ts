/**
 * The states of a conversation and the ways between them: the only owner of whose turn it is and of the turn's
 * AbortController. Everything that works for a turn holds `signal`; leaving the turn by any way but its end aborts it.
 *
 * idle       the microphone is closed or does not matter
 * listening  the microphone is open, nobody speaks
 * hearing    a person speaks
 * guessing   a pause: the answer to what was said so far is being prepared, in case the pause is the end
 * thinking   the person has finished; the answer is being prepared and nothing of it was heard yet
 * speaking   the answer is being played
 * closed     the device is gone
 */
export type TurnState = 'idle' | 'listening' | 'hearing' | 'guessing' | 'thinking' | 'speaking' | 'closed';

export type TurnEvent =
  /** The device opens its microphone. */
  | 'listen'
  /** The device closes its microphone without anything said. */
  | 'mute'
  /** A person begins to speak. */
  | 'speech'
  /** A person pauses. */
  | 'pause'
  /** The person goes on after a pause: what was prepared is void. */
  | 'resume'
  /** The person has finished. */
  | 'end'
  /** There is something to answer that was not spoken: typed text, a reminder, an announcement. */
  | 'text'
  /** The first sound of the answer leaves. */
  | 'sound'
  /** The answer has been played, or there is none. */
  | 'finished'
  /** Barge-in or abort. */
  | 'interrupt'
  | 'close';

const TRANSITIONS: Readonly<Record<TurnState, Partial<Record<TurnEvent, TurnState>>>> = {
  idle: { listen: 'listening', text: 'thinking', close: 'closed' },
  listening: {
    listen: 'listening',
    mute: 'idle',
    speech: 'hearing',
    text: 'thinking',
    interrupt: 'listening',
    close: 'closed',
  },
  hearing: {
    listen: 'listening',
    mute: 'idle',
    pause: 'guessing',
    end: 'thinking',
    text: 'thinking',
    interrupt: 'listening',
    close: 'closed',
  },
  guessing: {
    listen: 'listening',
    mute: 'idle',
    resume: 'hearing',
    end: 'thinking',
    text: 'thinking',
    interrupt: 'listening',
    close: 'closed',
  },
  thinking: {
    listen: 'listening',
    sound: 'speaking',
    finished: 'idle',
    text: 'thinking',
    interrupt: 'idle',
    close: 'closed',
  },
  speaking: { listen: 'listening', finished: 'idle', text: 'thinking', interrupt: 'idle', close: 'closed' },
  closed: {},
};

const WORKING: ReadonlySet<TurnState> = new Set(['guessing', 'thinking', 'speaking']);

/** Why a turn's signal was aborted: the event that ended it. */
export class TurnEnded extends Error {
  readonly event: TurnEvent;
  constructor(event: TurnEvent) {
    super(`turn ended by ${event}`);
    this.name = 'TurnEnded';
    this.event = event;
  }
}

export interface Turn {
  readonly state: TurnState;
  /** Of the turn at work; aborted when there is none. */
  readonly signal: AbortSignal;
  /** Whether the event has a meaning now. When it has none, nothing changes and false comes back. */
  send(event: TurnEvent): boolean;
}

export function createTurn(): Turn {
  let state: TurnState = 'idle';
  let controller = new AbortController();
  controller.abort(new TurnEnded('finished'));

  return {
    get state() {
      return state;
    },
    get signal() {
      return controller.signal;
    },
    send(event) {
      const next = TRANSITIONS[state][event];
      if (next === undefined) return false;
      // the way guessing -> thinking -> speaking is one turn; every other way out of or into work is not
      const goesOn = WORKING.has(state) && (event === 'end' || event === 'sound');
      state = next;
      if (goesOn) return true;
      controller.abort(new TurnEnded(event));
      if (WORKING.has(next)) controller = new AbortController();
      return true;
    },
  };
}
