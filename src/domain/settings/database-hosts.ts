// Several hosts in a database URL, and `target_session_attrs`, as libpq has them.

/** Which servers are suitable. */
export type WantedServer = "any" | "primary" | "read-write";

/** A database URL, taken apart. */
export interface Hosts {
  /** A URL for each host, in order, without what is meant for the choice. */
  readonly urls: readonly string[];
  /** Undefined: there is one host and no wish, so nothing is asked of it. */
  readonly wanted: WantedServer | undefined;
}

const AUTHORITY = /^([a-z]+:\/\/(?:[^@/?#]*@)?)([^/?#]*)(.*)$/is;
/**
 * `postgresql://user@one:5432,two:5433/db?target_session_attrs=read-write`, or the same with `?host=one,two&port=…`.
 */
export function hostsOf(url: string): Hosts {
  const [, before = "", authority = "", rest = ""] = AUTHORITY.exec(url) ?? [];
  const [path = "", query = ""] = rest.split("?", 2);
  const parameters = query === "" ? [] : query.split("&");
  const parameterNamed = (name: string) => parameters.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  const attrs = parameterNamed("target_session_attrs");
  const hosts = split(parameterNamed("host"));
  const ports = split(parameterNamed("port"));
  const others = parameters.filter((one) => !/^(?:target_session_attrs|host|port)=/.test(one));
  const named = authority.split(",");
  const urls =
    hosts.length > 0
      ? hosts.map((host, place) => {
          const port = ports[place] ?? ports[0];
          const own = [`host=${host}`, ...(port === undefined ? [] : [`port=${port}`])];
          return `${before}${named[0]}${path}?${[...own, ...others].join("&")}`;
        })
      : named.map((one) => `${before}${one}${path}${others.length === 0 ? "" : `?${others.join("&")}`}`);
  if (urls.length === 1 && attrs === undefined) return { urls: [url], wanted: undefined };
  return { urls, wanted: attrs === "any" || attrs === "primary" ? attrs : "read-write" };
}

function split(list: string | undefined): readonly string[] {
  return list === undefined ? [] : decodeURIComponent(list).split(",").map(encodeURIComponent);
}
