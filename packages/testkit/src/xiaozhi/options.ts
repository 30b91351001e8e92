import type { FramingVersion, ListenMode } from '@muster/contract';
import type { SimulatedTool } from './tools.ts';

/** How a simulated device misbehaves. Instants count from the end of the hello exchange. */
export interface Faults {
  /** Destroys the TCP connection after this, ms. */
  readonly dropAfterMs?: number;
  /** Stops reading the socket after this, ms, for ever: the peer's buffers fill up. */
  readonly stallAfterMs?: number;
  /** Reads for `readMs`, then not for `pauseMs`, and so on. */
  readonly slowReader?: { readonly readMs: number; readonly pauseMs: number };
  /**
   * Every tenth frame of speech is replaced. `garbage`: random bytes as Opus. `oversize`: 9,000 bytes.
   * `lyingHeader`: the size in the header of framing 2 and 3 is wrong. `dtx`: one byte. `empty`: no byte.
   */
  readonly badFrames?: 'garbage' | 'oversize' | 'lyingHeader' | 'dtx' | 'empty';
  /**
   * Sent once after hello. `deep`: 20,000 nested arrays. `wide`: 60,000 bytes of short members. `broken`: no JSON.
   * `huge`: a text frame of 1 MB.
   */
  readonly jsonBomb?: 'deep' | 'wide' | 'broken' | 'huge';
  /** Never says hello. */
  readonly noHello?: boolean;
  /** Never answers MCP. */
  readonly muteTools?: boolean;
}

export interface XiaozhiDeviceOptions {
  /** Where the device asks at boot, for example `http://127.0.0.1:8003/xiaozhi/ota/`. */
  readonly otaUrl: string;
  /** `Device-Id`: a MAC address in lower case as a rule. */
  readonly hardwareId: string;
  /** `Client-Id`: a UUID. */
  readonly clientId: string;
  /** Needed for activation version 2: 32 characters on a chip, `SN-…` in Python clients. */
  readonly serialNumber?: string;
  /** Hex digits. Firmware keys its HMAC with the bytes; Python clients with the ASCII of the digits. */
  readonly hmacKey?: string;
  /**
   * `v1`: no serial number, empty proof. `v2-firmware`: proof not wrapped. `v2-python`: proof wrapped in `Payload`,
   * and the key given away in `application.elf_sha256`, as py-xiaozhi 2.1.1 and Smart C do.
   */
  readonly activation?: 'v1' | 'v2-firmware' | 'v2-python';
  /** Default 1. Sent as `Protocol-Version` and as the hello's `version`. */
  readonly framing?: FramingVersion;
  /**
   * Default `websocket`. `mqtt`: the connection of the check-in's `mqtt` section, kept between conversations, with sound
   * over UDP. Faults of the socket do not apply to it.
   */
  readonly transport?: 'websocket' | 'mqtt';
  /** Default 60, as the firmware; py-xiaozhi sends 20 on x86. */
  readonly frameMs?: 20 | 40 | 60;
  /** Default `auto`. */
  readonly mode?: ListenMode;
  /** Default: those of the firmware (status, volume, and reboot for the user only). `null`: no MCP at all. */
  readonly tools?: readonly SimulatedTool[] | null;
  /** Default `headers`; the browser's test page uses the query. */
  readonly credentialsIn?: 'headers' | 'query';
  /** Default true: the check-in says `"simulated": true`. */
  readonly simulated?: boolean;
  /** `Accept-Language` and body. Default `en-US`. */
  readonly language?: string;
  /** Default `muster-simulator`. */
  readonly board?: string;
  /** Default `2.4.2`. */
  readonly firmwareVersion?: string;
  /** Announces things of the old IoT protocol after hello, as Smart C does. */
  readonly legacyIot?: boolean;
  readonly faults?: Faults;
}
