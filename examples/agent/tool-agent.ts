// An agent with a tool: it thinks, calls a clock that it runs itself, and answers with what that gave. Where the
// request has a tool named `lookup`, it calls that too: Colloquy has it run, and asks again with the result.
// Start it with `node examples/agent/tool-agent.ts`.
import { createServer } from "node:http";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { AgentService } from "../../gen/colloquy/agent/v1/agent_service_pb.ts";
import type { Message } from "../../gen/colloquy/v1/message_pb.ts";

const port = Number(process.env.PORT ?? 9091);
const ZONES = ["Tokyo", "Paris", "London"] as const;
const HOURS: Readonly<Record<string, string>> = { Tokyo: "21:00", Paris: "13:00", London: "12:00" };

/** A tool of the agent's own. A real one would ask the clock. */
const clock = (city: string) => `At noon UTC in winter it is ${HOURS[city]} in ${city}.`;

/** The results of the tools of the request that this turn has called: they stand at the end. */
function results(messages: readonly Message[]): string[] {
  const since = messages.findLastIndex(({ parts, content }) => parts.length === 0 && content !== "");
  return messages.slice(since).flatMap(({ parts }) =>
    parts.flatMap(({ content }) => {
      if (content.case !== "toolResult") return [];
      const { output } = content.value;
      return output.case === "text" || output.case === "json" ? [output.value] : [];
    }),
  );
}

const handler = connectNodeAdapter({
  routes: (router) =>
    router.service(AgentService, {
      async *reply({ messages, tools }) {
        const [found] = results(messages);
        if (found !== undefined) {
          yield { text: `I looked it up: ${found}` };
          return;
        }
        const asked = messages.at(-1)?.content ?? "";
        const city = ZONES.find((zone) => asked.includes(zone));
        if (city !== undefined) {
          const callId = `clock-${messages.length}`;
          yield { piece: { case: "reasoning", value: `They ask for the time in ${city}.` } };
          yield { piece: { case: "toolCall", value: { callId, name: "clock", arguments: JSON.stringify({ city }) } } };
          const value = { callId, output: { case: "text", value: clock(city) } as const };
          yield { piece: { case: "part", value: { content: { case: "toolResult", value } } } };
          yield { text: clock(city) };
        } else if (tools.some(({ name }) => name === "lookup")) {
          const call = { callId: `lookup-${messages.length}`, name: "lookup", arguments: JSON.stringify({ asked }) };
          yield { piece: { case: "toolCall", value: call } };
        } else yield { text: "I know the time in Tokyo, Paris and London." };
      },
    }),
});

createServer(handler).listen(port, "127.0.0.1", () => console.log(`The agent listens on http://127.0.0.1:${port}`));
