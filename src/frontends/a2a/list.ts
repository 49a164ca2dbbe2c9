// ListTasks: the turns of one context, those whose state changed last first.

import { create, toBinary } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import {
  type ListTasksRequest,
  type ListTasksResponse,
  ListTasksResponseSchema,
  type Task,
  TaskSchema,
  TaskState,
} from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import type { Operations } from "./operations.ts";
import { contextIdOf, statusTime, turnState } from "./tasks.ts";

const DEFAULT_PAGE = 50;
const MAX_PAGE = 100;
/** A page of large tasks has fewer: gRPC clients accept 4 MiB by default. One task may have more. */
const PAGE_BYTES = 3 << 20;
/** The latest turns of a context that are looked at. */
const MAX_TURNS = 2_000;
const CHUNK = 200;

export async function listTasks(
  canonical: Canonical,
  context: CallContext,
  operations: Operations,
  request: ListTasksRequest,
): Promise<ListTasksResponse> {
  const { contextId, status, historyLength = 0, includeArtifacts = false, statusTimestampAfter: after } = request;
  const pageSize = request.pageSize ?? DEFAULT_PAGE;
  if (pageSize < 1 || pageSize > MAX_PAGE) throw invalidField("page_size", `must be 1 to ${MAX_PAGE}`, "page_size");
  if (historyLength < 0) throw invalidField("history_length", "must be at least 0", "history_length");
  // Turns are listed by conversation.
  if (contextId === "") throw invalidField("context_id", "must be set", "required");
  const skip = readToken(request.pageToken);
  const conversation = await operations.conversation(contextId);
  const state = turnState(status);
  const isEmpty = conversation === undefined || (status !== TaskState.UNSPECIFIED && state === undefined);
  const turns = isEmpty ? [] : await turnsOf(canonical, context, conversation.id, state ?? TurnState.UNSPECIFIED);
  const matching = turns
    .filter((turn) => after === undefined || nanosOf(statusTime(turn)) >= nanosOf(after))
    .sort((a, b) => Number(nanosOf(statusTime(b)) - nanosOf(statusTime(a))));
  const page = matching.slice(skip, skip + pageSize);
  const id = conversation === undefined ? contextId : contextIdOf(conversation);
  const tasks: Task[] = [];
  let bytes = 0;
  for (const turn of page) {
    const task = await operations.task(turn, id, historyLength, includeArtifacts);
    bytes += toBinary(TaskSchema, task).length;
    if (bytes > PAGE_BYTES && tasks.length > 0) break;
    tasks.push(task);
  }
  const end = skip + tasks.length;
  const next = end < matching.length ? String(end) : "";
  return create(ListTasksResponseSchema, { tasks, nextPageToken: next, pageSize, totalSize: matching.length });
}

async function turnsOf(canonical: Canonical, context: CallContext, conversationId: string, state: TurnState) {
  const turns: Turn[] = [];
  let pageToken = "";
  do {
    const request = { conversationId, state, pageSize: CHUNK, pageToken };
    const page = await canonical.call(context, TurnService.method.listTurns, request);
    turns.push(...page.turns);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && turns.length < MAX_TURNS);
  return turns;
}

function readToken(token: string): number {
  if (token === "") return 0;
  if (/^\d{1,4}$/.test(token)) return Number(token);
  throw new DomainError(ErrorReason.INVALID_PAGE_TOKEN, "page_token: must be the next_page_token of a response");
}

function nanosOf(at: Timestamp | undefined): bigint {
  return at === undefined ? 0n : at.seconds * 1_000_000_000n + BigInt(at.nanos);
}
