import {
  codeOf,
  MusterError,
  type NotifierChange,
  type NotifierCreate,
  type Notifier as NotifierReply,
  type NotifierTestReply,
} from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import type { ColumnSeal } from '../../platform/vault/index.ts';
import type { Message } from '../episodes/episodes.ts';
import type { Notifier } from '../notifiers/define.ts';
import type { NotifierRow } from '../tables.ts';
import { writeLetter } from './letter.ts';
import type { Outbox } from './outbox.ts';
import type { OutboxStore } from './store.ts';

/** Who is told, as people set it. */
export interface Channels {
  list(siteId: string | undefined, sites: readonly string[] | null): Promise<NotifierReply[]>;
  /** NOT_FOUND */
  get(notifierId: string): Promise<NotifierReply>;
  /** REQUEST_INVALID when the kind is unknown or the settings do not fit it. */
  create(wanted: NotifierCreate): Promise<NotifierReply>;
  /** Secrets that are given replace all of them. */
  change(notifierId: string, change: NotifierChange): Promise<NotifierReply>;
  delete(notifierId: string): Promise<void>;
  /** Sends something now and says what became of it. */
  test(notifierId: string): Promise<NotifierTestReply>;
  /** RULE_INVALID when one of them is not of the site. */
  check(siteId: string | null, notifierIds: readonly string[]): Promise<void>;
}

export interface ChannelDeps {
  readonly store: OutboxStore;
  readonly clock: Clock;
  readonly kinds: ReadonlyMap<string, Notifier>;
  readonly outbox: Pick<Outbox, 'sendOne'>;
  readonly seal: ColumnSeal;
}

export function createChannels({ store, clock, kinds, outbox, seal }: ChannelDeps): Channels {
  function kindOf(name: string): Notifier {
    const kind = kinds.get(name);
    if (kind !== undefined) return kind;
    const say = `There is no notifier of the kind "${name}". Kinds: ${[...kinds.keys()].join(', ')}.`;
    throw new MusterError('REQUEST_INVALID', { kind: name }, { say });
  }

  async function find(notifierId: string): Promise<NotifierRow> {
    const row = await store.find(notifierId);
    if (row === undefined) throw new MusterError('NOT_FOUND', { notifierId });
    return row;
  }

  function sealed(notifierId: string, secrets: object): Buffer | null {
    return Object.keys(secrets).length === 0 ? null : seal.seal(JSON.stringify(secrets), [notifierId]);
  }

  return {
    list: async (siteId, sites) => (await store.list(siteId, sites)).map(toReply),
    get: async (notifierId) => toReply(await find(notifierId)),

    async create(wanted) {
      const kind = kindOf(wanted.kind);
      const now = clock.now();
      const notifierId = newId(now);
      const row: NotifierRow = {
        notifier_id: notifierId,
        site_id: wanted.siteId ?? null,
        kind: kind.kind,
        name: wanted.name,
        settings: kind.read('settings', wanted.settings ?? {}),
        sealed_secrets: sealed(notifierId, kind.read('secrets', wanted.secrets ?? {})),
        enabled: wanted.enabled ?? true,
        created_at: now,
      };
      await store.insert(row);
      return toReply(row);
    },

    async change(notifierId, { name, enabled, settings, secrets }) {
      const kind = kindOf((await find(notifierId)).kind);
      const set = {
        ...(name === undefined ? {} : { name }),
        ...(enabled === undefined ? {} : { enabled }),
        ...(settings === undefined ? {} : { settings: kind.read('settings', settings) }),
        ...(secrets === undefined ? {} : { sealed_secrets: sealed(notifierId, kind.read('secrets', secrets)) }),
      };
      const row = Object.keys(set).length === 0 ? await find(notifierId) : await store.change(notifierId, set);
      if (row === undefined) throw new MusterError('NOT_FOUND', { notifierId });
      return toReply(row);
    },

    async delete(notifierId) {
      if (!(await store.delete(notifierId))) throw new MusterError('NOT_FOUND', { notifierId });
    },

    async test(notifierId) {
      const row = await find(notifierId);
      const now = clock.now();
      const letter = writeLetter(testMessage(row, now), newId(now), 'this is only a test');
      try {
        return { delivered: true, detail: await outbox.sendOne(row.kind, letter, row) };
      } catch (error) {
        if (codeOf(error) !== 'NOTIFIER_FAILED') throw error;
        return { delivered: false, detail: (error as MusterError).message };
      }
    },

    async check(siteId, notifierIds) {
      const ids = [...new Set(notifierIds)];
      if (ids.length === 0 || (await store.countOf(siteId, ids)) === ids.length) return;
      throw new MusterError('RULE_INVALID', {}, { say: 'A notifier is not there, or not of the same site.' });
    },
  };
}

function testMessage(row: NotifierRow, now: number): Message {
  const note = `A test of the notifier ${row.name}. Nothing is wrong.`;
  return {
    deed: 'opened',
    note,
    alert: {
      alertId: newId(now),
      ruleId: newId(now),
      ruleKind: 'test',
      ruleName: 'Test',
      siteId: row.site_id,
      deviceId: null,
      subject: 'test',
      severity: 'info',
      state: 'open',
      fact: note,
      openedAt: now,
      closedAt: null,
      acknowledgedAt: null,
      acknowledgedBy: null,
      assignedTo: null,
      snoozedUntil: null,
      escalatedAt: null,
      suppressedBy: null,
    },
  };
}

function toReply(row: NotifierRow): NotifierReply {
  return {
    notifierId: row.notifier_id,
    siteId: row.site_id,
    kind: row.kind,
    name: row.name,
    settings: { ...row.settings },
    hasSecrets: row.sealed_secrets !== null,
    enabled: row.enabled,
    createdAt: row.created_at,
  };
}
