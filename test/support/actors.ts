// Actors as responses contain them, and as filters and imports name them.
import { create } from "@bufbuild/protobuf";
import { type Actor, ActorSchema, ActorType } from "../../gen/colloquy/v1/actor_pb.ts";

export const member = (id: string): Actor => create(ActorSchema, { type: ActorType.MEMBER, id });

/** @param actingFor in the audit log: the member that it acted for */
export const apiKey = (id: string, actingFor?: string): Actor =>
  create(ActorSchema, { type: ActorType.API_KEY, id, ...(actingFor !== undefined && { actingFor }) });

export const agent = (id: string): Actor => create(ActorSchema, { type: ActorType.AGENT, id });

export const system = (id: string): Actor => create(ActorSchema, { type: ActorType.SYSTEM, id });
