// Begins: takes the token, shows the view that the address names, and keeps it live.

import { showBoard, boardMoved } from "./board.js";
import { help } from "./dialogs.js";
import { allKeys, setKeys } from "./keys.js";
import { make, trouble } from "./make.js";
import { showReview, reviewMoved } from "./review.js";
import { hasToken, listen, takeToken } from "./server.js";

const main = document.getElementById("main");
const live = document.getElementById("live");
const alarm = document.getElementById("trouble");

/** Every view can be left for the help. */
function withHelp(keys) {
  setKeys([...keys, { key: "?", what: "this help", does: showHelp }]);
}

const showHelp = () => help(allKeys());

function complain(error) {
  alarm.hidden = error === null;
  alarm.replaceChildren(...(error === null ? [] : trouble(error)));
}

function show() {
  complain(null);
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  const review = /^#\/review\/([^/]+)$/.exec(location.hash);
  const page = { main, complain, setKeys: withHelp };
  if (review) showReview(page, decodeURIComponent(review[1]));
  else showBoard(page);
}

function state(text, name) {
  live.textContent = text;
  live.className = `live ${name}`;
}

function tell(name, data) {
  switch (name) {
    case "listening":
      if (data.begun) state("live", "good");
      boardMoved();
      reviewMoved(null);
      break;
    case "broken":
      state("not live", "bad");
      complain({ message: `What happens is not told here: ${data.why}`, hints: ["load the page again to see it"] });
      break;
    case "review":
      boardMoved();
      reviewMoved(data.tasks);
      break;
    case "notice":
      state("live", "good");
    // falls through
    case "missed":
      boardMoved();
      reviewMoved(null);
      break;
  }
}

function lost(error) {
  state("not live", "bad");
  complain(error);
}

takeToken();
document.getElementById("help").addEventListener("click", showHelp);
if (hasToken()) {
  addEventListener("hashchange", () => {
    show();
    main.focus();
  });
  show();
  listen(tell, lost);
} else {
  state("closed", "bad");
  main.replaceChildren(
    make("h1", {}, "Nobody is let in without the token"),
    make("p", {}, "Open the address that ", make("code", {}, "git odyssey serve"), " printed, all of it."),
  );
}
