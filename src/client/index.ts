// The client of a Colloquy server, for Node and browsers.
export { Code, ConnectError } from "@connectrpc/connect";
export { ErrorReason } from "../../gen/colloquy/v1/error_reason_pb.ts";
export { type ClientOptions, type ColloquyClient, createClient } from "./client.ts";
export type { Credential } from "./credential.ts";
export { reasonOf } from "./reason.ts";
export type { RetryOptions } from "./retry.ts";
export type { StreamOptions } from "./stream.ts";
export type { SubscribeOptions, SubscriptionEntry } from "./subscribe.ts";
