import { defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { findSite } from '../server/find.ts';
import { readName } from '../typed.ts';

const activate = defineCommand({
  name: 'activate',
  summary: 'Take in a device by the six digits that it shows or speaks',
  operands: { code: { required: true, summary: 'the six digits' } },
  options: {
    site: {
      kind: 'text',
      value: 'SITE',
      summary: 'the site that will own it (name or id); needed when you have several',
    },
    name: { kind: 'text', value: 'NAME', summary: 'what to call it' },
  },
  async run({ code }, { site, name }, { terminal, json, signedIn }) {
    const digits = code.replaceAll(/[\s-]/g, '');
    if (!/^\d{6}$/.test(digits)) throw usage('A code has six digits.');
    const api = await signedIn();
    const siteId = site === undefined ? undefined : (await findSite(api, site)).siteId;
    const reply = await api.activate({
      code: digits,
      ...(siteId === undefined ? {} : { siteId }),
      ...(name === undefined ? {} : { name: readName(name) }),
    });
    if (json) return terminal.print(JSON.stringify(reply));
    terminal.note(
      reply.outcome === 'active'
        ? `${reply.hardwareId} is active: device ${reply.deviceId}.`
        : `The code is right. ${reply.hardwareId} becomes active when it proves its key, within 10 s; see \`muster devices\`.`,
    );
  },
});

export const activateCommands = [activate];
