// The filters of the list, in a form of their own.
import { Button, Checkbox, Group, NativeSelect, Popover, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { text } from "../strings/en.ts";
import { toInstant, toLocal } from "../ui/local-time.ts";
import { countFilters, type ListSearch, readListSearch, readPairs } from "./list-search.ts";

const words = text.filters;
const FIELDS = [
  ["owner", words.owner],
  ["participant", words.participant],
  ["agent", words.agent],
  ["entityType", words.entityType],
  ["entityId", words.entityId],
  ["mode", words.mode],
  ["labels", words.labels, words.labelsHint],
  ["metadata", words.metadata, words.metadataHint],
] as const;

export function Filters({ search, onChange }: { search: ListSearch; onChange: (search: ListSearch) => void }) {
  const [isOpen, setIsOpen] = useState(false);
  const count = countFilters(search);
  return (
    <>
      {/* What a search finds is in the order of how well it matches. */}
      {search.q === undefined && (
        <NativeSelect
          aria-label={words.order}
          value={search.order ?? "activity"}
          onChange={({ currentTarget: { value } }) => onChange(readListSearch({ ...search, order: value }))}
          data={Object.entries(words.orders).map(([value, label]) => ({ value, label }))}
        />
      )}
      <Popover opened={isOpen} onChange={setIsOpen} position="bottom-end" trapFocus returnFocus withinPortal>
        <Popover.Target>
          <Button variant={count > 0 ? "light" : "default"} onClick={() => setIsOpen((before) => !before)}>
            {count > 0 ? words.active(count) : words.button}
          </Button>
        </Popover.Target>
        <Popover.Dropdown aria-label={words.label} mah="80dvh" style={{ overflowY: "auto" }}>
          <FilterForm
            search={search}
            onApply={(next) => {
              setIsOpen(false);
              onChange(next);
            }}
          />
        </Popover.Dropdown>
      </Popover>
    </>
  );
}

function FilterForm({ search, onApply }: { search: ListSearch; onApply: (search: ListSearch) => void }) {
  const [faults, setFaults] = useState<readonly string[]>([]);
  const isSearch = search.q !== undefined;
  const apply = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = Object.fromEntries(new FormData(event.currentTarget));
    const wrong = (["labels", "metadata"] as const).filter((name) => readPairs(String(form[name])) === undefined);
    setFaults(wrong);
    if (wrong.length === 0)
      onApply(
        readListSearch({
          q: search.q,
          order: search.order,
          // It is kept for the list, to which one goes back.
          ...(isSearch && { deleted: search.deleted }),
          ...form,
          from: toInstant(form.from),
          to: toInstant(form.to),
        }),
      );
  };
  const clear = () => onApply(readListSearch({ q: search.q, order: search.order }));
  return (
    <form onSubmit={apply}>
      <Stack gap="xs" w={260} maw="80vw">
        <NativeSelect name="status" label={words.status} defaultValue={search.status} data={choices(words.statuses)} />
        <NativeSelect name="call" label={words.call} defaultValue={search.call} data={choices(words.calls)} />
        {FIELDS.map(([name, label, placeholder]) => (
          <TextInput
            key={name}
            name={name}
            label={label}
            placeholder={placeholder}
            defaultValue={search[name]}
            error={faults.includes(name) && words.pairs}
          />
        ))}
        <TextInput
          name="from"
          type="datetime-local"
          label={isSearch ? words.sentFrom : words.from}
          defaultValue={toLocal(search.from)}
        />
        <TextInput
          name="to"
          type="datetime-local"
          label={isSearch ? words.sentTo : words.to}
          defaultValue={toLocal(search.to)}
        />
        <Checkbox name="pinned" value="yes" label={words.pinned} defaultChecked={search.pinned !== undefined} />
        {isSearch ? (
          <Text size="xs" c="dimmed">
            {words.searchHint}
          </Text>
        ) : (
          <Checkbox name="deleted" value="yes" label={words.deleted} defaultChecked={search.deleted !== undefined} />
        )}
        <Group gap="xs" mt="xs">
          <Button type="submit" size="xs">
            {words.apply}
          </Button>
          <Button variant="default" size="xs" onClick={clear}>
            {text.conversations.clear}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** `any` is no value of the address: it stands for none. */
function choices(names: Readonly<Record<string, string>>) {
  return Object.entries(names).map(([value, label]) => ({ value: value === "any" ? "" : value, label }));
}
