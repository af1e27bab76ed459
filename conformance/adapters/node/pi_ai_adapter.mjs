// pi-ai: the message that its stream of either wire ends with.
import { streamOpenAICompletions } from "@earendil-works/pi-ai/openai-completions";
import { streamOpenAIResponses } from "@earendil-works/pi-ai/openai-responses";
import { serve, WIRE } from "./program.mjs";
import { SERVER, serveNext, version } from "./wire.mjs";

const open = { chat: streamOpenAICompletions, responses: streamOpenAIResponses }[WIRE];
const model = {
  id: "m",
  name: "m",
  api: { chat: "openai-completions", responses: "openai-responses" }[WIRE],
  provider: "server",
  baseUrl: SERVER,
  reasoning: true,
  input: ["text"],
  cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  contextWindow: 1000,
  maxTokens: 1000,
};
const ENDINGS = { stop: "complete", toolUse: "complete", length: "cut", error: "failed", aborted: "failed" };

async function read(events) {
  serveNext(events);
  const stream = open(model, { messages: [{ role: "user", content: "Hello", timestamp: 0 }] }, { apiKey: "none" });
  let message;
  for await (const event of stream) {
    if (event.type === "done") message = event.message;
    if (event.type === "error") message = event.error;
  }
  const of = (type) => message.content.filter((part) => part.type === type);
  return {
    choices: [
      {
        content: of("text").map((part) => part.text).join(""),
        reasoning: of("thinking").map((part) => part.thinking).join(""),
        calls: of("toolCall").map((part) => ({
          id: part.id.split("|")[0], // for Responses, the item's id follows
          name: part.name,
          arguments: part.arguments,
          safe: message.stopReason === "toolUse", // its agent runs the calls of such messages
        })),
      },
    ],
    usage: { prompt_tokens: message.usage.input + message.usage.cacheRead, completion_tokens: message.usage.output },
    ending: ENDINGS[message.stopReason],
  };
}

await serve(
  {
    name: "@earendil-works/pi-ai",
    version: version("@earendil-works/pi-ai"),
    claims: ["content", "reasoning", "calls", "ids", "safe", "usage", "ending"],
  },
  read,
);
