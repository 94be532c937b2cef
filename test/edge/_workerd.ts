/**
 * A bundle for Cloudflare Workers on workerd, which is what runs there.
 *
 * @module
 */
import type { ServiceCommand } from "./_processes.ts";

/** What `wrangler.jsonc` says, of which `wrangler` makes what workerd reads. */
interface WranglerFile {
  main: string;
  rules: { type: "ESModule" | "CompiledWasm" | "Data"; globs: string[] }[];
}

const KINDS = { ESModule: "esModule", CompiledWasm: "wasm", Data: "data" } as const;

/**
 * How workerd runs a bundle.
 *
 * @param bindings in its own words; they may name the service `store`.
 * @param storePort where that service is.
 */
export async function workerdCommand(
  program: string,
  cwd: string,
  bindings: readonly string[] = [],
  storePort = 1,
): Promise<ServiceCommand> {
  const wrangler: WranglerFile = JSON.parse(await Deno.readTextFile(`${cwd}/wrangler.jsonc`));
  const modules = wrangler.rules.flatMap(({ type, globs }) =>
    globs.flatMap((glob) => glob === "*.wasm" ? ["kernels.wasm", "opus.wasm"] : [glob])
      .map((name) => moduleOf(name, KINDS[type]))
  );
  const all = [moduleOf(wrangler.main, "esModule"), ...modules];
  return await commandFor(program, cwd, { modules: all, bindings, storePort });
}

/** How workerd runs a worker that does nothing, to see what it takes itself. */
export async function emptyWorkerCommand(program: string, cwd: string): Promise<ServiceCommand> {
  await Deno.writeTextFile(`${cwd}/empty.js`, "export default { fetch: () => new Response() };");
  return await commandFor(program, cwd, {
    modules: [moduleOf("empty.js", "esModule")],
    bindings: [],
    storePort: 1,
  });
}

async function commandFor(
  program: string,
  cwd: string,
  worker: { modules: readonly string[]; bindings: readonly string[]; storePort: number },
): Promise<ServiceCommand> {
  const port = freePort();
  await Deno.writeTextFile(
    `${cwd}/workerd.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "local"])),
    (name = "store", external = (address = "127.0.0.1:${worker.storePort}", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${worker.modules.join(", ")}],
  bindings = [${worker.bindings.join(", ")}],
  compatibilityDate = "2026-11-01",
);
`,
  );
  return { program, cwd, args: ["serve", "workerd.capnp"], url: `http://127.0.0.1:${port}/` };
}

function moduleOf(name: string, kind: string): string {
  return `(name = "${name}", ${kind} = embed "${name}")`;
}

/** One that nobody listens on now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
