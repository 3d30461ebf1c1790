//! Setting harnesses up, and taking that out again without a trace.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use snapbox::assert_data_eq;
use snapbox::str;

use super::asking::lab;
use super::support::Lab;
use super::support::ODYSSEY;
use super::support::Run;
use super::support::write;

const HARNESSES: [&str; 6] = ["claude", "codex", "gemini", "cursor", "opencode", "copilot"];

/// Every file and folder below some folders, git's own apart from what is ignored.
fn traces(folders: &[PathBuf]) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = folders.to_vec();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().unwrap() != ".git" {
                    found.insert(path.clone(), Vec::new());
                    open.push(path);
                }
            } else {
                found.insert(path.clone(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn all(lab: &Lab) -> BTreeMap<PathBuf, Vec<u8>> {
    let exclude = lab.main().join(".git/info/exclude");
    let mut found = traces(&[lab.main(), lab.root().join("home"), lab.root().join("main.odyssey")]);
    found.insert(exclude.clone(), std::fs::read(exclude).unwrap());
    found
}

fn shown(lab: &Lab, run: &Run) -> String {
    lab.screen(run).replace(ODYSSEY, "[PROGRAM]")
}

fn text(lab: &Lab, path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap().replace(ODYSSEY, "[PROGRAM]");
    lab.screen(&Run { stdout: text, stderr: String::new(), code: 0 })
}

#[test]
fn a_harness_is_set_up_for_a_repository_with_all_its_workspaces() {
    let lab = lab();
    assert_data_eq!(
        shown(&lab, &lab.odyssey(&["setup", "claude"])),
        str![[r#"
wrote [LAB]/main/.claude/settings.local.json, and in 2 workspaces
  see whether the guard answers: git odyssey doctor
--- exit 0

"#]]
    );
    assert_data_eq!(
        text(&lab, &lab.main().join(".claude/settings.local.json")),
        str![[r#"
{
  "hooks": {
    "PreToolUse": [
      {
        "hooks": [
          {
            "command": "[PROGRAM] guard claude",
            "type": "command"
          }
        ],
        "matcher": "Edit|Write|MultiEdit|NotebookEdit|Bash"
      }
    ],
    "SessionStart": [
      {
        "hooks": [
          {
            "command": "[PROGRAM] guard claude",
            "type": "command"
          }
        ]
      }
    ],
    "Stop": [
      {
        "hooks": [
          {
            "command": "[PROGRAM] guard claude",
            "type": "command"
          }
        ]
      }
    ],
    "SubagentStop": [
      {
        "hooks": [
          {
            "command": "[PROGRAM] guard claude",
            "type": "command"
          }
        ]
      }
    ],
    "WorktreeCreate": [
      {
        "hooks": [
          {
            "command": "[PROGRAM] guard claude",
            "type": "command"
          }
        ]
      }
    ],
    "WorktreeRemove": [
      {
        "hooks": [
          {
            "command": "[PROGRAM] guard claude",
            "type": "command"
          }
        ]
      }
    ]
  }
}
--- exit 0

"#]]
    );
    let settings = |folder: PathBuf| std::fs::read(folder.join(".claude/settings.local.json")).unwrap();
    assert_eq!(settings(lab.workspace("auth")), settings(lab.main()));
    lab.odyssey(&["claim", "later", "-r", "src/later"]).ok();
    assert_eq!(settings(lab.workspace("later")), settings(lab.main()));
    for folder in [lab.main(), lab.workspace("auth"), lab.workspace("later")] {
        assert_eq!(lab.git_in(&folder, &["status", "--porcelain"]), "", "git does not see it");
    }
    assert_data_eq!(
        shown(&lab, &lab.odyssey(&["setup", "claude"])),
        str![[r#"
as it should be: [LAB]/main/.claude/settings.local.json, and in 3 workspaces
--- exit 0

"#]]
    );
    // It goes with its workspace, and is nothing that has to be saved.
    lab.odyssey(&["release", "later"]).ok();
    assert!(!lab.workspace("later").exists());
    assert_eq!(lab.git(&["for-each-ref", "refs/odyssey/salvage"]), "");
}

#[test]
fn all_are_set_up_and_removed_again_byte_for_byte() {
    for scope in ["--project", "--user"] {
        let lab = lab();
        let home = lab.root().join("home");
        let base = if scope == "--user" { home } else { lab.main() };
        for path in [".claude/settings.local.json", ".claude/settings.json", ".gemini/settings.json"] {
            write(&base.join(path), "// mine\n{ \"theme\" : \"dark\",\n\n  \"hooks\": {} }");
        }
        write(
            &base.join(".codex/config.toml"),
            "# mine\nmodel = 'x'\n\n[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = \"command\"\ncommand = \"x\"\n",
        );
        write(&base.join("CLAUDE.md"), "Be kind.");
        let before = all(&lab);
        for harness in HARNESSES {
            let more =
                if (harness, scope) == ("cursor", "--user") { "--color=never" } else { "--instructions" };
            lab.odyssey(&["setup", harness, scope, more]).ok();
            let again = lab.odyssey(&["setup", harness, scope, more, "--json"]).json();
            for file in again["result"]["files"].as_array().unwrap() {
                assert_eq!(file["what"], "unchanged", "{harness}: {file}");
            }
        }
        let doctor = lab.odyssey(&["doctor", "--json"]).json();
        let guards = doctor["result"]["guards"].as_array().unwrap();
        assert_eq!(guards.len(), HARNESSES.len(), "{guards:#?}");
        assert!(guards.iter().all(|guard| guard["answers"] == true), "{guards:#?}");
        for harness in HARNESSES {
            lab.odyssey(&["setup", harness, scope, "--remove"]).ok();
        }
        let after = all(&lab);
        for path in before.keys().chain(after.keys()) {
            assert_eq!(before.get(path), after.get(path), "{scope}: {}", path.display());
        }
    }
}

#[test]
fn what_others_changed_since_stays_when_ours_goes() {
    let lab = lab();
    let file = lab.main().join(".claude/settings.local.json");
    lab.odyssey(&["setup", "claude"]).ok();
    let edited =
        std::fs::read_to_string(&file).unwrap().replacen('{', "{\n  // theirs\n  \"model\": \"x\",", 1);
    std::fs::write(&file, edited).unwrap();
    lab.odyssey(&["setup", "claude", "--remove"]).ok();
    assert_data_eq!(
        text(&lab, &file),
        str![[r#"
{
  // theirs
  "model": "x"
}
--- exit 0

"#]]
    );
}

#[test]
fn settings_that_cannot_be_understood_are_left_alone() {
    let lab = lab();
    write(&lab.main().join(".claude/settings.local.json"), "{ \"hooks\": [ }");
    assert_data_eq!(
        shown(&lab, &lab.odyssey(&["setup", "claude"])),
        str![[r#"
--- stderr
error: [LAB]/main/.claude/settings.local.json cannot be merged with
because: they cannot be read: Unexpected close brace on line 1 column 14
hint: nothing was changed; mend the file, or move it away, and run the same command again
--- exit 1

"#]]
    );
    write(&lab.main().join(".opencode/plugins/git-odyssey.js"), "export const Other = 1\n");
    assert_eq!(lab.odyssey(&["setup", "opencode"]).code, 1);
    assert_eq!(lab.odyssey_in(&lab.workspace("auth"), &["setup", "claude"]).code, 3);
    assert_eq!(lab.odyssey(&["setup", "cursor", "--user", "--instructions"]).code, 2);
    let unprepared = Lab::unprepared();
    assert_eq!(unprepared.odyssey(&["setup", "claude"]).code, 1);
}

#[test]
fn a_file_that_git_tracks_is_for_a_person_to_commit() {
    let lab = lab();
    lab.write(".gemini/settings.json", "{}\n");
    lab.commit("settings");
    assert_data_eq!(
        shown(&lab, &lab.odyssey(&["setup", "gemini"])),
        str![[r#"
wrote [LAB]/main/.gemini/settings.json
  git tracks it: commit it, so that workspaces and others have it too
  see whether the guard answers: git odyssey doctor
--- exit 0

"#]]
    );
    assert_data_eq!(
        text(&lab, &lab.main().join(".gemini/settings.json")),
        str![[r#"
{
  "hooks": {
    "BeforeTool": [
      {
        "hooks": [
          {
            "command": "git-odyssey guard gemini",
            "name": "git-odyssey",
            "type": "command"
          }
        ],
        "matcher": "write_file|replace|edit|run_shell_command"
      }
    ],
    "SessionStart": [
      {
        "hooks": [
          {
            "command": "git-odyssey guard gemini",
            "name": "git-odyssey",
            "type": "command"
          }
        ]
      }
    ],
    "BeforeAgent": [
      {
        "hooks": [
          {
            "command": "git-odyssey guard gemini",
            "name": "git-odyssey",
            "type": "command"
          }
        ]
      }
    ],
    "AfterAgent": [
      {
        "hooks": [
          {
            "command": "git-odyssey guard gemini",
            "name": "git-odyssey",
            "type": "command"
          }
        ]
      }
    ]
  }
}
--- exit 0

"#]]
    );
    assert!(!lab.workspace("auth").join(".gemini").exists());
}

#[test]
fn the_doctor_says_whether_the_guard_answers() {
    let lab = lab();
    lab.odyssey(&["setup", "claude"]).ok();
    lab.odyssey(&["setup", "gemini", "--user"]).ok();
    let file = lab.root().join("home/.gemini/settings.json");
    let gone = std::fs::read_to_string(&file).unwrap().replace(ODYSSEY, "/nowhere/git-odyssey");
    std::fs::write(&file, gone).unwrap();
    std::fs::remove_file(lab.workspace("auth").join(".claude/settings.local.json")).unwrap();
    assert_data_eq!(
        shown(&lab, &lab.odyssey(&["doctor"])),
        str![[r#"
answers claude by [LAB]/main/.claude/settings.local.json
silent  gemini by [LAB]/home/.gemini/settings.json
found   gemini gets no answer from its guard, `/nowhere/git-odyssey guard gemini`
          set it up again: git odyssey setup gemini --user
found   the workspace of auth lacks .claude/settings.local.json
          git odyssey doctor --fix copies it there
2 findings open
--- exit 1

"#]]
    );
    lab.odyssey(&["setup", "gemini", "--user", "--remove"]).ok();
    assert_data_eq!(
        shown(&lab, &lab.odyssey(&["doctor", "--fix"])),
        str![[r#"
answers claude by [LAB]/main/.claude/settings.local.json
mended  the workspace of auth lacks .claude/settings.local.json; copied it there
all is well
--- exit 0

"#]]
    );
    assert!(lab.workspace("auth").join(".claude/settings.local.json").exists());
}

#[test]
fn uninstalling_takes_the_settings_of_the_repository_too() {
    let lab = Lab::unprepared();
    let before = all(&lab);
    lab.odyssey(&["init"]).ok();
    for harness in HARNESSES {
        lab.odyssey(&["setup", harness]).ok();
    }
    lab.odyssey(&["uninstall"]).ok();
    let after = all(&lab);
    for path in before.keys().chain(after.keys()) {
        assert_eq!(before.get(path), after.get(path), "{}", path.display());
    }
}

#[test]
fn the_section_for_agents_is_marked_and_short() {
    let lab = lab();
    lab.odyssey(&["setup", "codex", "--instructions"]).ok();
    assert_data_eq!(
        text(&lab, &lab.main().join("AGENTS.md")),
        str![[r#"
<!-- git-odyssey: begin; git odyssey setup writes these lines -->
## Working beside others

Several people and agents work on this repository at the same time, each task in a worktree of its own (git odyssey).

- Work only in the folder that you were started in. Without a task of your own: `git odyssey claim TASK --region 'src/part/**'
  --for YOUR-NAME`, then work in the folder that it prints.
- Before you edit a file outside of your regions: `git odyssey check PATH`. What another task holds, leave alone, and say so.
- Commit often. Never use `--no-verify`, and do not change git's hooks or `core.hooksPath`.
- When you go on after a pause: `git odyssey notes`. When the target has moved: `git odyssey sync`.
- When all is done and tested: `git odyssey land`. When you stop before: `git odyssey park`.
<!-- git-odyssey: end -->
--- exit 0

"#]]
    );
}
