// Files as editors, shells and other exporters write them: what is meant goes in, what is no record is told by its
// line.
import { afterAll, beforeAll, expect, test } from "vitest";
import { conversationLine, exported, messageLine } from "../support/calls/transfer.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

const RECORDS = [conversationLine("c", { title: "Größe" }), messageLine("c", "m-1"), messageLine("c", "m-2")];
const LINES = RECORDS.map((record) => JSON.stringify(record));

/** Sends a file as it is, in pieces that end anywhere. */
async function importedFile(file: string | Buffer, pieceBytes: number) {
  const { transfer } = (await server.tenant()).key();
  const bytes = Buffer.from(file);
  const pieces = async function* () {
    for (let from = 0; from < bytes.length; from += pieceBytes) {
      yield { body: { data: bytes.subarray(from, from + pieceBytes) } };
    }
  };
  const { errors } = await transfer.importConversations(pieces());
  const lines = await exported({ transfer });
  return { errors: errors.map(({ line, description }) => `${line} ${description}`), lines: lines.length };
}

test.each([
  ["a byte order mark before the first line", `\ufeff${LINES.join("\n")}\n`],
  ["a byte order mark before each line, of files that were joined", LINES.map((line) => `\ufeff${line}\n`).join("")],
  ["line ends of Windows", `${LINES.join("\r\n")}\r\n`],
  ["no line end after the last line", LINES.join("\n")],
  ["no line end of Windows after the last line", LINES.join("\r\n")],
  ["empty lines", `\n\n${LINES.join("\n\n")}\n\n`],
  ["empty lines of Windows", `\r\n${LINES.join("\r\n\r\n")}\r\n\r\n`],
  ["lines of spaces and tabs", `  \n${LINES.join("\n \t \n")}\n\t`],
  ["spaces around each record", LINES.map((line) => ` \t${line} \n`).join("")],
])("F-IMPORT-DEFAULTS: a file with %s is imported", async (_, file) => {
  for (const pieceBytes of [1, 7, 65_536]) {
    expect(await importedFile(file, pieceBytes), `${pieceBytes}`).toEqual({ errors: [], lines: 3 });
  }
});

test.each([
  ["a record over several lines", `${LINES[0]}\n${JSON.stringify(RECORDS[1], null, 2)}\n${LINES[2]}\n`],
  ["a record that breaks off", `${LINES[0]}\n${LINES[1]?.slice(0, 30)}\n${LINES[2]}\n`],
  ["two records in one line", `${LINES[0]}\n${LINES[1]}${LINES[1]}\n${LINES[2]}\n`],
  [
    "text in another encoding",
    Buffer.concat([Buffer.from(`${LINES[0]}\n`), Buffer.from([0x7b, 0xff, 0x0a]), Buffer.from(`${LINES[2]}`)]),
  ],
])(
  "F-IMPORT-DEFAULTS: of a file with %s the other lines are imported, and it is told by its number",
  async (_, file) => {
    const { errors, lines } = await importedFile(file, 1_000);
    expect(lines).toBe(2);
    expect(errors[0]).toMatch(/^2 /);
  },
);
