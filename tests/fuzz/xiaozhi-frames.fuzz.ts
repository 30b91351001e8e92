import {
  bug,
  decodeFrame,
  encodeFrame,
  type FramingVersion,
  readUdpHeader,
  UDP_HEADER_BYTES,
  udpNonce,
} from '@muster/contract';
import { openSound, sealSound } from '../../packages/server/src/gateway/xiaozhi/mqtt/sound-cipher.ts';
import { defineFuzz } from './define.ts';
import { mutate } from './inputs/mutate.ts';

const PACKET = Buffer.from([0x58, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
const KEY = Buffer.alloc(16, 7);
const SEEDS = [
  PACKET,
  encodeFrame(2, PACKET, 1_234),
  encodeFrame(3, PACKET),
  sealSound(KEY, udpNonce(0xfeedbeef), 1, PACKET),
  sealSound(KEY, udpNonce(1), 0xffff_ffff, Buffer.alloc(1_484)),
];
const PIECES = [
  [0, 2],
  [0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff],
  [1, 0],
  [0, 10],
].map((bytes) => Buffer.from(bytes));

export const target = defineFuzz({
  name: 'xiaozhi-frames',
  summary: 'sound frames of the three framings, and datagrams with their cipher',
  make: (random) => mutate(random.pick(SEEDS), random, PIECES),
  open: () => ({
    take(input, random) {
      if (random.chance(0.5)) {
        const header = readUdpHeader(input);
        if (header === null) return 'no datagram';
        if (openSound(KEY, input).length !== input.length - UDP_HEADER_BYTES) throw bug('a packet has another length');
        return 'taken';
      }
      const version = random.pick<FramingVersion>([1, 2, 3]);
      const frame = decodeFrame(version, input);
      if (frame === null) return 'no sound';
      const again = decodeFrame(version, encodeFrame(version, frame.payload, frame.timestampMs));
      if (again === null || !Buffer.from(again.payload).equals(frame.payload))
        throw bug('a frame does not survive its own encoding');
      return 'taken';
    },
  }),
});
