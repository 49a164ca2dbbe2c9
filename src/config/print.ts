// The settings in force, for `--print-config`: in the form of a settings file, without secrets.
import { loadConfig } from "./config.ts";
import { defaultOf, readSettings, SECRETS, SETTINGS } from "./variables.ts";

/** Stands for a password or key. */
const HIDDEN = "***";

/**
 * Returns each setting's text; null: unset. What a profile chooses is written out where the setting can say it.
 *
 * @throws ConfigError with every invalid setting
 */
export function settingsInForce(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | null> {
  const { given } = readSettings(environment);
  const chosen = chosenByProfile(environment);
  const rows = SETTINGS.map((name): [string, string | null] => {
    const text = given.get(name)?.text ?? chosen[name] ?? defaultOf(name) ?? null;
    return [name, text !== null && SECRETS.has(name) ? withoutSecret(text) : text];
  });
  return Object.fromEntries(rows);
}

function chosenByProfile(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const { compat, trust, cors, hosts, memberRoles, drainDelayMs, rateLimits, streamLimits } = loadConfig(environment);
  const limits = Object.entries(streamLimits).map(([name, number]) => `${name}=${number ?? "off"}`);
  const rates = (["tenant", "caller", "failures"] as const).map((name) => {
    const policy = rateLimits[name];
    return `${name}=${policy === undefined ? "off" : `${policy.points}/${policy.seconds}`}`;
  });
  const mounted = compat.map(
    ({ dialect, port, prefix }) => `${dialect}${port === undefined ? "" : `@${port}`}${prefix}`,
  );
  return {
    COLLOQUY_COMPAT: mounted.join(","),
    COLLOQUY_TRUST: trust.dialects.join(","),
    ...(cors !== "loopback" && { COLLOQUY_CORS: cors.join(",") }),
    ...(hosts === "any" && { COLLOQUY_HOSTS: "*" }),
    ...(memberRoles !== undefined && { COLLOQUY_MEMBER_ROLES: memberRoles.join(",") }),
    COLLOQUY_DRAIN_DELAY: String(drainDelayMs / 1_000),
    COLLOQUY_RATE_LIMITS: rates.join(","),
    COLLOQUY_STREAM_LIMITS: limits.join(","),
  };
}

/** A list of URLs, or one. */
function withoutSecret(text: string): string {
  return text
    .split(/,\s*(?=postgres(?:ql)?:\/\/)/i)
    .map(withoutPassword)
    .join(",");
}

/** A URL keeps all but its password, of any form: in its authority or as a parameter. */
function withoutPassword(text: string): string {
  if (/^(postgres|local|off)$/.test(text)) return text;
  if (!/^[a-z]+:\/\//i.test(text)) return HIDDEN;
  return text
    .replace(/^([a-z]+:\/\/)([^/?#]*)@/i, (_, scheme: string, user: string) => {
      const name = user.includes(":") ? user.slice(0, user.indexOf(":")) : user;
      // A user without a password may be a token, as NATS has them.
      return user.includes(":") || !/^(?:nats|tls)/i.test(scheme)
        ? `${scheme}${name}${user.includes(":") ? `:${HIDDEN}` : ""}@`
        : `${scheme}${HIDDEN}@`;
    })
    .replace(/([?&](?:password|sslpassword)=)[^&#]*/gi, `$1${HIDDEN}`);
}
