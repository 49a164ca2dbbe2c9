// Takes the credentials of tools out of turns: the options of those that have ended, and what notes of responses have of
// them. The table is read once; nothing waits but who would change such a turn.
import { Migration } from "@mikro-orm/migrations";

/** The rest of a string, with its last quote. */
const STRING = String.raw`(?:[^"\\]|\\.)*"`;
const member = (name: string) => String.raw`"${name}"\s*:\s*`;

/**
 * What is replaced by what. A quote within a string has a backslash before it, so a name in quotes before a colon is that of a
 * member. Regular expressions, because PostgreSQL's own JSON refuses some of what the notes may hold, such as U+0000.
 */
const CHANGES: ReadonlyArray<readonly [what: string, by: string]> = [
  [`${member("authorization")}"${STRING}`, '"authorization":null'],
  [`${member("headers")}\\{(?:[^"{}]|"${STRING})*\\}`, '"headers":null'],
  [`${member("domain_secrets")}\\[(?:[^]["]|"${STRING})*\\]`, '"domain_secrets":[]'],
  // Its origin stays.
  [
    String.raw`${member("server_url")}"([A-Za-z]+://)(?:[^"\\/?#]*@)?([^"\\/?#@]*)(?:[/?#]${STRING}|")`,
    String.raw`"server_url":"\1\2"`,
  ],
  [String.raw`${member("server_url")}"(?![A-Za-z]+://[^"\\/?#@]*")${STRING}`, '"server_url":"<redacted>"'],
];

const cleaned = CHANGES.reduce((note, [what, by]) => `regexp_replace(${note}, '${what}', '${by}', 'g')`, "note");

/** A note of a response whose tools may have some. */
const isOld = `(note like '{"openai_response":%' and note ~ '"(mcp|domain_secrets)"')`;
const isOpen = "state in (1, 2, 6)";

export class TurnCredentialsMigration extends Migration {
  override up(): void {
    // At once, so that no row is written twice.
    this.addSql(`update turn set options = case when ${isOpen} then options end, note = case when ${isOld} then ${cleaned} else note end
      where (options is not null and not ${isOpen}) or ${isOld}`);
  }
}
