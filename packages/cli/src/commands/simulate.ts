import { type AboutReply, MusterError } from '@muster/contract';
import type { Fleet, FleetDevice, WireName } from '@muster/testkit';
import { type Context, defineCommand } from '../command.ts';
import { tableOf } from '../screen/terminal.ts';
import type { Api } from '../server/api.ts';
import { siteOrOnly } from '../server/find.ts';
import { dismiss, enrol } from '../simulation/enrol.ts';
import { findMqtt } from '../simulation/find-mqtt.ts';
import { type FleetFile, readFleetFile, withDevices, writeFleetFile } from '../simulation/fleet-file.ts';
import { type PlannedDevice, planFleet, readShares, readWires } from '../simulation/plan.ts';
import { standingLine, standingReport, standingRows } from '../simulation/standing.ts';

const DEVICES = 100;
const MESSAGES_PER_MINUTE = 6;
const SHOW_MS = 500;
/** The longest that a timer can wait, ms: 24 days. */
const LONGEST_MS = 2_147_483_647;

const simulate = defineCommand({
  name: 'simulate',
  summary: 'Act as a fleet of simulated devices until Ctrl-C; every one of them says that it is simulated',
  operands: {},
  options: {
    devices: { kind: 'number', value: 'N', min: 1, max: 20_000, summary: `how many (default ${DEVICES})` },
    profile: { kind: 'text', value: 'SHARES', summary: 'what they are: sensor=0.5,robot=0.2; or one name' },
    wire: { kind: 'text', value: 'WIRE', summary: 'mqtt, http, websocket or mixed (default mixed)' },
    rate: {
      kind: 'number',
      value: 'N',
      min: 1,
      max: 6_000,
      summary: `messages of each device in a minute (default ${MESSAGES_PER_MINUTE})`,
    },
    failures: { kind: 'number', value: 'PERCENT', max: 100, summary: 'commands that fail (default 0)' },
    seconds: { kind: 'number', value: 'N', min: 1, max: 604_800, summary: 'end by itself after so long' },
    seed: { kind: 'text', value: 'TEXT', summary: 'the same values and delays as another run with this seed' },
    site: { kind: 'text', value: 'SITE', summary: 'the site that owns them (name or id)' },
    keep: { kind: 'flag', summary: 'leave the devices on the server; the next run uses them again' },
  },
  async run(_operands, options, context) {
    const { terminal, config } = context;
    const { createFleet, fleetProfiles, WIRES } = await import('@muster/testkit');
    const shares = readShares(options.profile, fleetProfiles());
    const asked = readWires(options.wire, WIRES);
    const api = await context.signedIn();
    const about = await api.about();
    refuseWhereNotAllowed(about);
    const { siteId } = await siteOrOnly(api, options.site);
    const { wires, mqtt } = await reachable(context, api.server, about, asked);
    const file = await readFleetFile(config.fleetFile);
    // the end of a site's id is random, the beginning is the time
    const plan = planFleet(options.devices ?? DEVICES, shares, wires, `${file.owner}-${siteId.slice(-6)}`);
    const stopping = stopOnSignal();
    try {
      const devices = await makeDevices(context, api, siteId, plan, file, stopping.signal);
      try {
        const fleet = createFleet({
          server: api.server,
          mqtt,
          devices,
          seed: options.seed ?? 'muster',
          messagesPerSecond: (options.rate ?? MESSAGES_PER_MINUTE) / 60,
          failureShare: (options.failures ?? 0) / 100,
        });
        await live(context, fleet, devices.length, stopping.signal, options.seconds);
      } finally {
        if (!options.keep) await remove(context, api, siteId, devices, plan);
      }
    } finally {
      stopping.end();
    }
    if (options.keep) terminal.note('The devices stay. Run it again without --keep to remove them.');
  },
});

export const simulateCommands = [simulate];

function refuseWhereNotAllowed({ simulatedAllowed }: AboutReply): void {
  if (simulatedAllowed) return;
  const say = 'This server takes no simulated devices: devices.allowSimulated is false in its configuration.';
  throw new MusterError('FORBIDDEN', {}, { say });
}

