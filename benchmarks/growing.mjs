// pi-ai's partial parser, for growing.py: a line of JSON in, and one out. A text: what it holds so far. A text with a
// step: the seconds of CPU that looking at it takes, after each piece of so many characters.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [place] = process.argv.slice(2);
const { parseStreamingJson } = await import(pathToFileURL(`${place}/node_modules/@earendil-works/pi-ai/dist/index.js`));
for await (const line of createInterface({ input: process.stdin })) {
  const { text, step } = JSON.parse(line);
  if (!step) {
    console.log(JSON.stringify(parseStreamingJson(text) ?? null));
    continue;
  }
  const before = process.cpuUsage();
  for (let end = step; end <= text.length; end += step) parseStreamingJson(text.slice(0, end));
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1e6);
}
