// Whether an endpoint gets events.
import { type WebhookEndpoint, WebhookState } from "../../../../gen/colloquy/v1/webhook_pb.ts";
import { operationsText } from "../../strings/operations.ts";
import { StateBadge, type Tone } from "../../ui/state-badge.tsx";
import { wordOf } from "../../ui/word-of.ts";

const words = operationsText.webhooks;
const TONES: Readonly<Record<number, Tone>> = { [WebhookState.ACTIVE]: "good", [WebhookState.DISABLED]: "bad" };

export function EndpointState({ endpoint: { state, progress } }: { endpoint: WebhookEndpoint }) {
  if (state === WebhookState.ACTIVE && progress?.failingSince !== undefined) {
    return <StateBadge tone="bad">{words.failingNow}</StateBadge>;
  }
  return <StateBadge tone={TONES[state] ?? "plain"}>{wordOf(WebhookState, state, words.states)}</StateBadge>;
}
