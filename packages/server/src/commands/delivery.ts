import { codeOf, LIMITS } from '@muster/contract';
import type { DeviceLink, DeviceLinks } from '../devices/index.ts';
import type { Clock } from '../platform/clock.ts';
import { createGather } from '../platform/gather.ts';
import type { Logger } from '../platform/log.ts';
import { CLASSES, type CommandsConfig, RESEND_MS } from './config.ts';
import type { CommandRow, CommandStore } from './store.ts';

/** Brings stored commands to the devices that are connected to this process, in order, some at a time. */
export interface Delivery {
  /** A command waits for the device; nothing happens when it is not connected here. */
  queued(deviceId: string, commandId: string): void;
  /** A connection takes commands now: what waits goes out, and what may be sent again and was not acked. */
  ready(link: DeviceLink): void;
  /** Something of a device that is connected here has not ended: what waits goes out. */
  open(deviceId: string): void;
  /** A command of the device has ended: the next has room. */
  ended(deviceId: string, commandId: string): void;
  stop(): Promise<void>;
}

/** What one device has in hand, and the work on it: one thing after the other, so that commands keep their order. */
interface Hand {
  readonly commands: Map<string, CommandRow>;
  tail: Promise<void>;
  /** Commands wait in the database for room here. */
  waiting: boolean;
}

