// What the console asks for, within the filters of the list that hold, and the time that it shows of what it lists.
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { activityTime } from "../../../console/src/conversations/activity-time.ts";
import { requestOf, searchOf } from "../../../console/src/conversations/list-request.ts";
import { countFilters, type ListSearch } from "../../../console/src/conversations/list-search.ts";
import { ConversationSchema, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";

const FILTERS = {
  status: "closed",
  owner: "ann",
  participant: "bob",
  agent: "helper",
  from: "2026-01-02T03:04:00Z",
  labels: "team=support",
  metadata: "source=web",
  pinned: "yes",
} as const satisfies ListSearch;
const ASKED = {
  status: ConversationStatus.CLOSED,
  ownerId: "ann",
  participantId: "bob",
  agent: "helper",
  startTime: timestampFromDate(new Date(FILTERS.from)),
  labels: { team: "support" },
  metadata: { source: "web" },
  pinned: true,
};

test("a list and a search ask for the same", () => {
  expect(requestOf(FILTERS, 0)).toMatchObject(ASKED);
  expect(searchOf("vase", FILTERS)).toMatchObject({ query: "vase", ...ASKED });
});

test("deleted ones are a filter of lists alone", () => {
  expect(requestOf({ deleted: "yes" }, 0)).toMatchObject({ deleted: DeletedFilter.ONLY });
  expect(searchOf("vase", { deleted: "yes" })).not.toHaveProperty("deleted");
  expect([{ deleted: "yes" } as const, { deleted: "yes", q: "vase" } as const].map(countFilters)).toEqual([1, 0]);
});

test("the time in the list is that of the latest message, which reading does not move", () => {
  const [created, sent, read] = [1, 2, 3].map((day) => timestampFromDate(new Date(2026, 0, day)));
  const silent = create(ConversationSchema, { createTime: created, updateTime: read });
  expect(activityTime(silent)).toEqual(created);
  expect(activityTime({ ...silent, lastMessageTime: sent })).toEqual(sent);
});
