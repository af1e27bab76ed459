// Chat Completions on the wire: the meaning of finish reasons, and a `fetch` that answers with given events.
import { readFileSync } from "node:fs";

const ENDINGS = {
  stop: "complete",
  tool_calls: "complete",
  "tool-calls": "complete",
  toolUse: "complete",
  function_call: "complete",
  completed: "complete",
  incomplete: "cut",
  failed: "failed",
  end_turn: "complete",
  tool_use: "complete",
  stop_sequence: "complete",
  STOP: "complete",
  length: "cut",
  content_filter: "cut",
  "content-filter": "cut",
  error: "failed",
};

/** The meaning of finish reasons, as sent or in parsers' own words; any other word counts as a cut. */
export const ending = (word) => (word == null ? "broken" : (ENDINGS[word] ?? "cut"));

/** The version of a package that is installed next to this file. */
export const version = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8")).version;

let body = "";

/** Answer the next request with these events. `[DONE]` is omitted if no choice has finished. */
export function serveNext(events) {
  const lines = events.map((event) => `data: ${JSON.stringify(event)}\n\n`);
  const finished = lines.some((line) => line.includes('"finish_reason":"'));
  body = lines.join("") + (finished ? "data: [DONE]\n\n" : "");
}

globalThis.fetch = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });

export const SERVER = "http://server.invalid/v1";
