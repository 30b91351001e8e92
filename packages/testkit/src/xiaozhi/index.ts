export type { Answer, AnswerTimes } from './answer.ts';
export type { CheckInReply } from './boot.ts';
export type { Closed, Message, ServerHello } from './connection.ts';
export {
  type BargeIn,
  createXiaozhiDevice,
  type ServerEvent,
  type TalkOptions,
  type XiaozhiDevice,
} from './device.ts';
export type { Faults, XiaozhiDeviceOptions } from './options.ts';
export type { PlaybackCount } from './playback.ts';
export type { Reply } from './post.ts';
export { type Asked, createScriptedServer, type Peer, type Script, type ScriptedServer } from './scripted-server.ts';
export { decodeAnswer, encodeSilence, encodeSpeech, packetMs, readSpeech, type Speech } from './speech.ts';
export { firmwareTools, type SimulatedTool, type ToolCall } from './tools.ts';
