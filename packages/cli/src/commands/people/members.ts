import { DEPLOYMENT_ROLES, type InvitationCreate, ROLES } from '@muster/contract';
import { defineCommand } from '../../command.ts';
import { usage } from '../../command-line.ts';
import { harmless } from '../../files/whole-file.ts';
import { tableOf } from '../../screen/terminal.ts';
import { findMember, siteOrOnly } from '../../server/find.ts';
import { readEmail } from '../../typed.ts';

const site = { kind: 'text', value: 'SITE', summary: 'name or id; needed when there are several' } as const;

const list = defineCommand({
  name: 'members',
  summary: 'List who belongs to a site, and with which role',
  operands: {},
  options: { site },
  async run(_operands, { site: wanted }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { members } = await api.members((await siteOrOnly(api, wanted)).siteId);
    if (json) return terminal.print(JSON.stringify(members));
    const rows = members.map(({ name, email, role, state }) => [harmless(name), harmless(email), role, state]);
    terminal.print(tableOf(['NAME', 'E-MAIL', 'ROLE', 'STATE'], rows, 'Nobody.'));
  },
});

const invite = defineCommand({
  name: 'members invite',
  summary: 'Invite somebody to a site, or to the whole server; prints the link when no mail is sent',
  operands: { email: { required: true, summary: 'their e-mail address' } },
  options: {
    site,
    role: {
      kind: 'text',
      value: 'ROLE',
      summary: `${ROLES.join(', ')} at a site; ${DEPLOYMENT_ROLES.join(', ')} of the whole server (default viewer)`,
    },
  },
  async run({ email: typed }, { site: wanted, role: named = 'viewer' }, { terminal, json, signedIn }) {
    const email = readEmail(typed);
    const role = ROLES.find((one) => one === named);
    const deploymentRole = DEPLOYMENT_ROLES.find((one) => one === named);
    if (role === undefined && deploymentRole === undefined) {
      throw usage(`--role is one of ${[...ROLES, ...DEPLOYMENT_ROLES].join(', ')}.`);
    }
    const api = await signedIn();
    const body: InvitationCreate =
      role === undefined
        ? { email, ...(deploymentRole === undefined ? {} : { deploymentRole }) }
        : { email, siteId: (await siteOrOnly(api, wanted)).siteId, role };
    const made = await api.invite(body);
    if (json) return terminal.print(JSON.stringify(made));
    if (made.link === null) return terminal.note(`The invitation is on its way to ${email}.`);
    terminal.print(made.link);
    terminal.note(`Hand this link to ${email}. It works once, for seven days.`);
  },
});

const member = { required: true, summary: 'e-mail address or id of a member' } as const;

const role = defineCommand({
  name: 'members role',
  summary: 'Give a member of a site another role',
  operands: { member, role: { required: true, summary: ROLES.join(', ') } },
  options: { site },
  async run({ member: wanted, role: named }, { site: at }, { terminal, json, signedIn }) {
    const role = ROLES.find((one) => one === named);
    if (role === undefined) throw usage(`The role is one of ${ROLES.join(', ')}.`);
    const api = await signedIn();
    const { siteId } = await siteOrOnly(api, at);
    const { userId } = await findMember(api, wanted, siteId);
    const changed = await api.changeMember(siteId, userId, { role });
    if (json) return terminal.print(JSON.stringify(changed));
    terminal.note(`${changed.email} is ${changed.role}.`);
  },
});

const remove = defineCommand({
  name: 'members remove',
  summary: 'Take a person out of a site; the account stays',
  operands: { member },
  options: { site },
  async run({ member: wanted }, { site: at }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { siteId, name } = await siteOrOnly(api, at);
    const { userId, email } = await findMember(api, wanted, siteId);
    await api.removeMember(siteId, userId);
    if (json) return terminal.print(JSON.stringify({ userId }));
    terminal.note(`${email} does not belong to ${name} any more.`);
  },
});

export const memberCommands = [list, invite, role, remove];
