import assertion from 'node:assert/strict';
import type { Command, CommandMessage, CommandReply } from '@muster/contract';
import { FINAL_COMMAND_STATES } from '@muster/contract';
import { createVirtualClock, type VirtualClock } from '@muster/testkit';
import { createAudit } from '../accounts/index.ts';
import { createDeviceLinks, type DeviceLink } from '../devices/links.ts';
import { createInProcessBus } from '../platform/bus/index.ts';
import type { createTestDatabase } from '../platform/db/test-database.fixture.ts';
import { newId } from '../platform/ids.ts';
import { createLogger } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { type Commands, type CommandsDeps, createCommands } from './commands.ts';
import type { DispatchRequest } from './dispatch.ts';

type TestDatabase = Awaited<ReturnType<typeof createTestDatabase>>;

/** A device whose connections write down what comes. */
export interface RigDevice {
  readonly deviceId: string;
  readonly siteId: string;
  /** Commands that were written to it, in order. */
  readonly got: CommandMessage[];
  /** It connects; `write` stands for the socket: it may throw, or answer. The function returned ends the connection. */
  connect(write?: (message: CommandMessage) => Promise<void>): () => void;
  reply(reply: CommandReply): Promise<void>;
}

/** One server of commands on a database that several may share; time is the test's. */
export interface CommandsRig {
  readonly clock: VirtualClock;
  readonly siteId: string;
  readonly commands: Commands;
  /** Final states that were told, for each command: there must be one. */
  readonly ends: ReadonlyMap<string, readonly string[]>;
  /** States of a run as they were told. */
  runEvents(runId: string): readonly string[];
  device(): Promise<RigDevice>;
  send(device: RigDevice, request?: Partial<DispatchRequest>): Promise<Command>;
  state(commandId: string): Promise<string>;
  /** A connection to this server. */
  open(link: DeviceLink): void;
  /** Ends what runs and starts anew on the same database; connections are gone. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function createCommandsRig(
  database: TestDatabase,
  options: Partial<Pick<CommandsDeps, 'rulesOf'>> & { readonly clock?: VirtualClock; readonly siteId?: string } = {},
): Promise<CommandsRig> {
  const { pool } = database;
  const clock = options.clock ?? createVirtualClock(Date.now());
  const log = createLogger('silent');
  const siteId = options.siteId ?? newId(clock.now());
  const ends = new Map<string, string[]>();
  const runs = new Map<string, string[]>();
  await pool.query(
    `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at) VALUES ($1, 'A', 'lab', 'en', 'UTC', 0)
     ON CONFLICT DO NOTHING`,
    [siteId],
  );

  function make() {
    const bus = createInProcessBus(log);
    bus.subscribe('command.changed', ({ commandId, state }) => {
      if (FINAL_COMMAND_STATES.has(state)) ends.set(commandId, [...(ends.get(commandId) ?? []), state]);
    });
    bus.subscribe('run.changed', ({ runId, state }) => {
      runs.set(runId, [...(runs.get(runId) ?? []), state]);
    });
    const links = createDeviceLinks(bus, () => undefined);
    const commands = createCommands({
      pool,
      clock,
      log,
      bus,
      metrics: createMetrics(),
      config: { inflightPerDevice: 8, keepDays: 90 },
      links,
      audit: createAudit({ pool: database.pool, clock }),
      rulesOf: options.rulesOf ?? (async () => undefined),
    });
    commands.start();
    return { bus, links, commands };
  }
  let server = make();

  return {
    clock,
    siteId,
    get commands() {
      return server.commands;
    },
    ends,
    runEvents: (runId) => runs.get(runId) ?? [],
    async device() {
      const deviceId = newId(clock.now());
      await pool.query(
        `INSERT INTO devices (device_id, site_id, name, hardware_id, client_id, proof, state, created_at)
         VALUES ($1::uuid, $2, 'D', $1::text, '', 'none', 'active', 0)`,
        [deviceId, siteId],
      );
      const got: CommandMessage[] = [];
      return {
        deviceId,
        siteId,
        got,
        connect(write = async () => undefined) {
          const link = {
            deviceId,
            siteId,
            transport: 'mqtt' as const,
            staysOpen: true,
            takes: () => true,
            async command(message: CommandMessage) {
              await write(message);
              got.push(message);
            },
            twinDelta: () => undefined,
            close: () => undefined,
          };
          const end = server.links.open(link);
          server.commands.deviceReady(link);
          return end;
        },
        reply: (reply) => server.commands.reply({ deviceId }, reply),
      };
    },
    async send({ deviceId }, request = {}) {
      const { command } = await server.commands.dispatch({
        deviceId,
        siteId,
        name: 'blink',
        args: {},
        sentBy: 'user:a',
        ...request,
      });
      return command;
    },
    async state(commandId) {
      const { rows } = await pool.query<{ state: string }>('SELECT state FROM commands WHERE command_id = $1', [
        commandId,
      ]);
      return rows[0]?.state ?? 'gone';
    },
    open(link) {
      server.links.open(link);
      server.commands.deviceReady(link);
    },
    async restart() {
      await server.commands.stop();
      server = make();
    },
    stop: () => server.commands.stop(),
  };
}

/** Waits until it holds; fails after 20 s, which is far more than a busy machine needs. `turn` runs between two looks: time that the test moves on. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  turn: () => Promise<void> = async () => undefined,
): Promise<void> {
  const giveUp = performance.now() + 20_000;
  while (performance.now() < giveUp) {
    if (await holds()) return;
    await turn();
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  throw new assertion.AssertionError({ message: `not within 20 s: ${what}` });
}
