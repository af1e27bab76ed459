// The AI SDK with its provider for OpenAI, over Chat Completions.
import { createOpenAI } from "@ai-sdk/openai";
import { CLAIMS, reader } from "./ai.mjs";
import { serve } from "./program.mjs";
import { SERVER, version } from "./wire.mjs";

const provider = createOpenAI({ baseURL: SERVER, apiKey: "none" });
const about = `${version("@ai-sdk/openai")} with ai ${version("ai")}`;
const claims = CLAIMS.filter((claim) => claim !== "reasoning"); // OpenAI's own Chat Completions has none
await serve({ name: "@ai-sdk/openai", version: about, claims }, reader(provider.chat("gpt-4.1")));
