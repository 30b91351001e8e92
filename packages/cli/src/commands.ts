import type { Command } from './command.ts';
import { accountCommands } from './commands/account.ts';
import { activateCommands } from './commands/activate.ts';
import { alertCommands } from './commands/alerts.ts';
import { assistantCommands } from './commands/assistants.ts';
import { configCommands } from './commands/config.ts';
import { deviceMakingCommands } from './commands/device-making.ts';
import { deviceCommands } from './commands/devices.ts';
import { certificateCommands } from './commands/fleet/certificates.ts';
import { groupCommands } from './commands/fleet/groups.ts';
import { runCommands } from './commands/fleet/runs.ts';
import { sendCommands } from './commands/fleet/send.ts';
import { twinCommands } from './commands/fleet/twin.ts';
import { watchCommands } from './commands/fleet/watch.ts';
import { keyCommands } from './commands/keys.ts';
import { notifierCommands } from './commands/notifiers.ts';
import { auditCommands } from './commands/people/audit.ts';
import { incidentCommands } from './commands/people/incidents.ts';
import { invitationCommands } from './commands/people/invitations.ts';
import { memberCommands } from './commands/people/members.ts';
import { ownCommands } from './commands/people/own.ts';
import { userCommands } from './commands/people/users.ts';
import { sayCommands } from './commands/say.ts';
import { simulateCommands } from './commands/simulate.ts';
import { siteCommands } from './commands/sites.ts';
import { talkCommands } from './commands/talk.ts';
import { telemetryCommands } from './commands/telemetry.ts';
import { turnCommands } from './commands/turns.ts';

/** Every command, in the order in which a new user meets them. The help and docs/reference/cli.md come from it. */
export const commands: readonly Command[] = [
  ...accountCommands,
  ...ownCommands,
  ...siteCommands,
  ...deviceCommands,
  ...deviceMakingCommands,
  ...activateCommands,
  ...keyCommands,
  ...certificateCommands,
  ...sendCommands,
  ...twinCommands,
  ...groupCommands,
  ...runCommands,
  ...telemetryCommands,
  ...watchCommands,
  ...alertCommands,
  ...notifierCommands,
  ...memberCommands,
  ...invitationCommands,
  ...userCommands,
  ...auditCommands,
  ...assistantCommands,
  ...turnCommands,
  ...talkCommands,
  ...sayCommands,
  ...simulateCommands,
  ...incidentCommands,
  ...configCommands,
];
