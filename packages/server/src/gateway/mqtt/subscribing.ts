import { codeOf } from '@muster/contract';
import type { ISubscribePacket, IUnsubscribePacket } from 'mqtt-packet';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { MqttInbox } from './inbox.ts';
import type { Router } from './router.ts';
import type { MqttStore } from './store.ts';
import type { Connection } from './wire/connection.ts';
import { REASON } from './wire/reasons.ts';

const REFUSALS = { invalid: REASON.filterInvalid, forbidden: REASON.notAuthorized, limit: REASON.quota } as const;
/** MQTT 3.1.1 has one code for every refusal. */
const REFUSED = 0x80;

export interface SubscribingDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly inbox: MqttInbox;
  readonly router: Router;
  readonly store: MqttStore;
}

/** SUBSCRIBE: the answer leaves when a session that is kept is stored, then come the retained messages. */
export async function subscribe(
  deps: SubscribingDeps,
  connection: Connection,
  packet: ISubscribePacket,
): Promise<void> {
  // it may have been closed for its rate, or gone, while it waited for its turn
  if (!connection.isOpen) return;
  const { session, version } = connection;
  const id = idOf(packet.properties?.subscriptionIdentifier);
  // MQTT 5, 3.8.2.1.2
  if (id === 0) return connection.disconnect(REASON.protocolError, 'FRAME_MALFORMED');
  /** Each once, however often it was asked for: a packet holds thousands of filters, and each costs a query. */
  const wanted = new Set<string>();
  const granted = packet.subscriptions.map(({ topic: filter, qos, nl, rap, rh }) => {
    if (filter.startsWith('$share/')) return version === 5 ? REASON.sharedSubscriptions : REFUSED;
    const { refused, isNew } = session.subscribe({
      filter,
      qos: qos as 0 | 1 | 2,
      noLocal: nl === true,
      retainAsPublished: rap === true,
      id,
    });
    if (refused !== null) return version === 5 ? REFUSALS[refused] : REFUSED;
    if (rh !== 2 && (rh !== 1 || isNew)) wanted.add(filter);
    return qos;
  });
  try {
    if (session.keepMs > 0) await deps.store.save(session, deps.clock.now() + session.keepMs);
  } catch (error) {
    deps.log.warn({ err: error }, 'a session could not be stored');
    return connection.close(codeOf(error));
  }
  connection.writePacket({ cmd: 'suback', messageId: packet.messageId ?? 0, granted });
  for (const filter of session.subscriptions.keys()) {
    if (packet.subscriptions.some(({ topic }) => topic === filter)) deps.inbox.subscribed(connection, filter);
  }
  for (const filter of wanted) {
    if (!connection.isOpen) return;
    await deps.router.sendRetained(session, filter);
  }
}

export async function unsubscribe(
  deps: SubscribingDeps,
  connection: Connection,
  packet: IUnsubscribePacket,
): Promise<void> {
  const { session } = connection;
  const granted = packet.unsubscriptions.map((filter) =>
    session.unsubscribe(filter) ? REASON.success : REASON.noSubscriptionExisted,
  );
  if (session.keepMs > 0) await deps.store.save(session, deps.clock.now() + session.keepMs);
  connection.writePacket({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted });
}

function idOf(found: number | readonly number[] | undefined): number | null {
  if (found === undefined) return null;
  return typeof found === 'number' ? found : (found[0] ?? null);
}
