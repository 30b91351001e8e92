import { defineCommand } from '../../command.ts';
import { harmless } from '../../files/whole-file.ts';
import { tableOf } from '../../screen/terminal.ts';
import { findInvitation, siteOrOnly } from '../../server/find.ts';

const site = { kind: 'text', value: 'SITE', summary: 'name or id; needed when there are several' } as const;
const invitation = { required: true, summary: 'the e-mail address that was invited, or an id' } as const;

const list = defineCommand({
  name: 'invitations',
  summary: 'List who was invited and has not come yet',
  operands: {},
  options: { site },
  async run(_operands, { site: wanted }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { invitations } = await api.invitations((await siteOrOnly(api, wanted)).siteId);
    if (json) return terminal.print(JSON.stringify(invitations));
    const rows = invitations.map(({ email, role, deploymentRole, invitedBy, expiresAt }) => [
      harmless(email),
      role ?? deploymentRole ?? '',
      harmless(invitedBy ?? ''),
      new Date(expiresAt).toLocaleString('sv').slice(0, 16),
    ]);
    terminal.print(tableOf(['E-MAIL', 'ROLE', 'INVITED BY', 'UNTIL'], rows, 'Nobody is expected.'));
  },
});

const again = defineCommand({
  name: 'invitations again',
  summary: 'Invite once more: a new link, the one before ends; prints it when no mail is sent',
  operands: { invitation },
  options: { site },
  async run({ invitation: wanted }, { site: at }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { siteId } = await siteOrOnly(api, at);
    const made = await api.inviteAgain((await findInvitation(api, wanted, siteId)).invitationId);
    if (json) return terminal.print(JSON.stringify(made));
    if (made.link === null) return terminal.note(`The invitation is on its way to ${made.invitation.email}.`);
    terminal.print(made.link);
    terminal.note(`Hand this link to ${made.invitation.email}. It works once, for seven days.`);
  },
});

const withdraw = defineCommand({
  name: 'invitations withdraw',
  summary: 'Take an invitation back: its link opens nothing any more',
  operands: { invitation },
  options: { site },
  async run({ invitation: wanted }, { site: at }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { siteId } = await siteOrOnly(api, at);
    const { invitationId, email } = await findInvitation(api, wanted, siteId);
    await api.withdrawInvitation(invitationId);
    if (json) return terminal.print(JSON.stringify({ invitationId }));
    terminal.note(`${email} is not invited any more.`);
  },
});

export const invitationCommands = [list, again, withdraw];
