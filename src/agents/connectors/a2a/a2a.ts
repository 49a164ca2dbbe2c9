// The connector to agents that speak A2A, 1.0 or 0.3.
import type { Client } from "@a2a-js/sdk/client";
import {
  A2AError,
  ContentTypeNotSupportedError,
  RequestMalformedError,
  TaskNotFoundError,
  UnsupportedOperationError,
} from "@a2a-js/sdk/errors";
import { fromJson } from "@bufbuild/protobuf";
import { A2aConnectorSchema } from "../../../../gen/colloquy/v1/agent_pb.ts";
import { HEARTBEAT, type ReplyPiece } from "../../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../../domain/turns/turn.ts";
import type { WebFetch } from "../../../outbound/web-fetch.ts";
import { AgentFailure, type ConnectorFactory } from "../connector.ts";
import { openClient } from "./client.ts";
import { a2aFailureOf } from "./faults.ts";
import { CONTEXT, contextJson, type KnownContext, messageOf, toldTo } from "./message.ts";
import { opaqueItem } from "./parts.ts";
import { TaskReply } from "./task-reply.ts";
import { withHeartbeats } from "./with-heartbeats.ts";

const OUTPUT_MODES = ["text/plain", "application/json", "image/*", "application/*"];
/** How often a task is looked at whose stream has ended before it. */
const POLL_MS = 1_000;
/** How long the agent has to take a cancellation. */
const CANCEL_MS = 5_000;

/** How an agent refuses a message to a task: nothing was done for it. */
const NO_ANSWER = [
  TaskNotFoundError,
  UnsupportedOperationError,
  RequestMalformedError,
  ContentTypeNotSupportedError,
] as const;

/** @param fetcher connects to allowed addresses only */
export function createA2a(fetcher: Pick<WebFetch, "fetch">): ConnectorFactory {
  return ({ id: agentId, settings }, credential) => {
    const { baseUrl } = fromJson(A2aConnectorSchema, settings);
    const { origin } = new URL(baseUrl);
    return async function* ({ messages, turnId }, signal) {
      const { parts, context } = toldTo(agentId, origin, messages);
      if (parts.length === 0)
        throw new AgentFailure("the message has nothing that A2A has a form for", { health: "up" });
      const reply = new TaskReply();
      let alive = false;
      const heard = () => {
        alive = true;
      };
      const isAlive = () => {
        const was = alive;
        alive = false;
        return was;
      };
      let client: Client | undefined;
      try {
        client = await openClient({ baseUrl, credential }, fetcher, heard);
        const pieces = withHeartbeats(piecesOf(client, reply, turnId, parts, context, signal), isAlive);
        let isKept = false;
        for await (const piece of pieces) {
          // The agent's ids are in the log before its words: whatever becomes of the turn, the next one goes on from
          // there.
          if (!isKept && reply.contextId !== "") {
            isKept = true;
            yield opaqueItem(CONTEXT, contextJson({ contextId: reply.contextId }, origin));
          }
          yield piece;
        }
        const { contextId, taskId } = reply;
        if (reply.waits) yield opaqueItem(CONTEXT, contextJson({ contextId, taskId }, origin));
        reply.end();
        return FinishReason.STOP;
      } catch (error) {
        if (signal.aborted && client !== undefined && reply.taskId !== "" && !reply.isOver)
          cancel(client, reply.taskId);
        signal.throwIfAborted();
        throw a2aFailureOf(error);
      }
    };
  };
}

async function* piecesOf(
  client: Client,
  reply: TaskReply,
  turnId: string,
  parts: Parameters<typeof messageOf>[1],
  context: KnownContext | undefined,
  signal: AbortSignal,
): AsyncGenerator<ReplyPiece> {
  try {
    if (context?.taskId !== undefined) {
      reply.goOnFrom(await client.getTask({ tenant: "", id: context.taskId }, { signal }));
    }
    yield* sent(client, reply, messageOf(turnId, parts, context ?? {}), signal);
  } catch (error) {
    const isNoAnswer = NO_ANSWER.some((kind) => error instanceof kind);
    if (!isNoAnswer || context?.taskId === undefined || reply.taskId !== "") throw error;
    // The task that waited has ended meanwhile, or what is said is no answer to it: it begins another one.
    yield* sent(client, reply, messageOf(turnId, parts, { contextId: context.contextId }), signal);
  }
  while (!reply.isOver) {
    if (reply.taskId === "") throw new AgentFailure("the agent broke off", { retryable: true });
    yield HEARTBEAT;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    signal.throwIfAborted();
    yield* reply.task(await client.getTask({ tenant: "", id: reply.taskId }, { signal }));
  }
}

async function* sent(
  client: Client,
  reply: TaskReply,
  message: ReturnType<typeof messageOf>,
  signal: AbortSignal,
): AsyncGenerator<ReplyPiece> {
  const configuration = {
    acceptedOutputModes: OUTPUT_MODES,
    taskPushNotificationConfig: undefined,
    returnImmediately: false,
  };
  const request = { tenant: "", message, configuration, metadata: undefined };
  try {
    for await (const event of client.sendMessageStream(request, { signal })) {
      yield* reply.take(event);
      if (reply.isOver) return;
    }
  } catch (error) {
    // A line that broke does not end the task.
    if (signal.aborted || error instanceof A2AError || reply.taskId === "") throw error;
  }
}

/** Nobody waits for it. */
function cancel(client: Client, id: string): void {
  const request = { tenant: "", id, metadata: undefined };
  client.cancelTask(request, { signal: AbortSignal.timeout(CANCEL_MS) }).catch(() => {});
}
