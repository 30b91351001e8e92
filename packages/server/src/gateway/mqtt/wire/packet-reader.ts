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
/** Most packets are smaller, bytes. */
const FIRST_ROOM = 256;

export function createPacketReader(limitBytes: number): PacketReader {
  let limit = limitBytes;
  /** The beginning of a packet, in a buffer with room: bytes that come one by one are not copied again and again. */
  let held: Buffer = NOTHING;
  let heldBytes = 0;
  /** Bytes of that packet; 0 while its length is not known. */
  let needed = 0;

  function hold(bytes: Buffer): void {
    if (heldBytes + bytes.length > held.length) {
      // room for twice as much as came: a length that is only said takes no memory
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_ROOM, 2 * (heldBytes + bytes.length)));
      held.copy(grown, 0, 0, heldBytes);
      held = grown;
    }
    bytes.copy(held, heldBytes);
    heldBytes += bytes.length;
  }

  function letGo(): Buffer {
    const bytes = held.subarray(0, heldBytes);
    held = NOTHING;
    heldBytes = 0;
    needed = 0;
    return bytes;
  }

  return {
    limit(bytes) {
      limit = bytes;
    },
    push(chunk, onPacket) {
      let bytes = chunk;
      if (heldBytes > 0) {
        hold(chunk);
        if (heldBytes < needed) return 'ok';
        bytes = letGo();
      }
      let at = 0;
      while (at < bytes.length) {
        let length = 0;
        let lengthBytes = 0;
        let byte = 0x80;
        while ((byte & 0x80) !== 0) {
          if (lengthBytes === 4) return 'malformed';
          const next = bytes[at + 1 + lengthBytes];
          if (next === undefined) {
            hold(bytes.subarray(at));
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
          // a copy: the chunk may be a large buffer shared with other packets
          hold(bytes.subarray(at));
          needed = bodyAt + length;
          return 'ok';
        }
        if (!onPacket(bytes.subarray(at, end), bodyAt)) return 'ok';
        at = end;
      }
      return 'ok';
    },
  };
}
