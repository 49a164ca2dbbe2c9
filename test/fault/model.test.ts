// The store against a model of it in memory; failures that were found become cases here.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { type CallingAgent, startCallingAgent } from "./model/agent.ts";
import { disagreement } from "./model/agree.ts";
import { type Command, Model } from "./model/model.ts";
import { model } from "./scenarios/model.ts";
import { type OwnApp, startOwnApp } from "./stage/app.ts";
import { tablesAt } from "./stage/database.ts";
import { createRandom } from "./stage/random.ts";

vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
let app: OwnApp;
let agent: CallingAgent;
beforeAll(async () => {
  database = await createTestDatabase();
  app = await startOwnApp({ url: database.url, environment: { COLLOQUY_AGENT_PRIVATE: "yes" } });
  agent = await startCallingAgent();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await agent[Symbol.asyncDispose]();
  await database.drop();
});

const tried = () => ({ urls: [app.url], tables: tablesAt(database.url), agentUrl: agent.url });

test("random commands over random wires and two servers, alone and at once, do what the model does", async () => {
  const { findings } = await model(tablesAt(database.url), createRandom(1), { runs: 30 });
  expect(findings).toEqual([]);
});

describe("a sequence that is worth keeping", () => {
  const sequences: Record<string, readonly Command[]> = {
    "a message that is deleted with its conversation comes back with it, and one that was before does not": [
      { op: "send", conversation: 0, texts: ["a", "b"] },
      { op: "delete", conversation: 0, seq: 1 },
      { op: "delete conversation", conversation: 0 },
      { op: "list", conversation: 0 },
      { op: "list deleted", conversation: 0 },
      { op: "restore conversation", conversation: 0 },
      { op: "list", conversation: 0 },
      { op: "list deleted", conversation: 0 },
      { op: "log", conversation: 0 },
    ],
    "what follows an earlier entry is a branch, and the other comes back when it is selected": [
      { op: "send", conversation: 0, texts: ["a", "b"] },
      { op: "branch", conversation: 0, seq: 1, text: "c" },
      { op: "list", conversation: 0 },
      { op: "get", conversation: 0 },
      { op: "delete", conversation: 0, seq: 2 },
      { op: "select", conversation: 0, seq: 2 },
      { op: "list", conversation: 0 },
      { op: "list deleted", conversation: 0 },
      { op: "log", conversation: 0 },
      { op: "branch", conversation: 0, seq: 2, text: "of what is deleted" },
      { op: "delete all", conversation: 0 },
      { op: "get", conversation: 0 },
    ],
    "a fork shows what was there, but for what is deleted": [
      { op: "send", conversation: 0, texts: ["a"] },
      { op: "send parts", conversation: 0, parts: [{ text: { text: "b" } }], call: false },
      { op: "send", conversation: 0, texts: ["c"] },
      { op: "fork", conversation: 0, seq: 2, as: 2 },
      { op: "edit", conversation: 0, seq: 2, text: "d" },
      { op: "send", conversation: 2, texts: ["e"] },
      { op: "list", conversation: 2 },
      { op: "delete", conversation: 0, seq: 1 },
      { op: "list", conversation: 2 },
      { op: "get", conversation: 2 },
      { op: "fork", conversation: 2, seq: 3, as: 3 },
      { op: "restore", conversation: 0, seq: 1 },
      { op: "list", conversation: 3 },
    ],
    "a turn waits while others write, keeps its branch, and goes on": [
      { op: "send", conversation: 0, texts: ["a"] },
      {
        op: "turn",
        conversation: 0,
        meanwhile: [
          { op: "send", conversation: 0, texts: ["b"] },
          { op: "branch", conversation: 0, seq: 1, text: "c" },
          { op: "edit", conversation: 0, seq: 3, text: "d" },
          { op: "log", conversation: 0 },
        ],
        end: "answer",
      },
      { op: "list kinds", conversation: 0 },
      { op: "turn", conversation: 0, meanwhile: [{ op: "select", conversation: 0, seq: 2 }], end: "cancel" },
      { op: "list kinds", conversation: 0 },
      { op: "get", conversation: 0 },
    ],
    "what members made of a message goes and comes back with it, and is not the fork's": [
      { op: "send", conversation: 0, texts: ["a", "b"] },
      { op: "join", conversation: 0, who: "ann" },
      { op: "react", conversation: 0, who: "ann", seq: 1, reaction: "👍" },
      { op: "react", conversation: 0, who: "", seq: 1, reaction: "👍" },
      { op: "react", conversation: 0, who: "bob", seq: 1, reaction: "👍" },
      { op: "reply", conversation: 0, seq: 1, text: "c" },
      { op: "mark", conversation: 0, who: "ann", seq: 5 },
      { op: "counts", conversation: 0, who: "ann" },
      { op: "view", conversation: 0, who: "ann" },
      { op: "delete", conversation: 0, seq: 1 },
      { op: "react", conversation: 0, who: "ann", seq: 1, reaction: "👍" },
      { op: "reply", conversation: 0, seq: 1, text: "to what is deleted" },
      { op: "restore", conversation: 0, seq: 1 },
      { op: "unreact", conversation: 0, who: "ann", seq: 1, reaction: "👍" },
      { op: "delete all", conversation: 0 },
      { op: "restore all", conversation: 0 },
      { op: "counts", conversation: 0, who: "" },
      { op: "fork", conversation: 0, seq: 6, as: 2 },
      { op: "counts", conversation: 2, who: "" },
      { op: "marks", conversation: 0 },
      { op: "log", conversation: 0 },
    ],
    "drafts and what is scheduled are their writer's while the conversation is away": [
      { op: "set draft", conversation: 0, text: "a" },
      { op: "schedule", conversation: 0, name: "one" },
      { op: "delete conversation", conversation: 0 },
      { op: "draft", conversation: 0 },
      { op: "schedule", conversation: 0, name: "two" },
      { op: "scheduled", conversation: 0 },
      { op: "restore conversation", conversation: 0 },
      { op: "draft", conversation: 0 },
      { op: "no draft", conversation: 0 },
      { op: "draft", conversation: 0 },
      { op: "cancel", conversation: 0, name: "one" },
      { op: "cancel", conversation: 0, name: "one" },
      { op: "get", conversation: 0 },
    ],
    "an edit that changes nothing leaves no trace": [
      { op: "send", conversation: 0, texts: ["a"] },
      { op: "edit", conversation: 0, seq: 1, text: "a" },
      { op: "log", conversation: 0 },
      { op: "get", conversation: 0 },
    ],
  };
  test.each(Object.entries(sequences))("%s", async (_, commands) => {
    const given = commands.map((command) => [{ command, wire: "gRPC" as const, twice: true }]);
    expect(await disagreement(tried(), given)).toBeUndefined();
  });
});

test("a store that answers otherwise is found out", async () => {
  const wrong = new Model(2);
  wrong.apply({ op: "send", conversation: 0, texts: ["what nobody sent"] });
  const given = [[{ command: { op: "get", conversation: 0 } as const, wire: "gRPC" as const, twice: false }]];
  expect(await disagreement(tried(), given, wrong)).toMatch(/get.*0 messages, at 0, not .*1 messages, at 1/);
});
