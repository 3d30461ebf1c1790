// A review: the list of what is to be decided, one conflict of it in full, and every step.

import { conflictPanel } from "./conflict.js";
import { ask, editText, finish, preview, runCheck } from "./dialogs.js";
import { keyOf, keysOf } from "./keys.js";
import { button, count, make, replace, say, trouble } from "./make.js";
import { get, step } from "./server.js";

/** What is shown; nothing while another view is. */
let shown = null;

/** Texts that somebody began to write and did not save, by task and conflict: closing a dialog loses nothing. */
const drafts = new Map();

addEventListener("beforeunload", (event) => {
  if (drafts.size > 0) event.preventDefault();
});

/** Shows a task's review: opens or resumes it. */
export function showReview(page, task) {
  document.title = `review ${task} · git odyssey`;
  document.getElementById("where").textContent = `review of ${task}`;
  const list = make("nav", { class: "list", "aria-label": "Conflicts" });
  const panel = make("section", { class: "panel", "aria-label": "The conflict" });
  const bar = make("div", { class: "bar-of-actions" });
  page.main.replaceChildren(bar, make("div", { class: "review" }, list, panel));
  const review = new Review(page, task, { list, panel, bar });
  shown = review;
  page.setKeys(review.keys());
  review.load(null);
}

/** Something happened: in these tasks' reviews, or anywhere when it cannot be told. */
export function reviewMoved(tasks) {
  if (shown && shown.isShown() && (tasks === null || tasks.includes(shown.task))) shown.loadAgain();
}

class Review {
  constructor(page, task, parts) {
    Object.assign(this, { page, task, parts });
    this.view = null;
    this.at = null;
    this.filter = "";
    this.busy = 0;
    this.turn = 0;
    this.policyCheck = null;
    this.shape = null;
    this.rows = new Map();
  }

  isShown() {
    return shown === this && this.parts.list.isConnected;
  }

  keys() {
    const take = (choice) => () => this.take(choice);
    return keysOf({
      "take-ours": take("ours"),
      "take-theirs": take("theirs"),
      "take-both": take("both"),
      "take-reversed": take("both-reversed"),
      "take-base": take("base"),
      "file-ours": () => this.takeFile("ours"),
      "file-theirs": () => this.takeFile("theirs"),
      edit: () => this.edit(),
      rename: () => this.rename(),
      agree: () => this.confirm(),
      finish: () => this.finish(),
      check: () => runCheck(this),
      "next-open": () => this.move(1, true),
      "previous-open": () => this.move(-1, true),
      next: () => this.move(1, false),
      previous: () => this.move(-1, false),
      first: () => this.end(0),
      last: () => this.end(-1),
      undo: () => this.again("undo", "taken back"),
      redo: () => this.again("redo", "done again"),
      preview: () => this.preview(),
      note: () => this.note(),
      search: () => this.parts.list.querySelector("input")?.focus(),
      reload: () => this.load(null),
      leave: () => {
        location.hash = "#/board";
      },
    });
  }

  /** Opens or resumes it, for a purpose if none has begun yet. */
  async load(purpose, edits = false) {
    const turn = ++this.turn;
    try {
      if (this.policyCheck === null) this.policyCheck = (await get("board")).check ?? "";
      const view = await step(this.task, { do: "open", purpose, edits });
      // What was asked for later is newer, and was answered already or will be.
      if (turn !== this.turn) return;
      this.page.complain(null);
      this.see(view);
    } catch (error) {
      if (this.isShown() && turn === this.turn) this.closed(error);
    }
  }

  loadAgain() {
    // What this page asked for is shown by its answer.
    if (this.busy === 0 && this.view) this.load(null);
  }

