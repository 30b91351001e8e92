import type { LiveKind, LiveTopic } from '@muster/contract';

/** One thing of a topic, of the schema that LIVE_TOPICS names. */
export type LiveItem = Readonly<Record<string, unknown>>;

/** A person who is signed in, as the live feed needs them. */
export interface LiveViewer {
  /** Stands for the session; its token is not kept. */
  readonly sessionId: string;
  readonly userId: string;
  /** `hidden`: not even that the site exists is told. */
  may(kind: LiveKind, siteId: string): 'allowed' | 'forbidden' | 'hidden';
}

/** What the live feed asks of the rest of the server; `live-inbox.ts` joins the two. */
export interface LiveInbox {
  /** Whose session a token is; null when it is none, or has ended. */
  viewerOf(token: string): Promise<LiveViewer | null>;
  /** Those of these sessions that have not ended, with what their people may see now. */
  viewersOf(sessionIds: readonly string[]): Promise<ReadonlyMap<string, LiveViewer>>;
  /** The site that owns what a topic is about. NOT_FOUND. */
  siteOf(topic: LiveTopic): Promise<string>;
  /** Everything a viewer sees first, committed before the call or later. */
  read(topic: LiveTopic): Promise<readonly LiveItem[]>;
  /** Those of these things that there are, as they are now. Asked only of kinds whose events do not carry the thing. */
  readSome(topic: LiveTopic, keys: readonly string[]): Promise<readonly LiveItem[]>;
}
