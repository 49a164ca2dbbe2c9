// The members of the tenant, each below its manager.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Badge, Button, Text, TextInput } from "@mantine/core";
import { useDeferredValue, useEffect, useState } from "react";
import { DirectoryService, type ListMembersResponse } from "../../../../gen/colloquy/v1/directory_service_pb.ts";
import { MemberRole } from "../../../../gen/colloquy/v1/member_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { adminText } from "../../strings/admin.ts";
import { text } from "../../strings/en.ts";
import { Empty } from "../../ui/empty.tsx";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { Loading } from "../../ui/loading.tsx";
import { MemberName } from "../../ui/member-name.tsx";
import { Page } from "../../ui/page.tsx";
import { useNearSight } from "../../ui/use-near-sight.ts";
import { wordOf } from "../../ui/word-of.ts";
import { AddMember, DeleteMember, EditMember } from "./member-actions.tsx";
import { EraseMember, ExportMember } from "./member-data.tsx";
import { membersWith, type Node, readsOn, treeOf } from "./member-tree.ts";
import styles from "./members-page.module.css";

const words = adminText.members;
const { listMembers } = DirectoryService.method;
const NO_PAGES: readonly ListMembersResponse[] = [];

export function MembersPage() {
  return (
    <Page title={words.title} hint={words.hint} actions={<AddMember />}>
      <Members />
    </Page>
  );
}

function Members() {
  const found = useInfiniteQuery(listMembers, { pageSize: 200, pageToken: "" }, NEXT_PAGE);
  const [wanted, setWanted] = useState("");
  const count = found.data?.pages.reduce((sum, page) => sum + page.members.length, 0) ?? 0;
  // What one types comes before rows that are still to be drawn.
  const pages = useDeferredValue(found.data?.pages ?? NO_PAGES);
  const members = pages.flatMap((page) => page.members);
  const { hasNextPage, isFetchingNextPage, isError, fetchNextPage } = found;
  const isReading = hasNextPage && readsOn(count, wanted);
  // A member may come on a later page than those below it.
  useEffect(() => {
    if (isReading && !isFetchingNextPage && !isError) void fetchNextPage();
  }, [isReading, isFetchingNextPage, isError, fetchNextPage]);
  if (isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  if (count === 0) return <Empty title={words.empty}>{words.emptyHint}</Empty>;
  const shown = membersWith(members, wanted);
  return (
    <>
      <TextInput
        type="search"
        mb="sm"
        maw={320}
        aria-label={words.find}
        placeholder={words.find}
        value={wanted}
        onChange={({ currentTarget }) => setWanted(currentTarget.value)}
      />
      <Text size="sm" c="dimmed" role="status">
        {isReading && words.reading(count)}
      </Text>
      {shown.length === 0 && members.length > 0 && !isReading && <Text size="sm">{words.noneFound}</Text>}
      <ul className={styles.tree} aria-label={words.tree}>
        {treeOf(shown).map((node) => (
          <Branch key={node.member.id} node={node} isTop />
        ))}
      </ul>
      {found.hasNextPage && !isReading && (
        <>
          <Text size="sm" c="dimmed" mt="md">
            {words.more(count)}
          </Text>
          <Button mt="xs" variant="default" loading={found.isFetchingNextPage} onClick={() => found.fetchNextPage()}>
            {text.common.more}
          </Button>
        </>
      )}
    </>
  );
}

function Branch({ node: { member, below }, isTop = false }: { node: Node; isTop?: boolean }) {
  const { id, displayName, role, managerId } = member;
  // Of thousands of members, the buttons took half a minute of the page's thread.
  const [row, isNear] = useNearSight<HTMLDivElement>();
  return (
    <li>
      <div ref={row} className={styles.member}>
        <span className={styles.name}>{displayName || id}</span>
        {displayName !== "" && <span className={styles.id}>{id}</span>}
        {isTop && managerId !== "" && (
          <span className={styles.id}>
            {words.managedBy} <MemberName id={managerId} />
          </span>
        )}
        {isNear && (
          <>
            <Badge size="sm" radius="sm" variant="default" tt="none">
              {wordOf(MemberRole, role, adminText.roles)}
            </Badge>
            <span className={styles.actions}>
              <EditMember member={member} />
              <ExportMember memberId={id} />
              <DeleteMember member={member} />
              <EraseMember memberId={id} />
            </span>
          </>
        )}
      </div>
      {below.length > 0 && (
        <ul className={styles.below}>
          {below.map((node) => (
            <Branch key={node.member.id} node={node} />
          ))}
        </ul>
      )}
    </li>
  );
}
