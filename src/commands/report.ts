/**
 * `report`: measures a model and writes what there is to see as one page; `eval` that shows instead of printing alone.
 *
 * @module
 */
import { type Command, defineCommand } from "./_command.ts";
import { reportPath } from "./_report.ts";
import { UNKNOWN_OPTION } from "./_unknown_clips.ts";
import { EVAL_OPTIONS, EVAL_OTHERS, measure } from "./eval.ts";

/** `report` on the command line. */
export const command: Command = defineCommand({
  usage: "report [--model DIR|ID] --data DIR|FILE|ID [--split test] [--report FILE]",
  options: {
    ...EVAL_OPTIONS,
    ...UNKNOWN_OPTION,
    report: {
      kind: "string",
      value: "FILE",
      help: "where the page goes (report.html beside the model)",
    },
  },
  others: EVAL_OTHERS,
  examples: [
    "report --model my-model --data path/to/recordings",
    "report --model my-model --data path/to/recordings --split all --report all.html",
    "report --model my-model --data path/to/streams --annotations path/to/streams/annotations.csv",
  ],
  run: async (parsed, out) => {
    const { report, model, unknown } = parsed.options;
    return await measure(parsed, out, { file: report ?? await reportPath(model), unknown });
  },
});
