import { deepEqual, equal, throws } from "node:assert/strict";
import {
  nearest,
  type OptionSpecs,
  parseArguments,
  shellWords,
  UsageError,
} from "../../src/commands/_arguments.ts";

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
