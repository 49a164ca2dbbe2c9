// Says that the address leads to a message that is not here.
import { Alert, Button, Text } from "@mantine/core";
import { text } from "../strings/en.ts";

const words = text.conversation.missing;

export function MissingMessage({ onDrop }: { onDrop: () => void }) {
  return (
    <Alert color="yellow" role="alert" m="xs" py={6}>
      <Text size="sm" fw={600}>
        {words.title}
      </Text>
      <Text size="sm">{words.why}</Text>
      <Button mt="xs" size="xs" variant="default" onClick={onDrop}>
        {text.address.drop}
      </Button>
    </Alert>
  );
}
