import type { Device, DeviceHealth, Severity } from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { LatestPoint } from '../engine/roster.ts';
import { limitsOf } from './limits.ts';
import { createRecent } from './recent.ts';
import { scoreOf } from './score.ts';

export interface HealthDeps {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly latestOf: (deviceId: string) => Promise<readonly LatestPoint[]>;
  readonly severitiesOf: (deviceId: string) => Promise<readonly Severity[]>;
}

export interface Health {
  of(device: Device): Promise<DeviceHealth>;
  stop(): void;
}

export function createHealth({ bus, clock, latestOf, severitiesOf }: HealthDeps): Health {
  const recent = createRecent(bus, clock);
  return {
    stop: () => recent.stop(),
    async of(device) {
      const { deviceId, connected, keepsConnection, lastSeenAt } = device;
      const [points, severities] = await Promise.all([latestOf(deviceId), severitiesOf(deviceId)]);
      const lately = recent.of(deviceId);
      const now = clock.now();
      const facts = {
        now,
        connected,
        keepsConnection,
        lastSeenAt,
        latest: new Map(points.map((point) => [point.series, point])),
        refused: lately?.refused ?? null,
        errorEvents: lately?.errorEvents ?? null,
        commandsDone: lately?.done ?? null,
        commandsFailed: lately?.failed ?? null,
      };
      return { deviceId, ...scoreOf(facts, limitsOf(device.profile), severities), at: now };
    },
  };
}
