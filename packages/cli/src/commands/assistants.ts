import type { Assistant, AssistantChange, Language } from '@muster/contract';
import { LANGUAGES } from '@muster/contract';
import { type Context, defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { tableOf } from '../screen/terminal.ts';
import { findAssistant, siteOrOnly } from '../server/find.ts';
import { readName, readText } from '../typed.ts';

const assistantOptions = {
  persona: { kind: 'text', value: 'TEXT', summary: 'what the language model is told about itself' },
  language: { kind: 'text', value: 'LANGUAGE', summary: 'en, vi, ar or zh' },
  voice: { kind: 'text', value: 'VOICE', summary: 'a voice of the speech provider' },
  stt: {
    kind: 'text',
    value: 'A,B',
    summary: 'hearing providers in the order they are tried; "default" for the order of the server',
  },
  llm: { kind: 'text', value: 'A,B', summary: 'answering providers, likewise' },
  tts: { kind: 'text', value: 'A,B', summary: 'speaking providers, likewise' },
  tools: { kind: 'text', value: 'A,B', summary: 'device tools it may use; "all" for all of them' },
  memory: { kind: 'number', value: 'N', max: 50, summary: 'past turns told to the language model' },
} as const;

type AssistantOptions = {
  readonly [K in Exclude<keyof typeof assistantOptions, 'memory'>]: string | undefined;
} & { readonly memory: number | undefined };

const siteOption = {
  kind: 'text',
  value: 'SITE',
  summary: 'the site (name or id); needed when you have several',
} as const;

const ownerOption = {
  kind: 'text',
  value: 'SITE',
  summary: 'its site (name or id); needed when assistants of several sites have this name',
} as const;

const list = defineCommand({
  name: 'assistants list',
  summary: 'List the assistants of your sites',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { sites } = await api.sites();
    const lists = await Promise.all(sites.map(({ siteId }) => api.assistants(siteId)));
    const assistants = lists.flatMap((found) => found.assistants);
    if (json) return terminal.print(JSON.stringify(assistants));
    const rows = assistants.map((assistant) => [
      assistant.name,
      sites.find(({ siteId }) => siteId === assistant.siteId)?.name ?? '',
      assistant.language,
      assistant.voice ?? 'default',
      [assistant.stt, assistant.llm, assistant.tts].map((names) => names?.join('+') ?? 'default').join(' / '),
      assistant.assistantId,
    ]);
    terminal.print(
      tableOf(['NAME', 'SITE', 'LANGUAGE', 'VOICE', 'HEARS / ANSWERS / SPEAKS', 'ID'], rows, 'No assistants.'),
    );
  },
});

const create = defineCommand({
  name: 'assistants create',
  summary: 'Make an assistant',
  operands: { name: { required: true, summary: 'its name' } },
  options: { ...assistantOptions, site: siteOption },
  async run({ name }, { site, ...options }, context) {
    const wanted = { ...readChange(options), name: readName(name) };
    const api = await context.signedIn();
    const { siteId } = await siteOrOnly(api, site);
    show(context, await api.createAssistant(siteId, wanted));
  },
});

const set = defineCommand({
  name: 'assistants set',
  summary: 'Change an assistant',
  operands: { assistant: { required: true, summary: 'its name or id' } },
  options: { ...assistantOptions, name: { kind: 'text', value: 'NAME', summary: 'a new name' }, site: ownerOption },
  async run({ assistant }, { name, site, ...options }, context) {
    const change = { ...readChange(options), ...(name === undefined ? {} : { name: readName(name) }) };
    if (Object.keys(change).length === 0) throw usage('Nothing to change: give an option.');
    const api = await context.signedIn();
    const { assistantId } = await findAssistant(api, assistant, site);
    show(context, await api.changeAssistant(assistantId, change));
  },
});

const remove = defineCommand({
  name: 'assistants delete',
  summary: 'Delete an assistant',
  operands: { assistant: { required: true, summary: 'its name or id' } },
  options: { site: ownerOption },
  async run({ assistant }, { site }, context) {
    const api = await context.signedIn();
    const { assistantId, name } = await findAssistant(api, assistant, site);
    await api.deleteAssistant(assistantId);
    if (context.json) context.terminal.print(JSON.stringify({ assistantId }));
    else context.terminal.note(`${name} is gone.`);
  },
});

const providers = defineCommand({
  name: 'providers',
  summary: 'List the providers that this server can use, in its own order',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const found = await (await signedIn()).providers();
    if (json) return terminal.print(JSON.stringify(found));
    const rows = [
      ['hears (stt)', found.stt.join(', ')],
      ['answers (llm)', found.llm.join(', ')],
      ['speaks (tts)', found.tts.join(', ')],
    ];
    terminal.print(tableOf(['STAGE', 'PROVIDERS'], rows, ''));
  },
});

export const assistantCommands = [list, create, set, remove, providers];

/** The options given, as the API names them. */
function readChange(options: AssistantOptions): AssistantChange {
  const { persona, voice, memory } = options;
  return {
    ...(persona === undefined ? {} : { persona: readText(persona, 'The persona', 4_000) }),
    ...(voice === undefined ? {} : { voice: voice === 'default' ? null : readText(voice, 'The voice', 60) }),
    ...(memory === undefined ? {} : { memoryTurns: memory }),
    ...(options.language === undefined ? {} : { language: readLanguage(options.language) }),
    ...(options.stt === undefined ? {} : { stt: readNames('stt', options.stt, 'default') }),
    ...(options.llm === undefined ? {} : { llm: readNames('llm', options.llm, 'default') }),
    ...(options.tts === undefined ? {} : { tts: readNames('tts', options.tts, 'default') }),
    ...(options.tools === undefined ? {} : { allowedTools: readNames('tools', options.tools, 'all') }),
  };
}

function readLanguage(typed: string): Language {
  const language = LANGUAGES.find((known) => known === typed);
  if (language === undefined) throw usage(`--language takes ${LANGUAGES.join(', ')}.`);
  return language;
}

/** `a,b` as a list; the word for "no choice of mine" as null. */
function readNames(option: 'stt' | 'llm' | 'tts' | 'tools', typed: string, none: string): string[] | null {
  if (typed === none) return null;
  const names = typed
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const [least, most] = option === 'tools' ? [0, 128] : [1, 5];
  if (names.length < least || names.length > most) {
    throw usage(`--${option} takes ${least} to ${most} names with commas between them, or ${none}.`);
  }
  return names;
}

function show({ terminal, json }: Context, assistant: Assistant): void {
  terminal.print(json ? JSON.stringify(assistant) : `${assistant.name}  ${assistant.assistantId}`);
}
