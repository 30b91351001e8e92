/** Cuts whole packets out of the bytes of one connection (MQTT 3.1.1 and 5, section 2). */
export interface PacketReader {
  /**
   * Calls `onPacket` for each whole packet; its bytes are valid during the call. `bodyAt` is where the variable header
   * begins. False when the bytes are no MQTT, or a packet is larger than allowed: nothing more can be read then.
   */
  push(chunk: Buffer, onPacket: (packet: Buffer, bodyAt: number) => boolean): 'ok' | 'malformed' | 'too-large';
  /** The largest packet from here on, bytes with its header. */
  limit(bytes: number): void;
}

const NOTHING = Buffer.alloc(0);

export function createPacketReader(limitBytes: number): PacketReader {
  let limit = limitBytes;
  let rest: Buffer = NOTHING;
  return {
    limit(bytes) {
      limit = bytes;
    },
    push(chunk, onPacket) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      rest = NOTHING;
      while (at < bytes.length) {
        let length = 0;
        let lengthBytes = 0;
        let byte = 0x80;
        while ((byte & 0x80) !== 0) {
          if (lengthBytes === 4) return 'malformed';
          const next = bytes[at + 1 + lengthBytes];
          if (next === undefined) {
            // a copy: the chunk may be a large buffer shared with other packets
            rest = Buffer.from(bytes.subarray(at));
            return 'ok';
          }
          byte = next;
          length += (byte & 0x7f) << (7 * lengthBytes);
          lengthBytes += 1;
        }
        const bodyAt = 1 + lengthBytes;
        const end = at + bodyAt + length;
        if (bodyAt + length > limit) return 'too-large';
        if (end > bytes.length) {
          rest = Buffer.from(bytes.subarray(at));
          return 'ok';
        }
        if (!onPacket(bytes.subarray(at, end), bodyAt)) return 'ok';
        at = end;
      }
      return 'ok';
    },
  };
}
