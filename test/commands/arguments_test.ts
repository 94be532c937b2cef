import { deepEqual, equal, match, throws } from "node:assert/strict";
import {
  expectRequired,
  nearest,
  type OptionSpecs,
  parseArguments,
  shellWords,
  UsageError,
} from "../../src/commands/_arguments.ts";
import { helpOf } from "../../src/commands/_command.ts";

const SPECS: OptionSpecs = {
  data: { kind: "string", help: "" },
  rate: { kind: "number", help: "" },
  fast: { kind: "flag", help: "", on: true },
  help: { kind: "flag", help: "" },
};

/** The values that differ from what stands where nothing is given, and the files. */
function parsed(...args: string[]) {
  const { options, files } = parseArguments(args, { options: SPECS });
  const { fast, help, ...others } = options;
  return [{ ...others, ...!fast && { fast }, ...help && { help } }, files];
}

function refuses(args: string[], message: RegExp, hint?: string): void {
  throws(() => parseArguments(args, { options: SPECS }), (error) => {
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
    options: SPECS,
    others: { "learning-rate": { kind: "number", help: "" } },
  });
  deepEqual(given.others, { "learning-rate": 0.001 });
  equal(given.options.data, "a_b");
  deepEqual(given.args, ["--learning_rate=1e-3", "--dataset_name", "a_b"]);
  deepEqual(parsed("--", "--dataset_name"), [{}, ["--dataset_name"]]);
  refuses(["--do_train"], /"--do_train": there is none of that name$/, "--help lists all");
});

Deno.test("helpOf() puts the help of a long option on a line of its own", () => {
  const long = { kind: "string", value: "one|two|three|four|five|six|seven|eight", help: "which" };
  const options = { data: SPECS.data!, name: long as OptionSpecs[string] };
  const lines = helpOf("do it", { usage: "x", options, examples: [] }).split("\n");
  const at = lines.findIndex((line) => line.includes("--name"));
  equal(lines[at], `  --name ${long.value}`);
  match(lines[at + 1]!, /^ {10,}which$/);
});

Deno.test("parseArguments() takes everything after -- as files", () => {
  deepEqual(parsed("--fast", "--", "--data", "-x"), [{}, ["--data", "-x"]]);
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

Deno.test("parseArguments() fills in defaults, and nothing else", () => {
  const { options, others } = parseArguments(["--seed", "1"], {
    options: {
      port: { kind: "number", default: 8000, help: "" },
      hostname: { kind: "string", help: "" },
      json: { kind: "flag", help: "" },
    },
    others: { seed: { kind: "number", help: "" }, loop: { kind: "flag", help: "" } },
  });
  deepEqual(options, { port: 8000, json: false });
  deepEqual(others, { seed: 1 });
});

Deno.test("parseArguments() holds values against their kind and range", () => {
  const options: OptionSpecs = {
    port: { kind: "number", whole: true, min: 0, max: 65535, help: "" },
    share: { kind: "number", min: 0, help: "" },
    dtype: { kind: "choice", choices: ["q8", "f32"], help: "" },
    tags: { kind: "list", help: "" },
  };
  const given = parseArguments(["--tags", "a, b,,c", "--dtype", "q8"], { options });
  deepEqual(given.options, { tags: ["a", "b", "c"], dtype: "q8" });
  for (
    const [args, expected] of [
      [["--port", "70000"], "a whole number from 0 to 65535, found 70000"],
      [["--port", "1.5"], "a whole number from 0 to 65535, found 1.5"],
      [["--share", "-1"], "a number from 0, found -1"],
      [["--dtype", "q4"], 'one of q8, f32, found "q4"'],
      [["--tags", ","], 'words with commas between them, found ","'],
    ] as const
  ) {
    throws(() => parseArguments(args, { options }), (error) => {
      return error instanceof UsageError &&
        error.message === `Cannot use argument "${args[0]}": expected ${expected}`;
    });
  }
});

Deno.test("parseArguments() suggests nothing that means something else", () => {
  const options: OptionSpecs = { f16: { kind: "flag", help: "" }, bf: { kind: "flag", help: "" } };
  for (const name of ["--fp16", "--bf16", "--fp16-full-eval"]) {
    throws(() => parseArguments([name], { options }), {
      message: `Cannot use argument "${name}": there is none of that name`,
      hint: "Leave it out: training computes in 32 bits",
    });
  }
});

Deno.test("expectRequired() names the option that is missing, and its value", () => {
  const options: OptionSpecs = {
    output: { kind: "string", value: "DIR", required: true, help: "" },
  };
  expectRequired("export", parseArguments(["--output", "x"], { options }), options);
  throws(() => expectRequired("export", parseArguments([], { options }), options), {
    name: "UsageError",
    message: 'Cannot run command "export": expected argument "--output DIR", found none',
  });
});

Deno.test("helpOf() shows defaults and choices from the table", () => {
  const options: OptionSpecs = {
    port: { kind: "number", default: 8000, help: "where" },
    dtype: { kind: "choice", choices: ["q8", "f32"], default: "q8", help: "bits" },
  };
  const help = helpOf("do it", { usage: "x", options, examples: [] });
  match(help, /^ {2}--port N +where \(8000\)$/m);
  match(help, /^ {2}--dtype q8\|f32 +bits \(q8\)$/m);
});

Deno.test("nearest() finds a word with few other letters, or none", () => {
  equal(nearest("evl", ["train", "eval"]), "eval");
  equal(nearest("trian", ["train", "eval"]), "train");
  equal(nearest("tag", ["top", "data"]), undefined);
  equal(nearest("learning_rate", ["learning-rate", "seed"]), "learning-rate");
  equal(nearest("banana", ["train", "eval"]), undefined);
  equal(nearest("x", []), undefined);
});

Deno.test("shellWords() quotes what a shell would take apart", () => {
  equal(shellWords(["train", "--data", "my clips/it's"]), `train --data 'my clips/it'\\''s'`);
  equal(shellWords(["a=b", "./c-d_e.f"]), "a=b ./c-d_e.f");
});
