import { equal, match, ok, rejects } from "node:assert/strict";
import { type HubTest, hubTest } from "../hub/_fixtures.ts";
import { READ_TOKEN, TOKEN } from "../hub/hub.ts";
import { cli, cliOk, jsonLines } from "./_command_line.ts";

const UNKNOWN = "hf_nobodysToken0123456789";

function environment({ hub, cacheDirectory }: HubTest): Record<string, string> {
  return { HF_ENDPOINT: hub.url, HF_HOME: `${cacheDirectory}/home`, HF_TOKEN: "" };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

hubTest("login keeps the token of standard input for its owner alone", async (test) => {
  const env = environment(test);
  const { stdout, stderr } = await cliOk(["login"], { env, stdin: bytes(`${TOKEN}\n`) });
  const path = `${env.HF_HOME}/token`;
  equal(stdout, `Logged in as acme; the token "test" is in ${path}\n`);
  equal(stderr, "");
  equal(await Deno.readTextFile(path), TOKEN);
  equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  equal((await Deno.stat(env.HF_HOME!)).mode! & 0o777, 0o700);
});

hubTest("login replaces a token that others could read", async (test) => {
  const env = environment(test);
  await Deno.mkdir(env.HF_HOME!);
  await Deno.writeTextFile(`${env.HF_HOME}/token`, "hf_old", { mode: 0o644 });
  await cliOk(["login"], { env, stdin: bytes(TOKEN) });
  equal((await Deno.stat(`${env.HF_HOME}/token`)).mode! & 0o777, 0o600);
});

hubTest("login takes HF_TOKEN, and says what it may do", async (test) => {
  const env = { ...environment(test), HF_TOKEN: READ_TOKEN };
  const result = await cliOk(["login", "--json"], { env });
  const { stdout, stderr } = result;
  const [event] = jsonLines<Record<string, string>>(result);
  equal(event?.name, "guest");
  equal(event?.role, "read");
  match(stderr, /It may read\. Pushing takes one that may write/);
  ok(!(stdout + stderr).includes(READ_TOKEN));
});

hubTest("login keeps no token that the hub does not know, and shows none", async (test) => {
  const env = environment(test);
  const { code, stdout, stderr } = await cli(["login", "--verbose"], {
    env,
    stdin: bytes(UNKNOWN),
  });
  equal(code, 1);
  match(
    stderr,
    /^Cannot log in: expected a token that the hub knows, found another\n- Make another/,
  );
  ok(!(stdout + stderr).includes(UNKNOWN));
  await rejects(Deno.stat(`${env.HF_HOME}/token`), Deno.errors.NotFound);
});

hubTest("a token on the command line is refused, and not repeated", async (test) => {
  const env = environment(test);
  for (
    const args of [["login", TOKEN], ["login", "--token", TOKEN], ["push", `--hub-token=${TOKEN}`]]
  ) {
    const { code, stdout, stderr } = await cli([...args, "--verbose"], { env });
    equal(code, 2);
    match(stderr, /^Cannot take a token from .*HF_TOKEN.*history keeps it\n- Make another token/);
    ok(!(stdout + stderr).includes(TOKEN), args.join(" "));
  }
  equal(test.hub.requests.length, 0);
});

hubTest("login without a token says where it may come from", async (test) => {
  const { code, stderr } = await cli(["login"], { env: environment(test) });
  equal(code, 2);
  match(stderr, /^Cannot log in: expected a token, found none\n- Give it on standard input/);
});

hubTest("login --logout removes the token, once", async (test) => {
  const env = environment(test);
  await cliOk(["login"], { env, stdin: bytes(TOKEN) });
  const { stdout } = await cliOk(["login", "--logout"], { env });
  match(stdout, /^Removed .*token\nThe hub knows the token until it is revoked there\n$/);
  equal((await cliOk(["login", "--logout"], { env })).stdout, "There is no stored token\n");
});
