// Pages in memory are compared with the row of their conversation: whatever changes messages or their counts must write
// it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const STORE = join(import.meta.dirname, "../../../src/store");
const WRITES = /\b(?:insert into|update|delete from) (?:message|message_tally|reaction)\b/;

/** Files with such statements, and what writes the conversation's row in the same transaction. */
const WRITERS: Readonly<Record<string, string>> = {
  "erasure/share-statements.ts": "erasePieceOf touches it first",
  "erasure/statements.ts": "erasePieceOf touches it first",
  "log/send-function.ts": "the function itself",
  "log/send-statement.ts": "the statement itself",
  "log/statements.ts": "the statement itself",
  "messages/client-ids.ts": "the send that takes the ids",
  "messages/send-many-function.ts": "the function itself",
  "messages/send-many-statement.ts": "the statement itself",
  "messages/statements.ts": "the entry of the edit or deletion",
  "purge/statements.ts": "nothing: it is deleted already, so nobody sees it",
  "conversations/statements.ts": "the row is deleted",
  "reactions/functions.ts": "the function itself",
  "reactions/statements.ts": "the statement itself; an import touches it",
  "replies/statements.ts": "the send, or the import's import_grow",
  "transfer/import-statements.ts": "import_grow",
  "turns/entry-statements.ts": "the statement itself",
};

test("each statement that changes messages or their counts is in the list, with what writes the conversation's row", () => {
  const files = readdirSync(STORE, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !file.startsWith("migrations"),
  );
  const writers = files.filter((file) => WRITES.test(readFileSync(join(STORE, file), "utf8")));
  expect(
    writers.toSorted(),
    "a new writer must write the row of the conversation, by its entry or by log_touch, or pages in memory stay as they were",
  ).toEqual(Object.keys(WRITERS).toSorted());
});
