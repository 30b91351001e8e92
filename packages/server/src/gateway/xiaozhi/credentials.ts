import type { IncomingHttpHeaders } from 'node:http';
import type { Credentials } from './inbox.ts';

const MAC = /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i;
const SAFE_ID = /^[A-Za-z0-9._:-]{1,64}$/;
/** Visible ASCII: what a header may hold and a token of ours never exceeds. */
const TOKEN = /^[\x21-\x7e]{1,512}$/;

/** The identity of a device in one form: a MAC address in lower case with colons, other ids as they are; else `null`. */
export function hardwareIdOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const id = value.trim();
  if (MAC.test(id)) return id.toLowerCase().replaceAll('-', ':');
  return SAFE_ID.test(id) ? id : null;
}

/** A client id or serial number when it is short and plain; else `null`. */
export function plainId(value: unknown): string | null {
  return typeof value === 'string' && SAFE_ID.test(value.trim()) ? value.trim() : null;
}

/**
 * Credentials of a WebSocket handshake: from headers (devices) or from the query (browsers, which cannot set headers).
 * A token comes with `Bearer ` or, when it holds a space of its own, verbatim. `null` when anything needed is missing.
 */
export function readCredentials(
  headers: IncomingHttpHeaders,
  query: URLSearchParams,
  source: string,
): Credentials | null {
  const given = (name: string): unknown => headers[name] ?? query.get(name);
  const hardwareId = hardwareIdOf(given('device-id'));
  const token = tokenOf(given('authorization'));
  if (hardwareId === null || token === null) return null;
  return { token, hardwareId, clientId: plainId(given('client-id')), source };
}

function tokenOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const token = value.trim().replace(/^bearer\s+/i, '');
  return TOKEN.test(token) ? token : null;
}
