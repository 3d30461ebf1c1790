// Keys: each view says which it knows, and the help lists exactly those.

import { TABLE } from "./table.js";

let known = [];

/** The key of a step, the same as on the terminal. */
export const keyOf = (action) => TABLE.find((row) => row.action === action).keys[0];

/** The keys of some steps, by what each does here, in the order of the table. */
export const keysOf = (doings) =>
  TABLE.filter((row) => row.action in doings).flatMap(({ action, keys, what }) => keys.map((key) => ({ key, what, does: doings[action] })));

/** From now on these keys count: each is `{ key, does, what }`. */
export function setKeys(keys) {
  known = keys;
}

export const allKeys = () => known;

const isField = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]") || isField(event.target)) return;
  const found = known.find((entry) => entry.key === event.key);
  if (!found) return;
  event.preventDefault();
  found.does();
});
