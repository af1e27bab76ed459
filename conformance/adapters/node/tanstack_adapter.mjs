// TanStack AI: the events of its adapter for OpenAI-compatible servers, on either wire.
import { openaiCompatible } from "@tanstack/ai-openai/compatible";
import { serve, WIRE } from "./program.mjs";
import { ending, SERVER, serveNext, version } from "./wire.mjs";

const adapter = openaiCompatible({
  baseURL: SERVER,
  apiKey: "none",
  maxRetries: 0,
  fetch: globalThis.fetch,
  models: ["m"],
  api: { chat: "chat-completions", responses: "responses" }[WIRE],
})("m");
const logger = new Proxy({}, { get: () => () => {} });

async function read(events) {
  serveNext(events);
  const choice = { content: "", reasoning: "", calls: [] };
  let usage = null;
  let word;
  let failed = false;
  const request = { model: "m", messages: [{ role: "user", content: "Hello" }], logger };
  for await (const event of adapter.chatStream(request)) {
    const call = choice.calls.find((each) => each.id === event.toolCallId);
    if (event.type === "TEXT_MESSAGE_CONTENT") choice.content += event.delta;
    else if (event.type === "REASONING_MESSAGE_CONTENT") choice.reasoning += event.delta;
    else if (event.type === "TOOL_CALL_START") choice.calls.push({ id: event.toolCallId, name: event.toolCallName, arguments: "" });
    else if (event.type === "TOOL_CALL_ARGS" && call) call.arguments += event.delta;
    else if (event.type === "RUN_ERROR") failed = true;
    else if (event.type === "RUN_FINISHED") {
      word = event.finishReason;
      usage = event.usage ?? null;
    }
  }
  return {
    choices: [choice],
    usage: usage && { prompt_tokens: usage.promptTokens, completion_tokens: usage.completionTokens },
    ending: failed ? "failed" : ending(word),
  };
}

await serve(
  {
    name: "@tanstack/ai-openai",
    version: version("@tanstack/ai-openai"),
    claims: ["content", "reasoning", "calls", "ids", "usage", "ending"],
  },
  read,
);
