// Work that is under way.
import { Loader } from "@mantine/core";
import { text } from "../strings/en.ts";

export function Loading() {
  return <Loader m="auto" my="xl" size="sm" role="status" aria-label={text.conversations.loading} />;
}
