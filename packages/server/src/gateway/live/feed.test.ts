import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFeed, type Feed } from './feed.ts';
import type { LiveItem } from './inbox.ts';

const ID = '019a0000-0000-7000-8000-000000000001';

interface Seen {
  readonly first: readonly LiveItem[];
  readonly firstSeq: number;
  readonly changes: { readonly seq: number; readonly items: readonly LiveItem[] }[];
}

/** A viewer that begins once the topic is ready, as the session of a viewer does. */
async function watch(feed: Feed): Promise<Seen> {
  await feed.ready;
  const { items, seq } = JSON.parse(feed.snapshot().toString()) as { items: LiveItem[]; seq: number };
  const seen: Seen = { first: items, firstSeq: seq, changes: [] };
  feed.add({ changed: (frame) => void seen.changes.push(JSON.parse(frame.toString())) });
  return seen;
}

/** Every change in its turn, and in the end what is stored. */
function check(seen: Seen, key: string, stored: ReadonlyMap<string, LiveItem>): void {
  const shown = new Map(seen.first.map((item) => [item[key], item]));
  for (const [nth, { seq, items }] of seen.changes.entries()) {
    assert.equal(seq, seen.firstSeq + nth + 1);
    for (const item of items) {
      assert.notDeepEqual(item, shown.get(item[key]), 'told twice');
      shown.set(item[key], item);
    }
  }
  assert.deepEqual(shown, stored);
}

const deps = { epoch: 'now', firstSeq: 0, now: () => 0, onFault: (error: unknown) => assert.fail(String(error)) };

test('whatever the order of writes, events and reads: a first state and the changes after it have no gap and no double', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.constantFrom('temp', 'humidity', 'watch', 'refresh'), { minLength: 1, maxLength: 24 }),
      async (scheduler, steps) => {
        const stored = new Map<string, LiveItem>();
        const feed = createFeed(
          { kind: 'telemetry', id: ID },
          {
            ...deps,
            budget: { left: 1e9 },
            async read() {
              await scheduler.schedule(Promise.resolve(), 'the read begins');
              const found = [...stored.values()];
              await scheduler.schedule(Promise.resolve(), 'the read ends');
              return found;
            },
            readSome: async () => [],
          },
        );
        const seen: Promise<Seen>[] = [watch(feed)];
        const work: Promise<unknown>[] = [];
        let at = 0;
        let telling: Promise<unknown> = Promise.resolve();
        const steps$ = scheduler.scheduleSequence(
          steps.map((step) => async () => {
            if (step === 'watch') return void seen.push(watch(feed));
            if (step === 'refresh') return void work.push(feed.refresh());
            at += 1;
            const item = { series: step, kind: 'number', at, value: at % 3 };
            stored.set(step, item);
            // events of one server come in the order of the commits, some time after them
            telling = telling.then(() => scheduler.schedule(Promise.resolve(), 'told')).then(() => feed.tell([item]));
          }),
        );
        await scheduler.waitAll();
        await steps$.task;
        await scheduler.waitFor(Promise.all([telling, ...work]));
        for (const one of await scheduler.waitFor(Promise.all(seen))) check(one, 'series', stored);
      },
    ),
    { numRuns: 300 },
  );
});

test('the same for things that are looked up when an event names them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.constantFrom('a', 'b', 'watch', 'refresh'), { minLength: 1, maxLength: 24 }),
      async (scheduler, steps) => {
        const stored = new Map<string, LiveItem>();
        const read = async (keys: readonly string[] | null): Promise<LiveItem[]> => {
          await scheduler.schedule(Promise.resolve(), 'the read begins');
          const found = [...stored].filter(([key]) => keys?.includes(key) ?? true).map(([, item]) => item);
          await scheduler.schedule(Promise.resolve(), 'the read ends');
          return found;
        };
        const feed = createFeed(
          { kind: 'commands', id: ID },
          { ...deps, budget: { left: 1e9 }, read: () => read(null), readSome: (_topic, keys) => read(keys) },
        );
        const seen: Promise<Seen>[] = [watch(feed)];
        const work: Promise<unknown>[] = [];
        let count = 0;
        const steps$ = scheduler.scheduleSequence(
          steps.map((step) => async () => {
            if (step === 'watch') return void seen.push(watch(feed));
            if (step === 'refresh') return void work.push(feed.refresh());
            count += 1;
            stored.set(step, { commandId: step, progress: count, state: 'sent' });
            work.push(scheduler.schedule(Promise.resolve(), 'told').then(() => feed.look([step])));
          }),
        );
        await scheduler.waitAll();
        await steps$.task;
        await scheduler.waitFor(Promise.all(work));
        for (let round = 0; round < 3; round++) await scheduler.waitAll();
        for (const one of await scheduler.waitFor(Promise.all(seen))) check(one, 'commandId', stored);
      },
    ),
    { numRuns: 600 },
  );
});

