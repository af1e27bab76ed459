// The openai client's own helper, `client.chat.completions.stream`: the completion that it accumulates.
import OpenAI from "openai";
import { serve } from "./program.mjs";
import { ending, SERVER, serveNext, version } from "./wire.mjs";

const client = new OpenAI({ apiKey: "none", baseURL: SERVER, maxRetries: 0, fetch: globalThis.fetch });

async function read(events) {
  serveNext(events);
  const stream = client.chat.completions.stream({ model: "m", messages: [] });
  let snapshot;
  let failed = false;
  stream.on("chunk", (_, whole) => (snapshot = whole));
  stream.on("error", () => {});
  try {
    await stream.done();
  } catch (error) {
    // errors such as "missing finish_reason" mean that the stream broke off
    if (!(error instanceof OpenAI.OpenAIError)) throw error;
    failed = error instanceof OpenAI.APIError;
  }
  const choices = (snapshot?.choices ?? []).filter(Boolean);
  const counts = snapshot?.usage;
  return {
    choices: choices.map((choice) => ({
      index: choice.index,
      content: choice.message.content ?? "",
      refusal: choice.message.refusal ?? "",
      calls: (choice.message.tool_calls ?? [])
        .filter(Boolean)
        .map((call) => ({ id: call.id ?? null, name: call.function?.name ?? "", arguments: call.function?.arguments ?? "" })),
    })),
    usage: counts ? { prompt_tokens: counts.prompt_tokens, completion_tokens: counts.completion_tokens } : null,
    ending: failed ? "failed" : ending(choices[0]?.finish_reason),
  };
}

await serve(
  {
    name: "openai",
    version: version("openai"),
    claims: ["content", "refusal", "calls", "ids", "usage", "ending", "choices"],
  },
  read,
);
