// Legal holds: what each keeps, who placed it and why.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Checkbox, NativeSelect, Switch, Textarea, TextInput } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { LegalHold } from "../../../../gen/colloquy/v1/legal_hold_pb.ts";
import { LegalHoldService } from "../../../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { useChange } from "../../api/use-change.ts";
import { text } from "../../strings/en.ts";
import { operationsText } from "../../strings/operations.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActorName } from "../../ui/actor-name.tsx";
import type { Column } from "../../ui/data-table.tsx";
import type { FormFields } from "../../ui/dialog-form.tsx";
import { LongText } from "../../ui/long-text.tsx";
import { MemberName } from "../../ui/member-name.tsx";
import { Page } from "../../ui/page.tsx";
import { PagedTable } from "../../ui/paged-table.tsx";
import { StateBadge } from "../../ui/state-badge.tsx";
import { Time } from "../../ui/time.tsx";
import { MatchFields } from "../match-fields.tsx";
import { matchFrom } from "../match-from.ts";
import { matchInWords } from "../match-words.ts";

const words = operationsText.holds;
const route = getRouteApi("/shell/admin/holds");

const COLUMNS: readonly Column<LegalHold>[] = [
  { name: words.name, cell: ({ displayName, id }) => <span title={id}>{displayName}</span> },
  { name: words.reason, cell: ({ reason }) => <LongText of={reason} /> },
  { name: words.covers, cell: coveredBy },
  {
    name: words.state,
    cell: ({ liftTime }) =>
      liftTime === undefined ? (
        <StateBadge tone="busy">{words.inForce}</StateBadge>
      ) : (
        <StateBadge tone="plain">{words.lifted}</StateBadge>
      ),
  },
  { name: words.placed, cell: ({ createTime }) => <Time value={createTime} /> },
  { name: words.by, cell: ({ creator }) => <ActorName actor={creator} /> },
  { name: words.actions, cell: (hold) => hold.liftTime === undefined && <LiftHold hold={hold} /> },
];

export function HoldsPage() {
  const { lifted } = route.useSearch();
  const navigate = route.useNavigate();
  const showLifted = lifted === "yes";
  const found = useInfiniteQuery(LegalHoldService.method.listLegalHolds, { pageToken: "", showLifted }, NEXT_PAGE);
  return (
    <Page title={words.title} hint={words.hint} actions={<CreateHold />}>
      <Switch
        mb="sm"
        size="sm"
        label={words.showLifted}
        checked={showLifted}
        onChange={() => void navigate({ search: showLifted ? {} : { lifted: "yes" } })}
      />
      <PagedTable
        label={words.listLabel}
        found={found}
        rowsOf={({ legalHolds }) => legalHolds}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty={{ title: words.empty, hint: words.emptyHint }}
      />
    </Page>
  );
}

function coveredBy({ scope }: LegalHold): ReactNode {
  switch (scope.case) {
    case "memberId":
      return (
        <>
          {words.scopes.memberId}: <MemberName id={scope.value} />
        </>
      );
    case "conversationId":
      return `${words.scopes[scope.case]}: ${scope.value}`;
    case "match":
      return `${words.scopes.match}: ${matchInWords(scope.value)}`;
    default:
      return words.scopes.wholeTenant;
  }
}

function CreateHold() {
  const creating = useChange(LegalHoldService.method.createLegalHold);
  const [scope, setScope] = useState<keyof typeof words.scopes>("conversationId");
  return (
    <ActionButton
      label={words.create}
      submit={text.common.create}
      isPrimary
      running={creating}
      act={(fields, done) => {
        const legalHold = {
          displayName: fields.one("name"),
          reason: fields.one("reason"),
          twoPerson: fields.one("twoPerson") !== "",
          scope: scopeFrom(scope, fields),
        };
        creating.mutate({ legalHold }, { onSuccess: done });
      }}
    >
      <TextInput name="name" label={words.name} required maxLength={200} data-autofocus />
      <Textarea name="reason" label={words.reason} required maxLength={2000} rows={2} />
      <NativeSelect
        label={words.covers}
        value={scope}
        onChange={({ currentTarget }) => setScope(currentTarget.value as typeof scope)}
        data={Object.entries(words.scopes).map(([value, label]) => ({ value, label }))}
      />
      {(scope === "memberId" || scope === "conversationId") && (
        <TextInput name="subject" label={words.subject} required />
      )}
      {scope === "match" && <MatchFields />}
      <Checkbox name="twoPerson" value="yes" label={words.twoPerson} />
    </ActionButton>
  );
}

function scopeFrom(scope: keyof typeof words.scopes, fields: FormFields) {
  switch (scope) {
    case "wholeTenant":
      return { case: scope, value: true } as const;
    case "match":
      // The server refuses one that says nothing: it would be the whole tenant.
      return { case: scope, value: matchFrom(fields) ?? {} } as const;
    default:
      return { case: scope, value: fields.one("subject") } as const;
  }
}

function LiftHold({ hold: { id, displayName } }: { hold: LegalHold }) {
  const lifting = useChange(LegalHoldService.method.liftLegalHold);
  return (
    <ActionButton
      label={words.lift}
      title={words.liftTitle(displayName)}
      explanation={words.liftExplained}
      isDangerous
      running={lifting}
      act={(fields, done) => lifting.mutate({ legalHoldId: id, reason: fields.one("reason") }, { onSuccess: done })}
    >
      <Textarea name="reason" label={words.reason} required maxLength={2000} rows={2} data-autofocus />
    </ActionButton>
  );
}
