import type { ErrorCode } from '@muster/contract';
import type { Metrics } from '../../platform/metrics.ts';

export interface MqttCounters {
  messageIn(bytes: number): void;
  messageOut(bytes: number): void;
  /** A message for a client that was not sent. */
  dropped(reason: 'slow' | 'queue' | 'expired' | 'too-large'): void;
  /** A message of a client that was not taken. */
  refused(code: ErrorCode): void;
  throttled(): void;
  opened(): void;
  /** `null`: the client ended it. */
  closed(code: ErrorCode | null): void;
  /** A connection that did not come to be. */
  rejected(code: ErrorCode): void;
}

export function createMqttCounters(metrics: Metrics, connections: () => number): MqttCounters {
  metrics.gauge('muster_mqtt_connections', 'MQTT connections open now', connections);
  const messages = metrics.counter('muster_mqtt_messages_total', 'MQTT messages', ['direction']);
  const bytes = metrics.counter('muster_mqtt_bytes_total', 'Payload bytes of those messages', ['direction']);
  const dropped = metrics.counter('muster_mqtt_dropped_total', 'Messages for clients that were not sent', ['reason']);
  const refused = metrics.counter('muster_mqtt_refused_total', 'Messages of clients that were not taken', ['code']);
  const throttled = metrics.counter('muster_mqtt_throttled_total', 'Times a client was read more slowly');
  const opened = metrics.counter('muster_mqtt_opened_total', 'Connections that began');
  const closed = metrics.counter('muster_mqtt_closed_total', 'Connections that ended, by code', ['code']);
  const rejected = metrics.counter('muster_mqtt_rejected_total', 'Connections that did not come to be', ['code']);
  const inward = [messages.labels('in'), bytes.labels('in')] as const;
  const outward = [messages.labels('out'), bytes.labels('out')] as const;
  return {
    messageIn(size) {
      inward[0].inc();
      inward[1].inc(size);
    },
    messageOut(size) {
      outward[0].inc();
      outward[1].inc(size);
    },
    dropped: (reason) => dropped.inc({ reason }),
    refused: (code) => refused.inc({ code }),
    throttled: () => throttled.inc(),
    opened: () => opened.inc(),
    closed: (code) => closed.inc({ code: code ?? 'HUNG_UP' }),
    rejected: (code) => rejected.inc({ code }),
  };
}
