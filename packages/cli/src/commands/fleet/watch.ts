import { Alert, Command, DeviceEvent, hasShape, type LiveFrame, LivePoint, LivePresence } from '@muster/contract';
import { defineCommand } from '../../command.ts';
import { harmless } from '../../files/whole-file.ts';
import { findDevice } from '../../server/find.ts';

const isPoint = hasShape(LivePoint);
const isCommand = hasShape(Command);
const isEvent = hasShape(DeviceEvent);
const isAlert = hasShape(Alert);
const isPresence = hasShape(LivePresence);

const watch = defineCommand({
  name: 'watch',
  summary: 'Show what a device does as it happens: measurements, events, commands, alerts; until Ctrl-C',
  operands: { device: { required: true, summary: 'its name, id, hardware id or serial number' } },
  options: {},
  async run({ device }, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { deviceId, siteId, name } = await findDevice(api, device);
    const topics = [
      ...['telemetry', 'events', 'commands'].map((part) => `device/${deviceId}/${part}`),
      ...['presence', 'alerts'].map((part) => `site/${siteId}/${part}`),
    ];
    const stopping = new AbortController();
    const stop = (): void => stopping.abort();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
    terminal.note(`Watching ${name}. Ctrl-C ends it.`);
    try {
      await api.watch(
        topics,
        (frame) => {
          for (const line of linesOf(frame, deviceId, json)) terminal.print(line);
        },
        stopping.signal,
      );
    } finally {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
    }
  },
});

/** With `json`: `{"topic":…,"item":…}` a line. A first state shows what is now, and no past events or commands. */
function linesOf(frame: LiveFrame, deviceId: string, json: boolean): string[] {
  if (frame.type !== 'snapshot' && frame.type !== 'change') return [];
  const { topic } = frame;
  const isPast = frame.type === 'snapshot' && (topic.endsWith('/events') || topic.endsWith('/commands'));
  if (isPast) return [];
  // the topics of the site tell of its other devices too
  const mine = frame.items.filter((item) => !topic.startsWith('site/') || ownerOf(item) === deviceId);
  if (json) return mine.map((item) => JSON.stringify({ topic, item }));
  return mine.flatMap((item) => lineOf(item) ?? []).map(harmless);
}

function ownerOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'deviceId' in item ? item.deviceId : undefined;
}

/** Null for what this version does not know. */
function lineOf(item: unknown): string | null {
  if (isPoint(item)) return `${timeOf(item.at)}  ${item.series} = ${JSON.stringify(item.value)}`;
  if (isEvent(item))
    return `${timeOf(item.at)}  event ${JSON.stringify(item.name)} (${item.level}) ${JSON.stringify(item.data)}`;
  if (isCommand(item)) {
    const at = item.endedAt ?? item.ackedAt ?? item.sentAt ?? item.createdAt;
    const why = item.error === null ? '' : `: ${JSON.stringify(item.error.message)}`;
    return `${timeOf(at)}  command ${item.name} is ${item.state}${why}`;
  }
  if (isAlert(item)) {
    return `${timeOf(item.closedAt ?? item.openedAt)}  alert ${item.severity}, ${item.state}: ${item.ruleName}: ${item.fact}`;
  }
  if (isPresence(item)) return `${timeOf(item.at)}  ${item.connected ? 'connected' : 'disconnected'}`;
  return null;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}

export const watchCommands = [watch];
