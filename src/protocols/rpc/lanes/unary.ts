// The lane of unary calls: each goes through the pipeline to one write.
import type { DescMethod } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Call } from "../../../pipeline/pipeline.ts";
import type { Exchange, WholeResponse } from "../../http/exchange.ts";
import { queryOf } from "../../http/request.ts";
import { createCodec } from "../codec.ts";
import { connect } from "../connect.ts";
import { formName, UNARY_FORMS } from "../forms.ts";
import type { Incoming, Protocol, UnaryForm } from "../protocol.ts";
import { LaneHead } from "./call-head.ts";
import { type CallForm, createLane, type Lane, type LaneOptions, receive } from "./lane.ts";

const DONE = Promise.resolve();

export function createUnaryLane(options: LaneOptions): Lane {
  const { pipeline, lifecycle } = options;

  function serve({ wire, unary: form }: Protocol, incoming: Incoming): Promise<void> {
    const { exchange, method } = incoming;
    const head = new LaneHead(exchange, method, wire, lifecycle, incoming.encoding);
    const call = pipeline.begin(head);
    const release = () => {
      head.release();
      exchange.release();
    };
    const send = (response: WholeResponse) => {
      exchange.send(response);
      call.end();
      release();
    };
    const giveUp = (error: unknown) => {
      // No response can be sent any more: the client disconnected, or the response failed while it was written.
      call.fail(error);
      exchange.destroy();
      release();
    };
    try {
      const refused = call.turnAway();
      const response =
        refused === undefined
          ? outcomeOf(form, incoming, head, call)
          : form.fail(incoming, refused, call.responseHeaders);
      // Of those that are turned away there are most when there is the least time for them: no promise is made for
      // them.
      if (response instanceof Promise) return response.then(send).catch(giveUp);
      send(response);
    } catch (error) {
      giveUp(error);
    }
    return DONE;
  }

  return createLane(options, {
    kind: "unary",
    codec: createCodec({ ...options, unchecked: options.pipeline.unchecked }),
    formOf,
    serve,
  });
}

async function outcomeOf(form: UnaryForm, incoming: Incoming, head: LaneHead, call: Call): Promise<WholeResponse> {
  try {
    const request = await receive(form, incoming, head, call);
    return await form.succeed(incoming, await call.unary(request), call.responseHeaders);
  } catch (error) {
    return form.fail(incoming, call.fail(error), call.responseHeaders);
  }
}

function formOf(exchange: Exchange, method: DescMethod): CallForm | undefined {
  if (exchange.method === "GET") return getFormOf(exchange, method);
  if (exchange.method !== "POST") return undefined;
  const [protocol, encoding] = UNARY_FORMS.get(formName(exchange.header("content-type"))) ?? [];
  if (protocol === undefined || encoding === undefined) return undefined;
  return { protocol, encoding, query: undefined };
}

function getFormOf(exchange: Exchange, method: DescMethod): CallForm | undefined {
  if (method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return undefined;
  const query = new URLSearchParams(queryOf(exchange.target));
  const encoding = query.get("encoding");
  if (encoding !== "json" && encoding !== "proto") return undefined;
  if (query.get("base64") === "1" && !isBase64(query.get("message") ?? "")) return undefined;
  return { protocol: connect, encoding, query };
}

function isBase64(text: string): boolean {
  try {
    base64Decode(text);
    return true;
  } catch {
    return false;
  }
}
