// The map: folders as a tree, each with who holds how much of it.

import { count, make } from "./make.js";

/** How many colours there are. A task keeps its own; its name stands beside it always. */
const COLOURS = 6;

/** The map of a board. */
export function map(board) {
  const colours = new Map(board.tasks.map((task) => [task.task, task.fence % COLOURS]));
  const { root, empty } = board.map;
  const parts = [make("ul", { class: "tree" }, root.inside.map((place) => row(place, "", colours)))];
  if (root.inside.length === 0) parts[0] = make("p", {}, "There is no file yet.");
  if (empty.length > 0) {
    parts.push(
      make("h3", {}, "Held, and nothing there yet"),
      make("ul", { class: "plain" }, empty.map(({ task, region }) => make("li", {}, chip(task, null, colours), " ", make("code", {}, region)))),
    );
  }
  return parts;
}

function row(place, above, colours) {
  const path = `${above}${place.name}${place.folder ? "/" : ""}`;
  const line = make(
    "span",
    { class: "place" },
    make("span", { class: "name" }, place.name, place.folder ? "/" : ""),
    place.folder ? make("span", { class: "quiet" }, count(place.files, "file")) : null,
    bar(place, colours),
    make("span", { class: "chips" }, place.held.map((held) => chip(held.task, share(held, place), colours))),
  );
  if (place.inside.length === 0) return make("li", { class: "leaf" }, line);
  const inside = place.inside.map((below) => row(below, path, colours));
  if (place.more > 0) inside.push(make("li", { class: "leaf quiet" }, `and ${count(place.more, "held file")} more`));
  return make(
    "li",
    {},
    make("details", { "data-key": `map ${path}`, open: place.held.length > 0 }, make("summary", { "data-key": `map of ${path}` }, line), make("ul", {}, inside)),
  );
}

/** How much of a place is held. */
function share(held, place) {
  if (!place.folder) return held.lines > 0 ? "some lines" : null;
  const part = held.files === place.files ? "all" : `${held.files} of ${place.files}`;
  return held.lines > 0 ? `${part}, some by lines` : part;
}

function chip(task, part, colours) {
  const colour = colours.get(task) ?? 0;
  return make("span", { class: `chip c${colour}` }, task, part === null ? null : make("span", { class: "part" }, ` ${part}`));
}

/** The same as a picture, for whoever sees it. */
function bar(place, colours) {
  if (!place.folder || place.files === 0) return null;
  const outer = make("span", { class: "bar", "aria-hidden": "true" });
  for (const held of place.held) {
    const part = make("span", { class: `c${colours.get(held.task) ?? 0}` });
    part.style.width = `${(100 * held.files) / Math.max(place.files, total(place))}%`;
    outer.append(part);
  }
  return outer;
}

/** Several may hold the same file, where it is shared. */
const total = (place) => place.held.reduce((sum, held) => sum + held.files, 0);
