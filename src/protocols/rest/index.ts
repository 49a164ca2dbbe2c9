// The face of this folder, as others import it.

export type { HttpRequest } from "../../http/request.ts";
export type { Headers, HttpResponse } from "../../http/response.ts";
export { type Binding, BindingError, bindingsOf } from "./binding/binding.ts";
export type { CallInfo, Failure, Mount, RenderError, RenderedError } from "./binding/mount.ts";
export { type Place, type ProblemKind, RestProblem, type Violation } from "./binding/problem.ts";
export { parseTemplate, type Segment, type Template, TemplateError, type Variable } from "./binding/template.ts";
export type { CallSignal, CreateCallSignal } from "./request/call-head.ts";
export type { FailureOptions } from "./response/errors.ts";
export { httpStatusOf, reasonOf, renderStatus } from "./response/rpc-status.ts";
export { createRest, type Rest, type RestOptions, type RouteEntry } from "./rest.ts";
export { CollisionError } from "./router.ts";
