//! Token accounts: transcripts of every agent, whose work they tell of, and what it cost.

#![allow(clippy::unwrap_used, reason = "a lab that cannot be set up fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

mod support;

#[path = "usage/counter.rs"]
mod counter;

#[path = "usage/pieces.rs"]
mod pieces;

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use sha2::Digest;
use snapbox::assert_data_eq;
use snapbox::str;
use support::Lab;

/// The fixtures of each format, and where the agents would have written them below a home.
const PLACES: [(&str, &str); 4] = [
    ("claude", ".claude/projects"),
    ("codex", ".codex/sessions"),
    ("gemini", ".gemini/tmp"),
    ("opencode", ".local/share/opencode/storage/message"),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/transcripts")
}

/// Copies the fixtures below a folder, with a lab's places in them.
fn plant(lab: &Lab, from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            plant(lab, &path, &to);
        } else {
            support::write(&to, placed(lab, &std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn placed(lab: &Lab, text: &str) -> String {
    let work = lab.root().join("main.odyssey");
    let hash = sha2::Sha256::digest(work.join("docs").to_str().unwrap().as_bytes());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = text.replace("@WORK@", work.to_str().unwrap()).replace("@HASH@", &hash);
    text.replace("@MAIN@", lab.main().to_str().unwrap())
}

/// A lab with the tasks `auth` and `docs`, and all fixtures at home.
fn lab() -> Lab {
    let lab = tasks();
    for (from, to) in PLACES {
        plant(&lab, &fixtures().join(from), &lab.root().join("home").join(to));
    }
    let metrics = std::fs::read_to_string(fixtures().join("metrics.jsonl")).unwrap();
    support::write(&metrics_of(&lab), placed(&lab, &metrics));
    lab
}

fn metrics_of(lab: &Lab) -> PathBuf {
    lab.main().join(".git/odyssey/metrics.jsonl")
}

fn tasks() -> Lab {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", "[ledger]\nfsync = false\n");
    lab.commit("policy");
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    lab.odyssey(&["claim", "docs", "--region", "docs/**", "--for", "gemini-1"]).ok();
    lab
}

/// One call of a model, as Claude Code writes it.
fn call(folder: &Path, id: &str, at: &str, output: u64) -> String {
    let folder = folder.to_str().unwrap();
    let usage = serde_json::json!({ "input_tokens": 100, "output_tokens": output });
    let message = serde_json::json!({ "id": id, "model": "claude-haiku-4-5", "usage": usage });
    let line = serde_json::json!({ "cwd": folder, "requestId": id, "timestamp": at, "message": message });
    format!("{line}\n")
}

fn transcript(lab: &Lab, name: &str) -> PathBuf {
    lab.root().join("home/.claude/projects/p").join(name)
}

/// The rows of an account, by name.
fn rows(lab: &Lab, arguments: &[&str]) -> Vec<(String, u64)> {
    let answer = lab.odyssey(&[&["usage", "--json"], arguments].concat()).ok().json();
    let rows = answer["result"]["rows"].as_array().unwrap().iter();
    rows.map(|row| (row["name"].as_str().unwrap().to_owned(), row["total_tokens"].as_u64().unwrap()))
        .collect()
}

#[test]
fn every_format_comes_to_the_sums_of_an_independent_count() {
    let lab = lab();
    let answer = lab.odyssey(&["usage", "--by", "model", "--everywhere", "--json"]).ok().json();
    let number = |row: &Value, name: &str| row["tokens"][name].as_u64().unwrap();
    let names = ["input", "output", "cache_read", "cache_write", "cache_write_hour", "reasoning"];
    let rows = answer["result"]["rows"].as_array().unwrap().iter();
    let ours: counter::Counts = rows
        .map(|row| (row["name"].as_str().unwrap().to_owned(), names.map(|name| number(row, name))))
        .collect();
    let theirs = counter::count(&lab.root().join("home"), &metrics_of(&lab));
    assert_eq!(theirs.len(), 11, "{theirs:#?}");
    assert_eq!(ours, theirs);
}

#[test]
fn each_task_has_what_was_used_in_its_workspace() {
    let lab = lab();
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage"])),
        str![[r#"
TASK       CALLS   INPUT  OUTPUT  CACHE READ  CACHE WRITE    TOTAL       COST  OUTCOME
auth          20  53,519   1,300     274,155       12,562  341,536      $0.35  live
docs           9   9,347   6,194      12,100          900   28,541  $0.0216+?  live
(no task)      1      11     110           0            0      121    $0.0028
total         30  62,877   7,604     286,255       13,462  370,198    $0.37+?
not counted: 286 tokens, $0.0066 in other repositories (--everywhere counts it)
no price is known of claude-opus-5-5-fast, model-of-tomorrow; 5,500 are not in the costs
list prices as of 2026-10-24
incomplete 1 line of the transcripts could not be understood
--- exit 0

"#]]
    );
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--by", "model", "--task", "docs"])),
        str![[r#"
MODEL                      CALLS  INPUT  OUTPUT  CACHE READ  CACHE WRITE   TOTAL       COST
gemini-2.5-pro                 2  8,203      97       8,000            0  16,300    $0.0122
claude-haiku-4-5-20251001      1    100   1,000           0            0   1,100    $0.0051
claude-sonnet-5-5              1    120      42       4,000          900   5,062    $0.0033
gpt-5-codex                    1    400      50         100            0     550    $0.0010
gpt-5-nano                     2     24       5           0            0      29    $0.0000
claude-opus-5-5-fast           1    300   3,000           0            0   3,300   unpriced
model-of-tomorrow              1    200   2,000           0            0   2,200   unpriced
total                          9  9,347   6,194      12,100          900  28,541  $0.0216+?
no price is known of claude-opus-5-5-fast, model-of-tomorrow; 5,500 are not in the costs
list prices as of 2026-10-24
incomplete 1 line of the transcripts could not be understood
--- exit 0

"#]]
    );
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--by", "agent"])),
        str![[r#"
AGENT      CALLS   INPUT  OUTPUT  CACHE READ  CACHE WRITE    TOTAL       COST
claude-1      20  53,519   1,300     274,155       12,562  341,536      $0.35
gemini-1       9   9,347   6,194      12,100          900   28,541  $0.0216+?
(no task)      1      11     110           0            0      121    $0.0028
total         30  62,877   7,604     286,255       13,462  370,198    $0.37+?
not counted: 286 tokens, $0.0066 in other repositories (--everywhere counts it)
no price is known of claude-opus-5-5-fast, model-of-tomorrow; 5,500 are not in the costs
list prices as of 2026-10-24
incomplete 1 line of the transcripts could not be understood
--- exit 0

"#]]
    );
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--by", "day", "--everywhere", "--csv"])),
        str![[r#"
day,calls,input,output,cache_read,cache_write,cache_write_hour,reasoning,total,unpriced,usd
2026-11-22,2,26,260,0,0,0,0,286,0,0.006630
2026-11-23,1,11,110,0,0,0,0,121,0,0.002805
2026-11-24,29,62866,7494,286255,13462,10000,224,370077,5500,0.370047
--- exit 0

"#]]
    );
}

#[test]
fn the_answer_for_programs_has_the_same_and_more() {
    let lab = lab();
    let answer = lab.odyssey(&["usage", "--since", "2026-11-24", "--json"]).ok().json();
    let pretty = serde_json::to_string_pretty(&answer["result"]).unwrap();
    assert_data_eq!(
        pretty,
        str![[r#"
{
  "by": "task",
  "doubts": [
    "1 line of the transcripts could not be understood"
  ],
  "elsewhere": {
    "calls": 0,
    "tokens": {
      "cache_read": 0,
      "cache_write": 0,
      "cache_write_hour": 0,
      "input": 0,
      "output": 0,
      "reasoning": 0
    },
    "total_tokens": 0,
    "unpriced_tokens": 0,
    "usd": 0.0
  },
  "prices_dated": "2026-10-24",
  "rows": [
    {
      "calls": 20,
      "name": "auth",
      "outcome": "live",
      "tokens": {
        "cache_read": 274155,
        "cache_write": 12562,
        "cache_write_hour": 10000,
        "input": 53519,
        "output": 1300,
        "reasoning": 155
      },
      "total_tokens": 341536,
      "unpriced_tokens": 0,
      "usd": 0.348398
    },
    {
      "calls": 9,
      "name": "docs",
      "outcome": "live",
      "tokens": {
        "cache_read": 12100,
        "cache_write": 900,
        "cache_write_hour": 0,
        "input": 9347,
        "output": 6194,
        "reasoning": 69
      },
      "total_tokens": 28541,
      "unpriced_tokens": 5500,
      "usd": 0.02164945
    }
  ],
  "total": {
    "calls": 29,
    "tokens": {
      "cache_read": 286255,
      "cache_write": 13462,
      "cache_write_hour": 10000,
      "input": 62866,
      "output": 7494,
      "reasoning": 224
    },
    "total_tokens": 370077,
    "unpriced_tokens": 5500,
    "usd": 0.37004745
  },
  "unpriced_models": [
    "claude-opus-5-5-fast",
    "model-of-tomorrow"
  ],
  "waste": {
    "calls": 0,
    "tokens": {
      "cache_read": 0,
      "cache_write": 0,
      "cache_write_hour": 0,
      "input": 0,
      "output": 0,
      "reasoning": 0
    },
    "total_tokens": 0,
    "unpriced_tokens": 0,
    "usd": 0.0
  }
}
"#]]
    );
}

#[test]
fn a_day_that_is_none_is_refused() {
    let lab = tasks();
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--since", "yesterday"])),
        str![[r#"
--- stderr
error: 'yesterday' is not a day
hint: write it as in: --since 2026-11-24
--- exit 2

"#]]
    );
}

#[test]
fn what_was_read_is_kept_when_its_transcript_and_its_workspace_are_gone() {
    let lab = lab();
    let before = lab.odyssey(&["usage", "--by", "model", "--json"]).ok().json();
    std::fs::remove_dir_all(lab.root().join("home")).unwrap();
    std::fs::create_dir(lab.root().join("home")).unwrap();
    lab.odyssey(&["abandon", "docs", "--reason", "the wrong way"]).ok();
    let after = lab.odyssey(&["usage", "--by", "model", "--json"]).ok().json();
    assert_eq!(after["result"]["rows"], before["result"]["rows"]);
    assert!(!lab.workspace("docs").exists());
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--by", "outcome"])),
        str![[r#"
OUTCOME    CALLS   INPUT  OUTPUT  CACHE READ  CACHE WRITE    TOTAL       COST
live          20  53,519   1,300     274,155       12,562  341,536      $0.35
abandoned      9   9,347   6,194      12,100          900   28,541  $0.0216+?
(no task)      1      11     110           0            0      121    $0.0028
total         30  62,877   7,604     286,255       13,462  370,198    $0.37+?
waste 28,541 tokens, $0.0216 (8 % of the tokens): work that was given up, does not merge, or was begun anew
not counted: 286 tokens, $0.0066 in other repositories (--everywhere counts it)
no price is known of claude-opus-5-5-fast, model-of-tomorrow; 5,500 are not in the costs
list prices as of 2026-10-24
--- exit 0

"#]]
    );
}

#[test]
fn without_its_index_everything_is_read_again_to_the_same_sums() {
    let lab = lab();
    let index = lab.main().join(".git/odyssey/usage");
    let before = lab.odyssey(&["usage", "--json"]).ok().stdout;
    std::fs::remove_file(&index).unwrap();
    assert_eq!(lab.odyssey(&["usage", "--json"]).ok().stdout, before);
    let whole = std::fs::read(&index).unwrap();
    for damage in [&whole[..whole.len() / 2], b"", b"odyssey usage 0\n", &[&whole[..], b"x"].concat()] {
        std::fs::write(&index, damage).unwrap();
        assert_eq!(lab.odyssey(&["usage", "--json"]).ok().stdout, before);
    }
}

#[test]
fn the_ledger_is_read_on_from_where_it_was_read_and_anew_when_it_was_put_back() {
    let lab = lab();
    let kept = lab.main().join(".git/odyssey/usage-events");
    let usage = || lab.odyssey(&["usage", "--json", "--by", "outcome"]).ok().stdout;
    let anew = || {
        std::fs::remove_file(&kept).unwrap();
        usage()
    };
    let live = usage();
    let tip = lab.git(&["rev-parse", "refs/odyssey/ledger"]);
    // What was read before is not read once more: it may even be gone.
    let first = lab.git(&["rev-list", "--max-parents=0", "refs/odyssey/ledger"]);
    let object = lab.main().join(".git/objects").join(&first[..2]).join(&first[2..]);
    let content = std::fs::read(&object).unwrap();
    std::fs::remove_file(&object).unwrap();
    lab.odyssey(&["abandon", "auth"]).ok();
    let abandoned = usage();
    assert_ne!(abandoned, live);
    let events = std::fs::read(&kept).unwrap();
    std::fs::remove_file(&kept).unwrap();
    assert_ne!(lab.odyssey(&["usage"]).code, 0, "a hole in the history is not passed over");
    std::fs::write(&object, content).unwrap();
    assert_eq!(usage(), abandoned);
    assert_eq!(std::fs::read(&kept).unwrap(), events);
    // Somebody has put an older ledger back: what was read of the newer one does not count.
    lab.git(&["update-ref", "refs/odyssey/ledger", &tip]);
    assert_eq!(usage(), live);
    assert_eq!(anew(), live);
    for damage in [&events[..events.len() / 2], b"", b"odyssey annals 0\n", &[&events[..], b"x"].concat()] {
        std::fs::write(&kept, damage).unwrap();
        assert_eq!(usage(), live);
    }
}

#[test]
fn work_that_was_given_up_and_begun_anew_is_told_as_waste() {
    let lab = tasks();
    let workspace = lab.workspace("auth");
    let path = transcript(&lab, "s.jsonl");
    let mut text = call(&workspace, "one", "2026-11-24T01:31:00Z", 900);
    lab.advance(10);
    lab.odyssey(&["abandon", "auth"]).ok();
    lab.advance(10);
    lab.odyssey(&["claim", "auth", "--region", "src/**", "--for", "claude-2"]).ok();
    text += &call(&workspace.join("src"), "two", "2026-11-24T01:51:00Z", 400);
    support::write(&path, &text);
    assert_eq!(rows(&lab, &["--by", "outcome"]), [("redone".to_owned(), 1000), ("live".to_owned(), 500)]);
    assert_eq!(rows(&lab, &["--by", "agent"]), [("claude-1".to_owned(), 1000), ("claude-2".to_owned(), 500)]);
    support::write(&lab.workspace("auth").join("src/a.rs"), "fn a() {}\n");
    lab.commit_in(&lab.workspace("auth"), "work");
    lab.odyssey(&["land", "auth"]).ok();
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--by", "outcome"])),
        str![[r#"
OUTCOME  CALLS  INPUT  OUTPUT  CACHE READ  CACHE WRITE  TOTAL     COST
redone       1    100     900           0            0  1,000  $0.0046
landed       1    100     400           0            0    500  $0.0021
total        2    200   1,300           0            0  1,500  $0.0067
waste 1,000 tokens, $0.0046 (67 % of the tokens): work that was given up, does not merge, or was begun anew
list prices as of 2026-10-24
--- exit 0

"#]]
    );
}

#[test]
fn a_holder_pays_for_what_was_used_while_it_held_the_task() {
    let lab = tasks();
    let workspace = lab.workspace("auth");
    let mut text = call(&workspace, "one", "2026-11-24T01:31:00Z", 10);
    lab.advance(10);
    lab.odyssey(&["park", "auth"]).ok();
    lab.odyssey(&["resume", "auth", "--for", "codex-1"]).ok();
    text += &call(&workspace, "two", "2026-11-24T01:45:00Z", 20);
    support::write(&transcript(&lab, "s.jsonl"), &text);
    assert_eq!(rows(&lab, &["--by", "agent"]), [("codex-1".to_owned(), 120), ("claude-1".to_owned(), 110)]);
    assert_eq!(rows(&lab, &["--by", "task"]), [("auth".to_owned(), 230)]);
}

#[test]
fn work_that_does_not_merge_is_told_as_conflicted() {
    let lab = tasks();
    support::write(
        &transcript(&lab, "s.jsonl"),
        call(&lab.workspace("auth"), "one", "2026-11-24T01:31:00Z", 10),
    );
    support::write(&lab.workspace("auth").join("src/a.rs"), "theirs\n");
    lab.commit_in(&lab.workspace("auth"), "work");
    assert_eq!(rows(&lab, &["--by", "outcome"]), [("live".to_owned(), 110)]);
    lab.write("src/a.rs", "ours\n");
    lab.git(&["add", "--all"]);
    let mut command = lab.command("git", &lab.main(), &["commit", "--quiet", "--message", "ours"]);
    assert_eq!(support::Run::of(command.env("GIT_ODYSSEY_OVERRIDE", "a test")).code, 0);
    assert_eq!(rows(&lab, &["--by", "outcome"]), [("conflicted".to_owned(), 110)]);
}

#[test]
fn a_workspace_is_known_by_a_link_and_after_it_was_moved() {
    let lab = tasks();
    std::os::unix::fs::symlink(lab.root().join("main.odyssey"), lab.root().join("link")).unwrap();
    let mut text = call(&lab.root().join("link/auth/src"), "one", "2026-11-24T01:31:00Z", 10);
    std::fs::create_dir(lab.workspace("auth").join("src")).unwrap();
    let moved = lab.root().join("elsewhere");
    lab.git(&["worktree", "unlock", lab.workspace("docs").to_str().unwrap()]);
    lab.git(&["worktree", "move", lab.workspace("docs").to_str().unwrap(), moved.to_str().unwrap()]);
    text += &call(&moved, "two", "2026-11-24T01:32:00Z", 20);
    // A name that only begins as the workspace's does.
    text += &call(&lab.root().join("elsewhere2"), "three", "2026-11-24T01:33:00Z", 30);
    support::write(&transcript(&lab, "s.jsonl"), &text);
    assert_eq!(rows(&lab, &[]), [("docs".to_owned(), 120), ("auth".to_owned(), 110)]);
    // Remembered from then on.
    lab.git(&["worktree", "remove", "--force", moved.to_str().unwrap()]);
    assert_eq!(rows(&lab, &[]), [("docs".to_owned(), 120), ("auth".to_owned(), 110)]);
}

#[test]
fn a_persons_own_prices_count_and_a_wrong_table_is_refused() {
    let lab = tasks();
    support::write(
        &transcript(&lab, "s.jsonl"),
        call(&lab.workspace("auth"), "one", "2026-11-24T01:31:00Z", 10),
    );
    let own = lab.root().join("home/.config/git-odyssey/prices.toml");
    support::write(&own, "[models]\n\"claude-haiku-4-5\" = { input = 10000, output = 100000 }\n");
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage"])),
        str![[r#"
TASK  CALLS  INPUT  OUTPUT  CACHE READ  CACHE WRITE  TOTAL   COST  OUTCOME
auth      1    100      10           0            0    110  $2.00  live
list prices as of 2026-10-24, and your own in [LAB]/home/.config/git-odyssey/prices.toml
--- exit 0

"#]]
    );
    support::write(&own, "[models]\n\"claude-haiku-4-5\" = { inptu = 1 }\n");
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage"])),
        str![[r#"
--- stderr
error: the prices in [LAB]/home/.config/git-odyssey/prices.toml:2:24 cannot be understood: unknown key `inptu`
hint: did you mean `input`?
--- exit 1

"#]]
    );
}

#[test]
fn what_cannot_be_read_is_told_and_not_taken_for_nothing() {
    let lab = tasks();
    support::write(
        &transcript(&lab, "s.jsonl"),
        call(&lab.workspace("auth"), "one", "2026-11-24T01:31:00Z", 10),
    );
    support::write(&transcript(&lab, "t.jsonl"), "{\"message\":{\"usage\":{\"input_tokens\":\"x\"}}}\n");
    support::write(&lab.root().join("home/.codex/sessions"), "no folder\n");
    support::write(&lab.root().join("home/.local/share/opencode/opencode.db"), "x");
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage"])),
        str![[r#"
TASK  CALLS  INPUT  OUTPUT  CACHE READ  CACHE WRITE  TOTAL     COST  OUTCOME
auth      1    100      10           0            0    110  $0.0002  live
list prices as of 2026-10-24
incomplete cannot read [LAB]/home/.codex/sessions: Not a directory (os error 20)
incomplete cannot read [LAB]/home/.local/share/opencode/opencode.db: no such table: message
incomplete 1 line of the transcripts could not be understood
--- exit 0

"#]]
    );
}

#[test]
fn the_repositorys_own_prices_count_and_wrong_ones_are_told_with_their_place() {
    let lab = tasks();
    support::write(
        &transcript(&lab, "s.jsonl"),
        call(&lab.workspace("auth"), "one", "2026-11-24T01:31:00Z", 10),
    );
    let policy = |price: &str| {
        lab.write(
            "odyssey.toml",
            format!("[ledger]\nfsync = false\n[prices]\n\"claude-haiku-4-5\" = {price}\n"),
        );
        lab.screen(&lab.odyssey(&["usage"]))
    };
    assert_data_eq!(
        policy("{ input = 5000, output = 50000 }"),
        str![[r#"
TASK  CALLS  INPUT  OUTPUT  CACHE READ  CACHE WRITE  TOTAL   COST  OUTCOME
auth      1    100      10           0            0    110  $1.00  live
list prices as of 2026-10-24, and those of odyssey.toml
--- exit 0

"#]]
    );
    assert_data_eq!(
        policy("{ input = 1, outptu = 2 }"),
        str![[r#"
--- stderr
error: odyssey.toml:4:35: unknown key `outptu`
hint: did you mean `output`?
hint: nothing is done until odyssey.toml can be read
--- exit 1

"#]]
    );
    policy("{ input = 5000, output = 50000 }");
    let own = lab.root().join("home/.config/git-odyssey/prices.toml");
    support::write(&own, "[models]\n\"claude-haiku-4-5\" = { input = 10000, output = 100000 }\n");
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage"])),
        str![[r#"
TASK  CALLS  INPUT  OUTPUT  CACHE READ  CACHE WRITE  TOTAL   COST  OUTCOME
auth      1    100      10           0            0    110  $2.00  live
list prices as of 2026-10-24, those of odyssey.toml, and your own in [LAB]/home/.config/git-odyssey/prices.toml
--- exit 0

"#]]
    );
}

#[test]
fn a_commit_that_lands_says_what_it_cost_where_that_is_wanted() {
    let lab = tasks();
    lab.write("odyssey.toml", "[ledger]\nfsync = false\n[usage]\ntrailer = true\n");
    let mut text = call(&lab.workspace("auth"), "one", "2026-11-24T01:31:00Z", 10);
    text += &call(&lab.workspace("docs"), "two", "2026-11-24T01:32:00Z", 20);
    support::write(&transcript(&lab, "s.jsonl"), &text);
    let land = |task: &str, path: &str, how: &str| {
        support::write(&lab.workspace(task).join(path), "new\n");
        lab.commit_in(&lab.workspace(task), "work");
        lab.odyssey(&["land", task, how]).ok();
        lab.git(&["log", "-1", "--format=%B", "main"])
    };
    assert_data_eq!(
        land("auth", "src/a.rs", "--squash"),
        str![[r#"
Land auth

* work

Odyssey-Task: auth
Odyssey-Holder: claude-1
Odyssey-Fence: 1
Odyssey-Tokens: input=100 output=10 cache-read=0 cache-write=0 reasoning=0
Odyssey-Cost: 0.000150 USD, prices of 2026-10-24
"#]]
    );
    assert_eq!(land("docs", "docs/a.md", "--rebase"), "work", "that commit is the task's own");
}

#[test]
fn the_database_of_opencode_is_read_with_its_log_and_read_again_when_it_grows() {
    let lab = tasks();
    let home = lab.root().join("home/.local/share/opencode");
    std::fs::create_dir_all(&home).unwrap();
    let from = fixtures().join("opencode-db");
    std::fs::copy(from.join("opencode.db"), home.join("opencode.db")).unwrap();
    let rows = || rows(&lab, &["--everywhere", "--by", "model"]);
    let known = |haiku, nano| [("claude-haiku-4-5".to_owned(), haiku), ("gpt-5-nano".to_owned(), nano)];
    assert_eq!(rows(), known(4650, 4620));
    std::fs::copy(from.join("opencode.db-wal"), home.join("opencode.db-wal")).unwrap();
    // One call is told of twice, and the larger of each count is taken.
    assert_eq!(rows(), known(5633, 4805));
    std::fs::remove_file(lab.main().join(".git/odyssey/usage")).unwrap();
    assert_eq!(rows(), known(5618, 4805));
    std::fs::remove_dir_all(&home).unwrap();
    assert_eq!(rows(), known(5618, 4805), "it is kept");
}

/// Writes an event into the ledger that changes no lease, with these trailers.
fn event(lab: &Lab, trailers: &str) {
    let message = format!("told\n\n{trailers}\n");
    let tree = "refs/odyssey/ledger^{tree}";
    let commit = lab.git(&["commit-tree", tree, "-p", "refs/odyssey/ledger", "-m", &message]);
    lab.git(&["update-ref", "refs/odyssey/ledger", &commit]);
}

#[test]
fn tiers_are_compared_by_what_they_landed_and_what_that_cost() {
    let lab = tasks();
    let mut text = String::new();
    for (number, tier, lands) in [
        (1, "cheap", true),
        (2, "cheap", true),
        (3, "cheap", true),
        (4, "cheap", true),
        (5, "cheap", false),
        (6, "strong", true),
    ] {
        let task = format!("guide-{number}");
        lab.odyssey(&["claim", &task, "--region", &format!("guide/{number}"), "--for", "claude-1"]).ok();
        let fence = lab.odyssey(&["show", &task, "--json"]).json()["result"]["task"]["fence"].to_string();
        event(
            &lab,
            &format!(
                "Odyssey-Event: renew\nOdyssey-Task: {task}\nOdyssey-Fence: {fence}\nOdyssey-Tier: {tier}\nOdyssey-Class: docs"
            ),
        );
        let output = if tier == "cheap" { 1000 } else { 9000 };
        text += &call(&lab.workspace(&task), &task, &lab.now().to_string(), output);
        if lands {
            support::write(&lab.workspace(&task).join(format!("guide/{number}")), "read me\n");
            lab.commit_in(&lab.workspace(&task), "work");
            lab.odyssey(&["land", &task]).ok();
        } else {
            lab.odyssey(&["abandon", &task]).ok();
        }
        lab.advance(1);
    }
    support::write(&transcript(&lab, "s.jsonl"), &text);
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["tiers"])),
        str![[r#"
CLASS   TIER    ENDED  LANDED     OPEN  RETRIES  TOKENS  COST     A LANDED TASK
(none)  (none)  0      0          2     0        0       -        -
docs    cheap   5      4 (80 %)   0     0        5500    $0.0255  $0.0064
docs    strong  1      1 (100 %)  0     0        9100    $0.0451  $0.0451
for (none): too little is known (0 tasks ended)
  (none) has ended 0 of the 5 tasks that would tell something
for docs: cheap (6 tasks ended)
  cheap has landed 4 of 5, $0.0064 for each
  strong has ended 1 of the 5 tasks that would tell something
  no other tier has been tried often enough to compare with
list prices as of 2026-10-24
--- exit 0

"#]]
    );
    assert_eq!(rows(&lab, &["--by", "tier"]), [("strong".to_owned(), 9100), ("cheap".to_owned(), 5500)]);
    let advice = &lab.odyssey(&["tiers", "--json"]).ok().json()["result"]["advice"];
    assert_eq!(advice[1]["tier"], "cheap");
    assert_eq!(advice[1]["sample"], 6);
}

#[test]
fn a_landing_tells_the_ledger_what_its_task_has_used() {
    let lab = tasks();
    let land = |task: &str, path: &str| {
        support::write(&lab.workspace(task).join(path), "new\n");
        lab.commit_in(&lab.workspace(task), "work");
        lab.odyssey(&["land", task]).ok();
        lab.git(&["log", "-1", "--format=%B", "refs/odyssey/ledger"])
    };
    let mut text = call(&lab.workspace("auth"), "one", "2026-11-24T01:31:00Z", 10);
    support::write(&transcript(&lab, "s.jsonl"), &text);
    // Who keeps no accounts is told nothing.
    assert!(!land("auth", "src/a.rs").contains("Odyssey-Tokens"));
    lab.odyssey(&["usage"]).ok();
    text += &call(&lab.workspace("docs"), "two", "2026-11-24T01:32:00Z", 20);
    support::write(&transcript(&lab, "s.jsonl"), &text);
    let told = land("docs", "docs/a.md");
    assert_data_eq!(
        told.lines()
            .filter(|line| line.contains("Tokens") || line.contains("Cost"))
            .collect::<Vec<_>>()
            .join("\n"),
        str![[r#"
Odyssey-Tokens: input=100 output=20 cache-read=0 cache-write=0 reasoning=0
Odyssey-Cost: 0.000200 USD, prices of 2026-10-24
"#]]
    );
}

#[test]
fn limits_are_told_as_they_stand() {
    let lab = tasks();
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--budget", "auth"])),
        str![[r#"
no limit is set
set one in odyssey.toml: [budget] day = { usd = 20.0 }
--- exit 0

"#]]
    );
    let policy = "[ledger]\nfsync = false\n[budget]\nsoft = 50\nday = { tokens = 1000 }\nmonth = { usd = 5.0 }\nagent = { usd = 0.0001 }\ntask = { tokens = 300, usd = 1.0 }\n";
    lab.write("odyssey.toml", policy);
    let mut text = call(&lab.workspace("auth"), "old", "2026-11-23T23:59:59Z", 500);
    text += &call(&lab.workspace("auth"), "one", "2026-11-24T01:31:00Z", 10);
    text += &call(&lab.main(), "two", "2026-11-24T01:32:00Z", 20);
    support::write(&transcript(&lab, "s.jsonl"), &text);
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--budget", "auth"])),
        str![[r#"
ok    day: 230 of 1000 tokens
ok    month: $0.0030 of $5.00
hard  agent claude-1: $0.0002 of $0.0001
hard  task auth: 710 of 300 tokens, $0.0028 of $1.00
--- exit 0

"#]]
    );
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--budget"])),
        str![[r#"
ok    day: 230 of 1000 tokens
ok    month: $0.0030 of $5.00
--- exit 0

"#]]
    );
    let answer = lab.odyssey(&["usage", "--budget", "auth", "--json"]).ok().json();
    assert_eq!(answer["result"]["standing"], "hard");
    assert_eq!(answer["result"]["limits"][2]["name"], "claude-1");
    lab.write("odyssey.toml", "[budget]\nday = { usd = -1.0 }\n");
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--budget"])),
        str![[r#"
--- stderr
error: odyssey.toml:2:15: that is no amount of money
hint: write dollars, for example: usd = 20.0
hint: nothing is done until odyssey.toml can be read
--- exit 1

"#]]
    );
    lab.write("odyssey.toml", "[budget]\nsoft = 101\n");
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["usage", "--budget"])),
        str![[r#"
--- stderr
error: odyssey.toml:2:8: the soft limit is from 1 to 100 of a hundred, not 101
hint: nothing is done until odyssey.toml can be read
--- exit 1

"#]]
    );
}

#[test]
fn metrics_are_received_on_this_machine_and_belong_to_the_workspace_that_they_name() {
    use std::io::BufRead;
    use std::io::Read;
    use std::io::Write;
    let lab = tasks();
    let mut command = lab.command(support::ODYSSEY, &lab.main(), &["usage", "--listen", "0"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let place =
        line.trim().strip_prefix("listening at http://").unwrap().strip_suffix("/v1/metrics").unwrap();
    let metrics = placed(&lab, &std::fs::read_to_string(fixtures().join("metrics.jsonl")).unwrap());
    for body in metrics.lines().chain(metrics.lines().next()) {
        let mut stream = std::net::TcpStream::connect(place).unwrap();
        let length = body.len();
        let head = format!(
            "POST /v1/metrics HTTP/1.1\r\nHost: {place}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(rows(&lab, &[]), [("auth".to_owned(), 1000), ("docs".to_owned(), 29)]);
}
