import { type Command, type CommandClass, LIMITS, MusterError } from '@muster/contract';
import type { Audit } from '../accounts/index.ts';
import type { Clock } from '../platform/clock.ts';
import { newId } from '../platform/ids.ts';
import { CLASSES } from './config.ts';
import { type BusyKeys, hashOf, sameRequest } from './idempotency.ts';
import { type CommandRow, type CommandStore, toCommand } from './store.ts';

/** What a profile says of a command; null: the profile lists commands, and this is none of them. */
export interface CommandRules {
  readonly commandClass: CommandClass;
  readonly deadlineMs: number | null;
  /** What is wrong with the arguments, a line each; empty when they fit. */
  readonly check: (args: unknown) => readonly string[];
}

export interface DispatchRequest {
  readonly deviceId: string;
  readonly siteId: string;
  readonly name: string;
  readonly args: { readonly [key: string]: unknown };
  readonly commandClass?: CommandClass | undefined;
  readonly deadlineMs?: number | undefined;
  /** `user:…`, `rule:…`, `assistant`: idempotency keys are of one sender. */
  readonly sentBy: string;
  readonly idempotencyKey?: string | undefined;
  readonly runId?: string | undefined;
  /** The server's own command, whatever the profile of the device lists. */
  readonly rules?: CommandRules | undefined;
}

/** Makes commands: every one of them, whoever sends it. */
export interface Dispatcher {
  /** A command that is checked, with its id and deadline, and not stored. COMMAND_UNKNOWN, COMMAND_INVALID. */
  prepare(request: DispatchRequest): Promise<CommandRow>;
  /** See `Commands.dispatch`. */
  dispatch(request: DispatchRequest): Promise<{ readonly command: Command; readonly isNew: boolean }>;
}

export function createDispatcher(deps: {
  readonly store: CommandStore;
  readonly clock: Clock;
  readonly busyKeys: BusyKeys;
  readonly audit: Pick<Audit, 'appendWith'>;
  readonly rulesOf: (deviceId: string, name: string) => Promise<CommandRules | null | undefined>;
  /** It is committed: it may leave. */
  readonly onStored: (row: CommandRow) => void;
  readonly get: (commandId: string) => Promise<Command>;
}): Dispatcher {
  const { store, clock } = deps;

  async function prepare(request: DispatchRequest): Promise<CommandRow> {
    const { deviceId, siteId, name, args, sentBy } = request;
    if (Buffer.byteLength(JSON.stringify(args)) > LIMITS.commandBytes) {
      const say = `The arguments are larger than ${LIMITS.commandBytes} bytes.`;
      throw new MusterError('COMMAND_INVALID', { name }, { say });
    }
    const rules = request.rules ?? (await deps.rulesOf(deviceId, name));
    if (rules === null) throw new MusterError('COMMAND_UNKNOWN', { name });
    const faults = rules?.check(args) ?? [];
    if (faults.length > 0) throw new MusterError('COMMAND_INVALID', { name }, { say: faults.join('\n') });
    const commandClass = request.commandClass ?? rules?.commandClass ?? 'act';
    const now = clock.now();
    const deadlineMs = request.deadlineMs ?? rules?.deadlineMs ?? CLASSES[commandClass].deadlineMs;
    return {
      command_id: newId(now),
      device_id: deviceId,
      site_id: siteId,
      name,
      args,
      class: commandClass,
      state: 'queued',
      progress: null,
      result: null,
      error: null,
      attempts: 0,
      sent_by: sentBy,
      run_id: request.runId ?? null,
      created_at: now,
      deadline_at: now + deadlineMs,
      sent_at: null,
      acked_at: null,
      ended_at: null,
    };
  }

  return {
    prepare,
    dispatch(request) {
      const { idempotencyKey: key, sentBy } = request;
      return deps.busyKeys.once(sentBy, key, async () => {
        const row = await prepare(request);
        const hash = hashOfRequest(request);
        const senderKey = key === undefined ? null : { key, hash };
        const done = await store.insert(row, senderKey, LIMITS.commandsPerDevice, (client) =>
          deps.audit.appendWith(client, [sentOf(row)]),
        );
        if (done === null) throw new MusterError('COMMAND_QUEUE_FULL', { limit: LIMITS.commandsPerDevice });
        if (done.known !== null) return { command: await deps.get(sameRequest(done.known, hash)), isNew: false };
        deps.onStored(row);
        return { command: toCommand(row), isNew: true };
      });
    },
  };
}

/** What the audit keeps of a command: whoever sent it, it is written down with it. */
function sentOf({ device_id: id, site_id: siteId, command_id: commandId, name, args, sent_by: sentBy }: CommandRow) {
  return {
    action: 'command.send',
    siteId,
    target: { kind: 'device', id },
    after: { commandId, name, args, sentBy },
  };
}

/** What makes two requests the same. */
function hashOfRequest({ deviceId, name, args, commandClass, deadlineMs }: DispatchRequest): Buffer {
  return hashOf([deviceId, name, args, commandClass ?? null, deadlineMs ?? null]);
}
