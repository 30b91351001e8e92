import { type JsonRpc, MusterError } from '@muster/contract';
import type { Clock } from '../../../platform/clock.ts';
import { asRecord } from '../json.ts';

/** Requests that wait for an answer at once. Firmware works one call at a time, so more only wait. */
const WAITING = 16;
/** Firmware reads ids as 32-bit integers. */
const LAST_ID = 0x7fff_ffff;
/** How much of a device's own words about an error is kept, characters. */
const REASON_CHARS = 300;

/** JSON-RPC 2.0 to a device: matches answers to requests, each with a time limit. */
export interface Requests {
  /**
   * Resolves with the result. Rejects with TOOL_FAILED when the device answers with an error, TOOL_TIMEOUT, QUEUE_FULL
   * (16 are waiting), DEVICE_NOT_CONNECTED (`sent: true` in its context when the request had left), or the signal's
   * reason; the device is not told of an abort.
   */
  ask(method: string, params: Record<string, unknown>, timeoutMs: number, signal?: AbortSignal): Promise<unknown>;
  /** Takes an answer of the device. Anything that answers no waiting request is ignored. */
  answer(payload: unknown): void;
  /** The answer to `id` came but cannot be read. False when nothing waits for it. */
  unreadable(id: number): boolean;
  close(): void;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** `send` gives one payload to the device; false when it cannot take it. */
export function createRequests(clock: Clock, send: (payload: JsonRpc) => boolean): Requests {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let closed = false;

  function nextId(): number {
    lastId = lastId === LAST_ID ? 1 : lastId + 1;
    return lastId;
  }

  return {
    async ask(method, params, timeoutMs, signal) {
      signal?.throwIfAborted();
      if (closed) throw new MusterError('DEVICE_NOT_CONNECTED');
      if (waiting.size >= WAITING) throw new MusterError('QUEUE_FULL', { waiting: WAITING });
      const id = nextId();
      let cancel = (): void => undefined;
      let stop = (): void => undefined;
      try {
        return await new Promise<unknown>((resolve, reject) => {
          waiting.set(id, { resolve, reject });
          cancel = clock.after(timeoutMs, () => reject(new MusterError('TOOL_TIMEOUT', { method, timeoutMs })));
          stop = () => reject(signal?.reason);
          signal?.addEventListener('abort', stop, { once: true });
          if (!send({ jsonrpc: '2.0', id, method, params })) reject(new MusterError('DEVICE_NOT_CONNECTED'));
        });
      } finally {
        waiting.delete(id);
        cancel();
        signal?.removeEventListener('abort', stop);
      }
    },
    answer(payload) {
      const { id, result, error } = asRecord(payload);
      const request = typeof id === 'number' ? waiting.get(id) : undefined;
      if (request === undefined) return;
      if (error === undefined && result !== undefined) request.resolve(result);
      else request.reject(failed(asRecord(error).message));
    },
    unreadable(id) {
      const request = waiting.get(id);
      request?.reject(failed('The answer of the device is not valid JSON.'));
      return request !== undefined;
    },
    close() {
      closed = true;
      for (const request of waiting.values()) request.reject(new MusterError('DEVICE_NOT_CONNECTED', { sent: true }));
    },
  };
}

/** A tool failed, with the device's own words, if any, as the message. */
export function failed(reason: unknown): MusterError {
  const say = typeof reason === 'string' ? reason.trim().slice(0, REASON_CHARS) : '';
  return new MusterError('TOOL_FAILED', {}, say === '' ? {} : { say });
}
