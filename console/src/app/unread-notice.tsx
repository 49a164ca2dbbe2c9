// Says which parts of the address are not understood, and drops them.
import { Alert, Button, Code, Text } from "@mantine/core";
import { useMatches, useNavigate } from "@tanstack/react-router";
import { text } from "../strings/en.ts";
import type { Unread } from "./address.ts";

const words = text.address;

export function UnreadNotice() {
  // The view's, for what surrounds it has no search of its own.
  const unread = useMatches({ select: (matches) => (matches.at(-1)?.search as Unread | undefined)?.unread });
  const navigate = useNavigate();
  if (unread === undefined) return null;
  const drop = () =>
    void navigate({ to: ".", search: (search: Unread) => ({ ...search, unread: undefined }), replace: true });
  return (
    <Alert color="yellow" role="alert" m="sm">
      <Text size="sm" fw={600}>
        {words.title}
      </Text>
      {Object.entries(unread).map(([name, value]) => (
        <Text key={name} size="sm" style={{ overflowWrap: "anywhere" }}>
          <Code>
            {name}={value}
          </Code>{" "}
          {words.rules[name] ?? words.unknown}
        </Text>
      ))}
      <Button mt="xs" size="xs" variant="default" onClick={drop}>
        {words.drop}
      </Button>
    </Alert>
  );
}