export function createDelivery(deps: {
  readonly store: CommandStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly links: DeviceLinks;
  readonly config: CommandsConfig;
  readonly onChange: (row: CommandRow) => void;
}): Delivery {
  const { store, clock, log, links, config } = deps;
  const hands = new Map<string, Hand>();
  const hasOpen = createGather(store.openFor);
  let stopped = false;
  let cancelResend: (() => void) | null = null;

  function inTurn(deviceId: string, task: (hand: Hand) => Promise<void>): void {
    if (stopped) return;
    let hand = hands.get(deviceId);
    if (hand === undefined) {
      hand = { commands: new Map(), tail: Promise.resolve(), waiting: false };
      hands.set(deviceId, hand);
    }
    const own = hand;
    own.tail = own.tail
      .then(() => task(own))
      .catch((error: unknown) => {
        // it stays queued in the database: the next look finds it
        log.warn({ err: error, deviceId, code: codeOf(error) }, 'a command could not be delivered');
        own.waiting = true;
        watch();
      });
    const { tail } = own;
    void tail.then(() => {
      if (own.tail === tail && own.commands.size === 0 && !own.waiting) hands.delete(deviceId);
    });
  }

  function linkFor(deviceId: string, name: string): DeviceLink | undefined {
    return links.of(deviceId).find((link) => link.takes(name));
  }

  async function sendOne(hand: Hand, deviceId: string, commandId: string): Promise<void> {
    if (roomOf(hand) <= 0) {
      hand.waiting = true;
      return;
    }
    const row = await store.claim(commandId, clock.now());
    if (row === undefined) return;
    hand.commands.set(commandId, row);
    deps.onChange(row);
    await write(hand, deviceId, row);
  }

  async function write(hand: Hand, deviceId: string, row: CommandRow): Promise<void> {
    const { command_id: commandId, name, args, attempts } = row;
    const link = linkFor(deviceId, name);
    try {
      if (link === undefined) return await takeBack(hand, row);
      const deadlineMs = Math.max(0, row.deadline_at - clock.now());
      await link.command({
        commandId,
        name,
        args: args as never,
        deadlineAt: row.deadline_at,
        deadlineMs,
        attempt: attempts,
      });
    } catch (error) {
      if (codeOf(error) === 'DEVICE_NOT_CONNECTED') {
        await takeBack(hand, row);
        // a connection that could not take it may be able to soon; one that ended comes back by itself
        hand.waiting ||= linkFor(deviceId, name) !== undefined;
      }
      // whether a byte left is not known: the deadline decides
      else log.warn({ err: error, deviceId, commandId }, 'a command may not have left');
    }
    watch();
  }

  /** Not one byte left: it waits again. */
  async function takeBack(hand: Hand, row: CommandRow): Promise<void> {
    hand.commands.delete(row.command_id);
    if (row.attempts > 1) return;
    const queued = await store.unsend(row.command_id);
    if (queued !== undefined) deps.onChange(queued);
  }

  /** How many more it may have. One past its deadline has ended, also when nobody told. */
  function roomOf(hand: Hand): number {
    const now = clock.now();
    for (const [commandId, row] of hand.commands) if (row.deadline_at < now) hand.commands.delete(commandId);
    return config.inflightPerDevice - hand.commands.size;
  }

  async function drain(hand: Hand, deviceId: string): Promise<void> {
    hand.waiting = roomOf(hand) <= 0;
    if (hand.waiting) return;
    const rows = await store.queued(deviceId, clock.now(), LIMITS.commandsPerDevice);
    for (const row of rows) {
      if (linkFor(deviceId, row.name) !== undefined) await sendOne(hand, deviceId, row.command_id);
      if (hand.waiting) return;
    }
  }

  /** Commands that may be sent again, and devices whose commands wait: looked at while there are any. */
  function watch(): void {
    if (stopped) return;
    cancelResend ??= clock.after(RESEND_MS / 3, () => {
      cancelResend = null;
      const before = clock.now() - RESEND_MS;
      let left = false;
      for (const [deviceId, hand] of hands) {
        const due = [...hand.commands.values()].filter((row) => CLASSES[row.class].sends > row.attempts);
        left ||= due.length > 0 || hand.waiting;
        if (hand.waiting && roomOf(hand) > 0) inTurn(deviceId, (own) => drain(own, deviceId));
        for (const row of due) {
          if ((row.sent_at ?? before) <= before) inTurn(deviceId, (own) => sendAgain(own, deviceId, row.command_id));
        }
      }
      if (left) watch();
    });
  }

  async function sendAgain(hand: Hand, deviceId: string, commandId: string): Promise<void> {
    const known = hand.commands.get(commandId);
    if (known === undefined || linkFor(deviceId, known.name) === undefined) return;
    const row = await store.claimAgain(commandId, clock.now(), CLASSES[known.class].sends);
    if (row === undefined) {
      // acked meanwhile, or sent as often as it may be: nothing more to do but wait
      hand.commands.set(commandId, { ...known, attempts: CLASSES[known.class].sends });
      return;
    }
    hand.commands.set(commandId, row);
    await write(hand, deviceId, row);
  }

  return {
    queued(deviceId, commandId) {
      if (links.of(deviceId).length === 0) return;
      inTurn(deviceId, async (hand) => {
        // what waits longer goes first
        if (hand.waiting) await drain(hand, deviceId);
        else if ((await takes(deviceId, commandId)) !== null) await sendOne(hand, deviceId, commandId);
      });
    },
    ready(link) {
      const { deviceId } = link;
      inTurn(deviceId, async (hand) => {
        // most devices that connect have nothing to do
        if ((await hasOpen(deviceId)) !== true) return;
        // what it has in hand from an earlier connection, or from another server, counts
        const rows = await store.inHand(deviceId, clock.now());
        for (const row of rows) hand.commands.set(row.command_id, row);
        for (const { command_id: commandId, class: commandClass, state, attempts } of rows) {
          if (state === 'sent' && attempts < CLASSES[commandClass].sends) await sendAgain(hand, deviceId, commandId);
        }
        await drain(hand, deviceId);
      });
    },
    open: (deviceId) => inTurn(deviceId, (hand) => drain(hand, deviceId)),
    ended(deviceId, commandId) {
      const hand = hands.get(deviceId);
      if (hand === undefined) return;
      hand.commands.delete(commandId);
      if (hand.waiting) inTurn(deviceId, (own) => drain(own, deviceId));
      else if (hand.commands.size === 0) inTurn(deviceId, async () => undefined);
    },
    async stop() {
      stopped = true;
      cancelResend?.();
      await Promise.allSettled([...hands.values()].map(({ tail }) => tail));
    },
  };

  /** The link that would take the command; null when none does: it waits. */
  async function takes(deviceId: string, commandId: string): Promise<DeviceLink | null> {
    const open = links.of(deviceId);
    // asked of the connection before the row is looked at: nearly all take everything
    const any = open.find((link) => link.transport !== 'xiaozhi' && link.takes(''));
    if (any !== undefined) return any;
    const row = await store.find(commandId);
    return row === undefined ? null : (linkFor(deviceId, row.name) ?? null);
  }
}
