// What reactions and replies cost a page of messages, and a thousand reactors of one message.
import { randomUUID } from "node:crypto";
import { MEMBER, MESSAGES_EACH } from "../layout.ts";
import { brief, compare } from "../measure.ts";
import type { Served } from "../process.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { contestant, micros } from "./parts.ts";

const REACTORS = 1_000;
const KINDS = ["👍", "🎉", ":ship-it:"];
const PLAIN = "plain";
const REACTED = "with reactions and replies";
const CROWDED = `of which one has ${REACTORS} reactors`;

export async function reactionPages(stage: Stage): Promise<Row> {
  const server = await stage.colloquy();
  const few = (of: number) => (index: number) => reactions(index < of ? 2 : 0);
  const ids: Readonly<Record<string, string>> = {
    [PLAIN]: await fill(stage, server, () => [], false),
    [REACTED]: await fill(stage, server, few(MESSAGES_EACH), true),
    [CROWDED]: await fill(stage, server, (index) => (index === 7 ? reactions(REACTORS) : []), false),
  };
  const contestants = Object.entries(ids).map(([name, id]) =>
    contestant(stage, server, name, "json", JSON.stringify({ conversationId: id })),
  );
  const measured = await compare(contestants, brief(stage.effort));
  const ratio = (name: string) => micros(measured, name) / micros(measured, PLAIN);
  return {
    goal: "–",
    work: `List ${MESSAGES_EACH} messages with ${KINDS.length} kinds of reactions and a reply each, beside plain ones`,
    measured,
    verdicts: [
      { what: "time a call, reactions and replies", value: ratio(REACTED), atMost: 1.15, unit: " ×" },
      { what: `time a call, ${REACTORS} reactors of one message`, value: ratio(CROWDED), atMost: 1.1, unit: " ×" },
    ],
  };
}

/** So many members, each with a reaction of each kind. */
function reactions(members: number): object[] {
  return Array.from({ length: members }, (_, n) => n).flatMap((n) =>
    KINDS.map((reaction) => ({ reaction, actor: { id: `reactor-${n}` } })),
  );
}

/** A conversation with as many messages as a page has, imported with their reactions. Gives its id. */
async function fill(
  stage: Stage,
  { port }: Served,
  reactionsOf: (index: number) => object[],
  replies: boolean,
): Promise<string> {
  const conversationId = randomUUID();
  const lines: object[] = [
    { conversation: { conversation: { id: conversationId, title: "reactions", ownerId: MEMBER } } },
  ];
  const ids = Array.from({ length: MESSAGES_EACH }, () => randomUUID());
  for (const [index, id] of ids.entries()) {
    const replyTo = replies && index > 0 ? { replyTo: ids[index - 1] } : {};
    lines.push({ message: { message: { conversationId, id, content: "lorem ipsum ".repeat(12), ...replyTo } } });
    const own = reactionsOf(index);
    if (own.length > 0) lines.push({ reactions: { conversationId, messageId: id, reactions: own } });
  }
  const response = await fetch(`http://127.0.0.1:${port}/v1/conversations:import`, {
    method: "POST",
    headers: { authorization: `Bearer ${stage.token("admin")}`, "content-type": "application/x-ndjson" },
    body: lines.map((line) => JSON.stringify(line)).join("\n"),
  });
  const told = (await response.json()) as { errorCount?: string };
  if (!response.ok || (told.errorCount ?? "0") !== "0") throw new Error(`the import failed: ${JSON.stringify(told)}`);
  return conversationId;
}
