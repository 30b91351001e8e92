import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { MusterError } from '@muster/contract';
import { readPrivate, writePrivate } from './private-file.ts';

/** Who the simulated device of `muster talk` is: the same one each time, so that it is activated once. */
export interface DeviceIdentity {
  /** A locally administered MAC address. */
  readonly hardwareId: string;
  readonly clientId: string;
  readonly serialNumber: string;
  /** 64 hex digits; proves at activation that it is the same device as before. */
  readonly hmacKey: string;
}

/** The identity in the file, or a new one that is written there. Throws IDENTITY_DAMAGED. */
export async function readDeviceIdentity(path: string): Promise<DeviceIdentity> {
  const text = await readPrivate(path);
  if (text === null) {
    const identity = newIdentity();
    await writePrivate(path, `${JSON.stringify(identity, null, 2)}\n`);
    return identity;
  }
  const identity = parse(text);
  if (identity === null) {
    const say = `The identity of the simulated device cannot be read; delete ${path} to get a new one.`;
    throw new MusterError('IDENTITY_DAMAGED', { path }, { say });
  }
  return identity;
}

function newIdentity(): DeviceIdentity {
  // Bit 1 of the first byte says "locally administered": no maker owns such an address.
  const hardwareId = ['02', ...Array.from({ length: 5 }, () => randomBytes(1).toString('hex'))].join(':');
  const digits = hardwareId.replaceAll(':', '');
  const check = createHash('sha256').update(digits).digest('hex').slice(0, 8).toUpperCase();
  return {
    hardwareId,
    clientId: randomUUID(),
    serialNumber: `SN-${check}-${digits}`,
    hmacKey: randomBytes(32).toString('hex'),
  };
}

function parse(text: string): DeviceIdentity | null {
  try {
    const { hardwareId, clientId, serialNumber, hmacKey } = JSON.parse(text) as Partial<DeviceIdentity>;
    if (!isText(hardwareId) || !isText(clientId) || !isText(serialNumber) || !isText(hmacKey)) return null;
    return { hardwareId, clientId, serialNumber, hmacKey };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
