import { connect } from 'node:net';
import { until } from './until.ts';

/** A WebSocket client of bare TCP, for what no library would do: send the captured bytes, and never answer a close. */
export interface FirmwareSocket {
  readonly head: string;
  /** Sends one masked text frame of at most 125 bytes. */
  send(text: string): void;
  /** Everything that came after the head, frame headers included. */
  received(): string;
  ended(): boolean;
  destroy(): void;
}

/** The handshake of xiaozhi-esp32 2.4.2, byte for byte but for the token: sorted headers, a Host without its port. */
export async function openFirmwareSocket(port: number): Promise<FirmwareSocket> {
  const socket = connect(port, '127.0.0.1');
  let bytes = Buffer.alloc(0);
  let ended = false;
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
  });
  socket.write(
    [
      'GET /xiaozhi/v1/ HTTP/1.1',
      'Host: 127.0.0.1',
      'Authorization: Bearer token-of-02:00:00:00:00:03',
      'Client-Id: 11111111-2222-4333-8444-555555555555',
      'Connection: Upgrade',
      'Device-Id: 02:00:00:00:00:03',
      'Protocol-Version: 1',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      'Upgrade: websocket',
      '',
      '',
    ].join('\r\n'),
  );
  await until(() => bytes.includes('\r\n\r\n'), 'the answer to the handshake');
  const end = bytes.indexOf('\r\n\r\n') + 4;
  return {
    head: bytes.subarray(0, end).toString(),
    send(text) {
      const mask = Buffer.from([1, 2, 3, 4]);
      const payload = Buffer.from(text).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
      socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, payload]));
    },
    received: () => bytes.subarray(end).toString('latin1'),
    ended: () => ended,
    destroy: () => socket.destroy(),
  };
}
