// Reads lines, each a JSON list of AG-UI events; writes a line for each: what the client makes of it.
import { createInterface } from "node:readline";
import { from, lastValueFrom, toArray } from "rxjs";
import { enforceEvents, transformChunks, verifyEvents, defaultApplyEvents } from "@ag-ui/client";
import { EventSchema } from "@ag-ui/core/schemas";

const input = { threadId: "t", runId: "r", messages: [], tools: [], context: [], state: {}, forwardedProps: {} };
const warnings = [];
console.warn = (text) => warnings.push(String(text));

for await (const line of createInterface({ input: process.stdin })) {
  warnings.length = 0;
  let told;
  try {
    const events = JSON.parse(line);
    for (const event of events) EventSchema.parse(event);
    const verified = await lastValueFrom(from(events).pipe(enforceEvents(), transformChunks(), verifyEvents(), toArray()));
    const agent = { messages: [], state: {}, subscribers: [] };
    const steps = await lastValueFrom(defaultApplyEvents(input, from(verified), agent, []).pipe(toArray()));
    told = { messages: steps.filter((step) => step.messages).at(-1)?.messages ?? [], warnings: [...warnings] };
  } catch (error) {
    told = { error: error.message };
  }
  process.stdout.write(JSON.stringify(told) + "\n");
}
