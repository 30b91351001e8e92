import { type ErrorCode, LIMITS, readDeviceMessage, type ServerMessage } from '@muster/contract';
import type { DeviceIdentity } from '../inbox.ts';
import { asRecord, parseJson } from '../json.ts';
import type { Wire, WireListener } from '../wire.ts';
import type { SoundServer } from './sound-server.ts';

/** The MQTT connection of a device, given by whoever runs the broker. */
export interface MqttConnection {
  /** Network address of the device. */
  readonly address: string;
  /** Our own address on that connection: where the device can reach our sound port. */
  readonly localAddress: string;
  /** Sends without a subscription: firmware never subscribes. False when the connection takes no more. */
  send(bytes: Buffer): boolean;
  waitingBytes(): number;
}

/**
 * A device that keeps an MQTT connection. Its conversations begin with its hello and end with a goodbye; between them
 * the device is idle, and can still be told things.
 */
export interface Channel {
  readonly device: DeviceIdentity;
  readonly connection: MqttConnection;
  send(message: ServerMessage): boolean;
  /** One message of the device; bytes of any kind. */
  receive(bytes: Buffer): void;
  /** The MQTT connection is gone. */
  closed(): void;
}

export interface ChannelDeps {
  readonly sounds: SoundServer;
  /** How devices reach the sound port; `null`: the address that their MQTT connection came to. */
  readonly soundHost: string | null;
  /** A hello came: a conversation over this wire begins, and takes the place of one that was. Its session id. */
  readonly open: (device: DeviceIdentity, wire: Wire) => string;
  readonly onFault: (code: ErrorCode) => void;
}

export function createChannel(deps: ChannelDeps, device: DeviceIdentity, connection: MqttConnection): Channel {
  let current: { readonly wire: MqttWire; readonly sessionId: string } | null = null;

  function begin(): void {
    current?.wire.end();
    const wire = createMqttWire(deps, connection, () => {
      if (current?.wire === wire) current = null;
    });
    current = { wire, sessionId: deps.open(device, wire) };
  }

  return {
    device,
    connection,
    send: (message) => connection.send(Buffer.from(JSON.stringify(message))),
    receive(bytes) {
      if (bytes.byteLength > LIMITS.textFrameBytes) return deps.onFault('FRAME_TOO_LARGE');
      const value = parseJson(bytes.toString());
      const message = readDeviceMessage(value);
      if (message?.type === 'goodbye') {
        // one of a conversation that is over already is no news
        if (current !== null && isOf(value, current.sessionId)) current.wire.end();
        return;
      }
      // each hello asks for a channel of its own: the device lost the one before, or forgot it
      if (message?.type === 'hello') begin();
      if (current !== null) current.wire.receive(bytes);
      else if (message === null) deps.onFault('MESSAGE_MALFORMED');
    },
    closed() {
      current?.wire.end();
    },
  };
}

/** Devices that leave the name out, or empty, mean the one that is open. */
function isOf(value: unknown, sessionId: string): boolean {
  const named = asRecord(value).session_id;
  return typeof named !== 'string' || named === '' || named === sessionId;
}

interface MqttWire extends Wire {
  /** Text of the device. */
  receive(bytes: Buffer): void;
  /** The device hung up, or its connection is gone. */
  end(): void;
}

function createMqttWire(deps: ChannelDeps, connection: MqttConnection, onEnd: () => void): MqttWire {
  let listener: WireListener | null = null;
  let open = true;
  const path = deps.sounds.open(connection.address, (packet) => listener?.audio(packet));
  const { key, nonce } = path;

  function end(): void {
    if (!open) return;
    open = false;
    path.close();
    onEnd();
    listener?.ended();
  }

  return {
    greeting: {
      version: 3,
      transport: 'udp',
      udp: {
        server: deps.soundHost ?? connection.localAddress,
        port: deps.sounds.port,
        encryption: 'aes-128-ctr',
        key,
        nonce,
      },
    },
    isOpen: () => open,
    waitingBytes: () => connection.waitingBytes(),
    text: (bytes) => void connection.send(bytes),
    // sound has no framing here: the datagram is the frame
    audio: (_framing, packet) => path.send(packet),
    // the keep-alive of MQTT does this
    ping: () => undefined,
    close: end,
    attach(session) {
      listener = session;
    },
    receive: (bytes) => listener?.text(bytes),
    end,
  };
}
