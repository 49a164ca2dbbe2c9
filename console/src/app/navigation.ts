// The links of the shell, in their order.
import { text } from "../strings/en.ts";

export const NAVIGATION = [{ to: "/conversations", label: text.navigation.conversations }] as const;
