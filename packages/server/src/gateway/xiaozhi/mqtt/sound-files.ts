import { MusterError } from '@muster/contract';
import { Type } from 'typebox';
import type { Clock } from '../../../platform/clock.ts';
import type { Http } from '../../../platform/http/index.ts';
import { newSecret } from '../../../platform/ids.ts';

const PATH = '/xiaozhi/sounds/';
/** How long a device may take to ask for a sound that it was told of, ms: its popup tone and a slow network. */
const OFFER_MS = 20_000;
/** Sounds that wait to be fetched: each is at most a minute of Opus, about 180 kB. */
const MOST_OFFERS = 200;

/** A sound at an address that nobody can guess, for one device, for a short time. */
export interface Offer {
  /** Below the address of this server. */
  readonly path: string;
  /** True when it was sent to its end, false when nobody asked in time. */
  readonly fetched: Promise<boolean>;
}

export interface SoundFiles {
  /** Call before `listen`. */
  register(http: Http): void;
  /** Throws QUEUE_FULL. */
  offer(bytes: Buffer): Offer;
}

export function createSoundFiles(clock: Clock): SoundFiles {
  const offers = new Map<string, { readonly bytes: Buffer; readonly done: (fetched: boolean) => void }>();
  return {
    register(http) {
      http.get(
        `${PATH}:name`,
        {
          config: { action: 'device.speak' },
          schema: {
            tags: ['device wire'],
            summary: 'A spoken message for an idle device: an Ogg Opus file',
            params: Type.Object({ name: Type.String({ maxLength: 64 }) }),
          },
        },
        (request, reply) => {
          const offer = offers.get(request.params.name);
          if (offer === undefined) throw new MusterError('NOT_FOUND');
          reply.raw.once('finish', () => offer.done(true));
          return reply.header('content-type', 'audio/ogg').header('cache-control', 'no-store').send(offer.bytes);
        },
      );
    },
    offer(bytes) {
      if (offers.size >= MOST_OFFERS) throw new MusterError('QUEUE_FULL', { limit: MOST_OFFERS });
      const name = `${newSecret()}.ogg`;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const done = (fetched: boolean): void => {
        cancel();
        offers.delete(name);
        resolve(fetched);
      };
      const cancel = clock.after(OFFER_MS, () => done(false));
      offers.set(name, { bytes, done });
      return { path: PATH + name, fetched: promise };
    },
  };
}
