// What an A2A agent's failure was: its own error, a response that is none of the protocol, or a line that broke.
import { A2AError } from "@a2a-js/sdk/errors";
import { AgentFailure } from "../connector.ts";
import { failureOf, noReply } from "../failures.ts";

/** Converts what the package throws. Texts of the agent may hold words of the conversation, so none is kept. */
export function a2aFailureOf(error: unknown): AgentFailure {
  const chain = chainOf(error);
  if (chain.some((cause) => cause instanceof AgentFailure)) return failureOf(error);
  if (chain.some((cause) => cause instanceof A2AError)) {
    return new AgentFailure("the agent reported an error", { health: "up", cause: error });
  }
  // The package speaks of what it could not read in errors of no class of their own; those of sockets have one, or a
  // code.
  const isUnread = error instanceof Error && [Error, SyntaxError].some((kind) => error.constructor === kind);
  const isOfSocket = chain.some((cause) => "code" in cause || cause instanceof TypeError);
  return isUnread && !isOfSocket ? noReply(error) : failureOf(error);
}

function chainOf(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let at = error; at instanceof Error && chain.length < 8; at = at.cause) chain.push(at);
  return chain;
}
