import { MusterError } from '@muster/contract';
import type { TObject } from 'typebox';
import { Value } from 'typebox/value';
import type { Tool, ToolDefinition } from './tool.ts';

/** Makes a tool out of its definition; input from the wire is checked before it runs. */
export function defineTool<Input extends TObject>(definition: ToolDefinition<Input>): Tool {
  const { name, description, input, userOnly = false } = definition;
  return {
    name,
    description,
    input,
    userOnly,
    call(given, deps) {
      if (Value.Check(input, given)) return definition.run(given, deps);
      const [first] = Value.Errors(input, given);
      const say = `Invalid arguments: ${first?.instancePath ?? ''} ${first?.message ?? ''}`.replace(/\s+/g, ' ').trim();
      return Promise.reject(new MusterError('TOOL_FAILED', { name }, { say }));
    },
  };
}
