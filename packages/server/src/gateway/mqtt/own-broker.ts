import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { codeOf, type ErrorCode, LIMITS, MusterError } from '@muster/contract';
import type { IConnectPacket, Packet } from 'mqtt-packet';
import { createAdmission } from '../../platform/admission.ts';
import { translateDatabaseError } from '../../platform/db/index.ts';
import { within } from '../../platform/deadline.ts';
import { hashSecret } from '../../platform/ids.ts';
import { createRateLimiter } from '../../platform/rate-limiter.ts';
import { ASK_FOR_CERTIFICATE, type ClientCertificate, fingerprintOf } from '../../platform/tls/client-certificate.ts';
import { createTurns } from '../../platform/turns.ts';
import { createMqttCounters } from './counters.ts';
import type { MqttGateway, MqttGatewayDeps } from './gateway.ts';
import { AUTHENTICATE_MS, type MqttIdentity, type MqttVersion, PUBLISH_MS } from './inbox.ts';
import { createIntake, type Intake } from './intake.ts';
import { createRouter } from './router.ts';
import { createSessions } from './sessions.ts';
import { createMqttStore } from './store.ts';
import { subscribe, unsubscribe } from './subscribing.ts';
import { createWills } from './wills.ts';
import { type Connection, createConnection, packetBytes } from './wire/connection.ts';
import { connectReason, REASON } from './wire/reasons.ts';

/** How often keep-alives and overdue messages are looked at, ms. */
const TICK_MS = 1_000;
const PRUNE_MS = 60_000;
/** How often the keys of operators who are connected are looked up, ms: a key ends, and the bus may lose that it was deleted. */
const KEYS_MS = 5_000;
/** No connection is on its way in for longer after its credentials were looked up, ms. */
const ENDED_MS = 60_000;
/** Connections that wait for their turn; past it they are told to come back. */
const MOST_WAITING = 50_000;
/** A subscription costs the database as much as so many messages. */
const SUBSCRIBE_WORTH = 10;
/** Subscriptions of all clients that wait for the database. */
const MOST_SUBSCRIBING = 100_000;
/** Ends of connections that say something about the client. */
const WRONGS: ReadonlySet<ErrorCode> = new Set([
  'FRAME_MALFORMED',
  'FRAME_TOO_LARGE',
  'MESSAGE_RATE',
  'QUOTA_EXCEEDED',
  'SESSION_REPLACED',
]);

/** Our own, which also takes connections that somebody else accepted. */
export interface OwnBroker extends MqttGateway {
  accept(socket: Socket): void;
}

