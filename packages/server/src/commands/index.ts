export {
  type CommandRules,
  type Commands,
  type CommandsDeps,
  createCommands,
  type DispatchRequest,
} from './commands.ts';
export { commandsConfig } from './config.ts';
export { commandRoutes } from './routes.ts';
