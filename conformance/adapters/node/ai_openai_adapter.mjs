// The AI SDK with its provider for OpenAI, over either wire.
import { createOpenAI } from "@ai-sdk/openai";
import { CLAIMS, reader } from "./ai.mjs";
import { serve, WIRE } from "./program.mjs";
import { SERVER, version } from "./wire.mjs";

const provider = createOpenAI({ baseURL: SERVER, apiKey: "none" });
const about = `${version("@ai-sdk/openai")} with ai ${version("ai")}`;
// OpenAI's own Chat Completions has no reasoning.
const claims = CLAIMS.filter((claim) => claim !== "reasoning" || WIRE === "responses");
await serve({ name: "@ai-sdk/openai", version: about, claims }, reader(provider[WIRE]("gpt-5")));
