// Reads lines, each a JSON string: the body of a UI message stream. Writes a line for each: what the SDK, of the package
// that is the argument, makes of it.
import { createInterface } from "node:readline";

const { parseJsonEventStream, readUIMessageStream, uiMessageChunkSchema } = await import(process.argv[2]);

for await (const line of createInterface({ input: process.stdin })) {
  const errors = [];
  const stream = new Blob([JSON.parse(line)]).stream();
  const parsed = parseJsonEventStream({ stream, schema: uiMessageChunkSchema });
  const chunks = parsed.pipeThrough(
    new TransformStream({
      transform(part, out) {
        if (part.success) out.enqueue(part.value);
        else errors.push("part: " + part.error.message.split("\n")[0]);
      },
    }),
  );
  let message = null;
  const onError = (error) => errors.push("read: " + (error?.message ?? error));
  for await (message of readUIMessageStream({ stream: chunks, onError }));
  process.stdout.write(JSON.stringify({ errors, message }) + "\n");
}
