// The face of this folder, as others import it.

export type { Headers, HttpRequest, HttpResponse } from "../http/response.ts";
export { type Binding, BindingError, bindingsOf } from "./binding.ts";
export type { CallSignal, CreateCallSignal } from "./call-head.ts";
export type { FailureOptions } from "./failure.ts";
export type { CallInfo, Failure, Mount, RenderError, RenderedError } from "./mount.ts";
export { type Place, type ProblemKind, RestProblem, type Violation } from "./problem.ts";
export { createRest, type Rest, type RestOptions, type RouteEntry } from "./rest.ts";
export { CollisionError } from "./router.ts";
export { httpStatusOf, reasonOf, renderStatus } from "./rpc-status.ts";
export { parseTemplate, type Segment, type Template, TemplateError, type Variable } from "./template.ts";
