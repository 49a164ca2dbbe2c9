// What the published client exports.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as client from "../../../src/client/index.ts";
import { createClient } from "../../../src/client/index.ts";

const contract = join(import.meta.dirname, "../../../gen/colloquy/v1");
/** Options of the contract itself, which say nothing to a caller. */
const OPTIONS = new Set(["permission_pb.ts", "rules_pb.ts"]);

test("all messages, enums and services of the contract", async () => {
  const files = readdirSync(contract).filter((name) => name.endsWith("_pb.ts") && !OPTIONS.has(name));
  const names = await Promise.all(files.map(async (name) => Object.keys(await import(join(contract, name)))));
  expect(names.flat().filter((name) => !(name in client))).toEqual([]);
});

test("a client of each service that chats use", () => {
  const made = createClient({ baseUrl: "http://127.0.0.1" });
  const services = [made.reactions, made.signals, made.presence, made.drafts, made.participants];
  expect(services.flatMap(Object.keys)).toEqual(
    expect.arrayContaining(["addReaction", "sendSignal", "batchGetPresence", "setPresence", "setDraft", "markRead"]),
  );
});
