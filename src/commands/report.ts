/**
 * `report`: measures a model and writes what there is to see as one page; `eval` that shows instead of printing alone.
 *
 * @module
 */
import type { Command } from "./_command.ts";
import { reportPath } from "./_report.ts";
import { command as evaluation } from "./eval.ts";

/** `report` on the command line. */
export const command: Command = {
  ...evaluation,
  usage: "report [--model DIR|ID] --data DIR|FILE|ID [--split test] [--report FILE]",
  examples: [
    "report --model my-model --data path/to/recordings",
    "report --model my-model --data path/to/recordings --split all --report all.html",
  ],
  run: async (parsed, out) => {
    const { options } = parsed;
    const report = options.report ?? await reportPath(options.model);
    return await evaluation.run({ ...parsed, options: { ...options, report } }, out);
  },
};
