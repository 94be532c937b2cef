/**
 * The table of settings: what it says, where values come from, and what becomes of wrong ones.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { createApp } from "../../edge/mod.ts";
import { readSettings, SettingError, settingsToWrite } from "../../edge/read_settings.ts";
import {
  appOptions,
  DEFAULT_SETTINGS,
  flagOf,
  keyOf,
  type Setting,
  SETTING_ROWS,
  SETTINGS_VARIABLES,
  variableOf,
} from "../../edge/settings.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { serviceOptions } from "../../src/commands/_service_options.ts";
import { cli, withFolder } from "../commands/_command_line.ts";
import { BUNDLE_COMMANDS, serveCommand, whileRunning } from "./_processes.ts";
import { fakeClassifier } from "./_served.ts";

const MODEL = "models/voice_menu";
const TOKEN = "a-token-that-nobody-guesses";

Deno.test("readSettings() takes a flag before a variable, and that before a file", async () => {
  const file = { name: "settings.json", values: { maxPending: 3, cors: ["http://c.example"] } };
  const variables: Record<string, string> = { EARSHOT_MAX_PENDING: "2", EARSHOT_CORS: " " };
  const variable = (name: string) => variables[name];
  const flags = { "max-pending": 1 };
  const [byFlag, byVariable, byFile, byNothing] = await Promise.all([
    readSettings({ flags, variable, file }),
    readSettings({ variable, file }),
    readSettings({ file }),
    readSettings({}),
  ]);
  deepEqual([byFlag.maxPending, byVariable.maxPending, byFile.maxPending], [1, 2, 3]);
  deepEqual(byVariable.cors, ["http://c.example"]);
  deepEqual(byNothing, {});
  equal(DEFAULT_SETTINGS.maxPending, 64);
});

Deno.test("readSettings() says where a wrong value stood", async () => {
  const wrong = (sources: Parameters<typeof readSettings>[0], line: RegExp) =>
    rejects(readSettings(sources), (error) => {
      ok(error instanceof SettingError);
      match(error.message, line);
      return true;
    });
  const variable = (values: Record<string, string>) => (name: string) => values[name];
  const values = (values: Record<string, unknown>) => ({ file: { name: "s.json", values } });
  await wrong(
    { variable: variable({ PORT: "http" }) },
    /^Cannot use variable "PORT": expected a whole number from 0 to 65535, found "http"$/,
  );
  await wrong({ variable: variable({ PORT: "80.5" }) }, /found "80.5"$/);
  await wrong(
    values({ maxBodyMb: true }),
    /^Cannot use "maxBodyMb" of "s.json": expected a number/,
  );
  await wrong(values({ maxbodymb: 1 }), /^Cannot use "maxbodymb" of "s.json": there is no setting/);
  await wrong(values({ cors: [1] }), /expected a list of texts, found \[1\]$/);
  await wrong({ flags: { cors: ["x"] } }, /^Cannot allow origin "x".*\(argument "--cors"\)$/);
  const secret = { EARSHOT_TEACH_TOKEN: "short secret" };
  await rejects(readSettings({ variable: variable(secret) }), (error: Error) => {
    return /16 or more/.test(error.message) && !error.message.includes("short");
  });
  const none = { EARSHOT_TEACH_TOKEN_FILE: "/none/here" };
  await wrong(
    { variable: variable(none) },
    /^Cannot use variable "EARSHOT_TEACH_TOKEN_FILE": .*file/,
  );
});

Deno.test("a secret comes from its variable or a file, and a bundle keeps the file's name", async () => {
  const readText = (path: string) => Promise.resolve(path === "secret" ? ` ${TOKEN}\n` : "");
  const file = { name: "settings.json", values: { teachTokenFile: "secret" } };
  for (
    const sources of [
      { flags: { "teach-token-file": "secret" } },
      { variable: (name: string) => name === "EARSHOT_TEACH_TOKEN" ? TOKEN : undefined },
      { variable: (name: string) => name === "EARSHOT_TEACH_TOKEN_FILE" ? "secret" : undefined },
      { file },
    ]
  ) equal((await readSettings({ ...sources, readText })).teachToken, TOKEN);
  deepEqual(settingsToWrite({ file, flags: { "max-bodies": 2 } }), {
    teachTokenFile: "secret",
    maxBodies: 2,
  });
  const written = { name: "s", values: { teachToken: TOKEN } };
  throws(() => settingsToWrite({ file: written }), /no setting of that name/);
});

Deno.test("every row has a name of its own in each place, and a variable that may be read", () => {
  for (const nameOf of [flagOf, variableOf, keyOf]) {
    const names = SETTING_ROWS.map(([name, row]) => nameOf(name, row));
    equal(new Set(names).size, names.length);
  }
  const pattern = new RegExp(`^(${SETTINGS_VARIABLES.join("|").replaceAll("*", "\\w+")})$`);
  for (const [name, row] of SETTING_ROWS) {
    match(variableOf(name, row), pattern);
    ok(!/\n/.test(row.help) && row.help.length < 100, name);
  }
  createApp(fakeClassifier(), appOptions(DEFAULT_SETTINGS));
});

/** How a default stands in the documentation. */
function shownDefault(row: Setting): string {
  const value = "default" in row ? row.default : undefined;
  return value === undefined ? "" : typeof value === "boolean" ? value ? "on" : "off" : `${value}`;
}

