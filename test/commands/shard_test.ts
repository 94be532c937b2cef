import { deepEqual, equal, throws } from "node:assert/strict";
import { shardOf } from "../../src/commands/_shard.ts";

const NONE = { shard: undefined, "shard-count": undefined };

/** A process with these variables alone. */
function variables(values: Record<string, string>): (name: string) => string | undefined {
  return (name) => values[name];
}

Deno.test("shardOf() is all where nobody says anything", () => {
  equal(shardOf(NONE, variables({})), undefined);
});

Deno.test("shardOf() takes --shard before what a scheduler says", () => {
  const { index, count } = shardOf(
    { ...NONE, shard: "3/8" },
    variables({ AWS_BATCH_JOB_ARRAY_INDEX: "1", AWS_BATCH_JOB_ARRAY_SIZE: "2" }),
  )!;
  deepEqual([index, count], [3, 8]);
});

Deno.test("shardOf() counts Slurm's tasks from the first, by their step", () => {
  const job = {
    SLURM_ARRAY_TASK_ID: "11",
    SLURM_ARRAY_TASK_MIN: "5",
    SLURM_ARRAY_TASK_STEP: "2",
    SLURM_ARRAY_TASK_COUNT: "8",
  };
  const { index, count } = shardOf(NONE, variables(job))!;
  deepEqual([index, count], [3, 8]);
  throws(
    () => shardOf(NONE, variables({ ...job, SLURM_ARRAY_TASK_ID: "12" })),
    /SLURM_ARRAY_TASK_ID: expected a share from 0\/8 to 7\/8, found 3.5\/8/,
  );
});

Deno.test("shardOf() takes Kubernetes' index with a count from either place", () => {
  const index = { JOB_COMPLETION_INDEX: "2" };
  deepEqual(shardOf({ ...NONE, "shard-count": 4 }, variables(index))!.count, 4);
  deepEqual(shardOf(NONE, variables({ ...index, EARSHOT_SHARDS: "5" }))!.count, 5);
  throws(() => shardOf(NONE, variables(index)), /--shard-count or EARSHOT_SHARDS/);
});

Deno.test("shardOf() takes AWS Batch's index and size", () => {
  const job = { AWS_BATCH_JOB_ARRAY_INDEX: "0", AWS_BATCH_JOB_ARRAY_SIZE: "10" };
  const { index, count } = shardOf(NONE, variables(job))!;
  deepEqual([index, count], [0, 10]);
});

Deno.test("shardOf() refuses shares that there are not", () => {
  throws(() => shardOf({ ...NONE, shard: "8/8" }, variables({})), /from 0\/8 to 7\/8, found 8\/8/);
  throws(() => shardOf({ ...NONE, shard: "1" }, variables({})), /expected I\/N as 0\/8, found "1"/);
  const odd = { JOB_COMPLETION_INDEX: "x" };
  throws(() => shardOf(NONE, variables(odd)), /"JOB_COMPLETION_INDEX": expected a whole number/);
});
