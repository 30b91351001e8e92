import { lookup as resolve } from 'node:dns/promises';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import type { LookupFunction } from 'node:net';
import { MusterError } from '@muster/contract';
import { unlessAborted } from '../deadline.ts';
import { type Allowed, isPublic } from './addresses.ts';

export interface OutboundRequest {
  readonly url: string;
  readonly method: 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The address was typed by a person: it must not lead into our own network. */
  readonly guarded: boolean;
}

export interface OutboundReply {
  readonly status: number;
  /** The first 2,000 characters of the answer. */
  readonly text: string;
}

/**
 * The door for requests to addresses that people type. A name is looked up once, and the connection goes to the very
 * address that was checked: a name that changes its answer in between (DNS rebinding) leads nowhere else. No redirect is
 * followed: it could lead home. What is wrong is said in words for people, and never which address a name led to: that
 * would map our network.
 */
export interface Outbound {
  /** Rejects with what `failed` makes of it; stops with the signal. */
  request(request: OutboundRequest, signal: AbortSignal): Promise<OutboundReply>;
}

interface Address {
  readonly address: string;
  readonly family: number;
}

/** What is read of an answer, characters. */
const ANSWER_CHARS = 2_000;

export function createOutbound(deps: {
  readonly allowed: Allowed;
  /** The error of whoever asks. */
  readonly failed: (say: string, cause?: unknown) => MusterError;
  /** All addresses of a name; default: as the system finds them. */
  readonly lookUp?: (hostname: string) => Promise<readonly Address[]>;
}): Outbound {
  const { allowed, failed } = deps;
  const lookUp = deps.lookUp ?? ((hostname) => resolve(hostname, { all: true }));

  function check(request: OutboundRequest): URL {
    const url = URL.parse(request.url);
    if (url === null) throw failed('The address is none.');
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw failed('Only http and https are spoken.');
    if (url.username !== '' || url.password !== '') {
      throw failed(
        'An address with a user or a password in it is not used: it would be shown to all who see the address.',
      );
    }
    return url;
  }

  async function addressOf({ hostname }: URL, guarded: boolean): Promise<Address> {
    const bare = hostname.replace(/^\[|\]$/g, '');
    const found = await lookUp(bare).catch((cause: unknown) => {
      throw failed('The host has no address.', cause);
    });
    const [first] = found;
    if (first === undefined) throw failed('The host has no address.');
    const isOpen = ({ address }: Address): boolean => isPublic(address) || allowed.hasAddress(address);
    // one private address among public ones is a trap, not a choice
    if (guarded && !allowed.hasHost(bare) && !found.every(isOpen)) {
      throw failed('The address is not on the public internet. The operator may allow it: alerts.allowedAddresses.');
    }
    return first;
  }

  /** In words for the person who tests it. */
  function reasonOf(cause: unknown): MusterError {
    if (cause instanceof MusterError) return cause;
    const { code, name } = cause as NodeJS.ErrnoException;
    return failed(`The receiver was not reached (${code ?? name}).`, cause);
  }

  return {
    async request(request, signal) {
      const url = check(request);
      const address = await unlessAborted(addressOf(url, request.guarded), signal);
      return send(url, address, request, signal).catch((cause: unknown) => {
        throw reasonOf(cause);
      });
    },
  };
}

function send(url: URL, address: Address, request: OutboundRequest, signal: AbortSignal): Promise<OutboundReply> {
  const { method, headers, body } = request;
  return new Promise((resolve, reject) => {
    // the socket goes to the address that was checked, whatever the name says by now
    const lookup = ((_host, options, done) => {
      if (options.all === true) (done as unknown as (error: null, found: Address[]) => void)(null, [address]);
      else done(null, address.address, address.family);
    }) as LookupFunction;
    const begin = url.protocol === 'https:' ? requestTls : requestPlain;
    const length = Buffer.byteLength(body);
    const options = { method, headers: { ...headers, 'content-length': length }, lookup, signal, agent: false };
    const outgoing = begin(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < ANSWER_CHARS) text = (text + chunk).slice(0, ANSWER_CHARS);
        // nothing more is wanted: an endless answer must not be read
        else response.destroy();
      });
      const done = (): void => resolve({ status: response.statusCode ?? 0, text });
      response.on('end', done);
      response.on('close', done);
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
