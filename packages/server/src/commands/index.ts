export { type Commands, type CommandsDeps, createCommands } from './commands.ts';
export { commandsConfig } from './config.ts';
export type { CommandRules, DispatchRequest } from './dispatch.ts';
export { commandRoutes } from './routes.ts';
export { runRoutes } from './runs/index.ts';
