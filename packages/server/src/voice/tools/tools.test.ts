import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { codeOf, MusterError } from '@muster/contract';
import { createVirtualClock, type VirtualClock } from '@muster/testkit';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { newId } from '../../platform/ids.ts';
import { createLogger } from '../../platform/log.ts';
import { createSkillsEngine } from '../llm/skills/engine.ts';
import { createReminders, type Reminders } from '../reminders/index.ts';
import { skills } from '../skills/index.gen.ts';
import { requestOf } from '../skills/parse/ask.fixture.ts';
import { serverTools, type ToolContext } from './index.ts';

describe('the tools of the server', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let clock: VirtualClock;
  let reminders: Reminders;
  let context: ToolContext;

  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.stop());
  beforeEach(async () => {
    clock = createVirtualClock();
    reminders = createReminders({
      db: database.for(),
      clock,
      log: createLogger('silent'),
      ring: async () => true,
    });
    const [siteId, deviceId] = [newId(clock.now()), newId(clock.now())];
    await database.pool.query(
      `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at) VALUES ($1, 's', 'home', 'en', 'UTC', 0)`,
      [siteId],
    );
    await database.pool.query(
      `INSERT INTO devices (device_id, site_id, name, hardware_id, client_id, proof, state, created_at)
       VALUES ($1, $2, 'd', $3, 'c', 'none', 'active', 0)`,
      [deviceId, siteId, deviceId],
    );
    context = {
      deviceId,
      timeZone: 'Asia/Ho_Chi_Minh',
      language: 'en',
      now: clock.now(),
      reminders,
      signal: new AbortController().signal,
    };
  });

  async function call(name: string, args: Record<string, unknown>): Promise<string> {
    const tool = serverTools.get(name);
    assert.ok(tool !== undefined, name);
    return tool.call(args, context);
  }

  it('have names and schemas that a language model takes', () => {
    for (const { spec } of serverTools.values()) {
      assert.match(spec.name, /^[a-z_]{1,64}$/);
      assert.ok(spec.description.length > 20);
      const schema = JSON.parse(JSON.stringify(spec.parameters)) as Record<string, unknown>;
      assert.deepEqual([schema.type, schema.additionalProperties], ['object', false]);
    }
  });

  it('set, list and cancel', async () => {
    await call('set_timer', { seconds: 600, label: 'tea' });
    await call('set_alarm', { localTime: '2026-11-22T07:30' });
    const set = JSON.parse(await call('set_reminder', { label: 'call mom', seconds: 60 })) as object;
    assert.deepEqual(set, { kind: 'reminder', label: 'call mom', localTime: '2026-11-21T15:01', inSeconds: 60 });
    const kinds = async () =>
      (JSON.parse(await call('list_reminders', {})) as { kind: string }[]).map(({ kind }) => kind);
    assert.deepEqual(await kinds(), ['reminder', 'timer', 'alarm']);
    assert.equal((JSON.parse(await call('cancel_reminders', { label: 'TEA' })) as object[]).length, 1);
    assert.equal((JSON.parse(await call('cancel_reminders', { label: 'TEA' })) as object[]).length, 0);
    assert.equal((JSON.parse(await call('cancel_reminders', { localTime: '2026-11-22T07:30' })) as object[]).length, 1);
    assert.deepEqual(await kinds(), ['reminder']);
    assert.equal((await reminders.list(context.deviceId))[0]?.dueAt, clock.now() + 60_000);
  });

  it('refuse arguments that do not fit, with a sentence and without the words of the person', async () => {
    const wrong: readonly (readonly [string, Record<string, unknown>])[] = [
      ['set_timer', {}],
      ['set_timer', { seconds: '600' }],
      ['set_timer', { seconds: 0 }],
      ['set_timer', { seconds: 1e12 }],
      ['set_timer', { seconds: 60, secret: 'my diary' }],
      ['set_timer', { seconds: 60, label: 'x'.repeat(201) }],
      ['set_alarm', {}],
      ['set_alarm', { localTime: 'tomorrow' }],
      ['set_alarm', { localTime: '2026-11-22T07:30', seconds: 5 }],
      ['set_alarm', { localTime: '2020-01-01T00:00' }],
      ['set_reminder', { localTime: '2029-01-01T00:00', label: 'far' }],
      ['list_reminders', { kind: 'birthday' }],
    ];
    for (const [name, args] of wrong) {
      await assert.rejects(call(name, args), (error) => {
        assert.ok(error instanceof MusterError);
        assert.equal(error.code, 'TOOL_FAILED', JSON.stringify(args));
        assert.ok(!/diary|xxxx/.test(error.message) && error.message.length > 10, error.message);
        return true;
      });
    }
    assert.deepEqual(await reminders.list(context.deviceId), []);
  });

  it('say when enough is waiting', async () => {
    for (let count = 0; count < 50; count += 1) await call('set_timer', { seconds: 60 });
    await assert.rejects(call('set_timer', { seconds: 60 }), { message: '50 are waiting already. Cancel one first.' });
  });

  it('let a database that is away through as what it is', async () => {
    const broken: ToolContext = {
      ...context,
      reminders: { ...reminders, add: () => Promise.reject(new MusterError('DATABASE_UNAVAILABLE')) },
    };
    await assert.rejects(
      async () => serverTools.get('set_timer')?.call({ seconds: 5 }, broken),
      (error) => codeOf(error) === 'DATABASE_UNAVAILABLE',
    );
  });

  it('are what the skills use: a conversation about timers', async () => {
    const engine = createSkillsEngine(skills, createLogger('silent'));
    const say = async (text: string): Promise<string> => {
      let answer = '';
      const { request } = requestOf(text, { now: clock.now(), callTool: (name, args) => call(name, { ...args }) });
      for await (const event of engine.think(request)) if (event.type === 'text') answer += event.text;
      return answer;
    };
    assert.equal(await say('set a pasta timer for eight minutes'), '8 minutes for pasta. Your timer is running.');
    assert.equal(await say('wake me up at six thirty tomorrow'), 'Your alarm is set for tomorrow at 6:30 AM.');
    assert.equal(await say('remind me to call my mom in an hour'), 'I will remind you at 4:00 PM: call your mom.');
    assert.equal(await say('how much time is left'), '8 minutes left on your pasta timer.');
    assert.equal(await say('what are my alarms'), 'You have one alarm: tomorrow at 6:30 AM.');
    assert.equal(await say('cancel the pasta timer'), 'Cancelled: pasta with 8 minutes left.');
    assert.equal(await say('cancel my six thirty alarm'), 'Cancelled: tomorrow at 6:30 AM.');
    assert.equal(await say('cancel all reminders'), 'Cancelled: call your mom, 4:00 PM.');
    assert.equal(await say('do i have any timers'), 'You have no timers.');
    assert.deepEqual(await reminders.list(context.deviceId), []);
  });
});
