// The OpenAI Agents SDK over either wire: the response that its model streams at the end.
import { OpenAIChatCompletionsModel, OpenAIResponsesModel, setTracingDisabled } from "@openai/agents";
import OpenAI from "openai";
import { serve, WIRE } from "./program.mjs";
import { SERVER, serveNext, version } from "./wire.mjs";

setTracingDisabled(true);
const client = new OpenAI({ apiKey: "none", baseURL: SERVER, maxRetries: 0, fetch: globalThis.fetch });
const Model = { chat: OpenAIChatCompletionsModel, responses: OpenAIResponsesModel }[WIRE];
const model = new Model(client, "gpt-4.1");
const REQUEST = { input: "Hello", modelSettings: {}, tools: [], outputType: "text", handoffs: [], tracing: false };

async function read(events) {
  serveNext(events);
  let final;
  try {
    for await (const event of model.getStreamedResponse(REQUEST)) if (event.type === "response_done") final = event.response;
  } catch (error) {
    if (!/^(API|BadRequest|InternalServer|RateLimit|ModelBehavior).*Error$/.test(error?.constructor?.name ?? "")) throw error;
  }
  if (!final) return { ending: "failed" };
  const parts = final.output.filter((item) => item.type === "message").flatMap((item) => item.content);
  return {
    choices: [
      {
        content: parts.filter((part) => part.type === "output_text").map((part) => part.text).join(""),
        refusal: parts.filter((part) => part.type === "refusal").map((part) => part.refusal).join(""),
        calls: final.output
          .filter((item) => item.type === "function_call")
          .map((item) => ({ id: item.callId, name: item.name, arguments: item.arguments })),
      },
    ],
    usage: { prompt_tokens: final.usage.inputTokens, completion_tokens: final.usage.outputTokens },
  };
}

await serve(
  {
    name: "@openai/agents",
    version: version("@openai/agents"),
    // Reasoning is not claimed, because it reads only the field `reasoning`.
    claims: ["content", "refusal", "calls", "ids", "usage"],
  },
  read,
);
