/**
 * The memory that this machine has left for a service, where the system tells it.
 *
 * @module
 */

/** What a service may take of what is left. */
const PART = 0.5;
const FILES = {
  limit: "/sys/fs/cgroup/memory.max",
  used: "/sys/fs/cgroup/memory.current",
  machine: "/proc/meminfo",
} as const;

/** Bytes that a service may take; undefined where the system does not tell. */
export async function memoryToUse(): Promise<number | undefined> {
  const [limit, used, machine] = await Promise.all(
    [FILES.limit, FILES.used, FILES.machine].map((path) => {
      return Deno.readTextFile(path).catch(() => undefined);
    }),
  );
  const kilobytes = Number(/^MemAvailable:\s+(\d+) kB/m.exec(machine ?? "")?.[1] ?? NaN);
  const left = [kilobytes * 1_024, Number(limit) - Number(used)].filter((bytes) => bytes > 0);
  return left.length === 0 ? undefined : PART * Math.min(...left);
}

/** Bytes of the files of a model. */
export async function directoryBytes(directory: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (!isDirectory) bytes += (await Deno.stat(`${directory}/${name}`)).size;
  }
  return bytes;
}
