// What surrounds every view: the navigation, the state of the connection, who is signed in.
import { ActionIcon, Button, Menu, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { Link, Outlet, useMatchRoute, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { useAccess } from "../auth/use-access.ts";
import { text } from "../strings/en.ts";
import { KeyName } from "../ui/actor-name.tsx";
import { ConnectionNotice } from "../ui/connection-notice.tsx";
import { LinesIcon, MoonIcon, SunIcon } from "../ui/icons.tsx";
import { MemberName } from "../ui/member-name.tsx";
import { NAVIGATION } from "./navigation.ts";
import { useServices } from "./services.ts";
import styles from "./shell.module.css";
import { UnreadNotice } from "./unread-notice.tsx";

export function Shell() {
  const { session } = useServices();
  const current = useSyncExternalStore(session.subscribe, session.current);
  useSignInWhenEnded(current === undefined);
  if (current === undefined) return null;
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#content">
        {text.skip}
      </a>
      <header className={styles.header}>
        <Link to="/conversations" className={styles.product}>
          {text.product}
        </Link>
        <nav aria-label={text.navigation.label} className={styles.navigation}>
          <Places />
        </nav>
        <nav aria-label={text.navigation.label} className={styles.narrow}>
          <PlacesMenu />
        </nav>
        <div className={styles.account}>
          <span className={styles.who} title={`${current.name} · ${current.tenant}`}>
            <OwnName name={current.name} /> · {current.tenant}
          </span>
          <ColorSchemeButton />
          <Button variant="default" size="xs" onClick={() => session.end("signed-out")}>
            {text.navigation.signOut}
          </Button>
        </div>
      </header>
      <ConnectionNotice />
      <main id="content" tabIndex={-1} className={styles.content}>
        <UnreadNotice />
        <Outlet />
      </main>
    </div>
  );
}

/** By a key itself, it is the key's. */
function OwnName({ name }: { name: string }) {
  const { isKnown, memberId } = useAccess();
  if (!isKnown) return name;
  return memberId === "" ? <KeyName id={name} /> : <MemberName id={memberId} />;
}

function usePlaces() {
  const access = useAccess();
  return NAVIGATION.filter(({ need }) => need === undefined || access.may(need));
}

function Places() {
  return usePlaces().map(({ to, label }) => (
    <Link key={to} to={to} className={styles.link} activeProps={{ "aria-current": "page" }}>
      {label}
    </Link>
  ));
}

/** The same on one line, where the window is narrow. */
function PlacesMenu() {
  const matches = useMatchRoute();
  const places = usePlaces();
  const here = places.find(({ to }) => matches({ to, fuzzy: true }))?.label ?? "";
  return (
    <Menu position="bottom-start" withinPortal>
      <Menu.Target>
        <Button variant="default" size="xs" leftSection={<LinesIcon />} aria-label={text.navigation.menu(here)}>
          {here || text.navigation.menu("")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {places.map(({ to, label }) => (
          <Menu.Item
            key={to}
            renderRoot={(props) => <Link to={to} activeProps={{ "aria-current": "page" }} {...props} />}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Leads back here after the next sign-in, unless the person meant to leave. */
function useSignInWhenEnded(ended: boolean): void {
  const { session } = useServices();
  const navigate = useNavigate();
  const href = useRouterState({ select: ({ location }) => location.href });
  const left = useRef(false);
  useEffect(() => {
    if (!ended || left.current) return;
    left.current = true;
    void navigate({ to: "/sign-in", search: session.ended() === "expired" ? { next: href } : {} });
  }, [ended, href, navigate, session]);
}

function ColorSchemeButton() {
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme("light") === "dark";
  const label = isDark ? text.navigation.light : text.navigation.dark;
  return (
    <ActionIcon
      variant="default"
      size={30}
      aria-label={label}
      onClick={() => setColorScheme(isDark ? "light" : "dark")}
    >
      {isDark ? <SunIcon /> : <MoonIcon />}
    </ActionIcon>
  );
}
