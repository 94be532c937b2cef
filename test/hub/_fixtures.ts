/**
 * What tests of the hub begin with: the loopback hub, an empty cache, and options that lead to both.
 *
 * @module
 */
import { type HubOptions, type HubSettings, hubSettings } from "../../src/hub/settings.ts";
import { startHub, type TestHub, TOKEN } from "./hub.ts";

/** What a test gets. */
export interface HubTest {
  hub: TestHub;
  /** Of the hub's writer, with a cache of their own. */
  options: HubOptions & { endpoint: string; cacheDirectory: string };
  cacheDirectory: string;
  /** The options filled in, with pauses that take no time and are noted. */
  settings(changes?: HubOptions): Promise<HubSettings & { pauses: number[] }>;
}

/** Registers a test with a hub, and a folder that is removed afterwards. */
export function hubTest(name: string, fn: (test: HubTest) => Promise<void>): void {
  Deno.test(name, async () => {
    await using hub = startHub({ pageEntries: 3 });
    const cacheDirectory = await Deno.makeTempDir();
    const options = { endpoint: hub.url, token: TOKEN, cacheDirectory };
    const settings = async (changes: HubOptions = {}) => {
      const pauses: number[] = [];
      const pause = (ms: number) => Promise.resolve(void pauses.push(ms));
      return { ...await hubSettings({ ...options, ...changes }), pause, pauses };
    };
    try {
      await fn({ hub, options, cacheDirectory, settings });
    } finally {
      await Deno.remove(cacheDirectory, { recursive: true });
    }
  });
}

/** Bytes that look like none other, the same for the same seed. */
export function noise(sizeBytes: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: sizeBytes }, () => {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    return state >>> 24;
  });
}

/** All paths below a folder that are files or links, sorted, without locks and listings. */
export async function filesBelow(folder: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
    if (name === ".locks" || name === "trees") continue;
    if (isDirectory) found.push(...await filesBelow(folder, `${prefix}${name}/`));
    else found.push(prefix + name);
  }
  return found.sort();
}
