/**
 * Everything that reads bytes of strangers, by the name that `deno task fuzz` takes.
 *
 * @module
 */
import { AUDIO_TARGETS } from "./audio.ts";
import { CONFIG_TARGETS } from "./configs.ts";
import { RUN_TARGETS } from "./runs.ts";
import { SOUND_EVENT_TARGETS } from "./sound_events.ts";
import { TABLE_TARGETS } from "./tables.ts";
import type { FuzzTarget } from "./target.ts";
import { WEIGHT_TARGETS } from "./weights.ts";

/** All parsers. */
export const TARGETS: Readonly<Record<string, FuzzTarget>> = {
  ...AUDIO_TARGETS,
  ...WEIGHT_TARGETS,
  ...CONFIG_TARGETS,
  ...TABLE_TARGETS,
  ...RUN_TARGETS,
  ...SOUND_EVENT_TARGETS,
};
