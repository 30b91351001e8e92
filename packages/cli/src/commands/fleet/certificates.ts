import { readFile } from 'node:fs/promises';
import type { CertificateAuthority, DeviceCertificate } from '@muster/contract';
import { defineCommand } from '../../command.ts';
import { usage } from '../../command-line.ts';
import { harmless } from '../../files/whole-file.ts';
import { tableOf } from '../../screen/terminal.ts';
import { findAuthority, findDevice, siteOrOnly } from '../../server/find.ts';
import { readName } from '../../typed.ts';

const site = { kind: 'text', value: 'SITE', summary: 'name or id; needed when there are several' } as const;
const authority = { required: true, summary: 'the authority, by its name or id' } as const;
const provision = {
  kind: 'text',
  value: 'YES|NO',
  summary: 'whether a certificate that nobody saw before makes the device that its common name names (default no)',
} as const;
const profile = { kind: 'text', value: 'PROFILE', summary: 'the profile of devices that it makes' } as const;

const authorities = defineCommand({
  name: 'certificates authorities',
  summary: 'List the authorities of a site whose certificates let devices in',
  operands: {},
  options: { site },
  async run(_operands, { site: named }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { authorities: found } = await api.certificateAuthorities((await siteOrOnly(api, named)).siteId);
    if (json) return terminal.print(JSON.stringify(found));
    const rows = found.map((one) => [
      harmless(one.name),
      one.state,
      one.provisions ? `yes, ${one.profile ?? 'no profile'}` : 'no',
      day(one.endsAt),
      one.authorityId,
    ]);
    terminal.print(tableOf(['NAME', 'STATE', 'MAKES DEVICES', 'UNTIL', 'ID'], rows, 'No authorities.'));
  },
});

const trust = defineCommand({
  name: 'certificates trust',
  summary: 'Upload an authority of your site, or renew it; prints the challenge that proves that you have its key',
  operands: { file: { required: true, summary: 'its certificate, PEM' } },
  options: {
    site,
    name: { kind: 'text', value: 'NAME', summary: 'what to call it (default: its common name)' },
    provision,
    profile,
  },
  async run({ file }, { site: named, name, provision: makes, profile: kind }, { terminal, json, signedIn }) {
    const provisions = yesOrNo(makes);
    const certificate = await readPem(file);
    const api = await signedIn();
    const made = await api.createAuthority({
      siteId: (await siteOrOnly(api, named)).siteId,
      certificate,
      ...(name === undefined ? {} : { name: readName(name) }),
      ...(provisions === undefined ? {} : { provisions }),
      ...(kind === undefined ? {} : { profile: kind }),
    });
    if (json) return terminal.print(JSON.stringify(made));
    if (made.challenge === null) return terminal.note(`${harmless(made.name)} holds until ${day(made.endsAt)} now.`);
    terminal.print(made.challenge);
    terminal.note(
      `Sign a certificate with the common name above with the key of ${harmless(made.name)}, then: muster certificates prove '${harmless(made.name)}' FILE`,
    );
  },
});

const prove = defineCommand({
  name: 'certificates prove',
  summary: 'Prove that you have the key of an authority: its certificates let devices in from then on',
  operands: {
    authority,
    file: { required: true, summary: 'a certificate that it signed, with the challenge as name' },
  },
  options: { site },
  async run({ authority: wanted, file }, { site: named }, { terminal, json, signedIn }) {
    const certificate = await readPem(file);
    const api = await signedIn();
    const { authorityId } = await findAuthority(api, wanted, (await siteOrOnly(api, named)).siteId);
    const proved = await api.proveAuthority(authorityId, certificate);
    terminal.print(json ? JSON.stringify(proved) : `${harmless(proved.name)} is active until ${day(proved.endsAt)}.`);
  },
});

const set = defineCommand({
  name: 'certificates set',
  summary: 'Change an authority: disable it and who came in by it is cut off, enable it, let it make devices',
  operands: { authority },
  options: {
    site,
    name: { kind: 'text', value: 'NAME', summary: 'a new name' },
    state: { kind: 'text', value: 'STATE', summary: 'active or disabled' },
    provision,
    profile,
  },
  async run({ authority: wanted }, { site: named, name, state, provision: makes, profile: kind }, context) {
    const { terminal, json, signedIn } = context;
    const wished = (['active', 'disabled'] as const).find((known) => known === state);
    if (state !== wished) throw usage('--state is active or disabled.');
    const provisions = yesOrNo(makes);
    const change = {
      ...(name === undefined ? {} : { name: readName(name) }),
      ...(wished === undefined ? {} : { state: wished }),
      ...(provisions === undefined ? {} : { provisions }),
      ...(kind === undefined ? {} : { profile: kind === '' ? null : kind }),
    };
    if (Object.keys(change).length === 0) throw usage('Give what to change.');
    const api = await signedIn();
    const { authorityId } = await findAuthority(api, wanted, (await siteOrOnly(api, named)).siteId);
    const changed = await api.changeAuthority(authorityId, change);
    terminal.print(json ? JSON.stringify(changed) : `${harmless(changed.name)} is ${changed.state}.`);
  },
});

