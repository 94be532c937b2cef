/**
 * The service under load: `deno task load [options]`. Prints a table, and ends with 1 where something is not as it has
 * to be.
 *
 * The service is a process of its own, on the second core where there are two; this one sends, from the first. Nothing
 * else may run meanwhile: times are the machine's as much as the service's. Peers and memory have all cores.
 *
 * @module
 */
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { directoryFor, presetDirectory } from "../_models.ts";
import { ROOT } from "../_process.ts";
import { faults } from "./_faults.ts";
import { type Finding, reported } from "./_finding.ts";
import { memoryUnder } from "./_memory.ts";
import { peers } from "./_peers.ts";
import { capacityOf, loaded, type LoadPlan } from "./_phases.ts";
import { tableOf, tableOfServices, writeTable } from "./_written.ts";
import {
  endSignal,
  HOST_NAMES,
  type HostName,
  isHere,
  type ServiceName,
  SERVICES,
  whileServing,
} from "./_services.ts";

const PHASES = ["load", "faults", "memory", "peers"] as const;

const HELP = `deno task load [options]

  --phases NAME,...      of ${PHASES.join(", ")} (load,faults)
  --capacity             only how many clips a second each service answers
  --services NAME,...    of ${SERVICES.join(", ")}; hosts: all but the first (serve)
  --model DIR            what is served (models/voice_menu)
  --rate N               clips a second (half the capacity)
  --minutes N            at that rate (10)
  --overload-minutes N   at ten times the rate (2)
  --hostile-seconds N    of good requests beside hostile ones (60)
  --python PROGRAM       for peers: a Python with fastapi, uvicorn, torch, transformers, soundfile
  --node PROGRAM         for peers: Node of version 20 or later (node)
  --peer-seconds N       of each number of clients (6)
  --write                puts the table into docs/serving.md
  --json                 lines of JSON in the place of a table`;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    capacity: { type: "boolean" },
    services: { type: "string", default: "serve" },
    model: { type: "string", default: "models/voice_menu" },
    rate: { type: "string" },
    minutes: { type: "string", default: "10" },
    "overload-minutes": { type: "string", default: "2" },
    "hostile-seconds": { type: "string", default: "60" },
    phases: { type: "string", default: "load,faults" },
    python: { type: "string", default: "python3" },
    node: { type: "string", default: "node" },
    "peer-seconds": { type: "string", default: "6" },
    write: { type: "boolean" },
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

/** The names in an option, each of which is one of some. */
function named<Name extends string>(text: string, names: readonly Name[]): Name[] {
  const odd = text.split(",").find((name) => !names.includes(name as Name));
  if (odd === undefined) return text.split(",") as Name[];
  console.error(`Cannot load "${odd}": expected one of ${names.join(", ")}`);
  return Deno.exit(2);
}

function services(): ServiceName[] {
  const names = values.services === "hosts" ? HOST_NAMES : named(values.services, SERVICES);
  const missing = names.filter((name) => !isHere(name));
  if (missing.length > 0) console.error(`Left out, run .ci/runtimes: ${missing.join(", ")}`);
  return names.filter(isHere);
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
  // All threads: those that send and receive are not the one that was first.
  const args = ["-apc", "0", String(Deno.pid)];
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

/** All findings of a service, or of a phase that starts services of its own. */
interface Part {
  name: string;
  findings: () => AsyncGenerator<Finding>;
}

function ofService(name: ServiceName, folder: string): AsyncGenerator<Finding> {
  return reported(async (report) => {
    const core = await coreOfService();
    await whileServing(name, { model: values.model, folder, core }, async (service) => {
      if (values.capacity) {
        const perSecond = await capacityOf(service.url, CAPACITY_SECONDS);
        const found = perSecond.toFixed(1);
        return report({ phase: "capacity", what: "clips a second", found });
      }
      const plan = { ...planOf(), endSignal: endSignal(name) };
      for await (const finding of loaded(service, plan)) report(finding);
    });
  });
}

async function* printed(name: string, findings: AsyncGenerator<Finding>): AsyncGenerator<Finding> {
  for await (const finding of findings) {
    print(name, finding);
    yield finding;
  }
}

async function* memory(folder: string): AsyncGenerator<Finding> {
  for (const [preset, maxMb] of [["small", 160], ["base", 400]] as const) {
    const scratch = `${folder}/memory-${preset}`;
    await Deno.mkdir(scratch, { recursive: true });
    const original = await presetDirectory(preset, `${scratch}/model`);
    if (preset === "small") {
      yield* memoryUnder({ name: "small, 32 bits", model: original, maxMb }, folder);
    }
    const model = await directoryFor("q8", { root: ROOT, original, scratch });
    yield* memoryUnder({ name: `${preset}, 8 bits`, model, maxMb }, folder);
  }
}

function parts(folder: string): Part[] {
  const phases = values.capacity ? ["load"] : named(values.phases, PHASES);
  const options = {
    ...{ python: values.python, node: values.node },
    seconds: Number(values["peer-seconds"]),
  };
  const others: Readonly<Record<string, () => AsyncGenerator<Finding>>> = {
    faults: () => printed("faults", faults(values.model)),
    memory: () => printed("memory", memory(folder)),
    peers: () => printed("peers", peers(options, folder)),
  };
  const names = phases.includes("load") ? services() : [];
  return [
    ...phases.filter((phase) => phase !== "load").map((name) => ({
      name,
      findings: others[name]!,
    })),
    // The last: it keeps this process to one core.
    ...names.map((name) => ({ name, findings: () => printed(name, ofService(name, folder)) })),
  ];
}

async function run(): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores`;
  const about = `${machine}, Deno ${Deno.version.deno}, ${new Date().toISOString().slice(0, 10)}`;
  const command = `deno task load ${Deno.args.filter((text) => text !== "--write").join(" ")}`
    .trim();
  if (!values.json) console.log(about);
  let isRight = true;
  try {
    const shown = command.replace(values.python, "PYTHON").replace(values.node, "node");
    const ofHosts: Record<string, Finding[]> = {};
    for (const { name, findings } of parts(folder)) {
      const found = await Array.fromAsync(findings());
      if (found.some((finding) => finding.isRight === false)) isRight = false;
      if (!values.write) continue;
      if (HOST_NAMES.includes(name as HostName)) ofHosts[name] = found;
      else await writeTable(name, tableOf(found, `**${name}** (\`${shown}\`, ${about}):`));
    }
    if (Object.keys(ofHosts).length > 0) {
      const title = `**Bundles on their hosts** (\`${shown}\`, ${about}):`;
      await writeTable("hosts", tableOfServices(ofHosts, title));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return isRight;
}

if (values.help) console.log(HELP);
else Deno.exit(await run() ? 0 : 1);
