/**
 * A bundle for Cloudflare Workers on workerd, which is what runs there.
 *
 * @module
 */
import type { ServiceCommand } from "./_processes.ts";

/** What `wrangler.jsonc` says, of which `wrangler` makes what workerd reads. */
interface WranglerFile {
  main: string;
  compatibility_date: string;
  rules: { type: "ESModule" | "CompiledWasm" | "Data"; globs: string[] }[];
}

const KINDS = { ESModule: "esModule", CompiledWasm: "wasm", Data: "data" } as const;

/** How workerd runs a bundle; `bindings` are in its own words. */
export async function workerdCommand(
  program: string,
  cwd: string,
  bindings: readonly string[] = [],
): Promise<ServiceCommand> {
  const wrangler: WranglerFile = JSON.parse(await Deno.readTextFile(`${cwd}/wrangler.jsonc`));
  const modules = wrangler.rules.flatMap(({ type, globs }) =>
    globs.flatMap((glob) => glob === "*.wasm" ? ["kernels.wasm", "opus.wasm"] : [glob])
      .map((name) => moduleOf(name, KINDS[type]))
  );
  const port = freePort();
  await Deno.writeTextFile(
    `${cwd}/workerd.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${[moduleOf(wrangler.main, "esModule"), ...modules].join(", ")}],
  bindings = [${bindings.join(", ")}],
  compatibilityDate = "${wrangler.compatibility_date}",
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
