import { hasShape, MusterError, type Site, SiteChange, TELEMETRY_KEEP_DAYS } from '@muster/contract';
import { type Context, defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { tableOf } from '../screen/terminal.ts';
import { findSite } from '../server/find.ts';
import { readName } from '../typed.ts';

const siteOptions = {
  kind: { kind: 'text', value: 'KIND', summary: 'home, shop, plant or lab' },
  language: { kind: 'text', value: 'LANGUAGE', summary: 'en, vi, ar or zh' },
  'time-zone': { kind: 'text', value: 'ZONE', summary: 'for example Asia/Ho_Chi_Minh' },
  'keep-words': { kind: 'text', value: 'YES|NO', summary: 'whether turns keep what was said' },
  screening: { kind: 'text', value: 'HOW', summary: 'none, or required: refuse words that no screener checked' },
  'keep-days': {
    kind: 'text',
    value: 'DAYS',
    summary: `how long measurements are kept: ${TELEMETRY_KEEP_DAYS.join(', ')}`,
  },
  clones: {
    kind: 'text',
    value: 'HOW',
    summary: 'when two devices seem to use one identity: alert, or quarantine (shut it out)',
  },
} as const;

type SiteOptions = { readonly [K in keyof typeof siteOptions]: string | undefined };

const list = defineCommand({
  name: 'sites list',
  summary: 'List your sites',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const { sites } = await (await signedIn()).sites();
    if (json) return terminal.print(JSON.stringify(sites));
    const rows = sites.map((site) => [
      site.name,
      site.kind,
      site.language,
      site.timeZone,
      site.keepWords ? 'kept' : 'not kept',
      site.screening,
      `${site.telemetryKeepDays} days`,
      site.siteId,
    ]);
    const head = ['NAME', 'KIND', 'LANGUAGE', 'TIME ZONE', 'WORDS', 'SCREENING', 'MEASUREMENTS', 'ID'];
    terminal.print(tableOf(head, rows, 'No sites.'));
  },
});

const create = defineCommand({
  name: 'sites create',
  summary: 'Make a site',
  operands: { name: { required: true, summary: 'its name' } },
  options: siteOptions,
  async run({ name }, options, context) {
    const wanted = { ...readChange(options), name: readName(name) };
    show(context, await (await context.signedIn()).createSite(wanted));
  },
});

const set = defineCommand({
  name: 'sites set',
  summary: 'Change a site',
  operands: { site: { required: true, summary: 'its name or id' } },
  options: { ...siteOptions, name: { kind: 'text', value: 'NAME', summary: 'a new name' } },
  async run({ site }, { name, ...options }, context) {
    const change = { ...readChange(options), ...(name === undefined ? {} : { name: readName(name) }) };
    if (Object.keys(change).length === 0) throw usage('Nothing to change: give an option.');
    const api = await context.signedIn();
    const { siteId } = await findSite(api, site);
    show(context, await api.changeSite(siteId, change));
  },
});

export const siteCommands = [list, create, set];

const isChange = hasShape(SiteChange);

/** The options given, as the API names them. Throws USAGE for values that no server takes. */
function readChange(options: SiteOptions): SiteChange {
  const { kind, language, screening } = options;
  const change = {
    kind,
    language,
    screening,
    timeZone: options['time-zone'],
    keepWords: readYesNo('keep-words', options['keep-words']),
    clonePolicy: options.clones,
    telemetryKeepDays: options['keep-days'] === undefined ? undefined : Number(options['keep-days']),
  };
  const given: unknown = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  if (!isChange(given)) {
    const choices = ['kind', 'language', 'screening', 'keep-days'] as const;
    const help = choices.map((name) => `--${name}: ${siteOptions[name].summary}`).join('; ');
    throw new MusterError('USAGE', {}, { say: `One of these has another value than it takes. ${help}.` });
  }
  return given;
}

function readYesNo(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined || value === 'yes' || value === 'no')
    return value === undefined ? undefined : value === 'yes';
  throw usage(`--${name} takes yes or no.`);
}

function show({ terminal, json }: Context, site: Site): void {
  terminal.print(json ? JSON.stringify(site) : `${site.name}  ${site.siteId}`);
}
