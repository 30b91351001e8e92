/// <reference path="./web-assembly.d.ts" />
import { bug, MusterError } from '@muster/contract';

/** Error numbers of WASI preview 1. */
const ERRNO = { success: 0, badDescriptor: 8, noEntry: 44, noSpace: 51 } as const;
/** The file types of WASI preview 1. */
const FILE_TYPE = { characterDevice: 2, directory: 3, regular: 4 } as const;
/** The first descriptor after standard input, output and error: the one folder there is. */
const FOLDER = 3;
/** The one file there is. */
const FILE = 4;

/** Ends a program from inside a host call; never leaves this file. */
class Exit {
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
}

/** The values that an instance imports as `wasi_snapshot_preview1`, and what came of it. */
interface Host {
  readonly imports: Record<string, (...values: never[]) => number>;
  attach(memory: WebAssembly.Memory): void;
  written(): Uint8Array;
}

/**
 * Runs a WASI command to its end and returns the file that it wrote, whatever name it gave it. The program sees no
 * clock, no environment and no disk: one folder that begins empty and takes one file of `maxBytes`. That is also why
 * `node:wasi` is not used: it would put speech on the disk. Blocks until the program ends.
 * Throws PROVIDER_FAILED when the program fails or writes too much.
 */
export function runCommand(module: WebAssembly.Module, args: readonly string[], maxBytes: number): Uint8Array {
  const host = createHost(args, maxBytes);
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: host.imports });
  const { memory, _start: start } = instance.exports;
  if (!(memory instanceof WebAssembly.Memory) || typeof start !== 'function') throw bug('not a WASI command');
  host.attach(memory);
  try {
    start();
  } catch (error) {
    if (!(error instanceof Exit)) throw new MusterError('PROVIDER_FAILED', {}, { cause: error });
    if (error.code !== 0) throw new MusterError('PROVIDER_FAILED', { exitCode: error.code });
  }
  return host.written();
}

function createHost(args: readonly string[], maxBytes: number): Host {
  const argBytes = args.map((arg) => Buffer.from(`${arg}\0`, 'utf8'));
  let memory: WebAssembly.Memory | undefined;
  let file = new Uint8Array(65_536);
  let size = 0;
  let at = 0;

  // Growing the memory replaces its buffer, so a view lives for one call only.
  const view = (): DataView => {
    if (memory === undefined) throw bug('a host call before the start');
    return new DataView(memory.buffer);
  };
  const bytesAt = (pointer: number, length: number): Uint8Array => new Uint8Array(view().buffer, pointer, length);

  const append = (bytes: Uint8Array): boolean => {
    const end = at + bytes.length;
    if (end > maxBytes) return false;
    if (end > file.length) {
      const longer = new Uint8Array(Math.min(maxBytes, 2 * end));
      longer.set(file);
      file = longer;
    }
    file.set(bytes, at);
    at = end;
    size = Math.max(size, end);
    return true;
  };

  return {
    attach(given) {
      memory = given;
    },
    written: () => file.subarray(0, size),
    imports: {
      args_sizes_get(countAt: number, bytesTotalAt: number) {
        view().setUint32(countAt, argBytes.length, true);
        view().setUint32(
          bytesTotalAt,
          argBytes.reduce((sum, { length }) => sum + length, 0),
          true,
        );
        return ERRNO.success;
      },
      args_get(pointersAt: number, textAt: number) {
        let next = textAt;
        for (const [index, bytes] of argBytes.entries()) {
          view().setUint32(pointersAt + 4 * index, next, true);
          bytesAt(next, bytes.length).set(bytes);
          next += bytes.length;
        }
        return ERRNO.success;
      },
      clock_time_get(_id: number, _precision: bigint, timeAt: number) {
        view().setBigUint64(timeAt, 0n, true);
        return ERRNO.success;
      },
      fd_prestat_get(fd: number, resultAt: number) {
        if (fd !== FOLDER) return ERRNO.badDescriptor;
        view().setUint32(resultAt, 0, true);
        view().setUint32(resultAt + 4, 1, true);
        return ERRNO.success;
      },
      fd_prestat_dir_name(fd: number, nameAt: number) {
        if (fd !== FOLDER) return ERRNO.badDescriptor;
        view().setUint8(nameAt, 0x2f);
        return ERRNO.success;
      },
      fd_fdstat_get(fd: number, resultAt: number) {
        if (fd > FILE) return ERRNO.badDescriptor;
        bytesAt(resultAt, 24).fill(0);
        const types = [
          FILE_TYPE.characterDevice,
          FILE_TYPE.characterDevice,
          FILE_TYPE.characterDevice,
          FILE_TYPE.directory,
        ];
        view().setUint8(resultAt, types[fd] ?? FILE_TYPE.regular);
        view().setBigUint64(resultAt + 8, 0xffff_ffffn, true);
        view().setBigUint64(resultAt + 16, 0xffff_ffffn, true);
        return ERRNO.success;
      },
      fd_fdstat_set_flags: () => ERRNO.success,
      path_open(
        ...[fd, , , , openFlags, , , , resultAt]: [
          number,
          number,
          number,
          number,
          number,
          bigint,
          bigint,
          number,
          number,
        ]
      ) {
        if (fd !== FOLDER) return ERRNO.badDescriptor;
        // Opening without the flag to create is a read: nothing is there.
        if ((openFlags & 1) === 0) return ERRNO.noEntry;
        size = 0;
        at = 0;
        view().setUint32(resultAt, FILE, true);
        return ERRNO.success;
      },
      fd_read(_fd: number, _vectors: number, _count: number, readAt: number) {
        view().setUint32(readAt, 0, true);
        return ERRNO.success;
      },
      fd_write(fd: number, vectors: number, count: number, writtenAt: number) {
        let total = 0;
        for (let index = 0; index < count; index += 1) {
          const length = view().getUint32(vectors + 8 * index + 4, true);
          const bytes = bytesAt(view().getUint32(vectors + 8 * index, true), length);
          if (fd === FILE && !append(bytes)) return ERRNO.noSpace;
          total += length;
        }
        view().setUint32(writtenAt, total, true);
        return ERRNO.success;
      },
      fd_seek(fd: number, offset: bigint, whence: number, positionAt: number) {
        if (fd !== FILE) return ERRNO.badDescriptor;
        const from = whence === 0 ? 0 : whence === 1 ? at : size;
        at = Math.min(size, Math.max(0, from + Number(offset)));
        view().setBigUint64(positionAt, BigInt(at), true);
        return ERRNO.success;
      },
      fd_close: () => ERRNO.success,
      proc_exit(code: number) {
        throw new Exit(code);
      },
    },
  };
}
