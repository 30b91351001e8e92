import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import { type ErrorCode, type FramingVersion, MusterError } from '@muster/contract';
import type { Registry } from 'prom-client';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Clock } from '../../platform/clock.ts';
import { within } from '../../platform/deadline.ts';
import type { Http } from '../../platform/http/index.ts';
import { refuseUpgrade } from '../../platform/http/upgrades.ts';
import type { Logger } from '../../platform/log.ts';
import type { XiaozhiConfig } from './config.ts';
import { createCounters } from './counters.ts';
import type { DeviceIdentity, XiaozhiInbox, XiaozhiLink } from './inbox.ts';
import { type Channel, createChannel, type MqttConnection } from './mqtt/channel.ts';
import { createSoundFiles } from './mqtt/sound-files.ts';
import { listenForSound, type SoundServer } from './mqtt/sound-server.ts';
import { otaRoutes } from './ota/routes.ts';
import { publicWebsocketUrl, WEBSOCKET_PATH } from './ota/websocket-url.ts';
import { openSession, type Session } from './session.ts';
import { createUpgrades } from './upgrade.ts';
import { createWebSocketWire, type Wire } from './wire.ts';

export interface XiaozhiGatewayDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly inbox: XiaozhiInbox;
  readonly config: XiaozhiConfig;
  /** How devices reach this server, `http:` or `https:`; `null` tells each device the address it came to. */
  readonly publicUrl: string | null;
  readonly registry: Registry;
  /** Where the HTTP server listens: for the sound of devices that use MQTT, unless the configuration says otherwise. */
  readonly httpHost: string;
  /** The port of our MQTT broker for devices, once it listens. */
  readonly mqttPort: () => number;
}

export interface Notification {
  readonly text: string;
  /** Ogg Opus, mono. */
  readonly sound: Buffer;
}

/** The wire of Xiaozhi devices: boot requests over HTTP, conversations over WebSocket, or over MQTT and UDP. */
export interface XiaozhiGateway {
  /** Adds the routes, and a listener for upgrades. Other listeners may serve other paths. Call it before `listen`. */
  register(http: Http): void;
  /** Opens the port for sound, when devices are told to use MQTT. Throws PORT_IN_USE. */
  listen(): Promise<void>;
  /** A device came over MQTT: what it publishes goes to the channel, until that is told that it closed. */
  openChannel(device: DeviceIdentity, connection: MqttConnection): Channel;
  /** Whether the device is there, idle, and can be left a message. */
  isIdle(deviceId: string): boolean;
  /**
   * Leaves a spoken message with an idle device. `fetched`: it took the sound to its end (firmware 2.5 and newer plays
   * it while it comes). `shown`: it did not ask for the sound in 20 s, so the words were sent for its screen.
   * `away`: it has no connection or is in a conversation.
   */
  notify(deviceId: string, message: Notification): Promise<'fetched' | 'shown' | 'away'>;
  /** Takes a WebSocket handshake; false, untouched, when its path is not ours. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Closes the connection of a device now, also one that is being made. The socket is gone 250 ms later. */
  closeDevice(deviceId: string, code: ErrorCode): void;
  /** Closes the conversation that this device has, unless it opened it by another token than it shows here. */
  hangUp(device: DeviceIdentity, code: ErrorCode): void;
  connected(deviceId: string): boolean;
  connectionCount(): number;
  /** To speak to a device unasked; `null` when it has no connection. */
  link(deviceId: string): XiaozhiLink | null;
  /** Refuses new connections, lets turns finish for at most `ms`, closes every socket. Never rejects. */
  drain(ms: number): Promise<void>;
}

