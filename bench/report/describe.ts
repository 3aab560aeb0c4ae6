import type { Environment } from '../result.ts';

/** What figures were measured on, in one line. */
export function describe(environment: Environment): string {
  const { cpu, cores, memoryGiB, node, postgresql, settings, date } = environment;
  return (
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, PostgreSQL ${postgresql}, ` +
    `shared_buffers ${settings['shared_buffers']}, fsync ${settings['fsync']} (${date})`
  );
}
