import { readFile } from 'node:fs/promises';
import { AUDIT_FORMATS, AUDIT_OUTCOMES, type AuditEntry, type AuditVerification, MusterError } from '@muster/contract';
import { defineCommand } from '../../command.ts';
import { usage } from '../../command-line.ts';
import { verifyAuditFile } from '../../files/audit-file.ts';
import { harmless, standardOutput, writeWhole } from '../../files/whole-file.ts';
import { readInstant } from '../../instant.ts';
import { count, progressLine } from '../../screen/progress.ts';
import { tableOf } from '../../screen/terminal.ts';
import { findSite } from '../../server/find.ts';

const span = {
  from: { kind: 'text', value: 'TIME', summary: 'a date, a date with a time, or how long ago: 30m, 24h, 90d' },
  to: { kind: 'text', value: 'TIME', summary: 'the same; default: now' },
  site: { kind: 'text', value: 'SITE', summary: 'name or id; default: all that you may read' },
} as const;

const list = defineCommand({
  name: 'audit',
  summary: 'Show who did what, what was refused, and who read words of people; newest first',
  operands: {},
  options: {
    ...span,
    action: { kind: 'text', value: 'ACTION', summary: 'only this one, for example device.revoke' },
    outcome: { kind: 'text', value: 'OUTCOME', summary: AUDIT_OUTCOMES.join(', ') },
    by: { kind: 'text', value: 'ID', summary: 'of a user, a key or a device' },
    of: { kind: 'text', value: 'ID', summary: 'of what it was done to' },
    limit: { kind: 'number', value: 'N', min: 1, max: 500, summary: 'how many (default 50)' },
  },
  async run(_operands, { from, to, site, action, outcome, by, of, limit }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const siteId = site === undefined ? undefined : (await findSite(api, site)).siteId;
    const times = { from: instant(from, '--from'), to: instant(to, '--to') };
    const { entries } = await api.audit({ ...times, siteId, action, outcome, actorId: by, targetId: of, limit });
    if (json) return terminal.print(JSON.stringify(entries));
    const rows = entries.map((entry) => [
      new Date(entry.at).toISOString(),
      harmless(entry.actor.name ?? entry.actor.kind),
      entry.action,
      entry.outcome,
      harmless(entry.target === null ? '' : `${entry.target.kind} ${entry.target.id ?? ''}`.trim()),
      harmless(changeOf(entry)),
    ]);
    terminal.print(tableOf(['TIME', 'WHO', 'ACTION', 'OUTCOME', 'OF', 'WHAT'], rows, 'Nothing.'));
  },
});

const exportCommand = defineCommand({
  name: 'audit export',
  summary: 'Write the audit to a file that can be verified with openssl, or to standard output',
  operands: {},
  options: {
    ...span,
    format: { kind: 'text', value: 'FORMAT', summary: `${AUDIT_FORMATS.join(' or ')}; default: ndjson` },
    out: { kind: 'text', value: 'FILE', summary: 'where to; it is there when it is whole' },
  },
  async run(_operands, { from, to, site, format = 'ndjson', out }, { terminal, json, signedIn }) {
    if (!AUDIT_FORMATS.some((known) => known === format)) throw usage(`--format is ${AUDIT_FORMATS.join(' or ')}.`);
    const api = await signedIn();
    const siteId = site === undefined ? undefined : (await findSite(api, site)).siteId;
    const { chunks } = await api.exportAudit({
      format,
      siteId,
      from: instant(from, '--from'),
      to: instant(to, '--to'),
    });
    let bytes = 0;
    const copy = async (sink: { write(bytes: Uint8Array): Promise<void> }): Promise<void> => {
      for await (const chunk of chunks) {
        bytes += chunk.byteLength;
        await sink.write(chunk);
      }
    };
    if (out === undefined) return copy(standardOutput());
    await terminal.waiting('export', () => writeWhole(out, copy));
    if (json) terminal.print(JSON.stringify({ file: out, bytes }));
    else terminal.note(`${count(bytes)} bytes are in ${out}.`);
  },
});

const verify = defineCommand({
  name: 'audit verify',
  summary: 'Verify the chain and the signatures of the audit, on the server or of an exported file',
  operands: { file: { required: false, summary: 'an export as ndjson; without it the server verifies what it has' } },
  options: {
    key: { kind: 'text', value: 'FILE', summary: 'the public key that you noted earlier; default: that of the file' },
  },
  async run({ file }, { key }, { terminal, json, signedIn }) {
    if (file !== undefined) {
      const found = await verifyAuditFile(file, key === undefined ? null : await readFile(key, 'utf8'));
      if (json) return terminal.print(JSON.stringify(found));
      const { entries, heads, first, last, hidden } = found;
      const others = hidden === 0 ? '' : ` ${count(hidden)} are of other sites and there as hashes only.`;
      terminal.print(
        `Whole: ${count(entries)} entries, ${first} to ${last}, and ${count(heads)} signatures are right.${others}`,
      );
      if (key === undefined) terminal.note('The key is that of the file. Give --key FILE to be sure who signed it.');
      return;
    }
    if (key !== undefined) throw usage('--key goes with a file.');
    const api = await signedIn();
    const found = await terminal.waiting('verify', async (say) => {
      let last: AuditVerification | null = null;
      for await (last of api.verifyAudit()) say(`verify  ${progressLine(last.entries, last.of, 'entries')}`);
      return last;
    });
    if (found?.done !== true) throw new MusterError('SERVER_UNREACHABLE', {}, { say: 'The verification broke off.' });
    if (json) terminal.print(JSON.stringify(found));
    if (found.fault !== null) throw new MusterError('AUDIT_WRONG', { seq: found.fault.seq }, { say: found.fault.say });
    if (!json) terminal.print(`Whole: ${count(found.entries)} entries and ${count(found.heads)} signatures are right.`);
  },
});

const key = defineCommand({
  name: 'audit key',
  summary: 'Print the public key that signs the audit; keep it somewhere else than on the server',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { publicKey } = await api.auditKey();
    terminal.print(json ? JSON.stringify({ publicKey }) : publicKey.trimEnd());
  },
});

export const auditCommands = [list, exportCommand, verify, key];

const instant = (text: string | undefined, option: string): number | undefined =>
  text === undefined ? undefined : readInstant(text, option);

/** `name: "Kitchen" → "Hall"`, of what changed. */
function changeOf({ before, after, reason }: AuditEntry): string {
  if (reason !== null) return reason;
  const was = members(before);
  const is = members(after);
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  const text = names
    .map((name) => (name in was ? `${name}: ${short(was[name])} → ${short(is[name])}` : `${name}: ${short(is[name])}`))
    .join(', ');
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

const members = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const short = (value: unknown): string => JSON.stringify(value ?? null).slice(0, 40);
