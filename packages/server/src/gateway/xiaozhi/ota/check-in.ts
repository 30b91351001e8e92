import type { IncomingHttpHeaders } from 'node:http';
import { languageOf } from '@muster/contract';
import { hardwareIdOf, plainId } from '../credentials.ts';
import type { CheckIn } from '../inbox.ts';
import { asRecord } from '../json.ts';

const HEX_KEY = /^[0-9a-f]{64}$/i;
const VERSION = /^\d{1,9}(?:\.\d{1,9}){0,5}/;

/**
 * Reads a boot request. Headers come first; the body, which firmware breaks when the name of the Wi-Fi network holds a
 * quotation mark, only fills in what they lack. `null` when neither names the device.
 */
export function readCheckIn(headers: IncomingHttpHeaders, body: unknown, source: string): CheckIn | null {
  const fields = asRecord(body);
  const application = asRecord(fields.application);
  const board = asRecord(fields.board);
  const hardwareId = firstOf([headers['device-id'], fields.mac_address, board.mac], hardwareIdOf);
  if (hardwareId === null) return null;
  const [agentModel, agentVersion] = (headers['user-agent'] ?? '').split('/');
  const elfHash = application.elf_sha256;
  return {
    hardwareId,
    clientId: firstOf([headers['client-id'], fields.uuid], plainId),
    serialNumber: plainId(headers['serial-number']),
    activationVersion: activationVersionOf(headers['activation-version']),
    model: firstOf([agentModel, board.name, board.type], label),
    firmwareVersion: firstOf([application.version, agentVersion], label),
    language: languageIn(headers['accept-language'] ?? fields.language),
    hmacKeyCandidate: typeof elfHash === 'string' && HEX_KEY.test(elfHash) ? elfHash.toLowerCase() : null,
    simulated: fields.simulated === true,
    source,
  };
}

/** The leading integer: firmware sends `1` or `2`, Python clients the version of the app (`2.1.1`). 1 when absent. */
export function activationVersionOf(header: unknown): number {
  const version = typeof header === 'string' ? Number.parseInt(header, 10) : Number.NaN;
  return version >= 1 && version <= 99 ? version : 1;
}

/**
 * The version that tells a device it has the newest firmware: its own, cut down to dotted digits, because firmware
 * crashes on a part that is not a number or does not fit 32 bits.
 */
export function echoVersion(firmwareVersion: string | null): string {
  return VERSION.exec(firmwareVersion ?? '')?.[0] ?? '0.0.0';
}

function firstOf(values: readonly unknown[], read: (value: unknown) => string | null): string | null {
  for (const value of values) {
    const found = read(value);
    if (found !== null) return found;
  }
  return null;
}

/** A short printable name. */
function label(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const text = value
    .replace(/[^\x20-\x7e]/g, '')
    .trim()
    .slice(0, 64);
  return text === '' ? null : text;
}

function languageIn(tag: unknown): CheckIn['language'] {
  return typeof tag === 'string' && tag.trim() !== '' ? languageOf(tag) : null;
}
