import { bug } from '@muster/contract';
import {
  covers,
  deviceTopic,
  isFilter,
  matches,
  ownTopic,
  readTopic,
} from '../../packages/server/src/gateway/mqtt/topics.ts';
import { defineFuzz } from './define.ts';
import { mutate } from './inputs/mutate.ts';

const DEVICE = '019a0000-0000-7000-8000-000000000001';
const SEEDS = [
  'devices/me/app/a/b',
  `devices/${DEVICE}/app/a`,
  'devices/+/app/#',
  'devices/#',
  'v1/devices/me/rpc/request/+',
  '$share/g/a',
  'devices/me/+/b',
  '/',
  '#',
  '+',
].map((text) => Buffer.from(text));
const PIECES = ['+', '#', '/', '//', '+/', '/#', 'me', '\u0000', 'devices/', '$SYS'].map((text) => Buffer.from(text));

export const target = defineFuzz({
  name: 'mqtt-topics',
  summary: 'topics, filters and who may see what; a filter that is covered matches nothing that its cover does not',
  make: (random) => mutate(random.pick(SEEDS), random, PIECES),
  open: () => ({
    take(input, random) {
      const text = input.toString();
      const topic = readTopic(input);
      const other = mutate(random.pick(SEEDS), random, PIECES);
      const found = readTopic(other);
      const outer = random.pick(SEEDS).toString();
      const own = ownTopic(text, DEVICE);
      if (own !== null && !text.startsWith(own.prefix)) throw bug('a topic is below what it does not begin with');
      if (
        own !== null &&
        isFilter(text) &&
        found !== null &&
        // what ends with the prefix is nobody's: refused, whoever publishes it
        found !== own.prefix &&
        matches(text, found) &&
        ownTopic(found, DEVICE) === null
      ) {
        throw bug(`the filter ${text} of a device reaches ${found}`);
      }
      deviceTopic(text);
      if (!isFilter(text)) return topic === null ? 'neither' : 'taken';
      if (found !== null && isFilter(outer) && covers(outer, text) && matches(text, found) && !matches(outer, found)) {
        throw bug(`${outer} covers ${text} and does not match ${found}`);
      }
      return topic === null ? 'filter' : 'taken';
    },
  }),
});
