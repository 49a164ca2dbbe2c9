// Shows a view to those whom it is for, and tells the others so: somebody may have sent them its address.
import type { ReactNode } from "react";
import { type Need, useAccess } from "../auth/use-access.ts";
import { text } from "../strings/en.ts";
import { Empty } from "../ui/empty.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";

export function Allowed({ need, children }: { need: Need; children: ReactNode }) {
  const access = useAccess();
  if (!access.isKnown) return access.error === undefined ? <Loading /> : <FailureNotice error={access.error} />;
  if (access.may(need)) return children;
  return <Empty title={text.notAllowed.title}>{text.notAllowed.needs[need]}</Empty>;
}