Deno.test("docs/serving.md has the table", async () => {
  const text = await Deno.readTextFile("docs/serving.md");
  const rows = text.split("\n").filter((line) =>
    /^\| `--[a-z-]+( [^`]+)?` +\| `[A-Z_]+` /.test(line)
  );
  const found = rows.map((line) => line.slice(2, -2).split(/ *\| */).map((cell) => cell.trim()));
  const specs = { ...serviceOptions("bundle"), ...serviceOptions("serve") };
  const expected = SETTING_ROWS.map(([name, row]) => {
    const flag = flagOf(name, row);
    const value = specs[flag]!.kind === "number" ? "N" : (specs[flag] as { value?: string }).value;
    return [
      `\`--${flag}${value ? ` ${value}` : ""}\``,
      `\`${variableOf(name, row)}\``,
      shownDefault(row),
      row.only === "serve" ? `${row.help} (\`serve\` alone)` : row.help,
    ];
  });
  deepEqual(found, expected);
});

Deno.test("serve ends with one line at a setting that makes no sense", async () => {
  await withFolder(async (folder) => {
    const settings = `${folder}/s.json`;
    await Deno.writeTextFile(settings, '{"port": "http"}');
    const runs: [string[], Record<string, string>, RegExp][] = [
      [
        [],
        { PORT: "http" },
        /^Cannot use variable "PORT": expected a whole number .*found "http"$/,
      ],
      [["--port", "http"], {}, /^Cannot use argument "--port": .*, found "http"$/],
      [["--settings", settings], {}, /^Cannot use "port" of ".*s.json": .*, found "http"$/],
      [["--settings", `${folder}/none`], {}, /^Cannot read ".*none": expected a file/],
    ];
    for (const [args, env, line] of runs) {
      const { code, stderr } = await cli(["serve", "--model", MODEL, ...args], { env });
      match(stderr.trimEnd(), line);
      equal(code, args.at(-1)?.endsWith("none") ? 1 : 2);
    }
  });
});

Deno.test("serve listens where PORT, a file and a flag say, in this order from the last", async () => {
  await withFolder(async (folder) => {
    const settings = `${folder}/s.json`;
    await Deno.writeTextFile(settings, '{"maxBodyMb": 1, "port": "0"}');
    const { args, ...rest } = serveCommand(MODEL, ["--settings", settings, "--max-body-mb", "2"]);
    const env = { EARSHOT_MAX_BODY_MB: "3" };
    await whileRunning({ ...rest, args, env }, async (url) => {
      equal((await (await fetch(url)).json()).maxBodyBytes, 2 * 2 ** 20);
    });
  });
});

Deno.test("a bundle keeps settings, its environment goes before, and a wrong one ends it", async () => {
  await withFolder(async (folder) => {
    const cwd = `${folder}/bundle`;
    const settings = { maxBodyMb: 1, maxPending: 7 };
    await bundle({ model: MODEL, output: cwd, settings });
    const env = { EARSHOT_MAX_BODY_MB: "3" };
    const allowed = "--allow-env=EARSHOT_*,PORT";
    for (const [verb, ...args] of BUNDLE_COMMANDS) {
      await whileRunning({ args: [verb!, allowed, ...args], cwd, env }, async (url) => {
        equal((await (await fetch(url)).json()).maxBodyBytes, 3 * 2 ** 20);
        match(await (await fetch(`${url}metrics`)).text(), /\nearshot_queue_limit 7\n/);
      });
      const options = { args: [verb!, allowed, ...args], cwd, env: { PORT: "http" } };
      const { code, stderr } = await new Deno.Command(Deno.execPath(), options).output();
      const lines = new TextDecoder().decode(stderr).trimEnd().split("\n");
      deepEqual([code, lines.length], [2, 1], lines.join("\n"));
      match(lines[0]!, /^Cannot use variable "PORT": expected a whole number .*, found "http"$/);
    }
  });
});
