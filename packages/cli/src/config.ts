import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the command line keeps its things, after the XDG base directory specification. */
export interface CliConfig {
  /** The session of the signed-in user. */
  readonly sessionFile: string;
  /** The identity of the simulated device of `muster talk`. */
  readonly deviceFile: string;
  /** The devices of `muster simulate` with their tokens. */
  readonly fleetFile: string;
}

export function readConfig(): CliConfig {
  const configFolder = process.env.XDG_CONFIG_HOME || join(homedir(), '.config');
  const stateFolder = process.env.XDG_STATE_HOME || join(homedir(), '.local/state');
  return {
    sessionFile: join(configFolder, 'muster/session.json'),
    deviceFile: join(stateFolder, 'muster/device.json'),
    fleetFile: join(stateFolder, 'muster/fleet.json'),
  };
}