export function createOwnBroker(deps: MqttGatewayDeps): OwnBroker {
  const { log, clock, config, inbox } = deps;
  const connections = new Map<Connection, Intake | null>();
  /** Those that have sent no CONNECT yet, the oldest first. */
  const silent = new Set<Connection>();
  const counters = createMqttCounters(deps.metrics, () => connections.size);
  const store = createMqttStore(deps.pool);
  const router = createRouter({ clock, log, store, counters });
  const wills = createWills(clock);
  const sessions = createSessions({ clock, log, config, router, store, wills });
  const intakeDeps = { clock, log, inbox, router, counters };
  const subscribing = { clock, log, inbox, router, store };
  const inTurn = createTurns(MOST_SUBSCRIBING);
  const servers: Server[] = [];
  const admission = createAdmission(clock, config.connectsPerSecond, MOST_WAITING);
  const tries = createRateLimiter(clock, { limit: config.connectsPerMinute, windowMs: 60_000 });
  let stopping = false;
  let cancelTick = (): void => undefined;
  let prunedAt = clock.monotonic();
  /** Devices and keys that were ended lately, and when, monotonic ms: some of them may be on their way in. */
  const ended = new Map<string, number>();
  let keysSeenAt = clock.monotonic();

  // --- coming in ------------------------------------------------------------------------------------------------

  function accept(socket: Socket): void {
    // strangers who say nothing keep nobody out: the one that was silent longest makes room
    const [silentest] = silent;
    if (!stopping && connections.size >= config.maxConnections) silentest?.close('HELLO_TIMEOUT');
    if (stopping || connections.size >= config.maxConnections) {
      counters.rejected(stopping ? 'SERVER_STOPPING' : 'UNAVAILABLE');
      socket.destroy();
      return;
    }
    const connection = createConnection(connectionDeps, socket);
    connections.set(connection, null);
    silent.add(connection);
  }

  const connectionDeps = {
    clock,
    log,
    config,
    counters,
    rates: deps.rates,
    packetBytes: packetBytes(LIMITS.deviceMessageBytes),
    onConnect(connection: Connection, packet: IConnectPacket) {
      silent.delete(connection);
      // hashed: a stranger could fill the memory with passwords of 64 kB
      const certificate = connection.certificate();
      const said = `${packet.username ?? ''} ${packet.password?.toString('latin1') ?? ''}`;
      const shown = certificate === null ? '' : fingerprintOf(certificate.leaf);
      const credentials = hashSecret(`${said} ${shown}`).toString('base64');
      if (tries.waitMs(credentials) > 0) return refuse(connection, packet, new MusterError('RATE_LIMITED'));
      tries.count(credentials);
      const isInLine = admission.enter(() => connections.has(connection) && admit(connection, packet, certificate));
      if (!isInLine) refuse(connection, packet, new MusterError('RATE_LIMITED'));
    },
    onPublish(connection: Connection, publish: Parameters<Intake['publish']>[0], topic: Buffer | string) {
      connections.get(connection)?.publish(publish, topic);
    },
    onPacket,
    onEnd,
  };

  function admit(connection: Connection, packet: IConnectPacket, certificate: ClientCertificate | null): void {
    const credentials = {
      clientId: packet.clientId,
      username: packet.username ?? null,
      password: packet.password?.toString() ?? null,
      certificate,
      source: connection.address,
    };
    const since = clock.monotonic();
    within(clock, { ms: AUTHENTICATE_MS, code: 'UNAVAILABLE' }, (signal) => inbox.authenticate(credentials, signal))
      .then(async (identity) => {
        if (identity === null) throw new MusterError('DEVICE_TOKEN_INVALID');
        await open(connection, packet, identity, since);
      })
      .catch((error: unknown) =>
        connection.isOpen ? connection.close(codeOf(error)) : refuse(connection, packet, error),
      );
  }

  function refuse(connection: Connection, packet: IConnectPacket, cause: unknown): void {
    const error = translateDatabaseError(cause) ?? cause;
    const code = codeOf(error);
    if (code === 'INTERNAL') log.error({ err: error }, 'a connection could not be opened');
    counters.rejected(code);
    const version: MqttVersion = packet.protocolVersion ?? 4;
    connection.refuse(version, connectReason(code, version), code);
  }

  async function open(
    connection: Connection,
    packet: IConnectPacket,
    identity: MqttIdentity,
    since: number,
  ): Promise<void> {
    let isBack = false;
    const id = identity.kind === 'device' ? identity.device.deviceId : identity.keyId;
    await sessions.take(identity, packet, (session, present) => {
      isBack = present;
      // it may have gone while its session was made
      if (!connections.has(connection)) return;
      // it was let in by what the database said before it was revoked
      if ((ended.get(id) ?? -1) >= since) throw new MusterError('DEVICE_TOKEN_INVALID');
      session.connection = connection;
      wills.returned(session.key);
      connection.accept(identity, session, present, packet);
      const intake = createIntake(intakeDeps, connection);
      connections.set(connection, intake);
      wills.keep(connection, intake, packet);
      counters.opened();
      inbox.opened(connection);
    });
    if (!connection.isOpen) return;
    await router.resume(connection.session);
    connection.resume();
    // a client that finds its session subscribes to nothing again
    if (!isBack || !connection.isOpen) return;
    for (const { filter } of connection.session.subscriptions.values()) inbox.subscribed(connection, filter);
  }

  // --- while it is open -------------------------------------------------------------------------------------------

  function onPacket(connection: Connection, packet: Packet): void {
    const { session, version } = connection;
    const intake = connections.get(connection);
    const failed = (error: unknown): void => {
      log.warn({ err: error }, 'a packet could not be answered');
      connection.close(codeOf(error));
    };
    switch (packet.cmd) {
      case 'subscribe':
        intake?.count(SUBSCRIBE_WORTH * packet.subscriptions.length);
        // one after the other: answers and retained messages come in the order in which they were asked for
        inTurn([session.key], () => subscribe(subscribing, connection, packet)).catch(failed);
        break;
      case 'unsubscribe':
        intake?.count(SUBSCRIBE_WORTH);
        inTurn([session.key], () => unsubscribe(subscribing, connection, packet)).catch(failed);
        break;
      case 'pingreq':
        intake?.count(1);
        connection.writePacket({ cmd: 'pingresp' });
        break;
      case 'puback':
        if (!router.acknowledge(session, packet.messageId ?? 0)) intake?.count(1);
        break;
      case 'pubrec':
        received(connection, packet.messageId ?? 0, packet.reasonCode ?? 0);
        break;
      case 'pubcomp':
        if (!router.acknowledge(session, packet.messageId ?? 0)) intake?.count(1);
        break;
      case 'pubrel':
        intake?.count(1);
        intake?.release(packet.messageId ?? 0);
        break;
      case 'disconnect': {
        const asked = packet.properties?.sessionExpiryInterval;
        if (version === 5 && asked !== undefined) sessions.expireIn(session, asked);
        // 4: the client ends, and wants its will to be published
        connection.hangUp(packet.reasonCode !== 4);
        break;
      }
      default:
        connection.close('FRAME_MALFORMED');
    }
  }

  /** The client has our QoS 2 message: from here on only its release is sent again. */
  function received(connection: Connection, messageId: number, reason: number): void {
    const { session } = connection;
    const found = session.inflight.get(messageId);
    if (found === undefined) {
      connections.get(connection)?.count(1);
      connection.ack('pubrel', messageId, connection.version === 5 ? REASON.idNotFound : 0);
    } else if (reason >= 0x80) {
      router.acknowledge(session, messageId);
    } else {
      // said again it is one more packet to answer
      if (found.released) connections.get(connection)?.count(1);
      found.released = true;
      connection.ack('pubrel', messageId, 0);
    }
  }

  function onEnd(connection: Connection, code: ErrorCode | null, orderly: boolean): void {
    const intake = connections.get(connection);
    connections.delete(connection);
    silent.delete(connection);
    if (intake === null || intake === undefined) {
      if (code !== null) counters.rejected(code);
      return;
    }
    const { session } = connection;
    counters.closed(code);
    if (code !== null && WRONGS.has(code)) inbox.refused(connection, code);
    // a device that was revoked says nothing any more
    wills.ended(connection, orderly || code === 'DEVICE_REVOKED');
    inbox.closed(connection);
    if (session.connection === connection) sessions.left(session);
  }

  function tick(): void {
    const now = clock.monotonic();
    for (const [connection, intake] of connections) {
      if (intake === null) continue;
      if (now - connection.lastSeen > connection.keepAliveMs) connection.close('IDLE_TIMEOUT');
      else if (now - (intake.waitingSince() ?? now) > PUBLISH_MS) connection.close('UNAVAILABLE');
    }
    if (now - prunedAt > PRUNE_MS) {
      prunedAt = now;
      sessions
        .touch()
        .then(() => router.prune())
        .catch((error: unknown) => log.warn({ err: error }, 'MQTT sessions could not be kept or removed'));
    }
    for (const [id, at] of ended) if (now - at > ENDED_MS) ended.delete(id);
    if (now - keysSeenAt > KEYS_MS) {
      keysSeenAt = now;
      endVoidKeys().catch((error: unknown) => log.warn({ err: error }, 'keys could not be looked up; trying again'));
    }
    cancelTick = clock.after(TICK_MS, tick);
  }

  async function endVoidKeys(): Promise<void> {
    const used = new Set<string>();
    for (const [connection, intake] of connections) {
      if (intake !== null && connection.identity.kind === 'operator') used.add(connection.identity.keyId);
    }
    if (used.size === 0) return;
    for (const keyId of await store.voidKeys([...used], clock.now())) {
      sessions.end(router.sessionsOfKey(keyId), 'DEVICE_REVOKED');
    }
  }

  return {
    accept,
    async listen() {
      if (!config.enabled) return;
      await router.load();
      const host = config.host ?? '127.0.0.1';
      if (!isLoopback(host)) log.warn({ host, port: config.port }, 'MQTT without TLS is open to the network');
      servers.push(await listenOn(createServer(accept), host, config.port, 'mqtt.port'));
      if (deps.tls !== null) {
        const server = createTlsServer({ ...deps.tls, ...ASK_FOR_CERTIFICATE }, accept);
        server.on('tlsClientError', (error) => log.debug({ err: error }, 'a TLS handshake failed'));
        servers.push(await listenOn(server, config.tlsHost ?? deps.httpHost, config.tlsPort, 'mqtt.tlsPort'));
      }
      tick();
    },
    ports: () => ({ plain: portOf(servers[0]), tls: portOf(servers[1]) }),
    async publish({ deviceId, siteId }, rest, payload, qos) {
      await router.route({
        deviceId,
        siteId,
        rest,
        payload,
        qos,
        retain: false,
        properties: null,
        expiresAt: null,
        from: null,
      });
    },
    closeDevice(deviceId, code) {
      ended.set(deviceId, clock.monotonic());
      sessions.end(router.sessionsOf({ kind: 'device', deviceId, siteId: '' }), code);
    },
    closeKey(keyId) {
      ended.set(keyId, clock.monotonic());
      sessions.end(router.sessionsOfKey(keyId), 'DEVICE_REVOKED');
    },
    connectionCount: () => connections.size,
    async drain(ms) {
      stopping = true;
      cancelTick();
      admission.stop();
      wills.stop();
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      const until = clock.monotonic() + ms;
      while (clock.monotonic() < until && [...connections.values()].some((intake) => intake?.waitingSince() != null)) {
        await new Promise<void>((resolve) => void clock.after(20, resolve));
      }
      for (const connection of [...connections.keys()]) connection.close('SERVER_STOPPING');
      await Promise.all(closed);
    },
  };
}

async function listenOn(server: Server, host: string, port: number, setting: string): Promise<Server> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: 4_096 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return server;
  } catch (cause) {
    const say = `Cannot listen for MQTT on ${host}:${port} (${(cause as NodeJS.ErrnoException).code}). Stop the other program, set ${setting} to another number, or mqtt.enabled to false.`;
    throw new MusterError('PORT_IN_USE', { host, port }, { cause, say });
  }
}

function portOf(server: Server | undefined): number | null {
  const address = server?.address() ?? null;
  return address === null || typeof address === 'string' ? null : address.port;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
