/**
 * The service under load: `deno task load [options]`. Prints a table, and ends with 1 where something is not as it has
 * to be.
 *
 * The service is a process of its own, on the second core where there are two; this one sends, from the first. Nothing
 * else may run meanwhile: times are the machine's as much as the service's.
 *
 * @module
 */
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { capacityOf, type Finding, loaded, type LoadPlan } from "./_phases.ts";
import { highestMb } from "./_observer.ts";
import { type ServiceName, SERVICES, whileServing } from "./_services.ts";

const HELP = `deno task load [options]

  --capacity             only how many clips a second each service answers
  --services NAME,...    of ${SERVICES.join(", ")} (all that can run here)
  --model DIR            what is served (models/voice_menu)
  --rate N               clips a second (half the capacity)
  --minutes N            at that rate (10)
  --overload-minutes N   at ten times the rate (2)
  --hostile-seconds N    of good requests beside hostile ones (60)
  --json                 lines of JSON in the place of a table`;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    capacity: { type: "boolean" },
    services: { type: "string" },
    model: { type: "string", default: "models/voice_menu" },
    rate: { type: "string" },
    minutes: { type: "string", default: "10" },
    "overload-minutes": { type: "string", default: "2" },
    "hostile-seconds": { type: "string", default: "60" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  },
});

const CAPACITY_SECONDS = 10;

function planOf(): LoadPlan {
  const steadySeconds = 60 * Number(values.minutes);
  return {
    ...values.rate !== undefined && { rate: Number(values.rate) },
    // A short trial tries everything for a short time.
    capacitySeconds: Math.min(CAPACITY_SECONDS, Math.max(1, steadySeconds)),
    steadySeconds,
    overloadSeconds: 60 * Number(values["overload-minutes"]),
    hostileSeconds: Number(values["hostile-seconds"]),
  };
}

async function services(): Promise<ServiceName[]> {
  const named = values.services?.split(",");
  const odd = named?.find((name) => !SERVICES.includes(name as ServiceName));
  if (odd !== undefined) {
    console.error(`Cannot load "${odd}": expected one of ${SERVICES.join(", ")}`);
    Deno.exit(2);
  }
  if (named) return named as ServiceName[];
  const runs = await Promise.all(SERVICES.map(async (name) => {
    return name !== "node" && name !== "bun" || await canRun(name);
  }));
  return SERVICES.filter((_, i) => runs[i]);
}

async function canRun(program: string): Promise<boolean> {
  try {
    const command = new Deno.Command(program, {
      ...{ args: ["--version"] },
      stdout: "null",
      stderr: "null",
    });
    return (await command.output()).success;
  } catch {
    return false;
  }
}

/** The sender stays on the first core, so that the second is the service's. */
async function coreOfService(): Promise<number | undefined> {
  if (availableParallelism() < 2 || !await canRun("taskset")) return undefined;
  const args = ["-pc", "0", String(Deno.pid)];
  await new Deno.Command("taskset", { args, stdout: "null" }).output();
  return 1;
}

function print(name: string, { phase, what, found, isRight }: Finding): void {
  if (values.json) {
    return console.log(JSON.stringify({ service: name, phase, what, found, isRight }));
  }
  const verdict = isRight === undefined ? "" : isRight ? "ok" : "NOT OK";
  console.log([name.padEnd(12), phase.padEnd(10), verdict.padEnd(6), what, "|", found].join("  "));
}

async function run(): Promise<boolean> {
  const plan = planOf();
  const names = await services();
  const core = await coreOfService();
  const folder = await Deno.makeTempDir();
  const isQuiet = values.json === true;
  if (!isQuiet) {
    const day = new Date().toISOString().slice(0, 10);
    console.log(
      `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores, ${day}`,
    );
  }
  let isRight = true;
  try {
    for (const name of names) {
      await whileServing(name, { model: values.model, folder, core }, async (service) => {
        if (values.capacity) {
          const perSecond = await capacityOf(service.url, CAPACITY_SECONDS);
          return print(name, {
            ...{ phase: "capacity", what: "clips a second", found: perSecond.toFixed(1) },
          });
        }
        for await (const finding of loaded(service, plan)) {
          print(name, finding);
          if (finding.isRight === false) isRight = false;
        }
        const found = `${(await highestMb(service.pid)).toFixed(0)} MB`;
        print(name, { phase: "all", what: "most that was ever resident", found });
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return isRight;
}

if (values.help) console.log(HELP);
else Deno.exit(await run() ? 0 : 1);
