// The commands, with what `--help` says of them. A command's own modules are loaded once it is chosen.
import { ROLES, SCOPES } from "../domain/identity/principal.ts";
import type { Command } from "./command.ts";

const TENANT = { type: "string", default: "default", help: "tenant, by id or slug (default: default)" } as const;

/** All commands; the first is the default. */
export const COMMANDS: readonly Command[] = [
  {
    name: "serve",
    summary: "start the server",
    load: () => import("./serve.ts"),
  },
  {
    name: "migrate",
    summary: "create or update the tables of the database",
    options: { plan: { type: "boolean", help: "print the pending migrations as SQL for psql, and apply nothing" } },
    load: () => import("./migrate.ts"),
  },
  {
    name: "token",
    summary: "print a token of a member",
    options: {
      tenant: { type: "string", help: "tenant, by id or slug; omit it only for a super administrator" },
      sub: { type: "string", help: "member id; the member is created when the token is first used" },
      role: { type: "string", help: `${ROLES.join(", ")} (default: the role in the directory, or member)` },
      ttl: { type: "string", default: "1h", help: "lifetime, such as 15m; at most 24h (default: 1h)" },
    },
    load: () => import("./token.ts"),
  },
  {
    name: "key create",
    summary: "create an API key and print it once",
    options: {
      tenant: TENANT,
      scopes: {
        type: "string",
        default: "read,write",
        help: `one or more of ${SCOPES.join(",")} (default: read,write)`,
      },
      name: { type: "string", default: "", help: "display name" },
      expires: { type: "string", help: "lifetime, such as 90d (default: no expiry)" },
    },
    load: () => import("./key-create.ts"),
  },
  {
    name: "member set",
    summary: "create or update a member and print its id",
    options: {
      id: { type: "string", help: "member id: the subject of its tokens" },
      tenant: TENANT,
      role: { type: "string", help: `${ROLES.join(", ")} (default: unchanged, or member)` },
      manager: { type: "string", help: "id of its manager, or none (default: unchanged)" },
      name: { type: "string", help: "display name (default: unchanged)" },
    },
    load: () => import("./member-set.ts"),
  },
  {
    name: "tenant create",
    summary: "create a tenant and print its id",
    options: {
      slug: { type: "string", help: "short name, such as acme" },
      name: { type: "string", default: "", help: "display name" },
    },
    load: () => import("./tenant-create.ts"),
  },
  {
    name: "agent set",
    summary: "create or update an agent and print its id",
    options: {
      tenant: TENANT,
      name: { type: "string", help: "name of the agent, by which conversations refer to it" },
      connector: { type: "string", help: "how to reach it: echo, openai, anthropic, connect or a2a" },
      url: {
        type: "string",
        help: "base URL; for openai (default: OpenAI), anthropic (default: Anthropic), connect and a2a",
      },
      model: { type: "string", help: "model; for openai and anthropic" },
      api: { type: "string", help: "API that the endpoint speaks: chat or responses; for openai (default: chat)" },
      credential: { type: "string", help: "credential to send, such as an API key; stored encrypted (default: none)" },
    },
    load: () => import("./agent-set.ts"),
  },
  {
    name: "import",
    summary: "import conversations from newline-delimited JSON; - reads standard input",
    arguments: ["file"],
    options: {
      tenant: TENANT,
      stop: { type: "boolean", default: false, help: "stop at the first line that fails" },
      format: {
        type: "string",
        default: "colloquy",
        help: "colloquy, or openai for ChatGPT's export, threads, conversations and items (default: colloquy)",
      },
      files: { type: "string", help: "folder of files that an export wrote (default: none)" },
      member: { type: "string", help: "with --format openai, the member who owns the conversations (default: nobody)" },
    },
    load: () => import("./import.ts"),
  },
  {
    name: "export",
    summary: "export conversations as newline-delimited JSON; - writes to standard output",
    arguments: ["file"],
    options: {
      tenant: TENANT,
      conversation: { type: "string", default: "", help: "id of one conversation (default: all)" },
      files: { type: "string", help: "folder for the files that messages name, with their bytes (default: none)" },
    },
    load: () => import("./export.ts"),
  },
  {
    name: "tail",
    summary: "write events as newline-delimited JSON to standard output, from a cursor on",
    options: {
      tenant: TENANT,
      from: { type: "string", default: "", help: "cursor of the last line that was read (default: now)" },
      follow: { type: "boolean", default: false, help: "keep writing new events, until it is stopped" },
    },
    load: () => import("./tail.ts"),
  },
  {
    name: "backup",
    summary: "copy the embedded database and the keys to a new folder, while the server runs",
    arguments: ["folder"],
    load: () => import("./backup/backup.ts"),
  },
  {
    name: "restore",
    summary: "make a new data directory from a backup, and start its database once",
    arguments: ["folder"],
    load: () => import("./backup/restore.ts"),
  },
  {
    name: "doctor",
    summary: "check this machine, the database and the settings",
    options: { ready: { type: "boolean", help: "check only whether the server with these settings is ready" } },
    load: () => import("./doctor/doctor.ts"),
  },
];
