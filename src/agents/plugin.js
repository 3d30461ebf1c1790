// git-odyssey: written by `git odyssey setup opencode`, and taken away by the same with --remove.
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"

const PROGRAM = "[PROGRAM]"

export const GitOdyssey = async ({ directory }) => {
  const begun = new Set()
  const told = new Map()
  const ask = (question) => {
    const run = spawnSync(PROGRAM, ["guard", "opencode"], {
      cwd: directory,
      input: JSON.stringify({ directory, ...question }),
      encoding: "utf8",
    })
    if (run.status !== 0) {
      // Without an answer nothing is written in a workspace; anywhere else it passes.
      if (run.status === 2 || existsSync(join(directory, ".odyssey", "lease.toml"))) {
        throw new Error(run.stderr || "the guard of git odyssey does not answer")
      }
      return {}
    }
    return run.stdout.trim() ? JSON.parse(run.stdout) : {}
  }
  return {
    "tool.execute.before": async (input, output) => {
      const session = input.sessionID
      const heard = []
      if (!begun.has(session)) {
        begun.add(session)
        heard.push(ask({ event: "begin", session }).context)
      }
      const answer = ask({ event: "before", session, tool: input.tool, args: output.args })
      if (answer.deny) throw new Error([...heard, answer.deny].filter(Boolean).join("\n"))
      heard.push(answer.context)
      const text = heard.filter(Boolean).join("\n")
      if (text) told.set(input.callID, text)
    },
    "tool.execute.after": async (input, output) => {
      const text = told.get(input.callID)
      told.delete(input.callID)
      if (text) output.output = `${output.output ?? ""}\n\n${text}`
    },
  }
}
