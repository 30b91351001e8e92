import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ThinkRequest, ToolSpec } from '../../ports.ts';

const Percent = Type.Number({ minimum: 0, maximum: 100 });

/** What `self.get_device_status` tells, as far as skills use it; devices leave out what they do not have. */
const Status = Type.Object({
  audio_speaker: Type.Optional(Type.Object({ volume: Type.Optional(Percent) })),
  screen: Type.Optional(
    Type.Object({ brightness: Type.Optional(Percent), theme: Type.Optional(Type.String({ maxLength: 40 })) }),
  ),
  battery: Type.Optional(Type.Object({ level: Type.Optional(Percent), charging: Type.Optional(Type.Boolean()) })),
  network: Type.Optional(
    Type.Object({
      type: Type.Optional(Type.String({ maxLength: 40 })),
      ssid: Type.Optional(Type.String({ maxLength: 64 })),
      signal: Type.Optional(Type.String({ maxLength: 40 })),
    }),
  ),
  chip: Type.Optional(Type.Object({ temperature: Type.Optional(Type.Number()) })),
});
export type DeviceStatus = Type.Static<typeof Status>;

/** Longest status that is read, characters. */
const MOST_CHARS = 8_192;

/** The tool whose name ends so, among those that may be called. */
export function toolNamed(tools: readonly ToolSpec[], ending: string): ToolSpec | null {
  return (
    tools.find(({ name }) => name === ending || name.endsWith(`.${ending}`) || name.endsWith(`_${ending}`)) ?? null
  );
}

/** Asks the device; null when it has no such tool or its answer is not a status. */
export async function readStatus({ tools, callTool }: ThinkRequest): Promise<DeviceStatus | null> {
  const tool = toolNamed(tools, 'get_device_status');
  if (tool === null) return null;
  const text = await callTool(tool.name, {});
  if (text.length > MOST_CHARS) return null;
  try {
    const value: unknown = JSON.parse(text);
    return Value.Check(Status, value) ? value : null;
  } catch {
    return null; // a device may answer in words
  }
}
