import { randomBytes } from 'node:crypto';
import { MusterError } from '@muster/contract';
import { readPrivate, writePrivate } from '../private-file.ts';

/** A device that was made, as this computer knows it. */
export interface KnownDevice {
  readonly deviceId: string;
  readonly token: string;
}

/** What is remembered of simulated fleets: whose they are, and the tokens, which the server shows once. */
export interface FleetFile {
  /** Eight hex digits: two computers that simulate at one server do not take each other's devices. */
  readonly owner: string;
  /** Address of a server to hardware id to device. */
  readonly servers: Readonly<Record<string, Readonly<Record<string, KnownDevice>>>>;
}

/** IDENTITY_DAMAGED when it cannot be read. */
export async function readFleetFile(path: string): Promise<FleetFile> {
  const text = await readPrivate(path);
  if (text === null) return { owner: randomBytes(4).toString('hex'), servers: {} };
  const file = parse(text);
  if (file !== null) return file;
  const say = `The tokens of the simulated devices cannot be read; delete ${path} to begin anew.`;
  throw new MusterError('IDENTITY_DAMAGED', { path }, { say });
}

export async function writeFleetFile(path: string, file: FleetFile): Promise<void> {
  await writePrivate(path, `${JSON.stringify(file)}\n`);
}

/** The file with other devices of one server. */
export function withDevices(file: FleetFile, server: string, devices: ReadonlyMap<string, KnownDevice>): FleetFile {
  const { [server]: _, ...others } = file.servers;
  if (devices.size === 0) return { ...file, servers: others };
  return { ...file, servers: { ...others, [server]: Object.fromEntries(devices) } };
}

function parse(text: string): FleetFile | null {
  try {
    const { owner, servers } = JSON.parse(text) as Partial<FleetFile>;
    if (typeof owner !== 'string' || !/^[0-9a-f]{8}$/.test(owner)) return null;
    return typeof servers === 'object' && servers !== null ? { owner, servers } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
