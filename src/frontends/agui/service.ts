// POST /agui/{agent}: the input of a run in, its events out.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  AguiService,
  type RunRequest,
  type RunResponseSchema,
} from "../../../gen/colloquy/frontend/agui/v1/agui_service_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { converted } from "../../pipeline/streams/converted.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { DEFAULT_AGENT } from "../shared/agents.ts";
import { findConversation } from "../shared/conversations.ts";
import { COMMENT, eventOf, setStreamHeaders } from "../shared/events.ts";
import { describeFailure, hasLeft, isStopping } from "../shared/failures.ts";
import { cancelForGone, readAbort, readIfRunning } from "../shared/turn-choices.ts";
import { readInput } from "./input.ts";
import { Run } from "./run.ts";
import { streamOf } from "./stream.ts";

export function createAguiService(canonical: Canonical, tls: boolean): ServiceEntry {
  return serve(AguiService, {
    async *run(request: RunRequest, context): AsyncIterable<MessageInitShape<typeof RunResponseSchema>> {
      const ifRunning = readIfRunning(request.ifRunning);
      const cancels = readAbort(request.abort);
      const input = await readInput(request.body?.data ?? new Uint8Array());
      const agent = request.agent || DEFAULT_AGENT;
      const conversation = await findConversation(canonical, context, input.threadId);
      // A thread that has an agent keeps it, whatever has become of it.
      if (!conversation?.agent) await requireAgent(canonical, context, agent);
      const run = new Run({ canonical, context, input, ifRunning, tls }, conversation, agent);
      const plan = await run.begin();
      setStreamHeaders(context);
      let over = false;
      try {
        yield* converted(streamOf(run, plan, input), (event) => {
          over = event?.type === "RUN_FINISHED" || event?.type === "RUN_ERROR";
          return event === undefined ? COMMENT : eventOf(event);
        });
      } catch (error) {
        if (hasLeft(context)) throw error;
        // A stream that just ends is taken for a success.
        over = true;
        const { reason, message } = describeFailure(error, context);
        yield eventOf({ type: "RUN_ERROR", message, code: reason });
      } finally {
        const leaves = !over && !isStopping(context);
        if (cancels && leaves && plan.kind === "turn") await cancelForGone(canonical, context, plan.turnId);
      }
    },
  });
}

/** Throws NOT_FOUND. */
async function requireAgent(canonical: Canonical, context: CallContext, agentId: string): Promise<void> {
  await canonical.call(context, AgentService.method.getAgent, { agentId });
}
