// Keeps an agent's credential out of what everybody reads of its turns: why they failed, and which model replied.
import type { ReplyPiece } from "../../domain/turns/reply-piece.ts";
import type { FinishReason } from "../../domain/turns/turn.ts";
import { withoutSecret } from "../secrets/without-secret.ts";
import { AgentFailure, type Connector, type ReplyRequest } from "./connector.ts";

/** The connector, with failures and names of models that do not repeat the credential. Its words are left as they are. */
export function withoutCredential(connector: Connector, credential: string | undefined): Connector {
  if (credential === undefined) return connector;
  return (request, signal) => guarded(connector, credential, request, signal);
}

async function* guarded(
  connector: Connector,
  credential: string,
  request: ReplyRequest,
  signal: AbortSignal,
): AsyncGenerator<ReplyPiece, FinishReason> {
  const pieces = connector(request, signal);
  try {
    for (let next = await pieces.next(); ; next = await pieces.next()) {
      if (next.done) return next.value;
      const { value } = next;
      yield value.kind === "usage" && value.model !== undefined
        ? { ...value, model: withoutSecret(value.model, credential) }
        : value;
    }
  } catch (error) {
    throw error instanceof AgentFailure ? cleared(error, credential) : error;
  } finally {
    // Where the reader stops early, the request ends too.
    await pieces.return(undefined as never);
  }
}

function cleared(failure: AgentFailure, credential: string): AgentFailure {
  const { message, cause, refusal, ...others } = failure;
  const told = withoutSecret(message, credential);
  const safe = refusal && { ...refusal, code: withoutSecret(refusal.code, credential) };
  const label = typeof cause === "string" ? withoutSecret(cause, credential) : cause;
  if (told === message && safe?.code === refusal?.code && label === cause) return failure;
  return new AgentFailure(told, { ...others, refusal: safe, cause: label });
}
