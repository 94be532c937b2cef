/**
 * A run as a page to look at.
 *
 * @module
 */
export { reportHtml } from "./report.ts";
export { wilsonInterval } from "./_scores.ts";
export type {
  ClipAudio,
  ClipPrediction,
  ReportData,
  ReportDetection,
  ReportLogEntry,
  ReportOptions,
  ReportProblemType,
  ReportRecording,
  SplitSummary,
} from "./report_data.ts";
