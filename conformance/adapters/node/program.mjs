// The protocol, for adapters in JavaScript: one JSON line in, and one out for `hello` and for `close`.
import { createInterface } from "node:readline";

/** The wire to read, for adapters of several wires. */
export const WIRE = process.argv[2] ?? "chat";

/**
 * Answer requests until the input ends. Anything that a library prints goes to standard error.
 *
 * @param hello `name`, `version` and `claims` of the parser
 * @param read reads the events of a response, and returns the answer
 */
export async function serve(hello, read) {
  const answer = (record) => process.stdout.write(`${JSON.stringify(record)}\n`);
  console.log = console.info = console.debug = console.warn = console.error;
  process.on("unhandledRejection", (error) => console.error("unhandled rejection:", error));
  let events = [];
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if ("hello" in request) answer({ language: "JavaScript", wires: [WIRE], ...hello });
    else if ("open" in request) events = [];
    else if ("feed" in request) events.push(request.feed);
    else {
      try {
        answer(await read(events));
      } catch (error) {
        answer({ raised: `${error?.name ?? "Error"}: ${error?.message ?? error}` });
      }
    }
  }
}
