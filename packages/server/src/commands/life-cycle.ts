import type { CommandState } from '@muster/contract';

/** What happens to a command. */
export type CommandEvent = 'send' | 'unsend' | 'ack' | 'confirm' | 'reject' | 'fail' | 'cancel' | 'deadline';

/**
 * The states of a command and what leads from one to the next. What is not listed changes nothing: a final state has no
 * way out, an answer that comes late or twice finds none.
 */
export const TRANSITIONS: Readonly<Record<CommandState, Partial<Readonly<Record<CommandEvent, CommandState>>>>> = {
  queued: { send: 'sent', cancel: 'cancelled', deadline: 'expired' },
  // unsend: not one byte left, so it may go another way; an answer may come without an ack before it
  sent: {
    unsend: 'queued',
    ack: 'acked',
    confirm: 'confirmed',
    reject: 'rejected',
    fail: 'failed',
    deadline: 'unknown',
  },
  acked: { confirm: 'confirmed', reject: 'rejected', fail: 'failed', deadline: 'unknown' },
  confirmed: {},
  rejected: {},
  failed: {},
  expired: {},
  cancelled: {},
  unknown: {},
};

/** The state after the event; null when it changes nothing. */
export function next(state: CommandState, event: CommandEvent): CommandState | null {
  return TRANSITIONS[state][event] ?? null;
}

/** States from which the event leads somewhere, with where: for a statement that changes rows of all of them. */
export function movesOf(event: CommandEvent): readonly (readonly [CommandState, CommandState])[] {
  return (Object.keys(TRANSITIONS) as CommandState[]).flatMap((from) => {
    const to = TRANSITIONS[from][event];
    return to === undefined ? [] : [[from, to] as const];
  });
}

export function isFinal(state: CommandState): boolean {
  return Object.keys(TRANSITIONS[state]).length === 0;
}
