import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own, small enough to fill. */
export interface SmallDisk {
  readonly path: string;
  freeMb(): number;
  /** Takes space until so much is left, MB; 0: until nothing more fits. */
  fillTo(leftMb: number): void;
  /** Gives it back. */
  free(): void;
  end(): void;
}

const CHUNK = Buffer.alloc(65_536);

/** Null where this user may not mount one. */
export function mountSmallDisk(sizeMb: number): SmallDisk | null {
  const path = mkdtempSync(join(tmpdir(), 'muster-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m,mode=0700`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    rmSync(path, { recursive: true, force: true });
    return null;
  }
  const filler = join(path, 'filler');
  const freeMb = (): number => {
    const { bavail, bsize } = statfsSync(path);
    return (bavail * bsize) / 1_048_576;
  };
  return {
    path,
    freeMb,
    fillTo(leftMb) {
      const file = openSync(filler, 'a');
      try {
        while (freeMb() > leftMb) writeSync(file, CHUNK);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler, { force: true }),
    end() {
      execFileSync('umount', ['--lazy', path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
