import { createHmac } from 'node:crypto';
import { MusterError } from '@muster/contract';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { type HttpReply, postJson } from '../link/http.ts';
import type { Access } from '../link/session.ts';
import type { Identity } from './identity-file.ts';

export const VERSION = '0.1.0';

/** How a device asks a server at boot. */
export interface CheckInOptions {
  readonly server: string;
  readonly board: string;
  readonly language: string;
  readonly proof: 'hmac' | 'none';
  readonly ca: readonly string[] | undefined;
}

/** `code` is null when an active device only has to prove its key again. */
export interface ActivationOffer {
  readonly code: string | null;
  readonly message: string;
  readonly challenge: string;
}

export type CheckInReply = { readonly access: Access } | { readonly offer: ActivationOffer };

const Text = Type.String({ maxLength: 2_000 });
const ReplySchema = Type.Object({
  websocket: Type.Optional(Type.Object({ url: Text, token: Type.Optional(Text) })),
  activation: Type.Optional(
    Type.Object({
      code: Type.Optional(Type.Union([Text, Type.Null()])),
      message: Type.Optional(Type.Union([Text, Type.Null()])),
      challenge: Text,
    }),
  ),
});

/**
 * The boot request. `showKey` is for a server that does not know this device yet: see below. Throws SERVER_UNREACHABLE
 * for everything but a reply that says what comes next.
 */
export async function checkIn(
  options: CheckInOptions,
  identity: Identity,
  showKey: boolean,
  signal: AbortSignal,
): Promise<CheckInReply> {
  const { hardwareId, clientId } = identity;
  const body = {
    version: 2,
    language: options.language,
    mac_address: hardwareId,
    uuid: clientId,
    application: { name: 'muster-device', version: VERSION, ...(showKey ? keyToLearn(options, identity) : {}) },
    board: { type: 'linux', name: options.board, mac: hardwareId },
  };
  const reply = await postJson(options.server, headers(options, identity), body, { ca: options.ca, signal });
  const { websocket, activation } = readReply(options.server, reply);
  if (activation !== undefined) {
    const code = activation.code ?? '';
    const offer = { code: code === '' ? null : code, message: activation.message ?? '' };
    return { offer: { ...offer, challenge: activation.challenge } };
  }
  if (websocket === undefined) throw useless(options.server, 'the reply has no websocket');
  return { access: { url: websocket.url, token: websocket.token ?? '' } };
}

/** One poll. Only a plain 200 is yes: a server that is down, or another page in its place, never counts as activated. */
export async function askActivated(
  options: CheckInOptions,
  identity: Identity,
  challenge: string,
  signal: AbortSignal,
): Promise<'active' | 'waiting' | 'refused'> {
  const url = options.server.endsWith('/') ? `${options.server}activate` : `${options.server}/activate`;
  const body = options.proof === 'none' ? {} : proofOf(identity, challenge);
  const { status } = await postJson(url, headers(options, identity), body, { ca: options.ca, signal });
  if (status === 200) return 'active';
  if (status === 401 || status === 403) return 'refused';
  return 'waiting';
}

function headers(options: CheckInOptions, identity: Identity): Record<string, string> {
  return {
    'Device-Id': identity.hardwareId,
    'Client-Id': identity.clientId,
    'User-Agent': `${options.board}/${VERSION}`,
    'Accept-Language': options.language,
    'Activation-Version': options.proof === 'hmac' ? '2' : '1',
    ...(options.proof === 'hmac' ? { 'Serial-Number': identity.serialNumber } : {}),
  };
}

/**
 * The key goes to a server only while this device is a stranger to it, in the member where Python clients of the
 * protocol show theirs: a server that has no key registered for the serial number learns it there. Afterwards it never
 * leaves the device.
 */
function keyToLearn(options: CheckInOptions, identity: Identity): { elf_sha256?: string } {
  return options.proof === 'hmac' ? { elf_sha256: identity.hmacKey } : {};
}

function proofOf(identity: Identity, challenge: string): object {
  const key = Buffer.from(identity.hmacKey, 'hex');
  return {
    algorithm: 'hmac-sha256',
    serial_number: identity.serialNumber,
    challenge,
    hmac: createHmac('sha256', key).update(challenge, 'utf8').digest('hex'),
  };
}

function readReply(server: string, reply: HttpReply): Static<typeof ReplySchema> {
  if (reply.status !== 200) throw useless(server, `status ${reply.status}`);
  try {
    const value: unknown = JSON.parse(reply.text);
    if (Value.Check(ReplySchema, value)) return value;
  } catch (cause) {
    throw useless(server, 'the reply is not JSON', cause);
  }
  throw useless(server, 'the reply does not have the documented shape');
}

function useless(server: string, why: string, cause?: unknown): MusterError {
  return new MusterError('SERVER_UNREACHABLE', { server, why }, { cause, say: `${server} does not answer: ${why}.` });
}