/** Throws CONFIG_INVALID when devices cannot use the public URL. */
export function createXiaozhiGateway(deps: XiaozhiGatewayDeps): XiaozhiGateway {
  const { log, clock, inbox, config } = deps;
  const counters = createCounters(deps.registry);
  const websocketUrl = deps.publicUrl === null ? null : publicWebsocketUrl(deps.publicUrl);
  const sessions = new Map<string, Session>();
  const upgrades = createUpgrades({
    log,
    clock,
    inbox,
    counters,
    maxConnections: config.maxConnections,
    connections: () => sessions.size,
    accept: (socket, device, asked) => void begin(device, createWebSocketWire(socket, clock), asked),
  });
  const channels = new Map<string, Channel>();
  const messages = createSoundFiles(clock);
  let sounds: SoundServer | null = null;
  let http: Http | null = null;
  const mqtt = config.transport === 'mqtt' ? { host: config.publicHost ?? null, port: () => deps.mqttPort() } : null;
  const sessionDeps = { log, clock, inbox, counters, config, version: packageJson.version, onEnd };

  function begin(device: DeviceIdentity, wire: Wire, asked: FramingVersion | null): Session {
    const session = openSession(sessionDeps, wire, device, asked);
    const older = sessions.get(device.deviceId);
    sessions.set(device.deviceId, session);
    if (older !== undefined) {
      // over MQTT a device that lost its channel begins another: its connection, and so its identity, is the same
      if (wire.greeting.transport === 'websocket') inbox.refused?.(device, 'SESSION_REPLACED');
      older.close('SESSION_REPLACED');
    }
    return session;
  }

  /** How a device with a connection to `localAddress` reaches our HTTP server. */
  function httpBase(localAddress: string): string {
    if (deps.publicUrl !== null) return deps.publicUrl.replace(/\/$/, '');
    const address = http?.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 80;
    const scheme = http?.server instanceof TlsServer ? 'https' : 'http';
    return `${scheme}://${localAddress}:${port}`;
  }

  function onEnd(session: Session, code: ErrorCode | null): void {
    const { device } = session;
    if (sessions.get(device.deviceId) !== session) return;
    sessions.delete(device.deviceId);
    inbox.closed?.(device, code);
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const [path] = (request.url ?? '').split('?', 1);
    if (path !== WEBSOCKET_PATH && `${path}/` !== WEBSOCKET_PATH) return false;
    upgrades.admit(request, socket, head);
    return true;
  }

  return {
    register(app) {
      http = app;
      const { allowedOrigins } = config;
      app.register((scope) => otaRoutes(scope as Http, { clock, inbox, websocketUrl, allowedOrigins, mqtt }));
      messages.register(app);
      app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (upgrade(request, socket, head) || app.server.listenerCount('upgrade') > 1) return;
        socket.on('error', (error) => log.debug({ err: error }, 'handshake broke off'));
        refuseUpgrade(socket, new MusterError('NOT_FOUND'));
      });
    },
    async listen() {
      if (config.transport !== 'mqtt') return;
      const { udpPort: port, udpHost: host = deps.httpHost } = config;
      sounds = await listenForSound({ host, port, log, dropped: counters.soundDropped });
    },
    openChannel(device, connection) {
      if (sounds === null) throw new MusterError('UNAVAILABLE', {}, { say: 'xiaozhi.transport is not mqtt.' });
      const { deviceId } = device;
      const presence = inbox.channelOpened?.(device);
      const channel = createChannel(
        {
          sounds,
          soundHost: config.publicHost ?? null,
          open: (_device, wire) => begin(device, wire, 1).link.sessionId,
          onFault(code) {
            counters.fault(code);
            inbox.refused?.(device, code);
          },
        },
        device,
        connection,
      );
      channels.set(deviceId, channel);
      return {
        ...channel,
        closed() {
          channel.closed();
          if (channels.get(deviceId) === channel) channels.delete(deviceId);
          presence?.();
        },
      };
    },
    isIdle: (deviceId) => channels.has(deviceId) && !sessions.has(deviceId),
    async notify(deviceId, { text, sound }) {
      const channel = channels.get(deviceId);
      if (channel === undefined || sessions.has(deviceId)) return 'away';
      const offer = messages.offer(sound);
      const audio_url = httpBase(channel.connection.localAddress) + offer.path;
      if (!channel.send({ type: 'notify', audio_url, subtitles: [{ start_ms: 0, text }] })) return 'away';
      if (await offer.fetched) return 'fetched';
      if (channels.get(deviceId) !== channel || sessions.has(deviceId)) return 'away';
      const shown = channel.send({
        type: 'alert',
        session_id: '',
        status: 'Muster',
        message: text,
        emotion: 'neutral',
      });
      return shown ? 'shown' : 'away';
    },
    upgrade,
    closeDevice(deviceId, code) {
      upgrades.shutOut(deviceId);
      sessions.get(deviceId)?.close(code);
    },
    hangUp({ deviceId, credential }, code) {
      const session = sessions.get(deviceId);
      if (session?.device.credential === credential) session?.close(code);
    },
    connected: (deviceId) => sessions.has(deviceId),
    connectionCount: () => sessions.size,
    link: (deviceId) => sessions.get(deviceId)?.link ?? null,
    async drain(ms) {
      upgrades.stop();
      const open = [...sessions.values()];
      const finish = (signal: AbortSignal) => Promise.all(open.map((session) => session.stop(signal)));
      try {
        await within(clock, { ms, code: 'SERVER_STOPPING' }, finish);
      } catch (error) {
        log.warn({ err: error }, 'some turns were cut off');
      }
      for (const session of open) session.close('SERVER_STOPPING');
      await Promise.all(open.map((session) => session.gone));
      await sounds?.close();
    },
  };
}
