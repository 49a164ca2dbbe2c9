// What surrounds the views for administrators: their links, and a word to those whom they are not for.
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Allowed } from "../app/allowed.tsx";
import { type Need, useAccess } from "../auth/use-access.ts";
import { adminText } from "../strings/admin.ts";
import styles from "./admin-layout.module.css";

const words = adminText.places;

interface Place {
  readonly to: AdminPath;
  readonly label: string;
  readonly need?: Need;
}

type AdminPath =
  | "/admin/members"
  | "/admin/keys"
  | "/admin/audit"
  | "/admin/webhooks"
  | "/admin/retention"
  | "/admin/holds"
  | "/admin/jobs"
  | "/admin/tenants";

const PLACES: readonly Place[] = [
  { to: "/admin/members", label: words.members },
  { to: "/admin/keys", label: words.keys },
  { to: "/admin/audit", label: words.audit },
  { to: "/admin/webhooks", label: words.webhooks },
  { to: "/admin/retention", label: words.retention },
  { to: "/admin/holds", label: words.holds },
  { to: "/admin/jobs", label: words.jobs },
  { to: "/admin/tenants", label: words.tenants, need: "super_administrator" },
];

export function AdminLayout() {
  return (
    <Allowed need="administrator">
      <div className={styles.layout}>
        <Navigation />
        <Outlet />
      </div>
    </Allowed>
  );
}

/** On a narrow page its places are a row that scrolls: the one that is open is in sight. */
function Navigation() {
  const element = useRef<HTMLElement>(null);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place is open
  useEffect(() => {
    element.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [path]);
  return (
    <nav ref={element} aria-label={adminText.label} className={styles.navigation}>
      <Places />
    </nav>
  );
}

function Places() {
  const access = useAccess();
  return PLACES.filter(({ need }) => need === undefined || access.may(need)).map(({ to, label }) => (
    <Link key={to} to={to} className={styles.link} activeProps={{ "aria-current": "page" }}>
      {label}
    </Link>
  ));
}
