import type { ServerProcess } from '../../../bench/server-process.ts';

/** The sum of a metric over its labels, or over those that hold `label`; 0 while it was never counted. */
export async function metricOf(server: ServerProcess, name: string, label = ''): Promise<number> {
  const text = await server.text('/metrics');
  let sum = 0;
  for (const line of text.split('\n')) {
    const [, found, labels = '', value] = /^(\w+)(\{.*\})? (\S+)$/.exec(line) ?? [];
    if (found === name && labels.includes(label)) sum += Number(value);
  }
  return sum;
}