test('what is read slowly does not set back what was told meanwhile', async () => {
  const reads: PromiseWithResolvers<LiveItem[]>[] = [];
  const looks: PromiseWithResolvers<LiveItem[]>[] = [];
  const next = (list: typeof reads): Promise<LiveItem[]> => {
    const one = Promise.withResolvers<LiveItem[]>();
    list.push(one);
    return one.promise;
  };
  const feed = createFeed(
    { kind: 'commands', id: ID },
    { ...deps, budget: { left: 1e9 }, read: () => next(reads), readSome: () => next(looks) },
  );
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const at = (progress: number): LiveItem[] => [{ commandId: 'a', progress, state: 'sent' }];
  // the first state is read, and before it comes a change is told
  feed.look(['a']);
  looks[0]?.resolve(at(2));
  await turn();
  reads[0]?.resolve(at(1));
  const seen = await watch(feed);
  assert.deepEqual(seen.first, at(2));
  // the same when everything is read again
  const refreshed = feed.refresh();
  feed.look(['a']);
  looks[1]?.resolve(at(3));
  await turn();
  reads[1]?.resolve(at(2));
  await refreshed;
  // while a thing is looked up, nothing is read beside it: of the two the older could come last
  feed.look(['a']);
  await Promise.race([feed.refresh(), turn()]);
  assert.equal(reads.length, 2);
  looks[2]?.resolve(at(4));
  await turn();
  assert.deepEqual(
    seen.changes.map(({ items }) => items),
    [at(3), at(4)],
  );
});

test('what an event did not say is found by reading again: new, changed, and gone', async () => {
  const stored = new Map<string, LiveItem>([['d1', { deviceId: 'd1', connected: true, at: 0 }]]);
  const feed = createFeed(
    { kind: 'presence', id: ID },
    { ...deps, budget: { left: 1e9 }, read: async () => [...stored.values()], readSome: async () => [] },
  );
  const seen = await watch(feed);
  stored.delete('d1');
  stored.set('d2', { deviceId: 'd2', connected: true, at: 5 });
  await feed.refresh();
  assert.deepEqual(
    seen.changes.flatMap(({ items }) => items),
    [
      { deviceId: 'd2', connected: true, at: 5 },
      { deviceId: 'd1', connected: false, at: 0 },
    ],
  );
});

test('a thing that has ended is told once, and is in no later first state', async () => {
  const stored = new Map<string, LiveItem>([['a1', { alertId: 'a1', state: 'open' }]]);
  const feed = createFeed(
    { kind: 'alerts', id: ID },
    {
      ...deps,
      budget: { left: 1e9 },
      read: async () => [...stored.values()].filter(({ state }) => state === 'open'),
      readSome: async (_topic, keys) => [...stored.values()].filter((item) => keys.includes(String(item.alertId))),
    },
  );
  const seen = await watch(feed);
  stored.set('a1', { alertId: 'a1', state: 'closed' });
  feed.look(['a1']);
  feed.look(['a1']);
  await new Promise((resolve) => setImmediate(resolve));
  feed.look(['a1']);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    seen.changes.map(({ items }) => items),
    [[{ alertId: 'a1', state: 'closed' }]],
  );
  assert.deepEqual((await watch(feed)).first, []);
});
