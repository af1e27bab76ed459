// The AI SDK with its provider for servers that speak OpenAI's wire.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { CLAIMS, reader } from "./ai.mjs";
import { serve } from "./program.mjs";
import { SERVER, version } from "./wire.mjs";

const provider = createOpenAICompatible({ name: "server", baseURL: SERVER, apiKey: "none", includeUsage: true });
const about = `${version("@ai-sdk/openai-compatible")} with ai ${version("ai")}`;
await serve({ name: "@ai-sdk/openai-compatible", version: about, claims: CLAIMS }, reader(provider("m")));
