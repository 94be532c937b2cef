/**
 * Which share of a list this process has: as it was given, or as a scheduler says it.
 *
 * | scheduler | variables |
 * | --- | --- |
 * | Slurm, job arrays | `(SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN) / SLURM_ARRAY_TASK_STEP` of `SLURM_ARRAY_TASK_COUNT` |
 * | Kubernetes, Indexed Jobs | `JOB_COMPLETION_INDEX` of `--shard-count`, or of `EARSHOT_SHARDS` |
 * | AWS Batch, array jobs | `AWS_BATCH_JOB_ARRAY_INDEX` of `AWS_BATCH_JOB_ARRAY_SIZE` |
 *
 * @module
 */
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";

/** A share of a list: every `count`-th item, from number `index` on. */
export interface Shard {
  /** From 0. */
  index: number;
  count: number;
  /** Where it was said. */
  from: string;
}

/** The options that say it. */
export const SHARD_OPTIONS = {
  shard: { kind: "string", value: "I/N", help: "the share of the recordings, from 0/N to N-1/N" },
  "shard-count": {
    kind: "number",
    whole: true,
    min: 1,
    help: "shares in all, where the scheduler says only which (Kubernetes)",
  },
} as const satisfies OptionSpecs;

/** Reads a variable. */
export type Variables = (name: string) => string | undefined;

/**
 * The share that was asked for; undefined where it is all.
 *
 * @throws {UsageError} for a share that there is not, or half of what says it.
 */
export function shardOf(
  { shard, "shard-count": count }: OptionValues<typeof SHARD_OPTIONS>,
  variable: Variables,
): Shard | undefined {
  if (shard !== undefined) {
    const [, index, all] = shard.match(/^(\d+)\/(\d+)$/) ?? [];
    if (index !== undefined) return checked(Number(index), Number(all), "--shard");
    throw new UsageError(`Cannot use argument "--shard": expected I/N as 0/8, found "${shard}"`);
  }
  return slurmShard(variable) ?? kubernetesShard(variable, count) ?? awsBatchShard(variable);
}

function slurmShard(variable: Variables): Shard | undefined {
  const id = whole("SLURM_ARRAY_TASK_ID", variable);
  if (id === undefined) return undefined;
  const from = "SLURM_ARRAY_TASK_ID";
  const min = whole("SLURM_ARRAY_TASK_MIN", variable) ?? 0;
  const step = whole("SLURM_ARRAY_TASK_STEP", variable) ?? 1;
  const count = whole("SLURM_ARRAY_TASK_COUNT", variable);
  if (count === undefined) throw missing("SLURM_ARRAY_TASK_COUNT", from);
  return checked((id - min) / step, count, from);
}

function kubernetesShard(variable: Variables, given: number | undefined): Shard | undefined {
  const index = whole("JOB_COMPLETION_INDEX", variable);
  if (index === undefined) return undefined;
  const count = given ?? whole("EARSHOT_SHARDS", variable);
  if (count !== undefined) return checked(index, count, "JOB_COMPLETION_INDEX");
  throw missing("--shard-count or EARSHOT_SHARDS", "JOB_COMPLETION_INDEX");
}

function awsBatchShard(variable: Variables): Shard | undefined {
  const index = whole("AWS_BATCH_JOB_ARRAY_INDEX", variable);
  if (index === undefined) return undefined;
  const count = whole("AWS_BATCH_JOB_ARRAY_SIZE", variable);
  if (count !== undefined) return checked(index, count, "AWS_BATCH_JOB_ARRAY_INDEX");
  throw missing("AWS_BATCH_JOB_ARRAY_SIZE", "AWS_BATCH_JOB_ARRAY_INDEX");
}

function whole(name: string, variable: Variables): number | undefined {
  const value = variable(name);
  if (value === undefined || value === "") return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  throw new UsageError(`Cannot use variable "${name}": expected a whole number, found "${value}"`);
}

const HINT = "Say the share with --shard I/N";

function missing(name: string, from: string): UsageError {
  return new UsageError(`Cannot share out: expected ${name} beside ${from}, found none`, {
    hint: HINT,
  });
}

function checked(index: number, count: number, from: string): Shard {
  if (Number.isInteger(index) && index >= 0 && index < count) return { index, count, from };
  throw new UsageError(
    `Cannot share out by ${from}: expected a share from 0/${count} to ${count - 1}/${count}, ` +
      `found ${index}/${count}`,
    { hint: from === "--shard" ? undefined : HINT },
  );
}
