// The names by which webhook endpoints choose events.
import { expect, test } from "vitest";
import { EventType } from "../../../../src/domain/event-type.ts";
import { EVENT_NAMES, eventName, eventTypeNamed } from "../../../../src/domain/webhooks/event-names.ts";

test("every kind of event can be chosen by its name, but the one that is sent by a test alone", () => {
  const chosen = new Set(EVENT_NAMES.map(eventTypeNamed));
  const missing = Object.entries(EventType).filter(([, type]) => !chosen.has(type));
  expect(missing.map(([name]) => name)).toEqual(["ENDPOINT_TEST"]);
  for (const name of EVENT_NAMES) expect(eventName(eventTypeNamed(name) ?? -1)).toBe(name);
});
