import { Command, CommandList, CommandRequest, ErrorReply, Id, LIMITS } from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Http } from '../platform/http/index.ts';
import type { Commands } from './commands.ts';
import { senderOf } from './sender.ts';

const Wait = Type.Object({
  waitMs: Type.Integer({
    minimum: 0,
    maximum: LIMITS.longPollMs,
    default: 0,
    description: 'Answer when the command has ended, or after this long',
  }),
});
const DeviceParams = Type.Object({ deviceId: Id });
const CommandParams = Type.Object({ commandId: Id });
const Key = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ minLength: 1, maxLength: 128, description: 'The same key and body again is the same command' }),
  ),
});

export function commandRoutes(
  app: Http,
  commands: Commands,
  /** NOT_FOUND. */
  deviceOf: (deviceId: string) => Promise<{ readonly deviceId: string; readonly siteId: string }>,
): void {
  const tags = ['commands'];
  const failures = { '4xx': ErrorReply };

  async function readable(request: FastifyRequest, commandId: string): Promise<Command> {
    const command = await commands.get(commandId);
    request.access.allow(command.siteId);
    return command;
  }

  app.post(
    '/api/devices/:deviceId/commands',
    {
      config: { action: 'command.send' },
      schema: {
        tags,
        summary: 'Send a command; it is stored before anything is sent',
        params: DeviceParams,
        headers: Key,
        querystring: Wait,
        body: CommandRequest,
        response: { 200: Command, 201: Command, ...failures },
      },
    },
    async (request, reply) => {
      const { deviceId, siteId } = await deviceOf(request.params.deviceId);
      request.access.allow(siteId);
      const { name, args = {}, commandClass, deadlineMs } = request.body;
      const { command, isNew } = await commands.dispatch({
        deviceId,
        siteId,
        name,
        args,
        commandClass,
        deadlineMs,
        sentBy: senderOf(request),
        idempotencyKey: request.headers['idempotency-key'],
      });
      const shown =
        request.query.waitMs === 0
          ? command
          : await commands.wait(command.commandId, request.query.waitMs, request.signal);
      return reply.status(isNew ? 201 : 200).send(shown);
    },
  );

  app.get(
    '/api/commands/:commandId',
    {
      config: { action: 'command.read' },
      schema: {
        tags,
        summary: 'A command; with waitMs when it has ended',
        params: CommandParams,
        querystring: Wait,
        response: { 200: Command, ...failures },
      },
    },
    async (request) => {
      const command = await readable(request, request.params.commandId);
      const { waitMs } = request.query;
      return waitMs === 0 ? command : commands.wait(command.commandId, waitMs, request.signal);
    },
  );

  app.get(
    '/api/devices/:deviceId/commands',
    {
      config: { action: 'command.read' },
      schema: {
        tags,
        summary: 'Commands of a device, newest first',
        params: DeviceParams,
        querystring: Type.Object({
          limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
          after: Type.Optional(Id),
        }),
        response: { 200: CommandList, ...failures },
      },
    },
    async (request) => {
      const { deviceId, siteId } = await deviceOf(request.params.deviceId);
      request.access.allow(siteId);
      const { limit, after } = request.query;
      const page = await commands.list(deviceId, limit + 1, after ?? null);
      const shown = page.slice(0, limit);
      return { commands: shown, next: page.length > limit ? (shown.at(-1)?.commandId ?? null) : null };
    },
  );

  app.post(
    '/api/commands/:commandId/cancel',
    {
      config: {
        action: 'command.cancel',
        target: { kind: 'command', param: 'commandId', read: (id) => commands.get(id) },
      },
      schema: {
        tags,
        summary: 'Cancel a command that was not sent yet',
        params: CommandParams,
        response: { 200: Command, ...failures },
      },
    },
    async (request) => {
      const command = await readable(request, request.params.commandId);
      return commands.cancel(command.commandId);
    },
  );
}
