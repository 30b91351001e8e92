import type { Clock } from '../clock.ts';
import { newId } from '../ids.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Bus } from './bus.ts';
import type { BusConfig } from './config.ts';
import { createListeners } from './listeners.ts';
import { createNatsLink } from './nats-link.ts';
import { SHAPES } from './shapes.ts';
import { createWanted } from './wanted.ts';
import { decodeMessage, encodeEvent, isEventName } from './wire.ts';

/**
 * The driver for several servers. Listeners of this process run within `publish` as with the other driver; then the
 * event leaves, if NATS is there. Whatever cannot leave is dropped and counted: each server finds in the database what
 * it was not told. All events cross; `telemetry.stored` only while another server wants it. Resolves at once, connected
 * or not; CONFIG_INVALID when a file that the configuration names cannot be read.
 */
export async function createNatsBus(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly config: BusConfig & { readonly url: string };
}): Promise<Bus> {
  const { clock, log, metrics, config } = deps;
  const own = newId(clock.now());
  const events = `${config.subject}.event.`;
  const points = `${config.subject}.points`;
  const wants = `${config.subject}.wants`;
  const crossed = metrics.counter('muster_bus_messages_total', 'Messages between servers', ['way']);
  const dropped = metrics.counter('muster_bus_dropped_total', 'Messages between servers that were lost', ['reason']);

  const wanted = createWanted(clock, (event) => send(wants, Buffer.from(JSON.stringify({ from: own, event }))));
  const listeners = createListeners(log, (name, count) => {
    if (name !== 'telemetry.stored') return;
    link.hear(points, count > 0);
    wanted.here(count > 0);
  });
  const link = await createNatsLink({
    clock,
    log,
    config,
    name: `muster ${own}`,
    onMessage: receive,
    onConnected: () => wanted.ask(),
  });
  link.hear(`${events}>`, true);
  link.hear(wants, true);
  metrics.gauge('muster_bus_connected', 'Whether other servers can be reached', () => (link.state().connected ? 1 : 0));

  function send(subject: string, message: Buffer): void {
    const done = link.send(subject, message);
    if (done === 'sent') crossed.inc({ way: 'out' });
    else dropped.inc({ reason: done });
  }

  function receive(subject: string, data: Uint8Array): void {
    const message = decodeMessage(data);
    if (typeof message === 'string') return void dropped.inc({ reason: message });
    const { from, event } = message;
    // NATS does not send us our own; another server with our name would not be one
    if (from === own) return;
    crossed.inc({ way: 'in' });
    const isUnderstood = subject === wants ? wanted.heard(from, event) : tell(nameOf(subject), event);
    if (!isUnderstood) dropped.inc({ reason: 'not understood' });
  }

  function nameOf(subject: string): string {
    return subject === points ? 'telemetry.stored' : subject.slice(events.length);
  }

  function tell(name: string, value: unknown): boolean {
    if (!isEventName(name)) return false;
    const event = SHAPES[name](value);
    if (event === null) return false;
    listeners.tell(name, event, 'elsewhere');
    return true;
  }

  return {
    publish(name, event) {
      listeners.tell(name, event, 'here');
      const isPoints = name === 'telemetry.stored';
      if (isPoints && !wanted.elsewhere()) return;
      for (const message of encodeEvent(own, name, event)) {
        if (message === null) dropped.inc({ reason: 'too large' });
        else send(isPoints ? points : events + name, message);
      }
    },
    subscribe: listeners.subscribe,
    state: () => link.state(),
    async close() {
      wanted.stop();
      await link.close();
    },
  };
}
