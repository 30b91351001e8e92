import type { Duplex } from 'node:stream';
import {
  LIMITS,
  type LiveCloseReason,
  type LiveFrame,
  type LiveRequest,
  MusterError,
  nameOfLiveTopic,
  readLiveTopic,
} from '@muster/contract';
import type { RawData, WebSocket } from 'ws';
import { createClientRate } from '../../platform/client-rate.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Feed, FeedReader } from './feed.ts';
import type { Feeds } from './feeds.ts';
import type { LiveInbox, LiveViewer } from './inbox.ts';
import { createOutbox } from './outbox.ts';
import { readRequest } from './request.ts';

/** Frames that were wrong before the connection is closed: no client of ours sends any. */
const MOST_FAULTS = 64;

/** What is counted of all viewers. */
export interface LiveCounters {
  sent(frames: number): void;
  merged(): void;
  refused(code: string): void;
}

/** One open connection of a person. */
export interface Session {
  /** Null until it has said who it is. */
  viewer(): LiveViewer | null;
  topics(): number;
  /** The person is known, or may see other things than before. */
  know(viewer: LiveViewer): void;
  close(reason: LiveCloseReason): void;
  /** The connection is gone. */
  ended(): void;
}

interface Subscription extends FeedReader {
  readonly name: string;
  siteId: string;
  /** Null while its first state is read. */
  feed: Feed | null;
  /** The last change that was sent, or stands in the queue. */
  sent: number;
}

