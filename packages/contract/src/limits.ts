/** Limits of the wire. A number with a source names it; the others are ours and say why. */
export const LIMITS = {
  /** Largest text frame from a device, bytes. The firmware's own send limit is 65,535 (xiaozhi-esp32 2.4.2). */
  textFrameBytes: 65_536,
  /** Largest binary frame from a device, bytes: 120 ms of Opus at 510 kbit/s is 7,650; plus the 16-byte header. */
  audioFrameBytes: 8_192,
  /** Longest Opus packet, ms (RFC 6716, section 2.1.4). */
  opusPacketMs: 120,
  /** How deep JSON from a device may nest: MCP schemas need about 10. */
  jsonDepth: 32,
  /** Frames per second a device may send, averaged over 5 s: 20 ms frames are 50/s; twice that for catching up. */
  framesPerSecond: 120,
  /** How long a device may take to say hello, ms: the firmware itself gives up after 10 s. */
  helloMs: 10_000,
  /** Close an idle conversation after this, ms: the firmware's own channel time-out. */
  idleMs: 120_000,
  /** Downlink frames sent at once before pacing starts; the firmware queue holds 20 (since 2.5) to 40 frames. */
  playoutBurst: 5,
  /** Wait after the last frame is due before `tts stop`, in frames: burst of 5 plus 2 in the decoder and DMA. */
  playoutTailFrames: 7,
  /** Bytes waiting in a socket before the device counts as too slow. 60 ms at 24 kbit/s is 180 bytes, so ~20 s. */
  socketBufferBytes: 65_536,
  /** Longest speech of one turn, ms; longer speech is cut there and answered. */
  utteranceMs: 30_000,
  /** Longest text a device may send with `listen detect`, or a model may say in one turn, characters. */
  textChars: 4_000,
  /** JSON size of one page of MCP tools (xiaozhi-esp32 2.4.2), bytes. */
  mcpPageBytes: 8_000,
  /** Pages of tools read before the device counts as looping. */
  mcpPages: 32,
  /** Tools kept per device. */
  mcpTools: 128,
  /** Default time for one tool call, ms: a camera takes seconds; the reference server uses 30 s. */
  mcpCallMs: 30_000,
  /** Life of an activation code, ms. */
  activationCodeMs: 600_000,
  /** Wrong codes per minute and source before 429. */
  activationWrongPerMinute: 5,
  /** Largest message of the device API, bytes: 1,000 points of 60 bytes. */
  deviceMessageBytes: 65_536,
  /** Messages a second of one device, unless the configuration says otherwise. */
  deviceMessagesPerSecond: 1_000,
  /** Requests a second of one device over HTTP: each counts as as many messages as fit. */
  deviceRequestsPerSecond: 200,
  /** Bytes a second of one device, unless the configuration says otherwise: the worst JSON of this size costs about 40 ms to refuse. */
  deviceBytesPerSecond: 262_144,
  /** Sockets of the device API that one device may have open. */
  socketsPerDevice: 8,
  /** Instants in one telemetry message. */
  pointsPerMessage: 1_000,
  /** Series in one instant of a telemetry message. */
  valuesPerPoint: 200,
  /** Longest string that a point may hold, characters. */
  pointStringChars: 4_096,
  /** Largest object that a point or an event may hold, bytes of JSON. */
  pointObjectBytes: 8_192,
  /** Largest number that a point may hold, either sign: sums of very many of them stay numbers. */
  pointNumber: 1e280,
  /** Series one device may have; a flood of names is refused past it. */
  seriesPerDevice: 500,
  /** Streams in which one device may count its messages. */
  streamsPerDevice: 32,
  /** How far ahead of the server a point may be, ms: clocks that drift; anything later is refused. */
  futureMs: 600_000,
  /** Largest half of a twin, bytes of JSON. */
  twinBytes: 32_768,
  /** How deep a twin, arguments and results may nest. */
  twinDepth: 8,
  /** Largest arguments or result of a command, bytes of JSON. */
  commandBytes: 32_768,
  /** Commands that may wait for one device. */
  commandsPerDevice: 64,
  /** Longest wait of a long-poll, ms: below the 60 s after which proxies give up. */
  longPollMs: 30_000,
  /** Largest frame of a viewer of the live feed, bytes: a topic and where to go on. */
  liveFrameBytes: 4_096,
  /** Frames a second of one viewer: a dashboard that opens subscribes to everything on its page at once. */
  liveFramesPerSecond: 100,
  /** Topics of one connection of the live feed. */
  liveTopicsPerSocket: 200,
  /** How long a viewer may take to say who it is, ms. */
  liveHelloMs: 5_000,
  /** Devices made or revoked by one request. */
  devicesPerBatch: 1_000,
  /** JSON body of such a request, bytes: 1,000 devices with a name, an address and tags. */
  deviceBatchBytes: 2_097_152,
  /** Measurements of one import, bytes: they come within the time of a request; a larger file is sent in parts. */
  importBytes: 67_108_864,
  /** JSON body of an API request, bytes. */
  apiBodyBytes: 262_144,
} as const;
