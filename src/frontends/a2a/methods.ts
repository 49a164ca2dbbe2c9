// A2A's methods, whatever the binding; each says first that it serves the version that the client speaks.
import { create } from "@bufbuild/protobuf";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import {
  type AgentCard,
  type CancelTaskRequest,
  type GetExtendedAgentCardRequest,
  type GetTaskRequest,
  type ListTasksRequest,
  type SendMessageRequest,
  SendMessageResponseSchema,
  type StreamResponse,
  type SubscribeToTaskRequest,
} from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { DEFAULT_AGENT } from "../shared/agents.ts";
import type { FrontendOptions } from "../shared/options.ts";
import { cardOf } from "./card.ts";
import { pushNotSupported, versionNotSupported } from "./errors.ts";
import { listTasks } from "./list.ts";
import { Operations } from "./operations.ts";

/** The methods; streams tell of silence by undefined. */
export type Methods = ReturnType<typeof createMethods>;

export function createMethods(canonical: Canonical, options: FrontendOptions) {
  const of = (context: CallContext) => {
    requireVersion(context);
    return new Operations(canonical, context, options.tls);
  };
  const card = async (agentId: string, context: CallContext): Promise<AgentCard> => {
    const { agent } = await canonical.call(context, AgentService.method.getAgent, { agentId });
    if (agent === undefined) throw new Error("an agent was read without an answer");
    return cardOf(agent, context, options);
  };
  return {
    card,
    async sendMessage(request: SendMessageRequest, context: CallContext) {
      const task = await of(context).send(request);
      return create(SendMessageResponseSchema, { payload: { case: "task", value: task } });
    },
    async *sendStreamingMessage(
      request: SendMessageRequest,
      context: CallContext,
    ): AsyncGenerator<StreamResponse | undefined, void> {
      yield* of(context).stream(request);
    },
    async getTask(request: GetTaskRequest, context: CallContext) {
      return of(context).get(request);
    },
    async listTasks(request: ListTasksRequest, context: CallContext) {
      return listTasks(canonical, context, { operations: of(context), secrets: options.secrets }, request);
    },
    async cancelTask(request: CancelTaskRequest, context: CallContext) {
      return of(context).cancel(request);
    },
    async *subscribeToTask(
      request: SubscribeToTaskRequest,
      context: CallContext,
    ): AsyncGenerator<StreamResponse | undefined, void> {
      yield* of(context).subscribe(request);
    },
    createTaskPushNotificationConfig: noPush,
    getTaskPushNotificationConfig: noPush,
    listTaskPushNotificationConfigs: noPush,
    deleteTaskPushNotificationConfig: noPush,
    async getExtendedAgentCard({ tenant }: GetExtendedAgentCardRequest, context: CallContext) {
      requireVersion(context);
      return card(tenant || DEFAULT_AGENT, context);
    },
  };
}

/** Whatever is asked about push notifications: the card says that there are none. */
function noPush(_: unknown, context: CallContext): never {
  requireVersion(context);
  throw pushNotSupported();
}

/** A client that names no version speaks 0.3. */
function requireVersion(context: CallContext): void {
  const version = context.header("a2a-version") || "0.3";
  if (!/^1\.0(\.\d+)?$/.test(version)) throw versionNotSupported(version);
}