export function openSession(deps: {
  readonly socket: WebSocket;
  readonly stream: Duplex;
  readonly epoch: string;
  readonly clock: Clock;
  readonly feeds: Feeds;
  readonly inbox: LiveInbox;
  readonly counters: LiveCounters;
  /** Finds out who a token belongs to and calls `know`, or closes. Called once at most. */
  readonly onHello: (token: string) => void;
  readonly onClose: (reason: LiveCloseReason) => void;
  readonly onFault: (error: unknown) => void;
}): Session {
  const { socket, clock, feeds, inbox, counters } = deps;
  const rate = createClientRate(clock, LIMITS.liveFramesPerSecond, LIMITS.liveFramesPerSecond * LIMITS.liveFrameBytes);
  const subscriptions = new Map<string, Subscription>();
  /** Subscriptions with changes that were left out while the viewer was behind. */
  const stale = new Set<Subscription>();
  let viewer: LiveViewer | null = null;
  let saidHello = false;
  let faults = 0;
  let over = false;

  const outbox = createOutbox({ socket, stream: deps.stream, more: catchUp, onFull: () => close('VIEWER_SLOW') });

  function send(frame: LiveFrame): void {
    outbox.send(Buffer.from(JSON.stringify(frame)));
  }

  /** What a topic did while the socket was full, as one frame. */
  function catchUp(): Buffer | null {
    for (const one of stale) {
      stale.delete(one);
      const frame = one.feed?.merged(one.sent) ?? null;
      if (one.feed !== null) one.sent = one.feed.seq;
      if (frame === null) continue;
      counters.merged();
      return frame;
    }
    return null;
  }

  function close(reason: LiveCloseReason): void {
    if (over) return;
    over = true;
    leaveAll();
    deps.onClose(reason);
  }

  function leave(one: Subscription): void {
    subscriptions.delete(one.name);
    stale.delete(one);
    one.feed?.remove(one);
  }

  function leaveAll(): void {
    for (const one of [...subscriptions.values()]) leave(one);
    outbox.end();
  }

  function refuse(error: unknown, topic?: string): void {
    const known = error instanceof MusterError ? error : new MusterError('INTERNAL', {}, { cause: error });
    if (known.code === 'INTERNAL') deps.onFault(error);
    counters.refused(known.code);
    send({
      type: 'error',
      code: known.code,
      message: known.message,
      ...(topic === undefined ? {} : { topic: topic.slice(0, 200) }),
    });
  }

  function judge(who: LiveViewer, kind: Feed['topic']['kind'], siteId: string): void {
    const verdict = who.may(kind, siteId);
    if (verdict === 'hidden') throw new MusterError('NOT_FOUND');
    if (verdict === 'forbidden') throw new MusterError('FORBIDDEN', { topic: kind });
  }

  function makeSubscription(name: string): Subscription {
    const one: Subscription = {
      name,
      siteId: '',
      feed: null,
      sent: 0,
      changed(frame, seq) {
        // a topic that was left out once goes on in the merged frame, or its changes would overtake each other
        if (one.feed?.merges === true && (stale.has(one) || outbox.isBehind())) return void stale.add(one);
        one.sent = seq;
        counters.sent(1);
        outbox.send(frame);
      },
    };
    return one;
  }

  async function subscribe(name: string, from: { readonly epoch: string; readonly seq: number } | undefined) {
    const who = viewer;
    if (who === null) throw new MusterError('SIGN_IN_REQUIRED');
    const topic = readLiveTopic(name);
    if (topic === null) throw new MusterError('TOPIC_UNKNOWN', {}, { say: 'There is no topic of this form.' });
    const before = subscriptions.get(name);
    if (before === undefined && subscriptions.size >= LIMITS.liveTopicsPerSocket) {
      throw new MusterError('WATCH_LIMIT', { limit: LIMITS.liveTopicsPerSocket });
    }
    // asked for again: it begins anew
    if (before !== undefined) leave(before);
    const mine = makeSubscription(name);
    subscriptions.set(name, mine);
    try {
      mine.siteId = await inbox.siteOf(topic);
      judge(viewer ?? who, topic.kind, mine.siteId);
      const feed = feeds.open(topic);
      await feed.ready;
      // unsubscribed, asked again or gone meanwhile
      if (subscriptions.get(name) !== mine) return;
      judge(viewer ?? who, topic.kind, mine.siteId);
      begin(mine, feed, from);
    } catch (error) {
      if (subscriptions.get(name) !== mine) return;
      leave(mine);
      throw error;
    }
  }

  /** In one turn of the event loop: what is sent here ends exactly where the changes begin. */
  function begin(mine: Subscription, feed: Feed, from: { readonly epoch: string; readonly seq: number } | undefined) {
    const { epoch } = deps;
    const topic = nameOfLiveTopic(feed.topic);
    const missed = from?.epoch === epoch ? feed.after(from.seq) : null;
    if (missed !== null && from !== undefined) {
      send({ type: 'resumed', topic, epoch, seq: from.seq });
      for (const frame of missed) outbox.send(frame);
    } else {
      if (from !== undefined) send({ type: 'gap', topic });
      outbox.send(feed.snapshot());
    }
    mine.feed = feed;
    mine.sent = feed.seq;
    if (subscriptions.get(mine.name) === mine) feed.add(mine);
  }

  function unsubscribe(name: string): void {
    const one = subscriptions.get(name);
    if (one === undefined) throw new MusterError('TOPIC_UNKNOWN', {}, { say: 'The topic is not subscribed to.' });
    leave(one);
    send({ type: 'unsubscribed', topic: name });
  }

  async function perform(request: LiveRequest): Promise<void> {
    switch (request.type) {
      case 'hello':
        if (viewer !== null || saidHello) throw new MusterError('CONFLICT', {}, { say: 'Hello was said already.' });
        saidHello = true;
        deps.onHello(request.token);
        break;
      case 'subscribe':
        await subscribe(request.topic, request.from);
        break;
      case 'unsubscribe':
        unsubscribe(request.topic);
    }
  }

  function receive(data: RawData, isBinary: boolean): void {
    const request = isBinary || !Buffer.isBuffer(data) ? null : readRequest(data);
    if (request !== null) {
      const topic = request.type === 'hello' ? undefined : request.topic;
      perform(request).catch((error: unknown) => refuse(error, topic));
      return;
    }
    faults += 1;
    if (faults >= MOST_FAULTS) close('MESSAGE_MALFORMED');
    else refuse(new MusterError('MESSAGE_MALFORMED', {}, { say: 'The frame is not one of the live feed.' }));
  }

  /** Past its rate, the socket is not read until it keeps to it again. */
  function readAgain(): void {
    const waitMs = rate.waitMs();
    if (waitMs > 0 && socket.readyState === socket.OPEN) return void clock.after(waitMs, readAgain);
    socket.resume();
  }

  socket.on('message', (data, isBinary) => {
    if (over) return;
    if (!rate.take(Buffer.isBuffer(data) ? data.length : 0) && !socket.isPaused) {
      counters.refused('MESSAGE_RATE');
      socket.pause();
      readAgain();
    }
    receive(data, isBinary);
  });

  return {
    viewer: () => viewer,
    topics: () => subscriptions.size,
    know(who) {
      const isFirst = viewer === null;
      viewer = who;
      if (isFirst) return send({ type: 'welcome', epoch: deps.epoch, userId: who.userId });
      for (const one of [...subscriptions.values()]) {
        if (one.feed === null) continue;
        try {
          judge(who, one.feed.topic.kind, one.siteId);
        } catch (error) {
          leave(one);
          refuse(error, one.name);
        }
      }
    },
    close,
    ended() {
      over = true;
      leaveAll();
    },
  };
}
