// What a posted message is acted on with, and the stream that comes of it.
import type { TurnPolicy } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import type { PostedChat } from "./request.ts";
import type { Held } from "./stream/held.ts";
import type { TurnEvents } from "./stream/send.ts";

export interface PostParts {
  readonly canonical: Canonical;
  readonly context: CallContext;
  readonly posted: PostedChat;
  /** The agent of a chat that has none. */
  readonly agent: string;
  readonly ifRunning: TurnPolicy;
  /** Whether the server's ports speak TLS. */
  readonly tls: boolean;
}

/** The stream of a turn. */
export interface Reply {
  readonly events: TurnEvents;
  /** The turn, if the events do not begin with it. */
  readonly turnId?: string;
  /** What the client has of the reply. Default: nothing. */
  readonly held?: Held;
}
