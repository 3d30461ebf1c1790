// The board: tasks, the map, the conflict matrix, and what happened.

import { map } from "./map.js";
import { count, make, replace } from "./make.js";
import { matrix } from "./matrix.js";
import { get } from "./server.js";

/** What is shown; nothing while another view is. */
let shown = null;

/** Shows the board. */
export function showBoard(page) {
  document.title = "git odyssey";
  const part = (name) => make("section", { "aria-labelledby": `${name}-title`, id: name });
  const parts = { tasks: part("tasks"), map: part("map"), matrix: part("matrix"), events: part("events") };
  page.main.replaceChildren(make("h1", { class: "hidden" }, "Board"), make("div", { class: "board" }, Object.values(parts)));
  page.setKeys([]);
  const mine = { page, parts, moved: false, busy: false };
  shown = mine;
  mine.leave = () => shown !== mine || !parts.tasks.isConnected;
  load(mine);
}

/** Something happened. */
export function boardMoved() {
  if (shown && !shown.leave()) load(shown);
}

/** Loads at once; what happens meanwhile is loaded once more, when that has ended. */
async function load(mine) {
  mine.moved = true;
  if (mine.busy) return;
  mine.busy = true;
  while (mine.moved && !mine.leave()) {
    mine.moved = false;
    try {
      const board = await get("board");
      if (mine.leave()) return;
      document.getElementById("where").textContent = board.home;
      draw(mine.parts, board);
      const conflicts = await get("conflicts");
      if (mine.leave()) return;
      replace(mine.parts.matrix, title("matrix", "Do they fit together?"), matrix(conflicts, board));
      mine.page.complain(null);
    } catch (error) {
      mine.page.complain(error);
    }
  }
  mine.busy = false;
}

const title = (name, text) => make("h2", { id: `${name}-title` }, text);

function draw(parts, board) {
  replace(parts.tasks, title("tasks", "Tasks"), tasks(board));
  replace(parts.map, title("map", `Who holds what of ${board.target}`), map(board));
  replace(parts.events, title("events", "What happened"), events(board));
}

function tasks(board) {
  if (board.tasks.length === 0) {
    return make("p", {}, "No task is live. Begin one: ", make("code", {}, "git odyssey claim TASK --region 'src/auth/**'"));
  }
  return make("ul", { class: "cards" }, board.tasks.map((task) => card(task, board)));
}

function card(task, board) {
  const review = board.reviews.find((review) => review.task === task.task);
  const facts = [
    ["holder", `${task.holder.name} (${task.holder.kind})`],
    ["left", left(task, board.now)],
    ["commits", commits(task)],
    ["edits", task.dirty === null ? (task.unknown.length > 0 ? "unknown" : "none") : count(task.dirty, "file")],
    ["regions", make("ul", { class: "plain" }, task.regions.map((region) => make("li", {}, make("code", {}, region))))],
  ];
  return make(
    "li",
    { class: "card" },
    make("h3", {}, task.task, task.mode === "shared" ? make("span", { class: "tag" }, "shared") : null),
    make("dl", {}, facts.map(([name, fact]) => [make("dt", {}, name), make("dd", {}, fact)])),
    task.unknown.map((why) => make("p", { class: "warn" }, "unknown: ", why)),
    make(
      "p",
      {},
      make(
        "a",
        { href: `#/review/${encodeURIComponent(task.task)}`, "data-key": `review ${task.task}` },
        review ? `Go on with the review (${review.decided} decided)` : `Review against ${short(task.target)}`,
      ),
    ),
  );
}

const short = (name) => name.replace(/^refs\/heads\//, "");

function left(task, now) {
  if (task.phase === "parked") return make("span", { class: "warn" }, "parked");
  if (task.expired) return make("span", { class: "warn" }, "expired; others may take it over");
  return span(Date.parse(task.expires_at) - Date.parse(now));
}

/** A length of time with its two largest units. */
export function span(milliseconds) {
  const minutes = Math.max(0, Math.floor(milliseconds / 60000));
  const parts = [[Math.floor(minutes / 1440), "d"], [Math.floor(minutes / 60) % 24, "h"], [minutes % 60, "m"]];
  const first = parts.findIndex(([number]) => number > 0);
  if (first < 0) return "less than a minute";
  return parts.slice(first, first + 2).filter(([number]) => number > 0).map(([number, unit]) => `${number}${unit}`).join(" ");
}

function commits(task) {
  if (task.ahead === null) return task.unknown.length > 0 ? "unknown" : "none";
  return task.behind > 0 ? `${task.ahead} ahead, ${task.behind} behind` : `${task.ahead} ahead`;
}

function events(board) {
  const rows = board.events.map((past) =>
    make("li", {}, make("time", { datetime: past.at }, clock(past.at)), " ", make("span", {}, past.subject)));
  return make("ol", { class: "events", "data-scroll": "events", tabindex: "0", "aria-label": "The latest events, newest first" }, rows);
}

const clock = (at) => new Date(at).toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
