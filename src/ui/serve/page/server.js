// Talks to the server. The token comes in the part of the address after #, and goes out in a header only.

const KEY = "git-odyssey-token";

/** What the server refused, in its own words. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.message);
    this.status = status;
    this.causes = problem.causes ?? [];
    this.hints = problem.hints ?? [];
  }
}

/** The server is not there any more. */
export class Away extends Error {
  constructor() {
    super("The server does not answer: it has ended, perhaps.");
    this.hints = ["start it again and open the address that it prints: git odyssey serve"];
  }
}

/** Takes the token out of the address, and keeps it for this tab. */
export function takeToken() {
  const found = /^#token=([0-9a-f]+)$/.exec(location.hash);
  if (!found) return;
  sessionStorage.setItem(KEY, found[1]);
  history.replaceState(null, "", "#/board");
}

export const hasToken = () => sessionStorage.getItem(KEY) !== null;

function headers() {
  return { Authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ""}` };
}

async function ask(path, options) {
  let response;
  let answer;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...options });
    answer = await response.json();
  } catch {
    throw new Away();
  }
  if (answer.error) throw new Refused(response.status, answer.error);
  return answer;
}

/** Facts. */
export async function get(path) {
  return (await ask(`api/${path}`, { headers: headers() })).result;
}

/** A step in a task's review. Answers what came of it; notes of the command are added as `notes`. */
export async function step(task, action) {
  const answer = await ask(`api/review/${encodeURIComponent(task)}`, {
    method: "POST",
    headers: { ...headers(), "Content-Type": "application/json" },
    body: JSON.stringify(action),
  });
  return { ...answer.result, notes: answer.notes ?? [] };
}

/** Hears events until the connection ends. Not an EventSource, because that sends no header. */
async function hear(tell) {
  const response = await fetch("api/events", { headers: headers(), cache: "no-store", credentials: "omit" });
  if (!response.ok) throw new Refused(response.status, (await response.json()).error);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const name = /^event: (.*)$/m.exec(part);
      const data = /^data: (.*)$/m.exec(part);
      if (name && data) tell(name[1], JSON.parse(data[1]));
    }
  }
}

/** Hears events for ever: when the connection is lost it is made again, later each time. */
export async function listen(tell, lost) {
  let pause = 1000;
  for (;;) {
    try {
      await hear((name, data) => {
        pause = 1000;
        tell(name, data);
      });
      lost(new Away());
    } catch (error) {
      lost(error instanceof Refused ? error : new Away());
      if (error instanceof Refused && error.status === 401) return;
    }
    await new Promise((then) => setTimeout(then, pause));
    pause = Math.min(pause * 2, 30000);
  }
}
