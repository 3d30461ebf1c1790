// Keys: each view says which it knows, and the help lists exactly those.

let known = [];

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
