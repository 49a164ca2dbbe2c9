// Which conversations a policy or a hold is about: what a form says, in the words of the list.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { matchFrom } from "../../../console/src/admin/match-from.ts";
import { matchInWords } from "../../../console/src/admin/match-words.ts";
import { ConversationMatchSchema } from "../../../gen/colloquy/v1/conversation_match_pb.ts";

const fields = (values: Readonly<Record<string, string>>) => ({
  one: (name: string) => values[name] ?? "",
  all: () => [],
});

test("a form sets all that the contract knows, and nothing where nothing is chosen", () => {
  const all = {
    entityType: "order",
    mode: "advice",
    agent: "helper",
    callType: "1",
    status: "3",
    ownerRole: "1",
    labels: "team=support, tier=gold",
  };
  const match = create(ConversationMatchSchema, matchFrom(fields(all)));
  // Each field of the contract is told, so that one that is added there fails here.
  expect(matchInWords(match).split(", ")).toHaveLength(ConversationMatchSchema.fields.length + 1);
  expect(match).toMatchObject({ callType: 1, status: 3, ownerRole: 1, labels: { team: "support", tier: "gold" } });
  expect(matchFrom(fields({ callType: "0", status: "0", ownerRole: "0", labels: "" }))).toBeUndefined();
  expect(matchFrom(fields({ labels: "team=support" }))).toMatchObject({ labels: { team: "support" } });
});
