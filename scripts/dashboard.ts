// Writes deploy/grafana/colloquy.json: panels of one size in rows, each with its queries. Usage: node
// scripts/dashboard.ts [file]
import { writeFileSync } from "node:fs";

interface Query {
  readonly expr: string;
  readonly legend: string;
}
interface Panel {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly Query[];
}

const job = 'job="$job"';
// Streams last as long as somebody listens or an agent speaks.
const unary = `${job}, kind="unary"`;
const quantile = (q: number) =>
  `histogram_quantile(${q}, sum by (le) (rate(colloquy_rpc_seconds_bucket{${unary}}[$__rate_interval])))`;

const PANELS: readonly Panel[] = [
  {
    title: "Calls",
    description: "Calls a second, by code.",
    unit: "reqps",
    queries: [
      { expr: `sum by (code) (rate(colloquy_rpc_handled_total{${job}}[$__rate_interval]))`, legend: "{{code}}" },
    ],
  },
  {
    title: "Duration",
    description: "How long calls take, streams left out.",
    unit: "s",
    queries: [0.5, 0.9, 0.99].map((q) => ({ expr: quantile(q), legend: `p${q * 100}` })),
  },
  {
    title: "Slowest methods",
    description: "The mean duration of each method, the ten slowest, streams left out.",
    unit: "s",
    queries: [
      {
        expr:
          `topk(10, sum by (method) (rate(colloquy_rpc_seconds_sum{${unary}}[$__rate_interval]))` +
          ` / sum by (method) (rate(colloquy_rpc_seconds_count{${unary}}[$__rate_interval])))`,
        legend: "{{method}}",
      },
    ],
  },
  {
    title: "Refused calls",
    description: "Calls a second that were refused before anything was spent on them.",
    unit: "reqps",
    queries: [
      { expr: `sum by (cause) (rate(colloquy_rpc_shed_total{${job}}[$__rate_interval]))`, legend: "{{cause}}" },
    ],
  },
  {
    title: "Database connections",
    description: "Connections of all servers, and calls that wait for one.",
    unit: "short",
    queries: [
      { expr: `sum by (state) (colloquy_database_connections{${job}})`, legend: "{{state}}" },
      { expr: `sum(colloquy_database_waiting{${job}})`, legend: "waiting calls" },
    ],
  },
  {
    title: "Wait for a connection",
    description: "How long the first waiting call has waited.",
    unit: "s",
    queries: [{ expr: `max by (instance) (colloquy_database_waiting_seconds{${job}})`, legend: "{{instance}}" }],
  },
  {
    title: "Processor time",
    description: "Cores in use; a process uses one at most, plus a little for its helpers.",
    unit: "short",
    queries: [{ expr: `rate(process_cpu_seconds_total{${job}}[$__rate_interval])`, legend: "{{instance}}" }],
  },
  {
    title: "Event loop",
    description: "How late the event loop is, and the share of time in which the machine ran something else.",
    unit: "s",
    queries: [
      { expr: `nodejs_eventloop_lag_p99_seconds{${job}}`, legend: "p99 of {{instance}}" },
      {
        expr: `rate(colloquy_event_loop_lost_seconds_total{${job}}[$__rate_interval])`,
        legend: "lost by {{instance}}",
      },
    ],
  },
  {
    title: "Memory",
    description: "Resident memory of each server.",
    unit: "bytes",
    queries: [{ expr: `process_resident_memory_bytes{${job}}`, legend: "{{instance}}" }],
  },
];

const datasource = { type: "prometheus", uid: "$datasource" };
const dashboard = {
  title: "Colloquy",
  uid: "colloquy",
  schemaVersion: 39,
  editable: true,
  refresh: "30s",
  time: { from: "now-1h", to: "now" },
  tags: ["colloquy"],
  templating: {
    list: [
      { name: "datasource", type: "datasource", query: "prometheus" },
      {
        name: "job",
        type: "query",
        datasource,
        query: "label_values(colloquy_rpc_started_total, job)",
        refresh: 1,
      },
    ],
  },
  panels: PANELS.map(({ title, description, unit, queries }, index) => ({
    id: index + 1,
    type: "timeseries",
    title,
    description,
    datasource,
    gridPos: { x: (index % 3) * 8, y: Math.floor(index / 3) * 8, w: 8, h: 8 },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: queries.map(({ expr, legend }, at) => ({
      refId: String.fromCharCode(65 + at),
      datasource,
      expr,
      legendFormat: legend,
    })),
  })),
};
writeFileSync(process.argv[2] ?? "deploy/grafana/colloquy.json", `${JSON.stringify(dashboard, null, 2)}\n`);