const forget = defineCommand({
  name: 'certificates forget',
  summary: 'Delete an authority and its certificates: who came in by one is cut off; what was revoked stays so',
  operands: { authority },
  options: { site },
  async run({ authority: wanted }, { site: named }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { authorityId, name } = await findAuthority(api, wanted, (await siteOrOnly(api, named)).siteId);
    await api.deleteAuthority(authorityId);
    terminal.print(json ? JSON.stringify({ authorityId }) : `${harmless(name)} is deleted.`);
  },
});

const list = defineCommand({
  name: 'certificates list',
  summary: 'List the certificates of devices',
  operands: {},
  options: { site, device: { kind: 'text', value: 'DEVICE', summary: 'only of this one, by name or id' } },
  async run(_operands, { site: named, device }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const of = device === undefined ? null : await findDevice(api, device);
    const siteId = of?.siteId ?? (await siteOrOnly(api, named)).siteId;
    const found: DeviceCertificate[] = [];
    for (let after: string | undefined; ; ) {
      const page = await api.certificates({ siteId, deviceId: of?.deviceId, after });
      found.push(...page.certificates);
      after = page.next ?? undefined;
      if (after === undefined) break;
    }
    if (json) return terminal.print(JSON.stringify(found));
    const rows = found.map((one) => [
      harmless(one.subject.replaceAll('\n', ', ')),
      one.revoked ? 'revoked' : `until ${day(one.endsAt)}`,
      one.serial,
      one.deviceId ?? 'gone',
      one.fingerprint,
    ]);
    terminal.print(tableOf(['SUBJECT', 'STATE', 'SERIAL', 'DEVICE', 'FINGERPRINT'], rows, 'No certificates.'));
  },
});

const bind = defineCommand({
  name: 'certificates bind',
  summary: 'Let a device in by a certificate that an authority of its site signed',
  operands: {
    device: { required: true, summary: 'its name or id' },
    file: { required: true, summary: 'PEM; those between it and the authority may follow in it' },
  },
  options: {},
  async run({ device, file }, _options, { terminal, json, signedIn }) {
    const certificate = await readPem(file);
    const api = await signedIn();
    const { deviceId, name } = await findDevice(api, device);
    const bound = await api.bindCertificate(deviceId, certificate);
    if (json) return terminal.print(JSON.stringify(bound));
    terminal.print(`${harmless(name)} signs in with certificate ${bound.serial} until ${day(bound.endsAt)}.`);
  },
});

const revoke = defineCommand({
  name: 'certificates revoke',
  summary: 'Revoke a certificate for ever, seen or not: within seconds it opens nothing and its connections end',
  operands: { certificate: { required: true, summary: 'its serial number or SHA-256 fingerprint, hex' } },
  options: {
    site,
    authority: { kind: 'text', value: 'AUTHORITY', summary: 'name or id; needed when there are several' },
    reason: { kind: 'text', value: 'TEXT', summary: 'why, for the audit' },
  },
  async run({ certificate }, { site: named, authority: wanted, reason }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { siteId } = await siteOrOnly(api, named);
    const { authorityId } =
      wanted === undefined
        ? onlyAuthority((await api.certificateAuthorities(siteId)).authorities)
        : await findAuthority(api, wanted, siteId);
    await api.revokeCertificate(authorityId, { certificate, ...(reason === undefined ? {} : { reason }) });
    terminal.print(json ? JSON.stringify({ authorityId, certificate }) : `${certificate} is revoked.`);
  },
});

export const certificateCommands = [authorities, trust, prove, set, forget, list, bind, revoke];

function onlyAuthority(all: readonly CertificateAuthority[]): CertificateAuthority {
  const [first, second] = all;
  if (first === undefined || second !== undefined) throw usage('Name the authority that signed it: --authority NAME.');
  return first;
}

async function readPem(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw usage(`Cannot read ${file} (${error.code}).`);
  });
  // the server would refuse it; better that it does not leave this machine
  if (text.includes('PRIVATE KEY')) throw usage(`${file} holds a private key: give the certificate only.`);
  return text;
}

function yesOrNo(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text !== 'yes' && text !== 'no') throw usage('--provision is yes or no.');
  return text === 'yes';
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
