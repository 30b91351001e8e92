import { type Alert, type AlertRuleCreate, RULE_SCOPES, SEVERITIES } from '@muster/contract';
import { defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { memberNames } from '../screen/member-names.ts';
import { tableOf } from '../screen/terminal.ts';
import type { Api } from '../server/api.ts';
import { findDevice, findNotifier, findSite, isId, siteOrOnly } from '../server/find.ts';
import { readName, readObject, readText } from '../typed.ts';

const LIMIT = 50;
const COMMENT_CHARS = 2_000;

const siteOption = { kind: 'text', value: 'SITE', summary: 'only of this site (name or id)' } as const;

const list = defineCommand({
  name: 'alerts list',
  summary: 'Show what is wrong: the open alerts, newest first',
  operands: {},
  options: {
    site: siteOption,
    device: { kind: 'text', value: 'DEVICE', summary: 'only of this device' },
    closed: { kind: 'flag', summary: 'those that ended instead' },
    limit: { kind: 'number', value: 'N', min: 1, max: 500, summary: `at most so many (default ${LIMIT})` },
  },
  async run(_operands, { site, device, closed, limit }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const siteId = site === undefined ? undefined : (await findSite(api, site)).siteId;
    const deviceId = device === undefined ? undefined : (await findDevice(api, device)).deviceId;
    const state = closed ? 'closed' : 'open';
    const { alerts } = await api.alerts({ siteId, deviceId, state, limit: limit ?? LIMIT });
    if (json) return terminal.print(JSON.stringify(alerts));
    const names = await namesOf(api, alerts);
    const rows = alerts.map((alert) => [
      alert.severity,
      new Date(alert.openedAt).toISOString(),
      names.get(alert.subject) ?? alert.subject,
      alert.ruleName,
      alert.fact,
      alert.acknowledgedAt !== null ? 'taken' : (alert.suppressedBy ?? '') !== '' ? 'quiet' : '',
      alert.alertId,
    ]);
    terminal.print(
      tableOf(['SEVERITY', 'SINCE', 'OF', 'RULE', 'FACT', '', 'ID'], rows, closed ? 'None.' : 'All is well.'),
    );
  },
});

const show = defineCommand({
  name: 'alerts show',
  summary: 'Show one alert with everything that happened to it',
  operands: { alert: { required: true, summary: 'its id' } },
  options: {},
  async run({ alert }, _options, { terminal, json, signedIn }) {
    const alertId = readAlertId(alert);
    const api = await signedIn();
    const detail = await api.alert(alertId);
    if (json) return terminal.print(JSON.stringify(detail));
    const { ruleName, severity, state, fact, subject } = detail.alert;
    const name = (await namesOf(api, [detail.alert])).get(subject) ?? subject;
    terminal.print(`${severity}, ${state}: ${name}: ${ruleName}: ${fact}`);
    const rows = detail.log.map(({ at, deed, note }) => [new Date(at).toISOString(), deed, note]);
    terminal.print(tableOf(['WHEN', 'WHAT', 'NOTE'], rows, ''));
  },
});

const acknowledge = defineCommand({
  name: 'alerts ack',
  summary: 'Say that you have it: nobody is reminded any more',
  operands: {
    alert: { required: true, summary: 'its id' },
    comment: { required: false, summary: 'what you do about it' },
  },
  options: {},
  async run({ alert, comment }, _options, { terminal, json, signedIn }) {
    const alertId = readAlertId(alert);
    const words = comment === undefined ? undefined : readText(comment, 'The comment', COMMENT_CHARS);
    const taken = await (await signedIn()).acknowledge(alertId, words);
    if (json) terminal.print(JSON.stringify(taken));
    else terminal.note(`${taken.ruleName}: it is yours.`);
  },
});

const listRules = defineCommand({
  name: 'alert-rules list',
  summary: 'List the alert rules of your sites',
  operands: {},
  options: { site: siteOption },
  async run(_operands, { site }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { rules } = await api.alertRules(site === undefined ? undefined : (await findSite(api, site)).siteId);
    if (json) return terminal.print(JSON.stringify(rules));
    const { sites } = await api.sites();
    const rows = rules.map((rule) => [
      rule.name,
      rule.siteId === null ? 'the server' : (sites.find(({ siteId }) => siteId === rule.siteId)?.name ?? ''),
      rule.kind,
      rule.severity,
      rule.scope === 'site' ? '' : `${rule.scope} ${rule.scopeValue}`,
      rule.enabled ? '' : 'off',
      rule.ruleId,
    ]);
    terminal.print(tableOf(['NAME', 'SITE', 'KIND', 'SEVERITY', 'FOR', '', 'ID'], rows, 'No rules.'));
  },
});

const kinds = defineCommand({
  name: 'alert-rules kinds',
  summary: 'List the kinds of alert rules with their params',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const found = await (await signedIn()).alertRuleKinds();
    if (json) return terminal.print(JSON.stringify(found.kinds));
    const rows = found.kinds.map(({ kind, title, params }) => [kind, title, memberNames(params)]);
    terminal.print(tableOf(['KIND', 'WHAT', 'PARAMS'], rows, ''));
  },
});

