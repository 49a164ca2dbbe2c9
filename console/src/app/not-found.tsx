// A path that no page has.
import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { text } from "../strings/en.ts";
import { Empty } from "../ui/empty.tsx";
import { useTabTitle } from "../ui/tab-title.ts";

export function NotFound() {
  useTabTitle(text.notFound.title);
  return (
    <Empty title={text.notFound.title}>
      <Anchor renderRoot={(props) => <Link to="/conversations" {...props} />}>{text.notFound.back}</Anchor>
    </Empty>
  );
}
