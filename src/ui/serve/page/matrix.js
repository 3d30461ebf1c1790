// The conflict matrix: every party with every other, and below it each conflict in full.

import { count, make } from "./make.js";

const SAID = {
  clean: ["✓", "fits"],
  touched: ["≈", "same file, no conflict"],
  conflict: ["✗", "conflict"],
  unknown: ["?", "unknown"],
};

/** The matrix as the server judged it. */
export function matrix({ parties, pairs }, board) {
  const verdicts = new Map();
  for (const pair of pairs) {
    verdicts.set(JSON.stringify([pair.one, pair.other]), pair.verdict);
    verdicts.set(JSON.stringify([pair.other, pair.one]), pair.verdict);
  }
  const told = pairs.filter((pair) => pair.conflicts.length > 0 || pair.unknown);
  return [
    make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "The matrix", "data-scroll": "matrix" }, table(parties, verdicts)),
    make("p", { class: "legend" }, Object.entries(SAID).map(([name, [sign, words]]) =>
      make("span", { class: `verdict ${name}` }, make("span", { "aria-hidden": "true" }, sign), ` ${words}`))),
    told.map((pair) => details(pair, board)),
  ];
}

function table(parties, verdicts) {
  const head = parties.map((party, number) =>
    make("th", { scope: "col" }, make("span", { "aria-hidden": "true" }, String(number + 1)), make("span", { class: "hidden" }, party.name)));
  const rows = parties.map((party, row) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, make("span", { class: "quiet", "aria-hidden": "true" }, `${row + 1} `), party.name, edits(party)),
      parties.map((other, column) => cell(verdicts, party, other, row === column)),
    ));
  return make(
    "table",
    { class: "matrix" },
    make("thead", {}, make("tr", {}, make("td", {}), head)),
    make("tbody", {}, rows),
  );
}

function edits(party) {
  if (party.unknown) return make("span", { class: "note" }, "cannot be read");
  const number = party.uncommitted.length;
  return number > 0 ? make("span", { class: "note" }, `${count(number, "uncommitted edit")}`) : null;
}

function cell(verdicts, party, other, itself) {
  if (itself) return make("td", { class: "self" }, make("span", { class: "hidden" }, "itself"));
  const verdict = verdicts.get(JSON.stringify([party.name, other.name])) ?? "clean";
  const [sign, words] = SAID[verdict] ?? SAID.unknown;
  return make("td", { class: `verdict ${verdict}` }, make("span", { "aria-hidden": "true" }, sign), make("span", { class: "hidden" }, words));
}

function details(pair, board) {
  const names = `${pair.one} and ${pair.other}`;
  const files = pair.conflicts.map((conflict) => conflict.path).join(", ");
  const summary = pair.unknown ? `${names}: unknown` : `${names}: conflict in ${files}`;
  const task = board.tasks.find((task) => [pair.one, pair.other].includes(task.task));
  const isTarget = [pair.one, pair.other].includes(board.target);
  return make(
    "details",
    { class: "pair", "data-key": `pair ${names}` },
    make("summary", { "data-key": `pair of ${names}` }, summary),
    pair.unknown ? make("p", { class: "warn" }, pair.unknown) : null,
    pair.conflicts.map((conflict) => file(conflict, pair)),
    task && isTarget ? make("p", {}, make("a", { href: `#/review/${encodeURIComponent(task.task)}` }, `Settle it: review ${task.task}`)) : null,
  );
}

function file(conflict, pair) {
  const leases = conflict.leases.map((lease) =>
    make("p", { class: "quiet" }, `leased to ${lease.task} (${lease.holder}): `, make("code", {}, lease.region)));
  return make(
    "div",
    { class: "file" },
    make("h3", {}, conflict.path, " ", make("span", { class: "quiet" }, conflict.why)),
    make("p", { class: "quiet" }, `${pair.one}: ${maker(conflict.ours_by)}`),
    make("p", { class: "quiet" }, `${pair.other}: ${maker(conflict.theirs_by)}`),
    leases,
    conflict.hunks.map((hunk) =>
      make("div", { class: "versions" }, [["base", hunk.base], [pair.one, hunk.ours], [pair.other, hunk.theirs]].map(([name, text]) =>
        make("section", {}, make("h4", {}, name), make("pre", { tabindex: "0", "aria-label": name }, text === "" ? "nothing" : text))))),
  );
}

/** Who made a side, in words. */
export function maker(by) {
  if (!by) return "unknown who made it";
  if (by.by === "uncommitted") return by.untracked ? "uncommitted, a new file" : by.staged ? "uncommitted, staged" : "uncommitted";
  return `${by.commit.slice(0, 10)} by ${by.author}, ${new Date(by.at).toLocaleString()}: ${by.subject}`;
}
