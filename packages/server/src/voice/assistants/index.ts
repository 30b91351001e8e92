export { type Assistants, createAssistants } from './assistants.ts';
export { assistantRoutes } from './routes.ts';
export type { AssistantTables } from './store.ts';
