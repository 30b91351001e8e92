import { readFile } from 'node:fs/promises';
import { MusterError } from '@muster/contract';
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { type Clock, sleep } from '../clock.ts';
import { within } from '../deadline.ts';
import type { Logger } from '../log.ts';
import type { BusConfig } from './config.ts';

/** A connection to NATS that is made again for ever. Nothing is kept for it while it is away. */
export interface NatsLink {
  /** Whether it left; if not, why: nobody is there, or too much waits to leave. Never waits. */
  send(subject: string, data: Uint8Array): 'sent' | 'away' | 'full';
  /** Hears a subject from now on, or no more. */
  hear(subject: string, wanted: boolean): void;
  state(): { readonly connected: boolean; readonly detail: string };
  /** What was sent has left, or is lost, when it resolves. */
  close(): Promise<void>;
}

/** Bytes that NATS has not yet said it took; past it events are dropped. */
const WAITING_BYTES = 8_388_608;
const CONNECT_MS = 5_000;
/** A connection that does not answer two of these is dead, ms. */
const PING_MS = 4_000;
/** Pause between two tries, ms: a random part of it, doubled each time up to the slowest. */
const FIRST_RETRY_MS = 250;
const SLOWEST_RETRY_MS = 4_000;
const CLOSE_MS = 2_000;

export async function createNatsLink(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: BusConfig & { readonly url: string };
  readonly name: string;
  readonly onMessage: (subject: string, data: Uint8Array) => void;
  readonly onConnected: () => void;
}): Promise<NatsLink> {
  const { clock, log } = deps;
  const options = await optionsOf(deps.config, deps.name);
  const ending = new AbortController();
  const heard = new Map<string, (() => void) | null>();
  let connection: NatsConnection | null = null;
  let problem = 'not connected yet';
  let refused: string | null = null;
  let written = 0;
  let taken = 0;

  function listen(nats: NatsConnection, subject: string): void {
    const subscription = nats.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) deps.onMessage(message.subject, message.data);
        else refused = `NATS does not let this server hear ${subject}`;
      },
    });
    heard.set(subject, () => subscription.unsubscribe());
  }

  /** One connection from its beginning to its end. Rejects when there was none. */
  async function live(): Promise<void> {
    const nats = await connect(options);
    if (ending.signal.aborted) return nats.close();
    [connection, refused, written, taken] = [nats, null, 0, 0];
    for (const subject of heard.keys()) listen(nats, subject);
    void report(nats);
    log.info({ server: nats.getServer() }, 'connected to the bus');
    deps.onConnected();
    const error = await nats.closed();
    connection = null;
    problem = error instanceof Error ? error.message : 'the connection was closed';
    for (const subject of heard.keys()) heard.set(subject, null);
  }

  async function report(nats: NatsConnection): Promise<void> {
    for await (const status of nats.status()) {
      if (status.type !== 'error') continue;
      refused = `NATS says: ${status.error.message.slice(0, 200)}`;
      log.warn({ err: status.error }, 'the bus refuses something');
    }
  }

  async function keep(): Promise<void> {
    let pause = FIRST_RETRY_MS;
    while (!ending.signal.aborted) {
      const before = clock.monotonic();
      try {
        await live();
        if (!ending.signal.aborted) log.warn({ problem }, 'the bus is away; other servers hear nothing of this one');
      } catch (error) {
        if (pause === FIRST_RETRY_MS) log.warn({ err: error }, 'the bus cannot be reached; trying again');
        problem = error instanceof Error ? error.message : String(error);
      }
      // it lasted: this is the first failure again
      if (clock.monotonic() - before > 2 * SLOWEST_RETRY_MS) pause = FIRST_RETRY_MS;
      try {
        await sleep(clock, pause * (0.5 + Math.random() / 2), ending.signal);
      } catch (error) {
        if (!ending.signal.aborted) throw error;
      }
      pause = Math.min(pause * 2, SLOWEST_RETRY_MS);
    }
  }

  /** Asks NATS to say when it has everything that was written: one question at a time. */
  function confirm(nats: NatsConnection): void {
    const upTo = written;
    const next = (isTaken: boolean): void => {
      if (nats !== connection || !isTaken) return;
      taken = upTo;
      asking = null;
      if (written > taken) ask(nats);
    };
    nats.flush().then(
      () => next(true),
      // the connection has ended; the next one begins at nothing
      () => next(false),
    );
  }
  let asking: NatsConnection | null = null;
  function ask(nats: NatsConnection): void {
    if (asking === nats) return;
    asking = nats;
    confirm(nats);
  }

  const kept = keep();
  return {
    send(subject, data) {
      if (connection === null || connection.isClosed()) return 'away';
      if (written - taken > WAITING_BYTES) return 'full';
      connection.publish(subject, data);
      written += data.byteLength;
      ask(connection);
      return 'sent';
    },
    hear(subject, wanted) {
      if (!wanted) {
        heard.get(subject)?.();
        heard.delete(subject);
      } else if (!heard.has(subject)) {
        heard.set(subject, null);
        if (connection !== null) listen(connection, subject);
      }
    },
    state() {
      if (connection === null) return { connected: false, detail: `NATS is away: ${problem}` };
      return refused === null
        ? { connected: true, detail: `NATS at ${connection.getServer()}` }
        : { connected: false, detail: refused };
    },
    async close() {
      ending.abort(new MusterError('SERVER_STOPPING'));
      const nats = connection;
      if (nats === null) return;
      try {
        await within(clock, { ms: CLOSE_MS, code: 'BUS_UNAVAILABLE' }, () => nats.flush());
      } catch (error) {
        log.warn({ err: error }, 'the last events for other servers may be lost');
      }
      await nats.close();
      await kept;
    },
  };
}

async function optionsOf(config: BusConfig & { readonly url: string }, name: string): Promise<NodeConnectionOptions> {
  const urls = config.url.split(',').map(parse);
  const [first] = urls;
  const [user, pass] = [decodeURIComponent(first?.username ?? ''), decodeURIComponent(first?.password ?? '')];
  const isTls = urls.some(({ protocol }) => protocol === 'tls:') || config.caFile !== undefined;
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port || '4222'}`),
    name,
    noEcho: true,
    // this file connects again itself, so that nothing is kept meanwhile
    reconnect: false,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: 2,
    ...(isTls ? { tls: config.caFile === undefined ? {} : { ca: await text(config.caFile, 'bus.caFile') } } : {}),
    ...(user === '' ? {} : pass === '' ? { token: user } : { user, pass }),
    ...(config.credentialsFile === undefined
      ? {}
      : {
          authenticator: credsAuthenticator(
            new TextEncoder().encode(await text(config.credentialsFile, 'bus.credentialsFile')),
          ),
        }),
  };
}

function parse(url: string): URL {
  try {
    return new URL(url);
  } catch (cause) {
    throw new MusterError('CONFIG_INVALID', {}, { cause, say: 'BUS_URL is no URL such as nats://host:4222.' });
  }
}

async function text(file: string, setting: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const say = `Cannot read ${file} (${setting}): ${(cause as Error).message}`;
    throw new MusterError('CONFIG_INVALID', { setting, file }, { cause, say });
  }
}
