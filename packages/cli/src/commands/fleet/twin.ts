import type { JsonObject, JsonValue, Twin } from '@muster/contract';
import { defineCommand } from '../../command.ts';
import { usage } from '../../command-line.ts';
import { instantText } from '../../instant.ts';
import { tableOf } from '../../screen/terminal.ts';
import { findDevice } from '../../server/find.ts';

const deviceOperand = { required: true, summary: 'its name, id, hardware id or serial number' } as const;

const show = defineCommand({
  name: 'twin',
  summary: 'Show what is wanted of a device and what it says it is, field by field',
  operands: { device: deviceOperand },
  options: {},
  async run({ device }, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { deviceId } = await findDevice(api, device);
    const twin = await api.twin(deviceId);
    terminal.print(json ? JSON.stringify(twin) : twinTable(twin));
  },
});

const set = defineCommand({
  name: 'twin set',
  summary: 'Say what a device shall be: it is told at once, or when it comes back',
  operands: {
    device: deviceOperand,
    field: { required: true, many: true, summary: 'PATH=VALUE, such as led.on=true; PATH= removes the field' },
  },
  options: {
    version: { kind: 'number', value: 'N', summary: 'only if what is wanted of it has this version' },
  },
  async run({ device, field }, { version }, { terminal, json, signedIn }) {
    const patch = readPatch(field);
    const api = await signedIn();
    const { deviceId, name } = await findDevice(api, device);
    const twin = await api.desire(deviceId, { patch, ...(version === undefined ? {} : { version }) });
    if (json) return terminal.print(JSON.stringify(twin));
    terminal.print(twinTable(twin));
    const left = Object.keys(leavesOf(twin.delta)).length;
    terminal.note(
      left === 0
        ? `${name} is as it shall be.`
        : `${name} has ${left} ${left === 1 ? 'field' : 'fields'} yet to change.`,
    );
  },
});

export const twinCommands = [show, set];

/** A merge patch of `a.b=value` words. A value is JSON where it is some, and text where not. Throws USAGE. */
function readPatch(words: readonly string[]): JsonObject {
  const patch: Record<string, JsonValue> = Object.create(null);
  for (const word of words) {
    const at = word.indexOf('=');
    const path = word.slice(0, at).split('.');
    if (at < 1 || path.includes('')) throw usage(`"${word}" is no PATH=VALUE.`);
    let inner = patch;
    for (const name of path.slice(0, -1)) {
      const found = inner[name] as Record<string, JsonValue> | undefined;
      if (found !== undefined && typeof found !== 'object') throw usage(`"${word}" is below another field of yours.`);
      const next: Record<string, JsonValue> = found ?? Object.create(null);
      inner[name] = next;
      inner = next;
    }
    inner[path.at(-1) ?? ''] = readValue(word.slice(at + 1));
  }
  return patch;
}

function readValue(typed: string): JsonValue {
  if (typed === '') return null;
  try {
    return JSON.parse(typed) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return typed;
    throw error;
  }
}

function twinTable(twin: Twin): string {
  const [desired, reported, delta] = [leavesOf(twin.desired), leavesOf(twin.reported), leavesOf(twin.delta)];
  const paths = [...new Set([...Object.keys(desired), ...Object.keys(reported)])].sort();
  const rows = paths.map((path) => {
    const at = Math.max(twin.desiredTimes[path] ?? 0, twin.reportedTimes[path] ?? 0);
    return [
      path,
      shown(desired[path]),
      shown(reported[path]),
      Object.hasOwn(delta, path) ? 'differs' : '',
      at === 0 ? '' : instantText(at),
    ];
  });
  const head = ['FIELD', 'WANTED', 'REPORTED', '', 'CHANGED'];
  const versions = `wanted: version ${twin.desiredVersion}, reported: version ${twin.reportedVersion}`;
  return `${tableOf(head, rows, 'Nothing is wanted of it, and it has said nothing.')}\n${versions}`;
}

function leavesOf(value: JsonObject, before = ''): Record<string, JsonValue> {
  const leaves: Record<string, JsonValue> = Object.create(null);
  for (const [name, one] of Object.entries(value)) {
    const path = `${before}${name}`;
    const isBranch = typeof one === 'object' && one !== null && !Array.isArray(one) && Object.keys(one).length > 0;
    if (isBranch) Object.assign(leaves, leavesOf(one as JsonObject, `${path}.`));
    else leaves[path] = one;
  }
  return leaves;
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined) return '—';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
