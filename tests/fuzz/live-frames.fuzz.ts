import { bug, LIVE_TOPICS, nameOfLiveTopic, readLiveTopic } from '@muster/contract';
import { readRequest } from '../../packages/server/src/gateway/live/request.ts';
import { defineFuzz } from './define.ts';
import { mutateJson } from './inputs/mutate.ts';

const ID = '01900000-0000-7000-8000-000000000001';
const TOPICS = Object.values(LIVE_TOPICS).map(({ topic }) => topic.replace('{id}', ID));
const SEEDS = [
  { type: 'hello', token: 'x'.repeat(43) },
  ...TOPICS.flatMap((topic) => [
    { type: 'subscribe', topic },
    { type: 'subscribe', topic, from: { epoch: ID, seq: 7 } },
    { type: 'unsubscribe', topic },
  ]),
];

export const target = defineFuzz({
  name: 'live-frames',
  summary: 'what people who watch the live feed send, and the topics that they name',
  make: (random) => mutateJson(random.pick<unknown>(SEEDS), random),
  open: () => ({
    take(input) {
      const request = readRequest(input);
      if (request === null) return 'refused';
      if (request.type === 'hello') return 'hello';
      const topic = readLiveTopic(request.topic);
      if (topic === null) return 'no topic';
      if (nameOfLiveTopic(topic) !== request.topic) throw bug('a topic has two names');
      return 'taken';
    },
  }),
});
