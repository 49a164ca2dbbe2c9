// The first view: the list of conversations, or what a search finds in their messages.
import { Button, Group, TextInput, VisuallyHidden } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useAccess } from "../auth/use-access.ts";
import { text } from "../strings/en.ts";
import { isEscape } from "../ui/escape-key.ts";
import { useTabTitle } from "../ui/tab-title.ts";
import { ConversationList } from "./conversation-list.tsx";
import styles from "./conversations-page.module.css";
import { Filters } from "./filters.tsx";
import { rememberList } from "./last-list.ts";
import { type ListSearch, readListSearch } from "./list-search.ts";
import { NewConversation } from "./new-conversation.tsx";
import { SearchResults } from "./search-results.tsx";
import { isTyping } from "./use-list-keys.ts";

const route = getRouteApi("/shell/conversations");

export function ConversationsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const access = useAccess();
  useEffect(() => rememberList(search), [search]);
  useTabTitle(search.q === undefined ? text.conversations.title : text.conversations.searchTitle(search.q));
  const change = (next: ListSearch) => void navigate({ search: next });
  return (
    <>
      <Group gap="xs" px="md" py="xs" wrap="wrap">
        <VisuallyHidden component="h1">{text.conversations.title}</VisuallyHidden>
        <SearchField value={search.q ?? ""} onSearch={(q) => change(readListSearch({ ...search, q }))} />
        <Filters search={search} onChange={change} />
        {access.may("writer") && <NewConversation />}
      </Group>
      {search.q === undefined ? (
        <ConversationList key={JSON.stringify(search)} search={search} onClear={() => change({})} />
      ) : (
        <SearchResults query={search.q} search={search} onClear={() => change({ q: search.q })} />
      )}
    </>
  );
}

const SEARCH_NOW = {
  rightSection: (
    <Button type="submit" size="compact-xs" variant="light">
      {text.conversations.searchNow}
    </Button>
  ),
  rightSectionWidth: 82,
};

function SearchField({ value, onSearch }: { value: string; onSearch: (q: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      event.preventDefault();
      field.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSearch(typed.trim());
  };
  return (
    <search className={styles.search}>
      <form onSubmit={submit}>
        <TextInput
          ref={field}
          type="search"
          aria-label={text.conversations.search}
          placeholder={`${text.conversations.search} ( / )`}
          title={text.conversations.searchHint}
          value={typed}
          onChange={({ currentTarget }) => {
            setTyped(currentTarget.value);
            // The cross of a search field empties it without a submit.
            if (currentTarget.value === "" && value !== "") onSearch("");
          }}
          onKeyDown={(event) => isEscape(event) && event.currentTarget.blur()}
          // While what is found is of other words, or of none.
          {...(typed.trim() !== value && typed.trim() !== "" && SEARCH_NOW)}
        />
      </form>
    </search>
  );
}
