// The links of the shell, in their order, and which callers have them.
import type { Need } from "../auth/use-access.ts";
import { text } from "../strings/en.ts";

interface Place {
  readonly to: "/conversations" | "/agents" | "/analytics" | "/health" | "/admin";
  readonly label: string;
  readonly need?: Need;
}

export const NAVIGATION: readonly Place[] = [
  { to: "/conversations", label: text.navigation.conversations },
  { to: "/agents", label: text.navigation.agents, need: "reader" },
  { to: "/analytics", label: text.navigation.analytics, need: "analyst" },
  { to: "/health", label: text.navigation.health, need: "administrator" },
  { to: "/admin", label: text.navigation.administration, need: "administrator" },
];
