// Loaded into a server's process before its own program: tells over a Unix socket what the process holds, and shifts
// its clock when asked.
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import { residentMemory } from "../../support/measure/memory.ts";

let shiftMs = 0;
const RealDate = Date;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, words, newTarget) =>
    Reflect.construct(target, words.length === 0 ? [RealDate.now() + shiftMs] : words, newTarget),
  apply: () => String(new Date()),
  get: (target, name) => (name === "now" ? () => RealDate.now() + shiftMs : Reflect.get(target, name)),
});

async function held() {
  const { rss, heapUsed, external } = await residentMemory();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return { rss, heapUsed, external, files: readdirSync("/proc/self/fd").length, resources };
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://probe");
  if (url.pathname === "/clock") shiftMs = Number(url.searchParams.get("shift"));
  const told = url.pathname === "/held" ? await held() : {};
  response.setHeader("connection", "close").end(JSON.stringify(told));
});
server.listen(process.env.PROBE_SOCKET);
server.unref();
