/**
 * `report`: measures a model and writes what there is to see as one page; `eval` that shows instead of printing alone.
 *
 * @module
 */
import type { Command } from "./_command.ts";
import { reportPath } from "./_report.ts";
import { evaluationCommand } from "./eval.ts";

/** `report` on the command line. */
export const command: Command = evaluationCommand({
  usage: "report [--model DIR|ID] --data DIR|FILE|ID [--split test] [--report FILE]",
  examples: [
    "report --model my-model --data path/to/recordings",
    "report --model my-model --data path/to/recordings --split all --report all.html",
  ],
  reportOf: reportPath,
});
