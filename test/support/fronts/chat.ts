// Reads the stream of a turn in tests.
import { Code, ConnectError } from "@connectrpc/connect";
import type { TurnEnded, TurnStarted } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { ChatResponse, RegenerateResponse, ResumeTurnResponse } from "../../../gen/colloquy/v1/turn_service_pb.ts";

import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";

export interface Heard {
  started?: TurnStarted;
  text: string;
  ended?: TurnEnded;
  error?: unknown;
  /** The offset after the last delta. */
  offset: bigint;
}

/** Reads to the end, or as long as `goOn` says. Checks that each delta begins where the text so far ends. */
export async function hear(
  stream: AsyncIterable<ChatResponse | RegenerateResponse | ResumeTurnResponse>,
  from: Heard = { text: "", offset: 0n },
  goOn: (heard: Heard) => boolean = () => true,
): Promise<Heard> {
  const heard: Heard = { ...from };
  try {
    for await (const { event } of stream) {
      if (event.case === "started") heard.started = event.value;
      if (event.case === "ended") heard.ended = event.value;
      if (event.case === "delta") {
        if (event.value.offset !== heard.offset)
          throw new Error(`a delta at ${event.value.offset}, not ${heard.offset}`);
        heard.text += event.value.text;
        heard.offset = event.value.nextOffset;
      }
      if (!goOn(heard)) break;
    }
  } catch (error) {
    heard.error = error;
  }
  return heard;
}

/** How a stream failed. */
export function failureIn({ error }: Pick<Heard, "error">) {
  const failure = ConnectError.from(error);
  const [info] = failure.findDetails(ErrorInfoSchema);
  return { code: Code[failure.code], reason: info?.reason, metadata: info?.metadata };
}
