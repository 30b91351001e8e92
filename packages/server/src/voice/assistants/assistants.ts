import { type Assistant, type AssistantChange, type AssistantCreate, MusterError, type Site } from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/index.ts';
import { newId } from '../../platform/ids.ts';
import { type AssistantTables, createAssistantStore } from './store.ts';

export interface Assistants {
  /** NOT_FOUND when there is no such assistant. */
  get(assistantId: string): Promise<Assistant>;
  ofSite(siteId: string): Promise<Assistant[]>;
  /** The one a device talks with: its own, or else the first of its site. */
  serving(siteId: string, assistantId: string | null): Promise<Assistant>;
  create(site: Pick<Site, 'siteId' | 'language'>, wanted: AssistantCreate): Promise<Assistant>;
  change(assistantId: string, change: AssistantChange): Promise<Assistant>;
  /** CONFLICT for the last one of a site. */
  delete(assistantId: string): Promise<void>;
}

const PERSONA = 'You are a friendly voice assistant. Answer in one to three short sentences, as people speak.';
const DEFAULT_MEMORY = 6;

export function createAssistants(deps: {
  readonly db: Database<AssistantTables>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly providers: Readonly<Record<'stt' | 'llm' | 'tts', readonly string[]>>;
}): Assistants {
  const { clock, bus, providers } = deps;
  const store = createAssistantStore(deps.db);

  async function get(assistantId: string): Promise<Assistant> {
    const assistant = await store.find(assistantId);
    if (assistant === null) throw new MusterError('NOT_FOUND', { assistantId });
    return assistant;
  }

  function checkProviders(wanted: AssistantChange): void {
    for (const stage of ['stt', 'llm', 'tts'] as const) {
      const unknown = wanted[stage]?.find((name) => !providers[stage].includes(name));
      if (unknown === undefined) continue;
      const say = `There is no ${stage} provider ${unknown} on this server; it has ${providers[stage].join(', ')}. Others are configured when the server starts; see docs/guides/use-a-language-model.md.`;
      throw new MusterError('PROVIDER_UNKNOWN', { stage }, { say });
    }
  }

  return {
    get,
    ofSite: (siteId) => store.ofSite(siteId),

    async serving(siteId, assistantId) {
      const own = assistantId === null ? null : await store.find(assistantId);
      if (own !== null && own.siteId === siteId) return own;
      const [first] = await store.ofSite(siteId);
      if (first === undefined) throw new MusterError('NOT_FOUND', { siteId }, { say: 'The site has no assistant.' });
      return first;
    },

    async create(site, wanted) {
      checkProviders(wanted);
      const now = clock.now();
      const assistant: Assistant = {
        assistantId: newId(now),
        siteId: site.siteId,
        name: wanted.name,
        persona: wanted.persona ?? PERSONA,
        language: wanted.language ?? site.language,
        voice: wanted.voice ?? null,
        allowedTools: wanted.allowedTools ?? null,
        stt: wanted.stt ?? null,
        llm: wanted.llm ?? null,
        tts: wanted.tts ?? null,
        memoryTurns: wanted.memoryTurns ?? DEFAULT_MEMORY,
        createdAt: now,
      };
      await store.insert(assistant);
      return assistant;
    },

    async change(assistantId, change) {
      checkProviders(change);
      const assistant =
        Object.keys(change).length === 0 ? await get(assistantId) : await store.change(assistantId, change);
      if (assistant === null) throw new MusterError('NOT_FOUND', { assistantId });
      bus.publish('assistant.changed', { siteId: assistant.siteId });
      return assistant;
    },

    async delete(assistantId) {
      const assistant = await get(assistantId);
      if (!(await store.delete(assistantId, assistant.siteId))) {
        throw new MusterError('CONFLICT', { assistantId }, { say: 'A site keeps at least one assistant.' });
      }
      bus.publish('assistant.changed', { siteId: assistant.siteId });
    },
  };
}
