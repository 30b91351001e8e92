import { bug } from '@muster/contract';
import type { WebSocket } from 'ws';
import { until } from './until.ts';

/** The device's end of one socket. */
export interface Device {
  readonly socket: WebSocket;
  readonly messages: Message[];
  readonly frames: Buffer[];
  readonly closed: Promise<{ code: number; reason: string }>;
  send(message: object | string): void;
  /** The next message of a type that was not returned yet. */
  next(type: string): Promise<Message>;
}
export type Message = Record<string, unknown> & { type: string; payload?: Rpc };
export interface Rpc {
  id: number;
  method: string;
  params: Record<string, unknown>;
}

export function createDevice(socket: WebSocket): Device {
  const messages: Message[] = [];
  const frames: Buffer[] = [];
  let taken = 0;
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) frames.push(data);
    else messages.push(JSON.parse(data.toString()));
  });
  // the server ends sockets on purpose in many tests; what matters is how `closed` resolves
  socket.on('error', () => undefined);
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  return {
    socket,
    messages,
    frames,
    closed,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    async next(type) {
      let at = -1;
      await until(() => {
        at = messages.findIndex((message, index) => index >= taken && message.type === type);
        return at >= 0;
      }, `a message of type ${type}`);
      taken = at + 1;
      const message = messages[at];
      if (message === undefined) throw bug('the message is gone');
      return message;
    },
  };
}
