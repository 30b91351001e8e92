import { defineCommand } from '../command.ts';

const show = defineCommand({
  name: 'config show',
  summary: 'Show the configuration that the server runs with, without its secrets (administrators only)',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const config = await (await signedIn()).config();
    terminal.print(json ? JSON.stringify(config) : JSON.stringify(config, null, 2));
  },
});

export const configCommands = [show];
