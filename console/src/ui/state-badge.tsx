// The state of something in a word, with a colour that repeats it.
import { Badge } from "@mantine/core";

export type Tone = "good" | "bad" | "busy" | "plain";

const COLORS = { good: "teal", bad: "red", busy: "blue", plain: "gray" } as const;

export function StateBadge({ tone, children }: { tone: Tone; children: string }) {
  return (
    <Badge
      miw="max-content"
      size="sm"
      radius="sm"
      tt="none"
      variant="outline"
      c="var(--mantine-color-text)"
      color={COLORS[tone]}
    >
      {children}
    </Badge>
  );
}
