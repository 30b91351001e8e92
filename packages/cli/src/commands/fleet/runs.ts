import { type CommandRun, MusterError } from '@muster/contract';
import { type Context, defineCommand } from '../../command.ts';
import { instantText } from '../../instant.ts';
import { progressLine } from '../../screen/progress.ts';
import { tableOf } from '../../screen/terminal.ts';
import type { Api } from '../../server/api.ts';

const LIMIT = 20;
/** How fresh the counts are that somebody sees who follows a run. */
const LOOK_MS = 500;
/** Failures that are listed under a run. */
const FAILURES = 50;
const runOperand = { required: true, summary: 'its id' } as const;

const list = defineCommand({
  name: 'runs list',
  summary: 'List commands that were sent to groups, newest first',
  operands: {},
  options: { limit: { kind: 'number', value: 'N', min: 1, max: 50, summary: `at most so many (default ${LIMIT})` } },
  async run(_operands, { limit }, { terminal, json, signedIn }) {
    const { runs } = await (await signedIn()).runs({ limit: limit ?? LIMIT });
    if (json) return terminal.print(JSON.stringify(runs));
    const rows = runs.map((run) => [
      run.state,
      run.name,
      `${endedOf(run)} of ${run.devices}`,
      String(run.failed),
      instantText(run.createdAt),
      run.runId,
    ]);
    terminal.print(tableOf(['STATE', 'NAME', 'DEVICES', 'FAILED', 'AT', 'ID'], rows, 'No runs yet.'));
  },
});

const show = defineCommand({
  name: 'runs show',
  summary: 'Follow a command to a group until it goes on no more; what failed is listed',
  operands: { run: runOperand },
  options: {},
  async run({ run }, _options, context) {
    const api = await context.signedIn();
    await followRun(api, await api.run(run, 0), context);
  },
});

const cancel = defineCommand({
  name: 'runs cancel',
  summary: 'Send no more of a command to a group; what was sent goes on',
  operands: { run: runOperand },
  options: {},
  async run({ run }, _options, { terminal, json, signedIn }) {
    const cancelled = await (await signedIn()).cancelRun(run);
    terminal.print(json ? JSON.stringify(cancelled) : summary(cancelled));
  },
});

export const runCommands = [list, show, cancel];

/** Follows a run with a bar, then lists what failed. Throws DEVICE_ERROR unless every device confirmed. */
export async function followRun(api: Api, begun: CommandRun, { terminal, json }: Context): Promise<void> {
  let run = begun;
  await terminal.waiting(progressOf(run), async (say) => {
    while (run.state === 'running') {
      run = await api.run(run.runId, LOOK_MS);
      say(progressOf(run));
    }
  });
  if (json) terminal.print(JSON.stringify(run));
  else terminal.print(summary(run));
  const confirmed = run.counts.confirmed ?? 0;
  if (confirmed === run.devices) return;
  if (!json && run.failed > 0) {
    const { devices, next } = await api.runDevices(run.runId, { failed: true, limit: FAILURES });
    const rows = devices.map(({ name, state, error, deviceId }) => [
      name,
      state ?? 'refused',
      error === null ? '' : `${error.code}: ${error.message}`,
      deviceId,
    ]);
    terminal.print(tableOf(['NAME', 'STATE', 'WHY', 'ID'], rows, ''));
    if (next !== null) terminal.print(`… and more: ${run.failed} in all`);
  }
  throw new MusterError(
    'DEVICE_ERROR',
    {},
    { say: `${run.devices - confirmed} of ${run.devices} did not confirm it.` },
  );
}

function progressOf(run: CommandRun): string {
  const failed = run.failed === 0 ? '' : `, ${run.failed} failed`;
  return `${progressLine(endedOf(run), run.devices, 'devices')}${failed}`;
}

function summary(run: CommandRun): string {
  const counts = Object.entries(run.counts).map(([state, count]) => `${count} ${state}`);
  const rest = [
    ...(run.refused === 0 ? [] : [`${run.refused} refused`]),
    ...(run.waiting === 0 ? [] : [`${run.waiting} not sent`]),
  ];
  return `${run.name} ${run.state}: ${[...counts, ...rest].join(', ') || 'no devices'}`;
}

/** Devices that have come to their end, one way or the other. */
function endedOf({ devices, waiting, counts }: CommandRun): number {
  const { queued = 0, sent = 0, acked = 0 } = counts;
  return devices - waiting - queued - sent - acked;
}
