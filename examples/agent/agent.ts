// An agent: a service that implements colloquy.agent.v1.AgentService. Start it with `node examples/agent/agent.ts`.
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { AgentService } from "../../gen/colloquy/agent/v1/agent_service_pb.ts";

const port = Number(process.env.PORT ?? 9090);

const handler = connectNodeAdapter({
  routes: (router) =>
    router.service(AgentService, {
      async *reply({ messages, agentName }, { signal }) {
        const asked = messages.at(-1)?.content ?? "";
        const answer = `${agentName} has read as far as message ${messages.length}: ${asked}`;
        for (const word of answer.match(/\s*\S+/g) ?? []) {
          // Stops when the caller cancels.
          await sleep(50, undefined, { signal });
          yield { text: word };
        }
      },
    }),
});

createServer(handler).listen(port, "127.0.0.1", () => console.log(`The agent listens on http://127.0.0.1:${port}`));
