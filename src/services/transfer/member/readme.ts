// What an export of one person holds, in words.

/** Its name in the archive. */
export const README = "README.txt";

/** The kinds of lines: in which file, and what they are. */
const KINDS: readonly (readonly [kind: string, file: string, words: string])[] = [
  ["member", "member.ndjson", "your name, role and manager"],
  ["presence", "member.ndjson", "when you were seen last"],
  ["conversations", "conversations/", "conversations that you own, take or took part in, or wrote to: one file each"],
  ["messages", "conversations/", "messages that you wrote"],
  ["revisions", "conversations/", "earlier texts of messages that you changed, up to 20 in a line"],
  ["replies", "conversations/", "replies of agents to you, and messages of others that mention you"],
  ["turns", "conversations/", "what you asked of agents beside your messages: instructions, notes, options and tools"],
  ["events", "conversations/", "entries of logs by you or about you, such as joining and reading"],
  ["reactions", "conversations/", "your reactions to messages"],
  ["drafts", "conversations/", "what you have written and not sent"],
  ["scheduled", "conversations/", "messages that are to be sent later"],
  ["files", "files.ndjson", "files that you uploaded: their bytes are in files/, by their ids"],
  ["audit", "audit.ndjson", "entries of the audit log by you or about you"],
];

export function readmeOf(memberId: string, time: Date, counts: ReadonlyMap<string, number>): string {
  const lines = KINDS.map(
    ([kind, file, words]) => `${String(counts.get(kind) ?? 0).padStart(9)}  ${file.padEnd(16)}${words}`,
  );
  return `Data of ${memberId}, exported at ${time.toISOString()}

Each .ndjson file has one JSON object in a line, in the form of Colloquy's API. Times are in UTC.

   Number  Where           What
${lines.join("\n")}

Not in this archive: what others wrote to each other in the same conversations, for it is theirs; backups; logs of the server.
`;
}
