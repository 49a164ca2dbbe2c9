// How something grows, as an SVG with logarithmic axes.

export interface Curve {
  /** The file's name, without its extension. */
  readonly name: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
}

export interface Line {
  readonly name: string;
  /** In the order of x, both above 0. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

const [WIDTH, HEIGHT] = [720, 360];
const PLOT = { left: 64, right: WIDTH - 190, top: 40, bottom: HEIGHT - 48 };
/** Legible on white and on black. */
const COLOURS = ["#3b82f6", "#ea580c", "#16a34a", "#a855f7"];
const GREY = "#808080";
/** The least distance between the names of two lines. */
const NAME_HEIGHT = 16;

export function draw({ title, x, y, lines }: Curve): string {
  const points = lines.flatMap((line) => line.points);
  const [xs, ys] = [axisOf(points.map(([value]) => value)), axisOf(points.map(([, value]) => value))];
  const across = (value: number) => round(PLOT.left + xs.share(value) * (PLOT.right - PLOT.left));
  const up = (value: number) => round(PLOT.bottom - ys.share(value) * (PLOT.bottom - PLOT.top));
  const grid = [
    ...xs.ticks.map((tick) => stroke(across(tick), PLOT.top, across(tick), PLOT.bottom)),
    ...ys.ticks.map((tick) => stroke(PLOT.left, up(tick), PLOT.right, up(tick))),
    ...xs.ticks.map((tick) => text(across(tick), PLOT.bottom + 18, amount(tick), "middle")),
    ...ys.ticks.map((tick) => text(PLOT.left - 8, up(tick) + 4, amount(tick), "end")),
    text((PLOT.left + PLOT.right) / 2, HEIGHT - 8, x, "middle"),
    text(12, 20, `${title} (${y})`, "start"),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    ...grid,
    ...lines.flatMap((line, index) => lineOf(line, COLOURS[index % COLOURS.length] ?? GREY, across, up)),
    ...names(lines, up),
    "</svg>",
    "",
  ].join("\n");
}

function lineOf({ points }: Line, colour: string, across: (x: number) => number, up: (y: number) => number): string[] {
  const places = points.map(([x, y]) => [across(x), up(y)] as const);
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${places.map((place) => place.join(",")).join(" ")}"/>`,
    ...places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`),
  ];
}

/** The names at the ends of the lines, apart from each other. */
function names(lines: readonly Line[], up: (y: number) => number): string[] {
  const ends = lines.map(({ name, points }, index) => ({ name, index, at: up(points.at(-1)?.[1] ?? 1) + 4 }));
  let free = 0;
  return ends
    .toSorted((a, b) => a.at - b.at)
    .map(({ name, index, at }) => {
      const place = Math.max(at, free);
      free = place + NAME_HEIGHT;
      return text(PLOT.right + 10, place, name, "start", COLOURS[index % COLOURS.length]);
    });
}

/** From one power of ten to another, so that all values are between. */
function axisOf(values: readonly number[]) {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    share: (value: number) => (Math.log10(value) - first) / (last - first),
    ticks: Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)),
  };
}

function stroke(x1: number, y1: number, x2: number, y2: number): string {
  return `<path d="M${x1} ${y1}L${x2} ${y2}" stroke="${GREY}" stroke-opacity="0.3"/>`;
}

function text(x: number, y: number, words: string, anchor: string, colour = GREY): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${colour}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}

function amount(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 6 });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