/** The wires that work from here. Mixed does without MQTT where it must; asked for MQTT alone it fails. */
async function reachable({ terminal }: Context, server: string, about: AboutReply, asked: readonly WireName[]) {
  if (!asked.includes('mqtt')) return { wires: asked, mqtt: null };
  const place = await findMqtt(server, about);
  if (!('why' in place)) return { wires: asked, mqtt: place };
  const others = asked.filter((wire) => wire !== 'mqtt');
  if (others.length === 0) {
    const say = `Devices cannot use MQTT: ${place.why}. Try --wire websocket.`;
    throw new MusterError('SERVER_UNREACHABLE', { server }, { say });
  }
  terminal.note(`Without MQTT: ${place.why}.`);
  return { wires: others, mqtt: null };
}

async function makeDevices(
  { terminal, config }: Context,
  api: Api,
  siteId: string,
  plan: readonly PlannedDevice[],
  file: FleetFile,
  signal: AbortSignal,
): Promise<FleetDevice[]> {
  const known = file.servers[api.server] ?? {};
  const { devices, made, reused } = await terminal.waiting(`making ${plan.length} devices`, (say) =>
    enrol(api, siteId, plan, known, {
      signal,
      progress: (done) => say(`making devices ${done}/${plan.length}`),
    }),
  );
  await writeFleetFile(
    config.fleetFile,
    withDevices(file, api.server, new Map([...Object.entries(known), ...devices])),
  );
  terminal.note(`${made} devices made${reused > 0 ? `, ${reused} of an earlier run` : ''}. Ctrl-C ends.`);
  return plan.flatMap(({ hardwareId, profile, wire }) => {
    const device = devices.get(hardwareId);
    return device === undefined ? [] : [{ ...device, profile, wire }];
  });
}

/** Runs until it is stopped or the time is over, and says what was done. */
async function live(
  { terminal, json }: Context,
  fleet: Fleet,
  devices: number,
  signal: AbortSignal,
  seconds: number | undefined,
): Promise<void> {
  fleet.start();
  const report = await terminal.waiting('connecting', async (say) => {
    const timer = setInterval(() => say(standingLine(fleet, devices)), SHOW_MS);
    try {
      await ended(signal, seconds);
      return standingReport(fleet, devices);
    } finally {
      clearInterval(timer);
      say('closing the connections');
      await fleet.stop();
    }
  });
  if (json) terminal.print(JSON.stringify(report));
  else terminal.print(tableOf(['WHAT', 'HOW MANY'], standingRows(report), ''));
  if (report.acked === 0 && devices > 0 && !signal.aborted) {
    const say = 'The server acknowledged nothing.';
    throw new MusterError('SERVER_UNREACHABLE', {}, { say });
  }
}

function ended(signal: AbortSignal, seconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, seconds === undefined ? LONGEST_MS : seconds * 1_000);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Ends the tokens of what this run made or took over; only simulated devices of this computer are among them. */
async function remove(
  { terminal, config }: Context,
  api: Api,
  siteId: string,
  devices: readonly FleetDevice[],
  plan: readonly PlannedDevice[],
): Promise<void> {
  await terminal.waiting(`removing ${devices.length} devices`, () =>
    dismiss(
      api,
      siteId,
      devices.map(({ deviceId }) => deviceId),
    ),
  );
  const file = await readFleetFile(config.fleetFile);
  const gone = new Set(plan.map(({ hardwareId }) => hardwareId));
  const left = Object.entries(file.servers[api.server] ?? {}).filter(([hardwareId]) => !gone.has(hardwareId));
  await writeFleetFile(config.fleetFile, withDevices(file, api.server, new Map(left)));
  terminal.note(`${devices.length} devices removed.`);
}

/** The first Ctrl-C ends the fleet in order; a second one ends the program at once. */
function stopOnSignal(): { readonly signal: AbortSignal; end(): void } {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop);
  return {
    signal: stopping.signal,
    end() {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop);
    },
  };
}