  /** There is nothing to show. */
  closed(error) {
    this.view = null;
    const open = (purpose, label, edits) => button(label, () => this.load(purpose, edits));
    this.parts.bar.replaceChildren();
    this.parts.list.replaceChildren();
    this.shape = null;
    this.parts.panel.replaceChildren(
      make("h1", {}, `No review of ${this.task}`),
      make("div", { role: "alert" }, trouble(error)),
      make("p", { class: "row" }, open("land", "Open to land by a merge"), open("squash", "Open to land as one commit"), open("sync", "Open to bring the target's work in"), open(null, "Open to land, with the checkout's uncommitted edits", true)),
      make("p", {}, make("a", { href: "#/board" }, "Back to the board")),
    );
  }

  /** A step; answers whether it was taken. */
  async act(action, done) {
    if (!this.view) return false;
    this.busy++;
    this.turn++;
    this.parts.panel.setAttribute("aria-busy", "true");
    try {
      const view = await step(this.task, action);
      if (!this.isShown()) return true;
      this.page.complain(null);
      this.see(view);
      if (done) say(`${done}: ${view.open} of ${count(view.count, "conflict")} open`);
      return true;
    } catch (error) {
      if (this.isShown()) this.page.complain(error);
      return false;
    } finally {
      this.busy--;
      this.parts.panel.removeAttribute("aria-busy");
    }
  }

  /** Undoes or redoes, and shows what that changed. */
  async again(step, done) {
    if (!this.view) return;
    const decided = ({ item }) => [item.id, JSON.stringify(item.resolution)];
    const before = new Map(this.items().map(decided));
    if (!(await this.act({ do: step }, done)) || !this.view) return;
    const changed = this.items().find((one) => before.get(one.item.id) !== decided(one)[1]);
    if (changed) this.select(changed.item.id);
  }

  see(view) {
    if (!this.isShown()) return;
    this.view = view;
    if (view.moved) say(`A side has moved: ${count(view.moved.kept, "decision")} hold still, ${view.moved.gone} were about something else.`);
    for (const note of view.notes ?? []) say(note);
    for (const names of view.lost ?? []) say(`Nothing would be left of a file that both sides renamed: keep it as ${names.join(" or ")}.`);
    const all = this.items();
    if (!all.some(({ item }) => item.id === this.at)) {
      this.at = (all.find(({ item }) => item.standing === "open") ?? all[0])?.item.id ?? null;
    }
    this.draw();
  }

  items() {
    return this.view.files.flatMap((file) => file.items.map((item) => ({ file, item })));
  }

  current() {
    return this.view ? this.items().find(({ item }) => item.id === this.at) : undefined;
  }

  select(id) {
    this.at = id;
    this.mark();
    this.drawPanel();
    this.parts.list.querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
    this.parts.panel.querySelector("h2")?.focus({ preventScroll: true });
    if (innerWidth < 800) this.parts.panel.scrollIntoView({ block: "start" });
  }

  move(by, openOnly) {
    if (!this.view) return;
    const all = this.items();
    const from = all.findIndex(({ item }) => item.id === this.at);
    for (let far = 1; far <= all.length; far++) {
      const { item } = all[(from + by * far + all.length * far) % all.length];
      if (!openOnly || item.standing === "open") return this.select(item.id);
    }
    say("nothing is open any more");
  }

  async take(choice) {
    const now = this.current();
    if (!now) return;
    if (!now.item.choices.includes(choice)) {
      say(`this cannot become ${choice}; it can become ${now.item.choices.join(", ")}`);
      return;
    }
    const wasOpen = now.item.standing === "open";
    const taken = await this.act({ do: "take", conflict: now.item.id, choice }, choice);
    if (taken && wasOpen && this.at === now.item.id && this.view.open > 0) this.move(1, true);
  }

  /** Takes a side of all that is open in the file. */
  async takeFile(choice) {
    const now = this.current();
    if (!now) return;
    const open = now.file.items.filter((item) => item.standing === "open" && item.choices.includes(choice));
    if (open.length === 0) return say(`nothing is open in ${now.file.path} that can become ${choice}`);
    for (const item of open) {
      if (!(await this.act({ do: "take", conflict: item.id, choice }, choice))) return;
    }
    if (this.view?.open > 0) this.move(1, true);
  }

  /** To the first conflict, or the last. */
  end(place) {
    const item = this.view ? this.items().at(place)?.item : undefined;
    if (item) this.select(item.id);
  }

