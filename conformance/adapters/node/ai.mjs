// The AI SDK's `streamText`, with one of its providers.
import { streamText, tool } from "ai";
import { z } from "zod";
import { ending, serveNext } from "./wire.mjs";

const anything = tool({ description: "Takes anything.", inputSchema: z.any() });

/** Tools with all names in the events, because calls of unknown tools are ignored. */
function tools(events) {
  const entries = events.flatMap((event) => event?.choices ?? []).flatMap((choice) => choice?.delta?.tool_calls ?? []);
  const items = events.map((event) => event?.item?.name).filter((name) => typeof name === "string");
  const names = entries
    .map((entry) => entry?.function?.name)
    .concat(items).filter((name) => typeof name === "string" && name);
  return Object.fromEntries([...names, names.join("")].map((name) => [name, anything]));
}

/** Return a function that reads a response with this model: its parts, and the calls that it would run. */
export const reader = (model) => async (events) => {
  serveNext(events);
  const choice = { content: "", reasoning: "", calls: [] };
  let usage = null;
  let word;
  let failed = false;
  const result = streamText({ model, prompt: "Hello", tools: tools(events), maxRetries: 0, onError: () => {} });
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") choice.content += part.text;
    else if (part.type === "reasoning-delta") choice.reasoning += part.text;
    else if (part.type === "tool-call")
      choice.calls.push({ id: part.toolCallId, name: part.toolName, arguments: part.input ?? null, safe: !part.invalid });
    else if (part.type === "finish-step") word = part.rawFinishReason ?? part.finishReason;
    else if (part.type === "finish")
      usage = { prompt_tokens: part.totalUsage.inputTokens ?? null, completion_tokens: part.totalUsage.outputTokens ?? null };
    else if (part.type === "error") failed = true;
  }
  return { choices: [choice], usage, ending: failed ? "failed" : ending(word) };
};

export const CLAIMS = ["content", "reasoning", "calls", "ids", "safe", "usage", "ending"];
