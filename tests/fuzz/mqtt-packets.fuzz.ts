import { decodePacket, decodePublish, isPublish } from '../../packages/server/src/gateway/mqtt/wire/decode.ts';
import { createPacketReader } from '../../packages/server/src/gateway/mqtt/wire/packet-reader.ts';
import { defineFuzz } from './define.ts';
import { makeStream } from './inputs/mqtt-stream.ts';

const LARGEST = 70_000;

export const target = defineFuzz({
  name: 'mqtt-packets',
  summary: 'cuts a stream into MQTT packets and reads them, 3.1.1 and 5',
  make: (random) => makeStream(random).bytes,
  open: () => ({
    take(input, random) {
      const version = random.chance(0.5) ? 5 : 4;
      const reader = createPacketReader(LARGEST);
      let packets = 0;
      let broken = 0;
      for (let at = 0; at < input.length; ) {
        const end = at + 1 + random.below(random.pick([4, 64, 4_096]));
        const result = reader.push(input.subarray(at, end), (packet, bodyAt) => {
          const found = isPublish(packet) ? decodePublish(packet, bodyAt, version) : decodePacket(packet, version);
          packets += 1;
          if (found === null) broken += 1;
          return found !== null;
        });
        if (result !== 'ok') return result;
        at = end;
      }
      return broken > 0 ? 'malformed packet' : packets > 0 ? 'taken' : 'unfinished';
    },
  }),
});
