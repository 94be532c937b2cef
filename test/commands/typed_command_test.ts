import { equal } from "node:assert/strict";
import { typedCommand } from "../../src/commands/_typed_command.ts";

const MODULE = "src/commands/_typed_command.ts";

Deno.test("typedCommand() is a task in a checkout", () => {
  const place = { module: `file:///home/me/earshot/${MODULE}`, execPath: "/usr/bin/deno" };
  equal(typedCommand("train --output x", place), "deno task train --output x");
});

Deno.test("typedCommand() goes through npx where no shell finds the Deno that runs", () => {
  const module = `file:///home/me/earshot/${MODULE}`;
  const typed = (execPath: string) => typedCommand("serve", { module, execPath });
  const hidden = ["/home/me/.npm/_npx/5fb8/node_modules/deno/deno", "/app/node_modules/deno/deno"];
  for (const path of hidden) equal(typed(path), "npx --yes deno task serve");
  const global = [
    "/usr/lib/node_modules/deno/deno",
    "C:\\Users\\me\\AppData\\Roaming\\npm\\node_modules\\deno\\deno.exe",
  ];
  for (const path of global) equal(typed(path), "deno task serve");
});

Deno.test("typedCommand() names the published package where there are no tasks", () => {
  const execPath = "/usr/bin/deno";
  const places = [
    `https://registry.example/@earshot/earshot/0.2.0/${MODULE}`,
    `file:///home/me/app/node_modules/@jsr/earshot__earshot/${MODULE}`,
  ];
  for (const module of places) {
    const typed = typedCommand("predict a.wav", { module, execPath });
    equal(typed, "deno run -A jsr:@earshot/earshot/cli predict a.wav");
  }
});