  async edit() {
    const now = this.current();
    if (!now || !now.item.choices.includes("text")) return say("this cannot be written by hand");
    const { id } = now.item;
    try {
      const draft = await step(this.task, { do: "draft", conflict: id });
      editText({
        path: now.file.path,
        names: [now.file.ours_name, this.view.task],
        draft,
        begun: drafts.get(`${this.task} ${id}`),
        keep: (text) => (text === null ? drafts.delete(`${this.task} ${id}`) : drafts.set(`${this.task} ${id}`, text)),
        save: (text) => this.act({ do: "take", conflict: id, choice: "text", text, ends: draft.ends }, "own text"),
        why: () => this.page.main.ownerDocument.getElementById("trouble").textContent,
      });
    } catch (error) {
      this.page.complain(error);
    }
  }

  rename() {
    const now = this.current();
    if (!now || !now.item.choices.includes("at")) return say("this cannot be kept at another name");
    ask({ title: `Keep ${now.file.path} at another name`, label: "Path, from the top of the repository", value: now.file.path }, (text) =>
      this.act({ do: "take", conflict: now.item.id, choice: "at", text }, `at ${text}`));
  }

  note() {
    const now = this.current();
    if (!now?.item.resolution) return say("decide it first, then say why");
    ask({ title: `Why ${now.item.resolution.choice}?`, label: "A line that is kept with the decision, and in the commit", value: now.item.resolution.note ?? "" }, (text) =>
      this.act({ do: "note", conflict: now.item.id, text }, "noted"));
  }

  confirm() {
    const now = this.current();
    if (now) this.act({ do: "confirm", conflict: now.item.id }, "agreed");
  }

  async preview() {
    const now = this.current();
    if (!now) return;
    try {
      const { text } = await step(this.task, { do: "preview", path: now.file.path });
      preview(now.file.path, text);
    } catch (error) {
      this.page.complain(error);
    }
  }

  finish() {
    if (this.view) finish(this);
  }

  /** It is over: back to the board. */
  leave(text) {
    for (const key of drafts.keys()) if (key.startsWith(`${this.task} `)) drafts.delete(key);
    shown = null;
    location.hash = "#/board";
    say(text);
  }

  draw() {
    const { list, bar } = this.parts;
    const { view } = this;
    const what = { land: `to land on ${view.target}`, squash: `to land on ${view.target} as one commit`, sync: `to bring ${view.target} in` }[view.purpose];
    replace(
      bar,
      make("h1", {}, `Review of ${view.task} `, make("span", { class: "quiet" }, what)),
      view.edits ? make("p", { class: "quiet" }, `with uncommitted edits in ${view.edits.checkout}: ${view.edits.paths.join(", ")}`) : null,
      view.more ? make("p", { class: "quiet" }, "Uncommitted edits come when all of this is decided.") : null,
      make("p", { class: "count", id: "count" }, view.open === 0 ? make("span", { class: "good" }, "✓ all decided") : `${view.open} of ${view.count} open`,
        view.unconfirmed > 0 ? make("span", { class: "warn" }, `, ${view.unconfirmed} to be agreed to`) : null),
      make(
        "div",
        { class: "row", role: "group", "aria-label": "The review" },
        button("Undo", () => this.again("undo", "taken back"), { key: keyOf("undo"), "data-key": "undo", disabled: view.undo === 0 }),
        button("Redo", () => this.again("redo", "done again"), { key: keyOf("redo"), "data-key": "redo", disabled: view.redo === 0 }),
        button("Check", () => runCheck(this), { key: keyOf("check"), "data-key": "check", "aria-haspopup": "dialog" }),
        button("Finish", () => this.finish(), { key: keyOf("finish"), "data-key": "finish", class: view.open + view.unconfirmed === 0 ? "main" : null, "aria-haspopup": "dialog" }),
        button("Give up", () => this.drop(), { "data-key": "drop", "aria-haspopup": "dialog" }),
      ),
    );
    if (!list.hasChildNodes()) list.append(this.search(), make("ul", { class: "groups plain", "data-scroll": "groups" }));
    this.drawList();
    this.drawPanel();
  }

