import { expect, test } from "vitest";
import { ActorType } from "../../../../gen/colloquy/v1/actor_pb.ts";
import {
  actorFilter,
  actorText,
  auditActorText,
  toActor,
  toAuditActor,
} from "../../../../src/domain/identity/actor.ts";
import { isReserved } from "../../../../src/domain/identity/reserved.ts";
import { agent, apiKey, member, system } from "../../../support/actors.ts";

test.each([
  ["ann", member("ann")],
  ["auth0|7", member("auth0|7")],
  ["oidc:7", member("oidc:7")],
  ["keyed", member("keyed")],
  ["key:7", apiKey("7")],
  ["agent:7", agent("7")],
  ["system:server", system("server")],
  ["agent:0190a0c4-7f3e-7abc-8def-0123456789ab", agent("0190a0c4-7f3e-7abc-8def-0123456789ab")],
  ["agent:Büro 😀 mit langem Namen", agent("Büro 😀 mit langem Namen")],
])("%j stands for an actor, and is its text", (text, actor) => {
  expect(toActor(text)).toEqual(actor);
  expect(actorText(actor)).toBe(text);
  expect(isReserved(text)).toBe(actor.type !== ActorType.MEMBER);
});

test.each([
  ["member:ann", member("ann")],
  ["member:key:7", member("key:7")],
  ["key:7", apiKey("7")],
  ["key:7:oidc:ann", apiKey("7", "oidc:ann")],
  ["system:command", system("command")],
])("%j in the audit log stands for an actor, and is its text", (text, actor) => {
  expect(toAuditActor(text)).toEqual(actor);
  expect(auditActorText(actor)).toBe(text);
});

test("an actor without a type is a member", () => {
  expect(actorText({ type: ActorType.UNSPECIFIED, id: "ann" })).toBe("ann");
  expect(auditActorText({ type: ActorType.UNSPECIFIED, id: "ann" })).toBe("member:ann");
});

test("a filter names one actor, or none is asked for", () => {
  expect(actorFilter("sender", undefined)).toBeUndefined();
  expect(actorFilter("sender", member("ann"))).toEqual(member("ann"));
  expect(() => actorFilter("sender", member(""))).toThrow("sender.id: must be set in a filter");
  expect(() => actorFilter("actor", { ...member("ann"), actingFor: "bob" })).toThrow(
    "actor.acting_for: must be unset unless the type is ACTOR_TYPE_API_KEY",
  );
});
