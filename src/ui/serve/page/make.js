// Makes elements. Every text becomes a text node, whatever is in it.

/** An element with attributes and children. `on…` is a listener, `true` an empty attribute, null and false nothing. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A button that does something; its key, if it has one, is shown on it and told to assistive technology. */
export function button(label, does, { key, ...attributes } = {}) {
  const hint = key ? [" ", make("kbd", {}, key)] : [];
  return make("button", { type: "button", "aria-keyshortcuts": key ?? null, onclick: does, ...attributes }, label, hint);
}

/** Puts new children into an element; what had the focus or was open, by its `data-key`, has it and is open again. */
export function replace(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const open = new Map();
  for (const details of element.querySelectorAll("details[data-key]")) open.set(details.dataset.key, details.open);
  const scrolled = new Map();
  for (const box of element.querySelectorAll("[data-scroll]")) scrolled.set(box.dataset.scroll, [box.scrollLeft, box.scrollTop]);
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  for (const details of element.querySelectorAll("details[data-key]")) {
    if (open.has(details.dataset.key)) details.open = open.get(details.dataset.key);
  }
  for (const box of element.querySelectorAll("[data-scroll]")) {
    const [left, top] = scrolled.get(box.dataset.scroll) ?? [0, 0];
    box.scrollLeft = left;
    box.scrollTop = top;
  }
  if (focused !== undefined) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

/** `1 file`, `2 files`. */
export const count = (number, noun) => (number === 1 ? `1 ${noun}` : `${number} ${noun}s`);

/** Says something to whoever sees, and to whoever listens. */
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => said.classList.remove("shown"), 6000);
}

/** A failure with its causes and hints. */
export function trouble(error) {
  const lines = [make("p", { class: "message" }, error.message)];
  for (const cause of error.causes ?? []) lines.push(make("p", { class: "quiet" }, `because: ${cause}`));
  for (const hint of error.hints ?? []) lines.push(make("p", {}, "hint: ", hint));
  return lines;
}