  drawPanel() {
    const now = this.current();
    replace(this.parts.panel, now ? conflictPanel(this, now) : make("p", {}, "There is no conflict any more: finish it."));
  }

  /** The list, of which only what changed is made anew: there may be hundreds of rows, and a key should not wait for them. */
  drawList() {
    const groups = this.wanted();
    const shape = JSON.stringify(groups.map(({ file, items }) => [file.path, items.map((item) => item.id)]));
    if (shape !== this.shape) {
      this.shape = shape;
      this.rows = new Map();
      const made = groups.map(({ file, items }) =>
        make("li", {}, make("h2", { class: "path" }, file.path), make("ul", { class: "plain" }, items.map((item) => this.row(item)))));
      replace(this.parts.list.querySelector(".groups"), made.length > 0 ? made : make("li", {}, "nothing is like that"));
    } else {
      for (const item of groups.flatMap(({ items }) => items)) {
        const { drawn, element } = this.rows.get(item.id);
        if (drawn === looks(item)) continue;
        const hadFocus = element.contains(document.activeElement);
        element.replaceWith(this.row(item));
        if (hadFocus) this.rows.get(item.id).element.querySelector("button").focus({ preventScroll: true });
      }
    }
    this.mark();
  }

  /** Marks the row of what is shown. */
  mark() {
    this.parts.list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    this.rows.get(this.at)?.element.querySelector("button").setAttribute("aria-current", "true");
  }

  drop() {
    ask({ title: "Give this review up?", label: null, yes: "Give it up", text: "What was decided stays in its history. Nothing else changes." }, async () => {
      const { view } = this;
      try {
        await step(this.task, { do: "drop" });
        this.leave(`gave up the review of ${view.task}`);
        return true;
      } catch (error) {
        this.page.complain(error);
        return false;
      }
    });
  }

  search() {
    const typed = (event) => {
      this.filter = event.target.value;
      this.drawList();
    };
    const left = (event) => {
      if (event.key === "Escape" || event.key === "Enter") {
        event.preventDefault();
        const first = this.parts.list.querySelector("button.item");
        if (event.key === "Enter" && first) this.select(first.dataset.id);
        else event.target.blur();
      }
    };
    return make("label", { class: "search" }, "Search ", make("kbd", {}, keyOf("search")),
      make("input", { type: "search", "data-key": "search", value: this.filter, oninput: typed, onkeydown: left, placeholder: "path, name or text" }));
  }

  /** The files and their items that the search is for. */
  wanted() {
    const wanted = this.filter.toLowerCase();
    const has = (file, item) =>
      [file.path, item.id, item.standing, item.resolution?.choice, item.base, item.ours, item.theirs].some((text) => text?.toLowerCase().includes(wanted));
    const groups = this.view.files.map((file) => ({ file, items: wanted === "" ? file.items : file.items.filter((item) => has(file, item)) }));
    return groups.filter(({ items }) => items.length > 0);
  }

  row(item) {
    const [sign, words] = standing(item);
    const element = make("li", {}, make(
      "button",
      { type: "button", class: `item ${item.standing}`, "data-key": `item ${item.id}`, "data-id": item.id, onclick: () => this.select(item.id) },
      make("span", { class: "sign", "aria-hidden": "true" }, sign),
      make("span", {}, item.line === null ? "the file" : `line ${item.line}`),
      make("span", { class: "state" }, words),
    ));
    this.rows.set(item.id, { drawn: looks(item), element });
    return element;
  }
}

/** All by which a row can differ from what it was. */
const looks = (item) => JSON.stringify([item.line, standing(item)]);

/** A sign and words for where an item stands. */
export function standing(item) {
  if (item.standing === "open") return ["○", "open"];
  if (item.standing === "unconfirmed") return ["◐", `${item.resolution.choice}, to be agreed to`];
  return ["●", item.resolution.choice];
}
