// Which folder may import from which: imports run one way, from what listens to what decides and stores.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { expect, test } from "vitest";

const src = join(import.meta.dirname, "../../src");

/** Files directly in src/ tie the parts together and may import all of them. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  outbound: [],
  access: ["domain", "outbound"],
  store: ["domain", "access"],
  rpc: ["domain", "access"],
  rest: ["rpc"],
  services: ["domain", "store", "rpc", "access", "agents", "live"],
  agents: ["domain", "store", "rpc", "live", "outbound"],
  live: ["domain", "store", "rpc"],
  compat: ["domain", "rpc", "rest"],
  server: ["domain", "rpc", "access"],
  client: [],
  workers: ["server"],
  cli: ["domain", "store", "access", "agents", "services", "server", "client", "workers"],
};

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));

test("imports run one way", () => {
  const wrong: string[] = [];
  for (const file of files) {
    const folder = file.includes(sep) ? (file.split(sep)[0] ?? "") : "";
    if (folder === "") continue;
    const text = readFileSync(join(src, file), "utf8");
    for (const [, target = ""] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
      const path = relative(src, join(src, dirname(file), target));
      const [to = ""] = path.split(sep);
      if (to === "..") continue; // gen/, which everybody speaks.
      const allowed = to === folder || MAY_IMPORT[folder]?.includes(to) || (folder === "cli" && !path.includes(sep));
      if (!allowed) wrong.push(`${file} imports ${path}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("only the store speaks SQL, and the domain knows neither wire nor database", () => {
  const importers = (name: RegExp) =>
    files.filter((file) => name.test(readFileSync(join(src, file), "utf8"))).map((file) => file.split(sep)[0]);
  // live/ holds a connection of its own for LISTEN and NOTIFY, which knows no table.
  expect(new Set(importers(/from "(pg|@mikro-orm\/[\w-]+|kysely)"/))).toEqual(new Set(["live", "store"]));
  expect(importers(/from "@connectrpc\/[\w-]+"/)).not.toContain("domain");
});
