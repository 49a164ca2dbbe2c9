// F-A2A-AGENT: what public reports say of clients that ask A2A agents, each tried on the connector's reading of a task.
import { describe, expect, test } from "vitest";
import { TaskReply } from "../../src/agents/connectors/a2a/task-reply.ts";
import type { ReplyPiece } from "../../src/domain/turns/reply-piece.ts";

// biome-ignore lint/suspicious/noExplicitAny: events as agents send them
type Any = any;

const State = { WORKING: 2, COMPLETED: 3, INPUT_REQUIRED: 6 } as const;
const part = (text: string) => ({
  content: { $case: "text", value: text },
  metadata: undefined,
  filename: "",
  mediaType: "",
});

function status(state: number, text = "", contextId = "c1"): Any {
  const message = text === "" ? undefined : { parts: [part(text)] };
  return { payload: { $case: "statusUpdate", value: { taskId: "t1", contextId, status: { state, message } } } };
}

function artifact(text: string, { id = "a", name = "", append = false } = {}): Any {
  const value = { taskId: "t1", contextId: "c1", append, artifact: { artifactId: id, name, parts: [part(text)] } };
  return { payload: { $case: "artifactUpdate", value } };
}

function heard(...events: Any[]) {
  const reply = new TaskReply();
  const pieces = events.flatMap((event): ReplyPiece[] => reply.take(event));
  const of = (kind: string) =>
    pieces.map((piece) => (piece.kind === kind ? (piece as { text: string }).text : "")).join("");
  return { reply, text: of("text"), thoughts: of("reasoning") };
}

describe("what is told of a task", () => {
  test("F-A2A-AGENT-GROWS (agents-at-scale-ark#566, opencode-a2a#15): a status that grows is told once", () => {
    const { text, thoughts } = heard(
      status(State.WORKING, "one"),
      status(State.WORKING, "one two"),
      status(State.WORKING, "one two three"),
      artifact("Done"),
      status(State.COMPLETED),
    );
    expect([text, thoughts]).toEqual(["Done", "one two three"]);
  });

  test("F-A2A-AGENT-STATUS-ALONE (A2A#763, A2A#822): an agent that speaks by its status alone has said it", () => {
    const { text } = heard(
      status(State.WORKING, "The roses"),
      status(State.WORKING, "The roses bloom"),
      status(State.COMPLETED),
    );
    expect(text).toBe("The roses bloom");
  });

  test("F-A2A-AGENT-PIECES (a2a-python#833): an artifact for each piece is one text", () => {
    const pieces = ["The ", "roses ", "bloom"].map((text, n) =>
      artifact(text, { id: `a${n}`, name: "current_result" }),
    );
    expect(heard(...pieces, status(State.COMPLETED)).text).toBe("The roses bloom");
  });

  test("F-A2A-AGENT-ASKS (strands harness-sdk#3923): a question is not lost behind what was said before it", () => {
    const asked = heard(artifact("partial answer"), status(State.INPUT_REQUIRED, "May I?"));
    expect([asked.text, asked.reply.waits]).toEqual(["partial answer\n\nMay I?", true]);
  });

  test("F-A2A-AGENT-LAST-WORDS (strands harness-sdk#3923, A2A#674): last words are told unless they were said", () => {
    expect(heard(artifact("42"), status(State.COMPLETED, "The answer is 42")).text).toBe("42\n\nThe answer is 42");
    expect(heard(artifact("The answer is 42"), status(State.COMPLETED, "The answer is 42")).text).toBe(
      "The answer is 42",
    );
  });

  test("F-A2A-AGENT-CONTEXT (kubernaut#1297, adcp-client#729): an event without its context does not lose it", () => {
    const { reply } = heard(artifact("x"), status(State.COMPLETED, "", ""));
    expect([reply.contextId, reply.taskId]).toEqual(["c1", "t1"]);
  });

  test("F-A2A-AGENT-ZOMBIE (gemini-cli#22724): a task that has ended is not gone on with, one that waits is", () => {
    expect(heard(artifact("x"), status(State.COMPLETED)).reply.waits).toBe(false);
    expect(heard(status(State.INPUT_REQUIRED, "?")).reply.waits).toBe(true);
  });

  test("F-A2A-AGENT-ANSWERED (adk-python#4934, adk-python#3765, mcp-context-forge#6703): the question told again is not asked again", () => {
    const waiting = status(State.INPUT_REQUIRED, "Which?").payload.value.status;
    const reply = new TaskReply();
    reply.goOnFrom({ artifacts: [{ artifactId: "a", name: "", parts: [part("Before. ")] }], status: waiting } as Any);
    const task = {
      id: "t1",
      contextId: "c1",
      artifacts: [{ artifactId: "a", name: "", parts: [part("Before. ")] }],
      status: waiting,
    };
    expect(reply.take({ payload: { $case: "task", value: task } } as Any)).toEqual([]);
    expect(reply.isOver).toBe(false);
    expect(reply.take(artifact("After", { append: true }))).toEqual([{ kind: "text", text: "After" }]);
  });
});
