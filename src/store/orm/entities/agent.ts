// Agents and their turns.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";

export const AgentEntity = defineEntity({
  name: "Agent",
  tableName: "agent",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    name: p.text(),
    description: p.text().default(""),
    /** echo, openai, connect, anthropic. */
    connector: p.text(),
    /** The connector's message of the contract, as JSON. */
    settings: p.json<JsonObject>(),
    /** Encrypted. */
    credential: p.blob().nullable(),
    idleTimeoutMs: p.integer(),
    timeoutMs: p.integer(),
    disabled: p.boolean().default(false),
    metadata: p.json<JsonObject>().nullable(),
    /** As agents/tools/stored.ts writes them; null: none. */
    tools: p.json<JsonValue>().nullable(),
    /** The MCP servers whose tools it may call; null: none. */
    mcpServers: p.json<JsonValue>().nullable(),
    /** How long a turn waits for whoever answers its calls. */
    inputTimeoutMs: p.integer().default(600_000),
    version: p.integer().default(1),
    createTime: p.datetime(3).defaultRaw("now()"),
    updateTime: p.datetime(3).defaultRaw("now()"),
  },
});

export const TurnEntity = defineEntity({
  name: "Turn",
  tableName: "turn",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    conversationId: p.uuid(),
    agentId: p.uuid(),
    /** Its caller. */
    caller: p.text(),
    messageSeq: p.bigint(),
    messageId: p.uuid(),
    /** The id that the reply has, or will have. */
    replyId: p.uuid(),
    replySeq: p.bigint().nullable(),
    /** See domain/turns/turn.ts. */
    state: p.smallint(),
    failure: p.text().default(""),
    /** The finish reason; 0: unknown. */
    finishReason: p.smallint().default(0),
    /** The participant for whom it runs. Null: the caller need not be a participant. */
    memberId: p.text().nullable(),
    /** The reply so far; empty once the turn has ended. */
    text: p.text().default(""),
    cancelTime: p.datetime(3).nullable(),
    /** Which server runs it. */
    server: p.uuid(),
    /** The end of the server's lease. */
    leaseTime: p.datetime(3),
    createTime: p.datetime(3).defaultRaw("now()"),
    startTime: p.datetime(3).nullable(),
    firstDeltaTime: p.datetime(3).nullable(),
    endTime: p.datetime(3).nullable(),
    /** The current call of the model, from 1. */
    step: p.smallint().default(1),
    /** How many entries it has added to the log, their first and last number, and the code points of their text. */
    entryCount: p.integer().default(0),
    firstSeq: p.bigint().nullable(),
    lastSeq: p.bigint().nullable(),
    said: p.integer().default(0),
    /** What `text` belongs to, as JSON; null: a message. */
    openEntry: p.text().nullable(),
    /** The calls without a result, as JSON. */
    pending: p.text().nullable(),
    /** The tools that its caller brought, as JSON. */
    tools: p.text().nullable(),
    inputTokens: p.bigint().nullable(),
    outputTokens: p.bigint().nullable(),
    cachedTokens: p.bigint().nullable(),
    reasoningTokens: p.bigint().nullable(),
    cacheWriteTokens: p.bigint().nullable(),
    model: p.text().nullable(),
    /** The first of the entries that it replies to. Null: it is `messageSeq`. */
    inputSeq: p.bigint().nullable(),
    /** The turn that it follows. */
    previousId: p.uuid().nullable(),
    /** What is asked of the model in this turn, and what its caller noted: JSON. */
    options: p.text().nullable(),
    note: p.text().nullable(),
    /** The lengths of its deltas, see domain/turns/delta-log.ts. Null: not recorded. */
    deltas: p.text().nullable(),
    endsWithCalls: p.boolean().default(false),
    /** Whether its entries are deleted if it fails. */
    discards: p.boolean().default(false),
    /** Whether its record is deleted after its end. */
    ephemeral: p.boolean().default(false),
    failureStatus: p.smallint().default(0),
    failureCode: p.text().default(""),
    deleteTime: p.datetime(3).nullable(),
  },
});
