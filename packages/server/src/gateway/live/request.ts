import { hasShape, LiveRequest } from '@muster/contract';
import { isDeeper } from '../../platform/json-depth.ts';

/** How deep a frame of a viewer nests. */
const DEPTH = 4;

const isRequest = hasShape(LiveRequest);

/** Reads a frame of a viewer; null for what is none. */
export function readRequest(data: Buffer): LiveRequest | null {
  if (isDeeper(data, DEPTH)) return null;
  try {
    const value: unknown = JSON.parse(data.toString('utf8'));
    return isRequest(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
