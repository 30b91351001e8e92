import { setTimeout as delay } from 'node:timers/promises';
import { type DeviceCredentials, MusterError, ROTATION_GRACE, type RotationJob } from '@muster/contract';
import { type Context, defineCommand } from '../../command.ts';
import { usage } from '../../command-line.ts';
import { harmless } from '../../files/whole-file.ts';
import { instantText } from '../../instant.ts';
import { progressLine } from '../../screen/progress.ts';
import { tableOf } from '../../screen/terminal.ts';
import { findDevice, findGroup, siteOrOnly } from '../../server/find.ts';

const LOOK_MS = 500;
const DAY_MS = 86_400_000;
const MOST_DAYS = ROTATION_GRACE.most / DAY_MS;
const device = { required: true, summary: 'its name, id, hardware id or serial number' } as const;
const jobOperand = { required: true, summary: 'its id' } as const;
const grace = {
  kind: 'number',
  value: 'DAYS',
  min: 1,
  max: MOST_DAYS,
  summary: 'how long the old token works when the new one is never used (default: the configuration of the server)',
} as const;

const show = defineCommand({
  name: 'devices credentials',
  summary: 'Show with what a device signs in, and how the last change of its token went',
  operands: { device },
  options: {},
  async run({ device: wanted }, _options, context) {
    const api = await context.signedIn();
    print(context, await api.credentials((await findDevice(api, wanted)).deviceId));
  },
});

const rotate = defineCommand({
  name: 'devices rotate',
  summary: 'Give a device a new token; the old one works until the new one was used',
  operands: { device },
  options: {
    'grace-days': grace,
    'by-hand': { kind: 'flag', summary: 'print the token, this once, for a device that cannot be told it' },
    cancel: { kind: 'flag', summary: 'take a new token back that was not used yet' },
  },
  async run({ device: wanted }, options, context) {
    const api = await context.signedIn();
    const { deviceId, name } = await findDevice(api, wanted);
    if (options.cancel === true) return print(context, await api.cancelRotation(deviceId));
    const days = options['grace-days'];
    const { rotation, token } = await api.rotateToken(deviceId, {
      ...(days === undefined ? {} : { graceMs: days * DAY_MS }),
      ...(options['by-hand'] === true ? { deliver: 'person' as const } : {}),
    });
    const { terminal, json } = context;
    if (json) return terminal.print(JSON.stringify({ rotation, token }));
    if (token !== null) terminal.print(token);
    const until = instantText(rotation.graceEndsAt);
    terminal.note(
      token === null
        ? `${harmless(name)} is told its new token when it is connected. The old one works until then, or until ${until}.`
        : `The new token of ${harmless(name)}, shown this once. The old one works until it was used, or until ${until}.`,
    );
  },
});

const release = defineCommand({
  name: 'devices release',
  summary: 'Let a device in again that was shut out because two seemed to use its identity',
  operands: { device },
  options: {},
  async run({ device: wanted }, _options, context) {
    const api = await context.signedIn();
    print(context, await api.releaseDevice((await findDevice(api, wanted)).deviceId));
  },
});

const decommission = defineCommand({
  name: 'devices decommission',
  summary: 'Tell a device to reset, wipe its keys and erase all of its data; nothing brings it back',
  operands: { device },
  options: {
    erase: { kind: 'flag', summary: 'needed: that you mean it' },
    'reset-seconds': {
      kind: 'number',
      value: 'S',
      min: 0,
      max: 60,
      summary: 'how long a connected device has to say that it resets (default 10)',
    },
  },
  async run({ device: wanted }, { erase, 'reset-seconds': seconds }, { terminal, json, signedIn }) {
    if (erase !== true) throw usage('All data of the device goes for good. Give --erase when you mean it.');
    const api = await signedIn();
    const { deviceId, name } = await findDevice(api, wanted);
    let found = await api.decommission(deviceId, seconds === undefined ? {} : { resetMs: seconds * 1_000 });
    await terminal.waiting(found.state, async (say) => {
      while (found.state !== 'done') {
        await delay(LOOK_MS);
        found = await api.decommissionOf(deviceId);
        say(`${found.state}, ${found.erasedRows} rows erased`);
      }
    });
    if (json) return terminal.print(JSON.stringify(found));
    const reset = found.resetConfirmed ? 'It said that it resets' : 'It did not say that it reset: reset it by hand';
    terminal.print(`${harmless(name)} is gone, with ${found.erasedRows} rows of its data. ${reset}.`);
  },
});

