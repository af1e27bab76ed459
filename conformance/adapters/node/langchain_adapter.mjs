// LangChain's OpenAI model: its chunks, added to one message.
import { ChatOpenAI } from "@langchain/openai";
import { serve, WIRE } from "./program.mjs";
import { ending, SERVER, serveNext, version } from "./wire.mjs";

const model = new ChatOpenAI({
  model: "gpt-4.1",
  apiKey: "none",
  maxRetries: 0,
  streamUsage: true,
  useResponsesApi: WIRE === "responses",
  configuration: { baseURL: SERVER, fetch: globalThis.fetch },
});

async function read(events) {
  serveNext(events);
  let message;
  let failed = false;
  try {
    for await (const chunk of await model.stream("Hello")) message = message ? message.concat(chunk) : chunk;
  } catch (error) {
    if (!/^(API|BadRequest|InternalServer|RateLimit).*Error$/.test(error?.constructor?.name ?? "")) throw error;
    failed = true;
  }
  if (!message) return { ending: failed ? "failed" : "broken" };
  const whole = new Set((message.tool_calls ?? []).map((call) => `${call.id} ${call.name}`));
  const counts = message.usage_metadata;
  return {
    choices: [
      {
        content: message.text,
        calls: (message.tool_call_chunks ?? []).map((call) => ({
          id: call.id ?? null,
          name: call.name ?? "",
          arguments: call.args ?? "",
          safe: whole.has(`${call.id} ${call.name}`),
        })),
      },
    ],
    usage: counts ? { prompt_tokens: counts.input_tokens, completion_tokens: counts.output_tokens } : null,
    ending: failed ? "failed" : ending(message.response_metadata.finish_reason ?? message.response_metadata.status),
  };
}

await serve(
  {
    name: "@langchain/openai",
    version: version("@langchain/openai"),
    claims: ["content", "calls", "ids", "safe", "usage", "ending"],
  },
  read,
);
