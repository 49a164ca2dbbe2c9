// The names of outcomes, as metrics and traces have them.
import { WebhookOutcome } from "../../gen/colloquy/v1/webhook_pb.ts";

const NAMES = new Map<number, string>(
  Object.entries(WebhookOutcome).map(([name, value]) => [value, name.toLowerCase()]),
);

export function outcomeName(outcome: WebhookOutcome): string {
  return NAMES.get(outcome) ?? "unknown";
}