const add = defineCommand({
  name: 'alert-rules add',
  summary: 'Make an alert rule',
  operands: {
    name: { required: true, summary: 'its name' },
    kind: { required: true, summary: 'one of alert-rules kinds' },
  },
  options: {
    params: { kind: 'text', value: 'JSON', summary: 'such as {"series":"temp","limit":80}' },
    severity: { kind: 'text', value: 'SEVERITY', summary: SEVERITIES.join(', ') },
    tell: { kind: 'text', value: 'NAMES', summary: 'notifiers that are told, with commas (names or ids)' },
    for: { kind: 'text', value: 'SCOPE=VALUE', summary: 'profile=, tag=, group= or device=; every device without it' },
    site: { kind: 'text', value: 'SITE', summary: 'the site (name or id); needed when you have several' },
  },
  async run({ name, kind }, { params, severity, tell, for: scope, site }, { terminal, json, signedIn }) {
    const wanted = {
      name: readName(name),
      kind,
      ...(params === undefined ? {} : { params: readObject(params, '--params') }),
      ...(severity === undefined ? {} : { severity: readSeverity(severity) }),
      ...(scope === undefined ? {} : readScope(scope)),
    };
    const api = await signedIn();
    const { siteId } = await siteOrOnly(api, site);
    const told = (tell ?? '').split(',').filter((one) => one !== '');
    const notifiers = await Promise.all(told.map(async (one) => (await findNotifier(api, one, siteId)).notifierId));
    const rule = await api.createAlertRule({ ...wanted, ...(tell === undefined ? {} : { notifiers }), siteId });
    terminal.print(json ? JSON.stringify(rule) : `${rule.name}  ${rule.ruleId}`);
  },
});

const remove = defineCommand({
  name: 'alert-rules delete',
  summary: 'Delete an alert rule; what it had open is closed',
  operands: { rule: { required: true, summary: 'its id' } },
  options: {},
  async run({ rule }, _options, { terminal, json, signedIn }) {
    await (await signedIn()).deleteAlertRule(rule);
    if (json) terminal.print(JSON.stringify({ ruleId: rule }));
    else terminal.note('The rule is gone.');
  },
});

export const alertCommands = [list, show, acknowledge, listRules, kinds, add, remove];

function readSeverity(typed: string): NonNullable<AlertRuleCreate['severity']> {
  const severity = SEVERITIES.find((known) => known === typed);
  if (severity === undefined) throw usage(`--severity takes ${SEVERITIES.join(', ')}.`);
  return severity;
}

function readScope(typed: string): Pick<AlertRuleCreate, 'scope' | 'scopeValue'> {
  const [name = '', ...rest] = typed.split('=');
  const scope = RULE_SCOPES.find((known) => known === name && known !== 'site');
  const scopeValue = rest.join('=');
  if (scope === undefined || scopeValue === '')
    throw usage('--for takes profile=, tag=, group= or device= and a value.');
  return { scope, scopeValue };
}

/** The names of the devices that alerts are of, by their id; servers have none. */
async function namesOf(api: Api, alerts: readonly Alert[]): Promise<Map<string, string>> {
  const ids = new Set(alerts.map(({ deviceId }) => deviceId).filter((id) => id !== null));
  const names = new Map<string, string>();
  for (const id of ids) names.set(id, (await api.device(id)).name);
  return names;
}

function readAlertId(typed: string): string {
  if (!isId(typed)) throw usage(`"${typed}" is no id of an alert; \`muster alerts\` shows them.`);
  return typed;
}
