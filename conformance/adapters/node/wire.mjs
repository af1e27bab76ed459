// Chat Completions on the wire: what finish reasons mean, and `fetch` that answers with given events.
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

/** What a finish reason means, of parsers that give it as it came or in their own word; any other is taken for a cut. */
export const ending = (word) => (word == null ? "broken" : (ENDINGS[word] ?? "cut"));

/** The version of a package that is installed beside this file. */
export const version = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8")).version;

let body = "";

/** Answer the next request with these events; a response that never finished did not say that it is done either. */
export function serveNext(events) {
  const lines = events.map((event) => `data: ${JSON.stringify(event)}\n\n`);
  const finished = lines.some((line) => line.includes('"finish_reason":"'));
  body = lines.join("") + (finished ? "data: [DONE]\n\n" : "");
}

globalThis.fetch = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });

export const SERVER = "http://server.invalid/v1";