const start = defineCommand({
  name: 'rotations start',
  summary: 'Give every device of a site, a group or a tag a new token, some at a time, and follow it',
  operands: {},
  options: {
    site: { kind: 'text', value: 'SITE', summary: 'name or id; needed when there are several' },
    group: { kind: 'text', value: 'GROUP', summary: 'only the devices that are in it now, by its name or id' },
    tag: { kind: 'text', value: 'TAG', summary: 'only devices with this tag' },
    'at-once': {
      kind: 'number',
      value: 'N',
      min: 1,
      max: 1_000,
      summary: 'devices that were told and did not use their token yet, at most (default 10)',
    },
    'grace-days': grace,
    'give-up-days': {
      kind: 'number',
      value: 'DAYS',
      min: 1,
      max: MOST_DAYS,
      summary: 'how long it waits for devices that are away (default 7)',
    },
    detach: { kind: 'flag', summary: 'print its id and go' },
  },
  async run(_operands, options, context) {
    const api = await context.signedIn();
    const group = options.group === undefined ? null : await findGroup(api, options.group);
    const [graceDays, giveUpDays] = [options['grace-days'], options['give-up-days']];
    const job = await api.createRotationJob({
      siteId: group?.siteId ?? (await siteOrOnly(api, options.site)).siteId,
      ...(group === null ? {} : { groupId: group.groupId }),
      ...(options.tag === undefined ? {} : { tag: options.tag }),
      ...(options['at-once'] === undefined ? {} : { atOnce: options['at-once'] }),
      ...(graceDays === undefined ? {} : { graceMs: graceDays * DAY_MS }),
      ...(giveUpDays === undefined ? {} : { giveUpMs: giveUpDays * DAY_MS }),
    });
    if (options.detach === true) return context.terminal.print(context.json ? JSON.stringify(job) : job.jobId);
    await follow(context, job);
  },
});

const follows = defineCommand({
  name: 'rotations show',
  summary: 'Follow new tokens of many devices until nothing is left to do; what failed is listed',
  operands: { job: jobOperand },
  options: { now: { kind: 'flag', summary: 'as it is, without waiting' } },
  async run({ job: jobId }, { now }, context) {
    const job = await (await context.signedIn()).rotationJob(jobId);
    if (now !== true) return follow(context, job);
    context.terminal.print(context.json ? JSON.stringify(job) : summary(job));
  },
});

const list = defineCommand({
  name: 'rotations list',
  summary: 'List jobs of new tokens, newest first',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const { jobs } = await (await signedIn()).rotationJobs(50);
    if (json) return terminal.print(JSON.stringify(jobs));
    const rows = jobs.map((job) => [
      job.state,
      `${job.counts.confirmed} of ${job.devices}`,
      String(job.counts.failed),
      String(job.counts.notReachable),
      instantText(job.createdAt),
      job.jobId,
    ]);
    terminal.print(tableOf(['STATE', 'CONFIRMED', 'FAILED', 'AWAY', 'AT', 'ID'], rows, 'No jobs yet.'));
  },
});

const cancel = defineCommand({
  name: 'rotations cancel',
  summary: 'Begin no more, and take back what no device was told yet',
  operands: { job: jobOperand },
  options: {},
  async run({ job: jobId }, _options, { terminal, json, signedIn }) {
    const job = await (await signedIn()).cancelRotationJob(jobId);
    terminal.print(json ? JSON.stringify(job) : summary(job));
  },
});

export const credentialCommands = [show, rotate, release, decommission, start, follows, list, cancel];

async function follow({ terminal, json, signedIn }: Context, begun: RotationJob): Promise<void> {
  const api = await signedIn();
  let job = begun;
  await terminal.waiting(progressOf(job), async (say) => {
    while (job.state === 'running') {
      await delay(LOOK_MS);
      job = await api.rotationJob(job.jobId);
      say(progressOf(job));
    }
  });
  terminal.print(json ? JSON.stringify(job) : summary(job));
  if (job.counts.failed === 0) return;
  if (!json) {
    const { devices } = await api.rotationJobDevices(job.jobId, undefined);
    const rows = devices
      .filter(({ place }) => place === 'failed')
      .map(({ name, fault, deviceId }) => [harmless(name), fault ?? '', deviceId]);
    terminal.print(tableOf(['NAME', 'WHY', 'ID'], rows, ''));
  }
  throw new MusterError('DEVICE_ERROR', {}, { say: `${job.counts.failed} of ${job.devices} have no new token.` });
}

function progressOf({ counts, devices }: RotationJob): string {
  const away = counts.notReachable === 0 ? '' : `, ${counts.notReachable} away`;
  return `${progressLine(counts.confirmed + counts.failed, devices, 'devices')}${away}`;
}

function summary({ state, counts }: RotationJob): string {
  const parts = Object.entries(counts).flatMap(([place, count]) => (count === 0 ? [] : [`${count} ${place}`]));
  return `${state}: ${parts.join(', ') || 'no devices'}`;
}

function print({ terminal, json }: Context, found: DeviceCredentials): void {
  if (json) {
    terminal.print(JSON.stringify(found));
    return;
  }
  const rows = found.credentials.map((one) => [
    one.kind,
    one.state,
    one.fingerprint ?? '',
    at(one.madeAt),
    at(one.lastUsedAt),
    at(one.endsAt),
  ]);
  const head = ['KIND', 'STATE', 'FINGERPRINT', 'MADE', 'LAST USED', 'ENDS'];
  terminal.print(tableOf(head, rows, 'Nothing: it cannot sign in.'));
  if (found.rotation !== null) {
    const fault = found.rotation.fault === null ? '' : `: ${harmless(found.rotation.fault)}`;
    terminal.print(`Last change of its token: ${found.rotation.state}${fault}`);
  }
  if (found.quarantine !== null) {
    terminal.print(`Shut out since ${at(found.quarantine.at)}: ${harmless(found.quarantine.reason)}`);
  }
}

function at(instant: number | null): string {
  return instant === null ? '' : instantText(instant);
}
