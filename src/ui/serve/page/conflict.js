// One conflict in full: what was there, what each side made of it, who, and what can be done.

import { keyOf } from "./keys.js";
import { button, make } from "./make.js";
import { maker } from "./matrix.js";
import { marked } from "./words.js";

/** The panel of one conflict of a review. */
export function conflictPanel(review, { file, item }) {
  const { view } = review;
  const can = (choice) => item.choices.includes(choice);
  const choose = (choice, label, key) =>
    button(label, () => review.take(choice), {
      key,
      "data-key": `take ${choice}`,
      disabled: !can(choice),
      "aria-pressed": String(item.resolution?.choice === choice),
    });
  const rest = [
    ["text", "Edit…", keyOf("edit"), () => review.edit()],
    ["at", "Other name…", keyOf("rename"), () => review.rename()],
  ].filter(([choice]) => choice === "text" || can(choice));
  return [
    make("h2", { tabindex: "-1", "data-key": "title" }, file.path, item.line === null ? null : make("span", { class: "quiet" }, ` line ${item.line}`)),
    make("p", { class: "quiet" }, file.why, " · ", make("code", {}, item.id)),
    item.owner ? make("p", { class: "warn" }, `Wants the word of ${item.owner}.`) : null,
    decided(item),
    make(
      "div",
      { class: "row choices", role: "group", "aria-label": "What it becomes" },
      choose("ours", `Ours: ${file.ours_name}`, keyOf("take-ours")),
      choose("theirs", `Theirs: ${view.task}`, keyOf("take-theirs")),
      choose("both", "Both", keyOf("take-both")),
      choose("both-reversed", "Both, theirs first", keyOf("take-reversed")),
      choose("base", "Base", keyOf("take-base")),
      rest.map(([choice, label, key, does]) =>
        button(label, does, { key, "data-key": `take ${choice}`, disabled: !can(choice), "aria-haspopup": "dialog", "aria-pressed": String(item.resolution?.choice === choice) })),
    ),
    make(
      "div",
      { class: "versions", "data-scroll": `versions ${item.id}` },
      version("base", "Base: before either", item.base, base(item), null),
      version("ours", `Ours: ${file.ours_name}`, item.ours, changed(item, "ours"), maker(file.ours_by)),
      version("theirs", `Theirs: ${view.task}`, item.theirs, changed(item, "theirs"), maker(file.theirs_by)),
    ),
    make(
      "div",
      { class: "row", role: "group", "aria-label": "More" },
      button("Previous open", () => review.move(-1, true), { key: keyOf("previous-open"), "data-key": "previous" }),
      button("Next open", () => review.move(1, true), { key: keyOf("next-open"), "data-key": "next" }),
      button("Note…", () => review.note(), { key: keyOf("note"), "data-key": "note", disabled: !item.resolution, "aria-haspopup": "dialog" }),
      item.standing === "unconfirmed" ? button("Agree", () => review.confirm(), { key: keyOf("agree"), "data-key": "confirm" }) : null,
      button("Preview the file", () => review.preview(), { key: keyOf("preview"), "data-key": "preview", "aria-haspopup": "dialog" }),
    ),
  ];
}

function decided(item) {
  const { resolution } = item;
  if (!resolution) return make("p", { class: "decision open" }, "○ open");
  const sign = item.standing === "unconfirmed" ? "◐" : "●";
  return make(
    "div",
    { class: "decision" },
    make("p", {}, `${sign} ${resolution.choice}`, make("span", { class: "quiet" }, `, by ${resolution.by}, ${new Date(resolution.at).toLocaleString()}`),
      resolution.confirmed ? make("span", { class: "quiet" }, `, agreed by ${resolution.confirmed}`) : null),
    resolution.note ? make("p", {}, "because: ", resolution.note) : null,
    resolution.text === null ? null : make("pre", { tabindex: "0", "aria-label": "what was written" }, resolution.text),
  );
}

function version(name, title, text, content, by) {
  return make(
    "section",
    { class: `version ${name}`, "aria-label": title },
    make("h3", {}, title),
    make("p", { class: "quiet" }, by ?? ""),
    text === null
      ? make("p", { class: "nothing" }, "nothing")
      : make("pre", { tabindex: "0", "aria-label": `${title}, text`, "data-scroll": `text ${name}` }, content),
  );
}

/** The lines of a side, with what it wrote anew marked. */
function changed(item, side) {
  if (item[side] === null) return [];
  return marked(item[side], item.base ?? "").map(([words, isNew]) => (isNew && item.base !== null ? make("ins", {}, words) : words));
}

/** What was there, with what either side no longer has marked. */
function base(item) {
  if (item.base === null) return [];
  const gone = [item.ours, item.theirs].map((side) => marked(item.base, side ?? ""));
  const places = new Set(gone.flatMap(gonePlaces));
  const parts = [];
  [...item.base].forEach((letter, place) => {
    const isGone = places.has(place);
    const last = parts.at(-1);
    if (last && last.isGone === isGone) last.text += letter;
    else parts.push({ isGone, text: letter });
  });
  return parts.map(({ isGone, text }) => (isGone ? make("del", {}, text) : text));
}

function gonePlaces(runs) {
  const places = [];
  let place = 0;
  for (const [words, isGone] of runs) {
    for (const _ of words) {
      if (isGone) places.push(place);
      place++;
    }
  }
  return places;
}
