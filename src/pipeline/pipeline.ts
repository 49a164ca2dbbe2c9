// The stages of every call, whatever its protocol: authenticate, limit, decode, validate, act, encode.
import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import type { Call, CallHead } from "./call/call.ts";
import type { Route } from "./call/call-state.ts";
import { requestIdField } from "./call/idempotency-key.ts";
import { updatePartsOf } from "./call/implied-mask.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "./call/request-id.ts";
import { toConnectError } from "./errors.ts";
import { PipelineCall } from "./pipeline-call.ts";
import type { PipelineOptions } from "./pipeline-options.ts";
import { createRecord, type RecordCall } from "./record.ts";
import { validateByTurns } from "./validation/by-turns.ts";
import { validate } from "./validation/validation.ts";

export type { Call } from "./call/call.ts";
export type { PipelineOptions } from "./pipeline-options.ts";

/** A call that names no method that is served. */
export type UnknownCallHead = Pick<CallHead, "wire" | "header">;

export interface Pipeline {
  /** Every method that is served, by its path, such as `/colloquy.v1.MessageService/SendMessage`. */
  readonly methods: ReadonlyMap<string, DescMethod>;
  /** Those of services that get their requests unchecked. */
  readonly unchecked: ReadonlySet<DescMethod>;
  begin(head: CallHead): Call;
  /** Records a call of a method that is not served, and gives the error to send and the headers that go with it. */
  refuse(head: UnknownCallHead): { readonly error: ConnectError; readonly headers: ReadonlyMap<string, string> };
}

/** Builds the pipeline. Throws if two services have the same name or a method has no handler. */
export function createPipeline(options: PipelineOptions): Pipeline {
  const methods = new Map<string, DescMethod>();
  const routes = new Map<DescMethod, Route>();
  const record = createRecord(options.metrics, options.logger);
  for (const { service, handlers, open, unchecked } of options.services) {
    for (const method of service.methods) {
      const path = `/${service.typeName}/${method.name}`;
      const handler = handlers[method.localName];
      if (handler === undefined) throw new Error(`${path} has no handler`);
      if (methods.has(path)) throw new Error(`${path} is served twice`);
      methods.set(path, method);
      routes.set(method, {
        path,
        handler,
        open,
        update: updatePartsOf(method.input),
        requestIdField: requestIdField(method.input),
        validate:
          unchecked === true ? () => undefined : (schema, request) => validateByTurns(validate, schema, request),
        replicaReads: options.replicaReads?.has(method) ?? false,
        record,
        options,
      });
    }
  }
  return {
    methods,
    unchecked: new Set(options.services.flatMap(({ service, unchecked }) => (unchecked ? service.methods : []))),
    begin(head) {
      const route = routes.get(head.method);
      if (route === undefined) throw new Error(`${head.method.toString()} is not served`);
      return new PipelineCall(head, route);
    },
    refuse: (head) => refuseUnknown(head, options, record),
  };
}

function refuseUnknown(
  head: UnknownCallHead,
  { metrics }: PipelineOptions,
  record: RecordCall,
): ReturnType<Pipeline["refuse"]> {
  const requestId = requestIdOf(head.header(REQUEST_ID_HEADER));
  // The path is not echoed or logged: it is whatever the caller wrote, a credential perhaps.
  const failure = new DomainError(ErrorReason.UNKNOWN_METHOD, "there is no such service or method");
  const error = toConnectError(failure);
  const call = { method: "unknown", wire: head.wire, requestId, tenant: undefined, milliseconds: 0 };
  metrics.started(call.method, call.wire);
  record({ ...call, kind: "unary", failure, sent: error });
  return { error, headers: new Map([[REQUEST_ID_HEADER, requestId]]) };
}
