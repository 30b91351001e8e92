import type {
  ActivationPoll,
  CheckIn,
  CheckInReply,
  Conversation,
  Credentials,
  DeviceIdentity,
  XiaozhiInbox,
  XiaozhiLink,
} from '../inbox.ts';

/** The rest of the server, played: keeps what it is asked and answers what a test wants. */
export interface ScriptedInbox extends XiaozhiInbox {
  readonly checkIns: CheckIn[];
  readonly polls: ActivationPoll[];
  readonly credentials: Credentials[];
  readonly links: XiaozhiLink[];
  readonly ended: { deviceId: string; code: string | null }[];
  /** What the conversations were told, such as `listen auto`, `audio 120`, `close`. */
  readonly told: string[];
  readonly packets: Buffer[];
  reply: CheckInReply;
  poll: 'active' | 'waiting' | 'refused';
  extra: Partial<Conversation>;
}

export function createScriptedInbox(): ScriptedInbox {
  const told: string[] = [];
  const packets: Buffer[] = [];
  const inbox: ScriptedInbox = {
    checkIns: [],
    polls: [],
    credentials: [],
    links: [],
    ended: [],
    told,
    packets,
    reply: { active: true, deviceId: 'd', token: 'token-of-one', timeZone: 'Asia/Ho_Chi_Minh' },
    poll: 'waiting',
    extra: {},
    async checkIn(request) {
      inbox.checkIns.push(request);
      return inbox.reply;
    },
    async activate(request) {
      inbox.polls.push(request);
      return inbox.poll;
    },
    async authenticate(credentials) {
      inbox.credentials.push(credentials);
      const { token, hardwareId } = credentials;
      return token === `token-of-${hardwareId}` ? identity(hardwareId) : null;
    },
    open(_device, link) {
      inbox.links.push(link);
      return {
        listenStart: (mode) => void told.push(`listen ${mode}`),
        listenStop: () => void told.push('stop'),
        detect: (text) => void told.push(`detect ${text}`),
        audio(packet) {
          told.push(`audio ${packet.byteLength}`);
          packets.push(Buffer.from(packet));
        },
        abort: (reason) => void told.push(`abort ${reason}`),
        close: () => void told.push('close'),
        ...inbox.extra,
      };
    },
    closed: ({ deviceId }, code) => void inbox.ended.push({ deviceId, code }),
  };
  return inbox;
}

export function identity(name: string): DeviceIdentity {
  return { deviceId: name, siteId: 'site', deviceName: name };
}

export const SILENT_CONVERSATION: Conversation = {
  listenStart: () => undefined,
  listenStop: () => undefined,
  detect: () => undefined,
  audio: () => undefined,
  abort: () => undefined,
  close: () => undefined,
};
