import { deepEqual, equal, match, throws } from "node:assert/strict";
import {
  nearest,
  type OptionSpecs,
  parseArguments,
  shellWords,
  UsageError,
} from "../../src/commands/_arguments.ts";
import { helpOf } from "../../src/commands/_command.ts";

const SPECS: OptionSpecs = {
  data: { kind: "text", help: "" },
  rate: { kind: "number", help: "" },
  fast: { kind: "flag", help: "", on: true },
  help: { kind: "flag", help: "" },
};

function parsed(...args: string[]) {
  const { options, files } = parseArguments(args, SPECS);
  return [{ ...options }, files];
}

function refuses(args: string[], message: RegExp, hint?: string): void {
  throws(() => parseArguments(args, SPECS), (error) => {
    equal(error instanceof UsageError && error.hint, hint);
    return message.test((error as Error).message);
  });
}

Deno.test("parseArguments() takes options in both spellings, flags and files", () => {
  deepEqual(parsed("--data", "a b", "x", "--rate=1e-3", "--no-fast", "-"), [
    { data: "a b", rate: 0.001, fast: false },
    ["x", "-"],
  ]);
  deepEqual(parsed("-h"), [{ help: true }, []]);
  deepEqual(parsed("--rate", "-1"), [{ rate: -1 }, []]);
  deepEqual(parsed("--data", "a", "--data", "b"), [{ data: "b" }, []]);
});

Deno.test("parseArguments() takes the spelling of transformers' scripts", () => {
  const given = parseArguments(["--learning_rate=1e-3", "--dataset_name", "a_b"], {
    ...SPECS,
    "learning-rate": { kind: "number", help: "" },
  });
  deepEqual({ ...given.options }, { "learning-rate": 0.001, data: "a_b" });
  deepEqual(given.args, ["--learning_rate=1e-3", "--dataset_name", "a_b"]);
  deepEqual(parsed("--", "--dataset_name"), [{}, ["--dataset_name"]]);
  refuses(["--do_train"], /"--do_train": there is none of that name$/, "--help lists all");
});

Deno.test("helpOf() puts the help of a long option on a line of its own", () => {
  const long = { kind: "text", value: "one|two|three|four|five|six|seven|eight", help: "which" };
  const options = { data: SPECS.data!, name: long as OptionSpecs[string] };
  const lines = helpOf("do it", {
    usage: "x",
    options,
    examples: [],
    run: () => Promise.resolve(0),
  })
    .split("\n");
  const at = lines.findIndex((line) => line.includes("--name"));
  equal(lines[at], `  --name ${long.value}`);
  match(lines[at + 1]!, /^ {10,}which$/);
});

Deno.test("parseArguments() takes everything after -- as files", () => {
  deepEqual(parsed("--fast", "--", "--data", "-x"), [{ fast: true }, ["--data", "-x"]]);
});

Deno.test("parseArguments() names an unknown option and the nearest", () => {
  refuses(["--dta", "x"], /"--dta": there is none of that name$/, "Did you mean --data?");
  refuses(["-x"], /"-x"/, "--help lists all");
  refuses(["--no-data"], /"--no-data"/, "--help lists all");
  refuses(["--toString"], /"--toString"/, "--help lists all");
});

Deno.test("parseArguments() refuses a missing or wrong value", () => {
  refuses(["--data"], /"--data": expected a value, found none$/);
  refuses(["--data="], /"--data": expected a value, found none$/);
  refuses(["--data", "--fast"], /"--data": expected a value, found "--fast"$/);
  refuses(["--rate", "quick"], /"--rate": expected a number, found "quick"$/);
  refuses(["--fast=yes"], /"--fast": expected no value, found "yes"$/);
});

Deno.test("parseArguments() lets a value begin with a dash behind =", () => {
  deepEqual(parsed("--data=-x"), [{ data: "-x" }, []]);
});

Deno.test("nearest() finds a word with few other letters, or none", () => {
  equal(nearest("evl", ["train", "eval"]), "eval");
  equal(nearest("learning_rate", ["learning-rate", "seed"]), "learning-rate");
  equal(nearest("banana", ["train", "eval"]), undefined);
  equal(nearest("x", []), undefined);
});

Deno.test("shellWords() quotes what a shell would take apart", () => {
  equal(shellWords(["train", "--data", "my clips/it's"]), `train --data 'my clips/it'\\''s'`);
  equal(shellWords(["a=b", "./c-d_e.f"]), "a=b ./c-d_e.f");
});
