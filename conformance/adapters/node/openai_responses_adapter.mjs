// The openai client's own helper, `client.responses.stream`: the response that ends the stream, or the deltas.
import OpenAI from "openai";
import { serve } from "./program.mjs";
import { ending, SERVER, serveNext, version } from "./wire.mjs";

const client = new OpenAI({ apiKey: "none", baseURL: SERVER, maxRetries: 0, fetch: globalThis.fetch });
const ENDS = ["response.completed", "response.incomplete", "response.failed"];

async function read(events) {
  serveNext(events);
  let response;
  let failed = false;
  const deltas = { content: "", reasoning: "" };
  const items = [];
  const stream = client.responses.stream({ model: "m", input: "Hello" });
  stream.on("error", () => {});
  try {
    for await (const event of stream) {
      if (ENDS.includes(event.type)) response = event.response;
      else if (event.type === "response.output_text.delta") deltas.content += event.delta;
      else if (event.type === "response.reasoning_summary_text.delta") deltas.reasoning += event.delta;
      else if (event.type.startsWith("response.output_item.")) items[event.output_index] = event.item;
      else if (event.type === "error") failed = true;
    }
  } catch (error) {
    // errors such as "stream ended without" mean that the stream broke off
    if (!(error instanceof OpenAI.OpenAIError)) throw error;
    failed ||= error instanceof OpenAI.APIError;
  }
  const output = response?.output ?? items.filter(Boolean);
  const texts = (type, parts) => output.filter((item) => item.type === type).flatMap((item) => item[parts] ?? []);
  const counts = response?.usage;
  return {
    choices: [
      {
        content: response ? texts("message", "content").map((part) => part.text ?? "").join("") : deltas.content,
        reasoning: response ? texts("reasoning", "summary").map((part) => part.text).join("") : deltas.reasoning,
        calls: output
          .filter((item) => ["function_call", "custom_tool_call"].includes(item.type))
          .map((item) => ({ id: item.call_id, name: item.name, arguments: item.input ?? item.arguments })),
      },
    ],
    usage: counts ? { prompt_tokens: counts.input_tokens, completion_tokens: counts.output_tokens } : null,
    ending: failed ? "failed" : ending(response?.status),
  };
}

await serve(
  {
    name: "openai",
    version: version("openai"),
    claims: ["content", "reasoning", "calls", "ids", "usage", "ending", "custom_tools"],
  },
  read,
);
