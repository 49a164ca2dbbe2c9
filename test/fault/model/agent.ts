// An agent that calls a tool where it is told to act, and is done once it has the result.
import { startFakeAgent } from "../../support/services/agents.ts";

export interface CallingAgent extends AsyncDisposable {
  readonly url: string;
}

export async function startCallingAgent(): Promise<CallingAgent> {
  const agent = await startFakeAgent();
  agent.answer = async function* ({ messages }) {
    if (messages.at(-1)?.parts[0]?.content.case === "toolResult") yield { text: "done" };
    else yield { piece: { case: "toolCall", value: { callId: "c", name: "ask", arguments: "{}" } } };
  };
  return { url: agent.url, [Symbol.asyncDispose]: () => agent.close() };
}
