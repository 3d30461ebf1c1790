// Dialogs: each is a modal <dialog>, so the browser keeps the focus inside, Escape closes it, and the focus goes back.

import { button, make, say, trouble } from "./make.js";
import { step } from "./server.js";

/** Shows a dialog with these contents until it is closed. */
function open(title, attributes, ...children) {
  const heading = make("h2", { id: "dialog-title" }, title);
  const dialog = make("dialog", { "aria-labelledby": "dialog-title", ...attributes }, heading, children);
  const before = document.activeElement?.dataset?.key;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before) document.querySelector(`[data-key="${CSS.escape(before)}"]`)?.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

const closing = (dialog, label = "Close") => button(label, () => dialog().close(), { class: "close" });

/** What the keys do. */
export function help(keys) {
  const rows = keys.map(({ key, what }) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, what)]);
  const dialog = open("Keys", { class: "help" },
    make("dl", { class: "keys" }, rows, make("dt", {}, make("kbd", {}, "Esc")), make("dd", {}, "close a dialog; leave the search")),
    make("p", {}, "Everything can be reached with Tab too. The same steps on the command line: ", make("code", {}, "git odyssey review --help")),
    make("p", { class: "row" }, closing(() => dialog)));
}

/** A file as it would be. */
export function preview(path, text) {
  const dialog = open(`Preview of ${path}`, { class: "large" },
    text === null ? make("p", {}, "There is no file of lines here, by what was decided so far.")
      : make("pre", { tabindex: "0", "aria-label": "The file", autofocus: true }, text === "" ? "(empty)" : text),
    make("p", { class: "row" }, closing(() => dialog)));
}

/** A question: a line of text, or yes and no. `then` answers whether it was done. */
export function ask({ title, label, value = "", text = null, yes = "Save" }, then) {
  const input = label === null ? null : make("input", { type: "text", value, autofocus: true });
  const submit = async (event) => {
    event.preventDefault();
    dialog.close();
    await then(input?.value.trim());
  };
  const dialog = open(title, {},
    make("form", { onsubmit: submit },
      text ? make("p", {}, text) : null,
      label === null ? null : make("label", {}, label, input),
      make("p", { class: "row" }, make("button", { type: "submit", class: "main" }, yes), closing(() => dialog, "Cancel"))));
  input?.select();
}

/** A text of one's own. */
export function editText({ path, names, draft, begun, keep, save, why }) {
  const versions = [["What was written before", draft.written], [`Ours: ${names[0]}`, draft.ours], [`Theirs: ${names[1]}`, draft.theirs], ["Base", draft.base]];
  const first = draft.written ?? draft.ours ?? draft.theirs ?? draft.base ?? "";
  const field = make("textarea", { spellcheck: "false", autocomplete: "off", wrap: "off", rows: "14", "aria-label": `The text of ${path}`, autofocus: true });
  field.value = begun ?? first;
  const alarm = make("div", { role: "alert" });
  const submit = async () => {
    if (await save(field.value)) {
      keep(null);
      dialog.close();
    } else alarm.replaceChildren(make("p", { class: "bad" }, why() || "it was not saved"));
  };
  field.addEventListener("input", () => keep(field.value));
  const starts = versions.filter(([, text]) => text !== null).map(([name, text]) =>
    button(name, () => {
      field.setRangeText(text, 0, field.value.length, "start");
      keep(field.value);
      field.focus();
    }));
  const dialog = open(`Write ${path}`, { class: "large" },
    begun === undefined ? null : make("p", { class: "warn" }, "This is what you began to write and did not save."),
    make("p", { class: "row", role: "group", "aria-label": "Begin from" }, "Begin from: ", starts),
    field, alarm,
    make("p", { class: "row" },
      button("Save", submit, { class: "main", key: "Ctrl+Enter" }),
      closing(() => dialog, "Close, keep for later"),
      button("Throw away", () => {
        keep(null);
        dialog.close();
      })));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      submit();
    }
  });
  field.setSelectionRange(0, 0);
}

/** A command on the result. */
export function runCheck(review) {
  if (!review.view) return;
  const input = make("input", { type: "text", value: review.policyCheck, spellcheck: "false", autofocus: true });
  const said = make("div", { class: "output", role: "status" });
  const run = make("button", { type: "submit", class: "main" }, "Run");
  const submit = async (event) => {
    event.preventDefault();
    run.disabled = true;
    said.replaceChildren(make("p", {}, "running…"));
    try {
      const command = input.value.trim();
      const answer = await step(review.task, { do: "test", command: command === "" ? null : command });
      const output = answer.output === "" ? make("p", { class: "quiet" }, "It wrote nothing.") : make("pre", { tabindex: "0", "aria-label": "What it wrote" }, answer.output);
      said.replaceChildren(make("p", { class: "good" }, `✓ passed: ${answer.command}`), output);
    } catch (error) {
      said.replaceChildren(make("p", { class: "bad" }, "✗ did not pass"), make("pre", { tabindex: "0", "aria-label": "What it said" }, error.message), ...trouble({ ...error, message: "" }).slice(1));
    }
    run.disabled = false;
  };
  const dialog = open("Run a command on the result", { class: "large" },
    make("form", { onsubmit: submit },
      make("label", {}, "The command; it runs in a folder that has what was decided, and nothing moves", input),
      said,
      make("p", { class: "row" }, run, closing(() => dialog))));
}

/** The end. */
export function finish(review) {
  const { view } = review;
  const words = { land: `Land ${view.task} on ${view.target}`, squash: `Land ${view.task} on ${view.target} as one commit`, sync: `Bring ${view.target} into ${view.task}` }[view.purpose];
  const lands = view.purpose !== "sync";
  const check = make("input", { type: "text", spellcheck: "false", placeholder: review.policyCheck || "none" });
  const keep = make("input", { type: "checkbox" });
  const said = make("div", { role: "alert" });
  const go = make("button", { type: "submit", class: "main", autofocus: true }, words);
  const submit = async (event) => {
    event.preventDefault();
    go.disabled = true;
    said.replaceChildren(make("p", {}, "at work…"));
    const own = check.value.trim();
    review.busy++;
    try {
      const done = await step(review.task, { do: "finish", check: lands && own !== "" ? own : null, keep: lands && keep.checked });
      dialog.close();
      review.leave(lands ? `${view.task} has landed on ${view.target}: ${done.new.slice(0, 10)}` : `${view.task} has what is new on ${view.target}`);
      for (const note of done.notes) say(note);
    } catch (error) {
      said.replaceChildren(...trouble(error));
      go.disabled = false;
    } finally {
      review.busy--;
    }
  };
  const open_ = view.open + view.unconfirmed;
  const dialog = open(`${words}?`, {},
    make("form", { onsubmit: submit },
      make("p", {}, open_ === 0 ? "Everything is decided." : `${view.open} open, ${view.unconfirmed} to be agreed to: it will be refused until then.`),
      lands ? make("label", {}, "Check that has to pass, if not the policy's", check) : null,
      lands ? make("label", { class: "check" }, keep, " Leave the worktree and its branch where they are") : null,
      said,
      make("p", { class: "row" }, go, closing(() => dialog, "Not yet"))));
}
