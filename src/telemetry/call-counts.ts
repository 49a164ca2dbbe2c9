// Numbers and durations of calls, counted in plain numbers; prom-client gets them when metrics are read.
import { Counter, Histogram, type Registry } from "prom-client";
import type { Wire } from "../pipeline/call/call.ts";
import type { CallKind, RpcMetrics } from "../pipeline/metrics.ts";

/** Bucket bounds in seconds: from a cached read to a slow agent. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The calls of one method over one protocol. */
interface Calls {
  readonly labels: { readonly method: string; readonly wire: Wire };
  started: number;
  readonly handled: Map<string, number>;
  /** Calls in each bucket of `SECONDS`, not cumulative; the last element has those above all bounds. */
  readonly within: number[];
  seconds: number;
  /** That of the method, known once a call of it ended. */
  kind: CallKind;
}

/** Registers the metrics. Counting a call is cheap. */
export function createCallCounts(registry: Registry): RpcMetrics {
  // Methods, protocols and codes are few, so this is bounded.
  const byMethod = new Map<string, Map<Wire, Calls>>();
  const callsOf = (method: string, wire: Wire): Calls => {
    const known = byMethod.get(method)?.get(wire);
    if (known !== undefined) return known;
    const calls = noneOf(method, wire);
    byMethod.set(method, (byMethod.get(method) ?? new Map<Wire, Calls>()).set(wire, calls));
    return calls;
  };
  register(registry, () => [...byMethod.values()].flatMap((byWire) => [...byWire.values()]));
  return {
    started(method, wire) {
      callsOf(method, wire).started++;
    },
    handled(method, wire, code, seconds, kind) {
      const calls = callsOf(method, wire);
      calls.handled.set(code, (calls.handled.get(code) ?? 0) + 1);
      let bound = 0;
      while (seconds > (SECONDS[bound] ?? Number.POSITIVE_INFINITY)) bound++;
      calls.within[bound] = (calls.within[bound] ?? 0) + 1;
      calls.seconds += seconds;
      calls.kind = kind;
    },
  };
}

function noneOf(method: string, wire: Wire): Calls {
  const within = [...SECONDS, 0].fill(0);
  return { labels: { method, wire }, started: 0, handled: new Map(), within, seconds: 0, kind: "unary" };
}

function register(registry: Registry, all: () => readonly Calls[]): void {
  const registers = [registry];
  new Counter({
    name: "colloquy_rpc_started_total",
    help: "Calls that began.",
    labelNames: ["method", "wire"],
    registers,
    collect() {
      this.reset();
      for (const { labels, started } of all()) this.inc(labels, started);
    },
  });
  new Counter({
    name: "colloquy_rpc_handled_total",
    help: "Calls that ended, by code.",
    labelNames: ["method", "wire", "code"],
    registers,
    collect() {
      this.reset();
      for (const { labels, handled } of all()) {
        for (const [code, count] of handled) this.inc({ ...labels, code }, count);
      }
    },
  });
  new CallTimes(registry, all);
}

const TIMES = {
  name: "colloquy_rpc_seconds",
  help: "Seconds from a call's headers to the end of its response.",
  labelNames: ["method", "wire", "kind"],
};

/** The value of a histogram; prom-client's types say wrongly that its `type` is a number. */
type Given = ReturnType<Histogram["get"]>;

/** A histogram whose values are counted elsewhere. */
class CallTimes extends Histogram {
  readonly #all: () => readonly Calls[];

  constructor(registry: Registry, all: () => readonly Calls[]) {
    super({ ...TIMES, buckets: SECONDS, registers: [registry] });
    this.#all = all;
  }

  override get(): Given {
    const ended = this.#all().filter(({ handled }) => handled.size > 0);
    const given: unknown = { ...TIMES, type: "histogram", aggregator: "sum", values: ended.flatMap(valuesOf) };
    return Promise.resolve(given as Awaited<Given>);
  }

  /** Called when this process writes the text. */
  getForPromString(): Given {
    return this.get();
  }
}

function valuesOf({ labels: { method, wire }, within, seconds, kind }: Calls) {
  const labels = { method, wire, kind };
  const bounds = [...SECONDS, "+Inf"];
  let count = 0;
  const buckets = within.map((more, i) => {
    count += more;
    return { metricName: `${TIMES.name}_bucket`, labels: { le: bounds[i], ...labels }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${TIMES.name}_sum`, labels, value: seconds },
    { metricName: `${TIMES.name}_count`, labels, value: count },
  ];
}
