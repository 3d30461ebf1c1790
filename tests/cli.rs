//! The command line end to end: every command as a session at a terminal, with its whole screens.

#![allow(clippy::unwrap_used, reason = "a session that cannot begin fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

mod support;

use snapbox::IntoData;
use snapbox::assert_data_eq;
use snapbox::str;
use support::Lab;
use support::Run;
use support::session::Session;

/// A lab with a few files, and policy that is quick and has a named set.
fn lab() -> Lab {
    let lab = Lab::unprepared();
    let policy = "commons = [\"Cargo.lock\"]\n\n[regions]\napi = [\"src/api/**\", \"!src/api/gen/**\"]\n\n[ledger]\nfsync = false\n";
    lab.write("odyssey.toml", policy);
    lab.write("src/auth/login.rs", "fn login() {}\n");
    lab.write("src/ui/page.rs", "fn page() {}\n");
    lab.commit("seed");
    lab.odyssey(&["init"]).ok();
    lab
}

fn claim(lab: &Lab, task: &str, region: &str) {
    lab.odyssey(&["claim", task, "--region", region, "--for", "claude-1"]).ok();
}

fn work(lab: &Lab, task: &str, path: &str, text: &str) {
    support::write(&lab.workspace(task).join(path), text);
    lab.commit_in(&lab.workspace(task), &format!("{task}: edit {path}"));
}

#[test]
fn init_prepares_a_repository_and_checks_it_when_run_again() {
    let lab = Lab::unprepared();
    let mut session = Session::of(&lab);
    session.run(&["init"]).run(&["init"]).run(&["init", "--json"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey init
prepared [LAB]/main
  ledger  refs/odyssey/ledger
  hooks   [HOOKS]
  tasks land on main
  begin a task: git odyssey claim TASK --region 'src/auth/**'
--- exit 0

$ git odyssey init
checked [LAB]/main
  ledger  refs/odyssey/ledger
  hooks   [HOOKS]
  tasks land on main
  begin a task: git odyssey claim TASK --region 'src/auth/**'
--- exit 0

$ git odyssey init --json
{
  "command": "init",
  "ok": true,
  "result": {
    "hooks": "[HOOKS]",
    "ledger_made": false,
    "target": "refs/heads/main"
  },
  "version": 1
}
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn without_init_every_command_says_what_to_do() {
    let lab = Lab::unprepared();
    let mut session = Session::of(&lab);
    session.run(&["status"]).run(&["claim", "auth", "--region", "src/**"]).run(&["log"]).run(&["doctor"]);
    session.run(&["status", "--json"]);
    assert!(!lab.main().join(".git/odyssey").exists(), "a refusal left something behind");
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey status
--- stderr
error: this repository is not prepared for git odyssey
hint: prepare it: git odyssey init
--- exit 1

$ git odyssey claim auth --region 'src/**'
--- stderr
error: this repository is not prepared for git odyssey
hint: prepare it: git odyssey init
--- exit 1

$ git odyssey log
--- stderr
error: this repository is not prepared for git odyssey
hint: prepare it: git odyssey init
--- exit 1

$ git odyssey doctor
--- stderr
error: this repository is not prepared for git odyssey
hint: prepare it: git odyssey init
--- exit 1

$ git odyssey status --json
{
  "command": "status",
  "error": {
    "causes": [],
    "details": null,
    "exit": 1,
    "hints": [
      "prepare it: git odyssey init"
    ],
    "kind": "refused",
    "message": "this repository is not prepared for git odyssey"
  },
  "ok": false,
  "version": 1
}
--- exit 1


"#]]
        .raw()
    );
}

#[test]
fn claim_grants_a_workspace_of_ones_own() {
    let lab = lab();
    let mut session = Session::of(&lab);
    session
        .run(&["claim", "auth", "--region", "src/auth/**", "--for", "claude-1"])
        .run(&[
            "claim",
            "ui",
            "-r",
            "src/ui/**",
            "-r",
            "README.md",
            "--for",
            "human:anna",
            "--ttl",
            "2h",
            "--json",
        ])
        .run(&["claim", "api", "--region", "@api", "--shared"])
        .run(&["claim", "docs", "--region", "docs/**", "--here"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey claim auth --region 'src/auth/**' --for claude-1
granted auth to claude-1, fence 1, for 1h
  src/auth/**
[LAB]/main.odyssey/auth
--- exit 0

$ git odyssey claim ui -r 'src/ui/**' -r README.md --for human:anna --ttl 2h --json
{
  "command": "claim",
  "ok": true,
  "result": {
    "base": "[HASH]",
    "branch": "refs/heads/odyssey/ui",
    "expires_at": "2026-11-24T03:30:00Z",
    "fence": 2,
    "holder": {
      "kind": "human",
      "name": "anna"
    },
    "path": "[LAB]/main.odyssey/ui",
    "regions": [
      "src/ui/**",
      "README.md"
    ],
    "task": "ui"
  },
  "version": 1
}
--- exit 0

$ git odyssey claim api --region @api --shared
granted api to Ada, fence 3, for 1h
  @api
[LAB]/main.odyssey/api
--- exit 0

$ git odyssey claim docs --region 'docs/**' --here
granted docs to Ada, fence 4, for 1h
  docs/**
[LAB]/main
--- exit 0


"#]]
        .raw()
    );
    let copy = std::fs::read_to_string(lab.workspace("auth").join(".odyssey/lease.toml")).unwrap();
    assert_data_eq!(
        lab.screen(&Run { stdout: copy, stderr: String::new(), code: 0 }),
        str![[r##"
# A copy, for reading. The lease itself is in refs/odyssey/ledger; changing this changes nothing.
task = "auth"
fence = 1
holder = { name = "claude-1", kind = "agent" }
branch = "refs/heads/odyssey/auth"
base = "[HASH]"
target = "refs/heads/main"
regions = ["src/auth/**"]
mode = "exclusive"
phase = "active"
ttl_seconds = 3600
granted_at = 2026-11-24T01:30:00Z
expires_at = 2026-11-24T02:30:00Z
--- exit 0

"##]]
        .raw()
    );
    assert_eq!(lab.git_in(&lab.workspace("auth"), &["status", "--porcelain"]), "");
}

#[test]
fn claim_of_what_somebody_holds_is_refused_and_says_who_and_how_long() {
    let lab = lab();
    claim(&lab, "auth", "src/auth/**");
    lab.advance(18);
    let mut session = Session::of(&lab);
    session
        .run(&["claim", "login", "--region", "src/auth/login.rs", "--region", "docs/**", "--for", "codex-2"])
        .run(&["claim", "all", "--region", "**", "--for", "codex-2"])
        .run(&["claim", "auth", "--region", "lib/**", "--for", "codex-2"])
        .run(&["claim", "AUTH", "--region", "lib/**", "--for", "codex-2"])
        .run(&["claim", "reader", "--region", "src/auth/**", "--shared", "--for", "codex-2"])
        .run(&["claim", "login", "--region", "src/auth/login.rs", "--for", "codex-2", "--json"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey claim login --region src/auth/login.rs --region 'docs/**' --for codex-2
--- stderr
error: cannot claim login
  src/auth/login.rs is held by auth (claude-1, agent) as src/auth/**, 42m left
hint: free now: docs/**
hint: to wait until all is free, run the same command with --wait
--- exit 3

$ git odyssey claim all --region '**' --for codex-2
--- stderr
error: cannot claim all
  ** is held by auth (claude-1, agent) as src/auth/**, 42m left
hint: to wait until all is free, run the same command with --wait
--- exit 3

$ git odyssey claim auth --region 'lib/**' --for codex-2
--- stderr
error: auth is already claimed by claude-1
hint: see where it is: git odyssey show auth
hint: claim under another name, or wait for it with --wait
--- exit 3

$ git odyssey claim AUTH --region 'lib/**' --for codex-2
--- stderr
error: auth is already claimed by claude-1
hint: see where it is: git odyssey show auth
hint: claim under another name, or wait for it with --wait
--- exit 3

$ git odyssey claim reader --region 'src/auth/**' --shared --for codex-2
--- stderr
error: cannot claim reader
  src/auth/** is held by auth (claude-1, agent), 42m left
hint: to wait until all is free, run the same command with --wait
--- exit 3

$ git odyssey claim login --region src/auth/login.rs --for codex-2 --json
{
  "command": "claim",
  "error": {
    "causes": [],
    "details": {
      "free": [],
      "held": [
        {
          "asked": "src/auth/login.rs",
          "expires_at": "2026-11-24T02:30:00Z",
          "holder": {
            "kind": "agent",
            "name": "claude-1"
          },
          "mode": "exclusive",
          "phase": "active",
          "region": "src/auth/**",
          "seconds_left": 2520,
          "task": "auth"
        }
      ]
    },
    "exit": 3,
    "hints": [
      "to wait until all is free, run the same command with --wait"
    ],
    "kind": "held",
    "message": "cannot claim login\n  src/auth/login.rs is held by auth (claude-1, agent) as src/auth/**, 42m left"
  },
  "ok": false,
  "version": 1
}
--- exit 3


"#]].raw()
    );
    assert!(!lab.workspace("login").exists() && !lab.workspace("all").exists());
    assert_eq!(lab.git(&["branch", "--list", "odyssey/*"]).trim(), "+ odyssey/auth");
}

#[test]
fn claim_of_what_parked_work_holds_lets_the_claimant_choose() {
    let lab = lab();
    claim(&lab, "auth", "src/auth/**");
    work(&lab, "auth", "src/auth/login.rs", "fn login() { half() }\n");
    lab.odyssey(&["park", "auth"]).ok();
    let again = ["claim", "login", "--region", "src/auth/login.rs", "--for", "codex-2"];
    let mut session = Session::of(&lab);
    session
        .run(&again)
        .run(&[&again[..], &["--json"]].concat())
        .run(&[&again[..], &["--stack"]].concat())
        .run(&["status"])
        .run(&["abandon", "login"])
        .run(&["claim", "login-2", "--region", "src/auth/login.rs", "--for", "codex-2", "--take-over"])
        .run(&["status"])
        .run(&["salvage", "list"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey claim login --region src/auth/login.rs --for codex-2
--- stderr
error: cannot claim login
  src/auth/login.rs is claimed by parked work of auth (claude-1, agent) as src/auth/**
hint: choose: --wait until it has landed; --stack to build on its commits;
hint:   --take-over to have its regions, its work saved; or go on with it: git odyssey resume auth
--- exit 3

$ git odyssey claim login --region src/auth/login.rs --for codex-2 --json
{
  "command": "claim",
  "error": {
    "causes": [],
    "details": {
      "free": [],
      "held": [
        {
          "asked": "src/auth/login.rs",
          "expires_at": "2026-11-24T02:30:00Z",
          "holder": {
            "kind": "agent",
            "name": "claude-1"
          },
          "mode": "exclusive",
          "phase": "parked",
          "region": "src/auth/**",
          "seconds_left": 3600,
          "task": "auth"
        }
      ]
    },
    "exit": 3,
    "hints": [
      "choose: --wait until it has landed; --stack to build on its commits;",
      "  --take-over to have its regions, its work saved; or go on with it: git odyssey resume auth"
    ],
    "kind": "held",
    "message": "cannot claim login\n  src/auth/login.rs is claimed by parked work of auth (claude-1, agent) as src/auth/**"
  },
  "ok": false,
  "version": 1
}
--- exit 3

$ git odyssey claim login --region src/auth/login.rs --for codex-2 --stack
granted login to codex-2, fence 2, for 1h
  src/auth/login.rs
[LAB]/main.odyssey/login
--- exit 0

$ git odyssey status
TASK   HOLDER    LEFT    COMMITS  EDITS  REGIONS            WHERE
auth   claude-1  parked  +1       0      src/auth/**        [LAB]/main.odyssey/auth
login  codex-2   1h      +1       0      src/auth/login.rs  [LAB]/main.odyssey/login
--- exit 0

$ git odyssey abandon login
abandoned login
  removed its workspace; what was in it is saved as [HASH]
  bring it back: git odyssey salvage restore login
--- exit 0

$ git odyssey claim login-2 --region src/auth/login.rs --for codex-2 --take-over
granted login-2 to codex-2, fence 3, for 1h
  src/auth/login.rs
  took the regions of auth, saved as [HASH]
[LAB]/main.odyssey/login-2
--- exit 0

$ git odyssey status
TASK     HOLDER   LEFT  COMMITS  EDITS  REGIONS            WHERE
login-2  codex-2  1h    +0       0      src/auth/login.rs  [LAB]/main.odyssey/login-2
--- exit 0

$ git odyssey salvage list
auth   [HASH]  2026-11-24T01:30:00Z  its regions go to login-2
login  [HASH]  2026-11-24T01:30:00Z  abandoned
--- exit 0


"#]].raw()
    );
}

#[test]
fn claim_stacks_on_expired_work_as_on_parked_work() {
    let lab = lab();
    claim(&lab, "auth", "src/auth/**");
    work(&lab, "auth", "src/auth/login.rs", "fn login() { half() }\n");
    lab.advance(61);
    let stack = ["claim", "login", "--region", "src/auth/login.rs", "--for", "codex-2", "--stack"];
    lab.odyssey(&stack).ok();
    let text = std::fs::read_to_string(lab.workspace("login").join("src/auth/login.rs")).unwrap();
    assert_eq!(text, "fn login() { half() }\n");
    assert_eq!(lab.odyssey(&["status", "--json"]).ok().json()["result"]["tasks"][0]["phase"], "parked");
}

#[test]
fn claim_does_not_touch_what_is_in_its_place() {
    let lab = lab();
    lab.git(&["branch", "odyssey/old"]);
    support::write(&lab.workspace("there").join("precious"), "mine\n");
    let mut session = Session::of(&lab);
    session
        .run(&["claim", "old", "--region", "src/**"])
        .run(&["claim", "there", "--region", "src/**"])
        .run(&["claim", "nowhere", "--region", "src/**", "--base", "no-such-revision"])
        .run(&["status"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey claim old --region 'src/**'
--- stderr
error: the branch refs/heads/odyssey/old exists already
hint: it may hold work: git log odyssey/old
hint: claim under another name, or rename it: git branch -m odyssey/old NEW-NAME
--- exit 1

$ git odyssey claim there --region 'src/**'
--- stderr
error: [LAB]/main.odyssey/there exists already
hint: it may hold work: look into [LAB]/main.odyssey/there, move it away, then claim again
--- exit 1

$ git odyssey claim nowhere --region 'src/**' --base no-such-revision
--- stderr
error: 'no-such-revision' names no commit
--- exit 2

$ git odyssey status
no task is live
begin one: git odyssey claim TASK --region 'src/auth/**'
--- exit 0


"#]]
        .raw()
    );
    assert_eq!(std::fs::read_to_string(lab.workspace("there").join("precious")).unwrap(), "mine\n");
}

#[test]
fn claim_runs_a_command_in_the_workspace_and_parks_when_it_ends() {
    let lab = lab();
    let mut session = Session::of(&lab);
    let script = "echo $GIT_ODYSSEY_TASK $GIT_ODYSSEY_FENCE; echo half > src/auth/half.rs; exit 7";
    session
        .run(&["claim", "auth", "--region", "src/auth/**", "--for", "claude-1", "--", "sh", "-c", script])
        .run(&["status"])
        .run(&["claim", "ui", "--region", "src/ui/**", "--for", "claude-1", "--", "no-such-program"])
        .run(&["status"])
        .run(&["claim", "ui-2", "--region", "src/ui/**", "--for", "claude-1", "--", ""])
        .run(&["claim", "api", "--region", "api/**", "--for", "claude-1", "--json", "--", "echo", "hello"]);
    let copy = std::fs::read_to_string(lab.workspace("auth").join(".odyssey/lease.toml")).unwrap();
    assert!(copy.contains("phase = \"parked\""), "{copy}");
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey claim auth --region 'src/auth/**' --for claude-1 -- sh -c 'echo $GIT_ODYSSEY_TASK $GIT_ODYSSEY_FENCE; echo half > src/auth/half.rs; exit 7'
auth 1
granted auth to claude-1, fence 1, for 1h
  src/auth/**
[LAB]/main.odyssey/auth
--- stderr
note: auth works in [LAB]/main.odyssey/auth
--- exit 7

$ git odyssey status
TASK  HOLDER    LEFT    COMMITS  EDITS  REGIONS      WHERE
auth  claude-1  parked  +0       1      src/auth/**  [LAB]/main.odyssey/auth
--- exit 0

$ git odyssey claim ui --region 'src/ui/**' --for claude-1 -- no-such-program
--- stderr
note: ui works in [LAB]/main.odyssey/ui
error: cannot start `no-such-program`
because: No such file or directory (os error 2)
hint: nothing was done, and ui is released again
--- exit 1

$ git odyssey status
TASK  HOLDER    LEFT    COMMITS  EDITS  REGIONS      WHERE
auth  claude-1  parked  +0       1      src/auth/**  [LAB]/main.odyssey/auth
--- exit 0

$ git odyssey claim ui-2 --region 'src/ui/**' --for claude-1 -- ''
--- stderr
error: '' is no program: a region must come before --, a command after it
--- exit 2

$ git odyssey claim api --region 'api/**' --for claude-1 --json -- echo hello
{
  "command": "claim",
  "ok": true,
  "result": {
    "base": "[HASH]",
    "branch": "refs/heads/odyssey/api",
    "expires_at": "2026-11-24T02:30:00Z",
    "fence": 3,
    "holder": {
      "kind": "agent",
      "name": "claude-1"
    },
    "path": "[LAB]/main.odyssey/api",
    "regions": [
      "api/**"
    ],
    "task": "api"
  },
  "version": 1
}
--- stderr
note: api works in [LAB]/main.odyssey/api
hello
--- exit 0


"#]].raw()
    );
}

#[test]
fn compact_folds_the_history_and_the_log_shows_all_of_it() {
    let lab = lab();
    claim(&lab, "auth", "src/auth/**");
    lab.advance(5);
    let mut session = Session::of(&lab);
    session
        .run(&["compact"])
        .run(&["compact"])
        .run(&["compact", "--json"])
        .run(&["release", "auth"])
        .run(&["compact", "--json"])
        .run(&["log"])
        .run(&["doctor"])
        .run(&["uninstall"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey compact
folded 2 events of the ledger; their history stays under refs/odyssey/archive/[HASH]
--- exit 0

$ git odyssey compact
nothing to fold: the ledger's history is one commit
--- exit 0

$ git odyssey compact --json
{
  "command": "compact",
  "ok": true,
  "result": {
    "archive": null,
    "commit": null,
    "events": 0
  },
  "version": 1
}
--- exit 0

$ git odyssey release auth
released auth
  removed its workspace and branch
--- exit 0

$ git odyssey compact --json
{
  "command": "compact",
  "ok": true,
  "result": {
    "archive": "refs/odyssey/archive/[HASH]",
    "commit": "[HASH]",
    "events": 2
  },
  "version": 1
}
--- exit 0

$ git odyssey log
2026-11-24T01:35:00Z  compact 2 events
2026-11-24T01:35:00Z  release auth of claude-1
2026-11-24T01:35:00Z  compact 2 events
2026-11-24T01:30:00Z  claim auth for claude-1, fence 1
2026-11-24T01:30:00Z  init the ledger
--- exit 0

$ git odyssey doctor
all is well
--- exit 0

$ git odyssey uninstall
git odyssey is out of this repository
--- exit 0


"#]]
        .raw()
    );
    assert_eq!(lab.git(&["for-each-ref", "refs/odyssey"]), "", "nothing is left of it");
}

#[test]
fn an_archive_that_is_gone_or_stands_elsewhere_is_told_and_made_again() {
    let lab = lab();
    lab.odyssey(&["claim", "auth", "--region", "src/auth/**", "--for", "claude-1", "--here"]).ok();
    lab.odyssey(&["compact"]).ok();
    lab.odyssey(&["renew", "auth"]).ok();
    lab.odyssey(&["compact"]).ok();
    let names = lab.git(&["for-each-ref", "--format=%(refname)", "refs/odyssey/archive"]);
    let names: Vec<&str> = names.lines().collect();
    assert_eq!(names.len(), 2);
    for name in &names {
        let was = lab.git(&["rev-parse", name]);
        lab.git(&["update-ref", "-d", name]);
        let found = lab.odyssey(&["doctor"]);
        let told = format!("{name} is gone, and its history is here");
        assert!(found.code == 1 && found.stdout.contains(&told), "{found:#?}");
        lab.odyssey(&["doctor", "--fix"]).ok();
        assert_eq!(lab.git(&["rev-parse", name]), was);
        // Something else in its place is for a person to look at.
        lab.git(&["update-ref", name, "HEAD"]);
        let found = lab.odyssey(&["doctor", "--fix"]);
        let advice = format!("git update-ref {name} {was}");
        assert!(found.code == 1 && found.stdout.contains(&advice), "{found:#?}");
        assert_eq!(lab.git(&["rev-parse", name]), lab.git(&["rev-parse", "HEAD"]));
        lab.git(&["update-ref", name, &was, "HEAD"]);
        lab.odyssey(&["doctor"]).ok();
    }
}

#[test]
fn a_log_that_ends_at_an_archive_which_is_not_here_says_so() {
    let lab = lab();
    lab.odyssey(&["claim", "auth", "--region", "src/auth/**", "--for", "claude-1", "--here"]).ok();
    lab.odyssey(&["compact"]).ok();
    let archive = lab.git(&["for-each-ref", "--format=%(refname)", "refs/odyssey/archive"]);
    lab.git(&["update-ref", "-d", &archive]);
    lab.git(&["gc", "--quiet", "--prune=now"]);
    let mut session = Session::of(&lab);
    session.run(&["log"]).run(&["log", "-n", "1"]).run(&["log", "--json"]).run(&["status"]).run(&["doctor"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey log
2026-11-24T01:30:00Z  compact 2 events
what was before is not here; fetch its archive: refs/odyssey/archive/[HASH]
--- exit 0

$ git odyssey log -n 1
2026-11-24T01:30:00Z  compact 2 events
what was before is not here; fetch its archive: refs/odyssey/archive/[HASH]
--- exit 0

$ git odyssey log --json
{
  "command": "log",
  "ok": true,
  "result": {
    "away": "[HASH]",
    "events": [
      {
        "at": "2026-11-24T01:30:00Z",
        "by": "Ada",
        "commit": "[HASH]",
        "event": "compact",
        "facts": [
          [
            "Archive",
            "[HASH]"
          ]
        ],
        "fence": null,
        "subject": "compact 2 events",
        "task": null
      }
    ]
  },
  "version": 1
}
--- exit 0

$ git odyssey status
TASK  HOLDER    LEFT  COMMITS  EDITS  REGIONS      WHERE
auth  claude-1  1h    -        -      src/auth/**  -
--- exit 0

$ git odyssey doctor
found   refs/odyssey/archive/[HASH] is gone with the ledger's history before it; no lease depends on it
          bring it from a clone that has it, or from a backup
1 finding open
--- exit 1


"#]]
        .raw()
    );
}

#[test]
fn status_and_show_and_log_tell_what_is_live() {
    let lab = lab();
    let mut session = Session::of(&lab);
    session.run(&["status"]);
    claim(&lab, "auth", "src/auth/**");
    claim(&lab, "ui", "src/ui/**");
    work(&lab, "auth", "src/auth/login.rs", "fn login() { one() }\n");
    work(&lab, "auth", "docs/new.md", "free\n");
    support::write(&lab.workspace("ui").join("src/ui/page.rs"), "fn page() { not_committed() }\n");
    lab.odyssey(&["claim", "old", "--region", "old/**", "--for", "human:anna", "--ttl", "1m"]).ok();
    lab.advance(5);
    session
        .run(&["status"])
        .run(&["status", "--json"])
        .run(&["show", "auth"])
        .run(&["show", "auth", "--json"])
        .run(&["show", "old"])
        .run(&["show", "none"])
        .run(&["show"])
        .run(&["log"])
        .run(&["log", "--task", "ui"])
        .run(&["log", "-n", "1", "--json"])
        .cd(&lab.workspace("ui"))
        .run(&["show"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey status
no task is live
begin one: git odyssey claim TASK --region 'src/auth/**'
--- exit 0

$ git odyssey status
TASK  HOLDER    LEFT     COMMITS  EDITS  REGIONS                  WHERE
auth  claude-1  55m      +2       0      src/auth/** docs/new.md  [LAB]/main.odyssey/auth
old   anna      expired  +0       0      old/**                   [LAB]/main.odyssey/old
ui    claude-1  55m      +0       1      src/ui/**                [LAB]/main.odyssey/ui
--- exit 0

$ git odyssey status --json
{
  "command": "status",
  "ok": true,
  "result": {
    "tasks": [
      {
        "ahead": 2,
        "base": "[HASH]",
        "behind": 0,
        "branch": "refs/heads/odyssey/auth",
        "dirty": 0,
        "expired": false,
        "expires_at": "2026-11-24T02:30:00Z",
        "fence": 1,
        "holder": {
          "kind": "agent",
          "name": "claude-1"
        },
        "mode": "exclusive",
        "path": "[LAB]/main.odyssey/auth",
        "phase": "active",
        "regions": [
          "src/auth/**",
          "docs/new.md"
        ],
        "target": "refs/heads/main",
        "task": "auth",
        "unknown": []
      },
      {
        "ahead": 0,
        "base": "[HASH]",
        "behind": 0,
        "branch": "refs/heads/odyssey/old",
        "dirty": 0,
        "expired": true,
        "expires_at": "2026-11-24T01:31:00Z",
        "fence": 3,
        "holder": {
          "kind": "human",
          "name": "anna"
        },
        "mode": "exclusive",
        "path": "[LAB]/main.odyssey/old",
        "phase": "active",
        "regions": [
          "old/**"
        ],
        "target": "refs/heads/main",
        "task": "old",
        "unknown": []
      },
      {
        "ahead": 0,
        "base": "[HASH]",
        "behind": 0,
        "branch": "refs/heads/odyssey/ui",
        "dirty": 1,
        "expired": false,
        "expires_at": "2026-11-24T02:30:00Z",
        "fence": 2,
        "holder": {
          "kind": "agent",
          "name": "claude-1"
        },
        "mode": "exclusive",
        "path": "[LAB]/main.odyssey/ui",
        "phase": "active",
        "regions": [
          "src/ui/**"
        ],
        "target": "refs/heads/main",
        "task": "ui",
        "unknown": []
      }
    ]
  },
  "version": 1
}
--- exit 0

$ git odyssey show auth
auth
  holder   claude-1 (agent)
  fence    1
  lease    55m left, until 2026-11-24T02:30:00Z
  region   src/auth/**
  region   docs/new.md
  branch   odyssey/auth
  target   main
  commits  2 to land, 0 behind
  edits    0 files not committed
  where    [LAB]/main.odyssey/auth
  2026-11-24T01:30:00Z  extend auth by 1 path
  2026-11-24T01:30:00Z  claim auth for claude-1, fence 1
--- exit 0

$ git odyssey show auth --json
{
  "command": "show",
  "ok": true,
  "result": {
    "events": [
      {
        "at": "2026-11-24T01:30:00Z",
        "by": "Ada",
        "commit": "[HASH]",
        "event": "extend",
        "facts": [
          [
            "Region",
            "docs/new.md"
          ]
        ],
        "fence": 1,
        "subject": "extend auth by 1 path",
        "task": "auth"
      },
      {
        "at": "2026-11-24T01:30:00Z",
        "by": "Ada",
        "commit": "[HASH]",
        "event": "claim",
        "facts": [
          [
            "Token",
            "claim-auth-[TOKEN]"
          ]
        ],
        "fence": 1,
        "subject": "claim auth for claude-1, fence 1",
        "task": "auth"
      }
    ],
    "task": {
      "ahead": 2,
      "base": "[HASH]",
      "behind": 0,
      "branch": "refs/heads/odyssey/auth",
      "dirty": 0,
      "expired": false,
      "expires_at": "2026-11-24T02:30:00Z",
      "fence": 1,
      "holder": {
        "kind": "agent",
        "name": "claude-1"
      },
      "mode": "exclusive",
      "path": "[LAB]/main.odyssey/auth",
      "phase": "active",
      "regions": [
        "src/auth/**",
        "docs/new.md"
      ],
      "target": "refs/heads/main",
      "task": "auth",
      "unknown": []
    }
  },
  "version": 1
}
--- exit 0

$ git odyssey show old
old
  holder   anna (human)
  fence    3
  lease    expired; others may take it over
  region   old/**
  branch   odyssey/old
  target   main
  commits  0 to land, 0 behind
  edits    0 files not committed
  where    [LAB]/main.odyssey/old
  2026-11-24T01:30:00Z  claim old for anna, fence 3
--- exit 0

$ git odyssey show none
--- stderr
error: there is no live task none
hint: see what is live: git odyssey status
--- exit 1

$ git odyssey show
--- stderr
error: which task? This is not a task's workspace
hint: name it; the live tasks: git odyssey status
--- exit 2

$ git odyssey log
2026-11-24T01:30:00Z  claim old for anna, fence 3
2026-11-24T01:30:00Z  extend auth by 1 path
2026-11-24T01:30:00Z  claim ui for claude-1, fence 2
2026-11-24T01:30:00Z  claim auth for claude-1, fence 1
2026-11-24T01:30:00Z  init the ledger
--- exit 0

$ git odyssey log --task ui
2026-11-24T01:30:00Z  claim ui for claude-1, fence 2
--- exit 0

$ git odyssey log -n 1 --json
{
  "command": "log",
  "ok": true,
  "result": {
    "events": [
      {
        "at": "2026-11-24T01:30:00Z",
        "by": "Ada",
        "commit": "[HASH]",
        "event": "claim",
        "facts": [
          [
            "Token",
            "claim-old-[TOKEN]"
          ]
        ],
        "fence": 3,
        "subject": "claim old for anna, fence 3",
        "task": "old"
      }
    ]
  },
  "version": 1
}
--- exit 0

$ cd main.odyssey/ui

$ git odyssey show
ui
  holder   claude-1 (agent)
  fence    2
  lease    55m left, until 2026-11-24T02:30:00Z
  region   src/ui/**
  branch   odyssey/ui
  target   main
  commits  0 to land, 0 behind
  edits    1 file not committed
  where    [LAB]/main.odyssey/ui
  2026-11-24T01:30:00Z  claim ui for claude-1, fence 2
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn renew_park_and_resume_move_a_lease_through_its_life() {
    let lab = lab();
    claim(&lab, "auth", "src/auth/**");
    lab.advance(30);
    let mut session = Session::of(&lab);
    session
        .run(&["renew", "auth"])
        .run(&["renew", "auth", "--ttl", "2h", "--json"])
        .run(&["resume", "auth"])
        .run(&["park", "auth", "--reason", "waits for the new API"])
        .run(&["park", "auth"])
        .run(&["park", "auth", "--json"])
        .run(&["renew", "auth"])
        .run(&["resume", "auth", "--for", "human:anna", "--json"])
        .run(&["park", "none"])
        .run(&["renew"])
        .run(&["resume", "none", "--json"])
        .cd(&lab.workspace("auth"))
        .run(&["renew"])
        .run_with(&[("GIT_ODYSSEY_TASK", "auth"), ("GIT_ODYSSEY_FENCE", "1")], &["renew"])
        .run_with(&[("GIT_ODYSSEY_TASK", "auth"), ("GIT_ODYSSEY_FENCE", "1")], &["renew", "--json"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey renew auth
renewed auth: 1h left
--- exit 0

$ git odyssey renew auth --ttl 2h --json
{
  "command": "renew",
  "ok": true,
  "result": {
    "expires_at": "2026-11-24T04:00:00Z",
    "fence": 1,
    "task": "auth"
  },
  "version": 1
}
--- exit 0

$ git odyssey resume auth
--- stderr
error: auth is active and held by claude-1, 2h left
hint: wait until it expires, or ask the holder: git odyssey park auth
--- exit 3

$ git odyssey park auth --reason 'waits for the new API'
parked auth
  its work stays in [LAB]/main.odyssey/auth
  go on with it: git odyssey resume auth
--- exit 0

$ git odyssey park auth
auth is parked already
--- exit 0

$ git odyssey park auth --json
{
  "command": "park",
  "ok": true,
  "result": {
    "task": "auth",
    "was_parked": true
  },
  "version": 1
}
--- exit 0

$ git odyssey renew auth
--- stderr
error: auth is parked: it keeps its work and its regions, and may not write
hint: go on with it: git odyssey resume auth
--- exit 5

$ git odyssey resume auth --for human:anna --json
{
  "command": "resume",
  "ok": true,
  "result": {
    "expires_at": "2026-11-24T04:00:00Z",
    "fence": 2,
    "holder": {
      "kind": "human",
      "name": "anna"
    },
    "path": "[LAB]/main.odyssey/auth",
    "task": "auth"
  },
  "version": 1
}
--- exit 0

$ git odyssey park none
--- stderr
error: there is no live task none
hint: see what is live: git odyssey status
--- exit 1

$ git odyssey renew
--- stderr
error: which task? This is not a task's workspace
hint: name it; the live tasks: git odyssey status
--- exit 2

$ git odyssey resume none --json
{
  "command": "resume",
  "error": {
    "causes": [],
    "details": null,
    "exit": 1,
    "hints": [
      "see what is live: git odyssey status"
    ],
    "kind": "refused",
    "message": "there is no live task none"
  },
  "ok": false,
  "version": 1
}
--- exit 1

$ cd main.odyssey/auth

$ git odyssey renew
renewed auth: 2h left
--- exit 0

$ GIT_ODYSSEY_TASK=auth GIT_ODYSSEY_FENCE=1 git odyssey renew
--- stderr
error: auth was granted anew with fence 2 to anna; fence 1 may not write
hint: stop writing here; your files stay as they are
hint: see who has it now: git odyssey show auth
--- exit 5

$ GIT_ODYSSEY_TASK=auth GIT_ODYSSEY_FENCE=1 git odyssey renew --json
{
  "command": "renew",
  "error": {
    "causes": [],
    "details": {
      "current": 2,
      "fence": 1,
      "task": "auth"
    },
    "exit": 5,
    "hints": [
      "stop writing here; your files stay as they are",
      "see who has it now: git odyssey show auth"
    ],
    "kind": "fenced",
    "message": "auth was granted anew with fence 2 to anna; fence 1 may not write"
  },
  "ok": false,
  "version": 1
}
--- exit 5


"#]]
        .raw()
    );
}

#[test]
fn land_merges_and_ends_the_lease() {
    let lab = lab();
    for (task, path) in [("one", "a/one"), ("two", "b/two"), ("three", "c/three"), ("four", "d/four")] {
        claim(&lab, task, &format!("{}/**", &path[..1]));
        work(&lab, task, path, task);
    }
    let mut session = Session::of(&lab);
    session
        .run(&["land", "one", "--ff-only"])
        .run(&["land", "two", "--squash"])
        .run(&["land", "three", "--rebase", "--keep", "--json"])
        .run(&["land", "four"])
        .run(&["land", "four"])
        .run(&["status"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land one --ff-only
landed one on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  removed its workspace and branch
--- exit 0

$ git odyssey land two --squash
landed two on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  removed its workspace; what was in it is saved as [HASH]
  bring it back: git odyssey salvage restore two
--- exit 0

$ git odyssey land three --rebase --keep --json
{
  "command": "land",
  "ok": true,
  "result": {
    "checkouts": [
      "[LAB]/main"
    ],
    "commits": 1,
    "decisions": [],
    "new": "[HASH]",
    "old": "[HASH]",
    "target": "refs/heads/main",
    "task": "three",
    "workspace": {
      "kept": {
        "path": "[LAB]/main.odyssey/three",
        "why": "as asked"
      }
    }
  },
  "version": 1
}
--- exit 0

$ git odyssey land four
landed four on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  removed its workspace and branch
--- exit 0

$ git odyssey land four
--- stderr
error: there is no live task four
hint: see what is live: git odyssey status
--- exit 1

$ git odyssey status
no task is live
begin one: git odyssey claim TASK --region 'src/auth/**'
--- exit 0


"#]]
        .raw()
    );
    let log = lab.git(&["log", "--graph", "--format=%s", "main"]);
    assert_data_eq!(
        log,
        str![[r#"
*   Land four
|\  
| * four: edit d/four
* | three: edit c/three
* | Land two
* | one: edit a/one
|/  
* seed
* first
"#]]
        .raw()
    );
}

#[test]
fn a_task_is_ended_from_inside_its_own_workspace() {
    let lab = lab();
    for task in ["landed", "released", "abandoned"] {
        claim(&lab, task, &format!("{task}/**"));
    }
    work(&lab, "landed", "landed/file", "work\n");
    work(&lab, "abandoned", "abandoned/file", "work\n");
    let mut session = Session::of(&lab);
    session
        .cd(&lab.workspace("landed"))
        .run(&["land"])
        .cd(&lab.workspace("released"))
        .run(&["release"])
        .cd(&lab.workspace("abandoned"))
        .run(&["abandon"])
        .cd(&lab.main())
        .run(&["status"])
        .run(&["doctor"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ cd main.odyssey/landed

$ git odyssey land
landed landed on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  removed its workspace and branch
--- exit 0

$ cd main.odyssey/released

$ git odyssey release
released released
  removed its workspace and branch
--- exit 0

$ cd main.odyssey/abandoned

$ git odyssey abandon
abandoned abandoned
  removed its workspace; what was in it is saved as [HASH]
  bring it back: git odyssey salvage restore abandoned
--- exit 0

$ cd main

$ git odyssey status
no task is live
begin one: git odyssey claim TASK --region 'src/auth/**'
--- exit 0

$ git odyssey doctor
all is well
--- exit 0


"#]]
        .raw()
    );
    assert_eq!(lab.git(&["branch", "--list", "odyssey/*"]), "");
}

#[test]
fn land_refuses_what_it_cannot_do_and_moves_nothing() {
    let lab = lab();
    claim(&lab, "auth", "src/auth/**");
    claim(&lab, "ui", "src/ui/**");
    lab.odyssey(&["claim", "mine", "--region", "lib/**", "--here"]).ok();
    let tip = lab.git(&["rev-parse", "main"]);
    let mut session = Session::of(&lab);
    session.run(&["land", "none"]).run(&["land"]).run(&["land", "mine"]).run(&["land", "auth"]);
    support::write(&lab.workspace("auth").join("src/auth/login.rs"), "fn login() { open() }\n");
    session.run(&["land", "auth"]);
    lab.commit_in(&lab.workspace("auth"), "auth");
    lab.git_in(&lab.workspace("auth"), &["switch", "--quiet", "--detach"]);
    session.run(&["land", "auth"]);
    lab.git_in(&lab.workspace("auth"), &["switch", "--quiet", "odyssey/auth"]);
    session
        .run(&["land", "auth", "--check", "false"])
        .run(&["land", "auth", "--check", "no-such-program --at-all"])
        .run(&["land", "auth", "--check", "true && true"])
        .run(&["land", "auth", "--check", "sh -c 'echo changed > src/auth/login.rs'"]);
    lab.git_in(&lab.workspace("auth"), &["checkout", "--quiet", "--", "."]);
    lab.write("src/auth/login.rs", "fn login() { edited_here() }\n");
    session.run(&["land", "auth"]).run(&["land", "auth", "--json"]);
    lab.git(&["checkout", "--quiet", "--", "."]);
    assert_eq!(lab.git(&["rev-parse", "main"]), tip);
    lab.write("free.md", "the target moves\n");
    lab.commit("move");
    session.run(&["land", "auth", "--ff-only"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land none
--- stderr
error: there is no live task none
hint: see what is live: git odyssey status
--- exit 1

$ git odyssey land
--- stderr
error: which task? This is not a task's workspace
hint: name it; the live tasks: git odyssey status
--- exit 2

$ git odyssey land mine
--- stderr
error: mine has no branch: its work is in the checkout that it was claimed for
hint: end the lease: git odyssey release mine
--- exit 1

$ git odyssey land auth
--- stderr
error: auth has nothing to land: main has all its commits
hint: end the lease: git odyssey release auth
--- exit 1

$ git odyssey land auth
--- stderr
error: the workspace of auth has edits that are not committed: src/auth/login.rs
hint: commit or remove them there: git -C [LAB]/main.odyssey/auth status
--- exit 1

$ git odyssey land auth
--- stderr
error: the workspace of auth is not on its branch refs/heads/odyssey/auth
hint: go back to it: git -C [LAB]/main.odyssey/auth switch odyssey/auth
--- exit 1

$ git odyssey land auth --check false
--- stderr
error: the check failed: `false` ended with exit code 1
--- exit 1

$ git odyssey land auth --check 'no-such-program --at-all'
--- stderr
error: cannot start `no-such-program --at-all`
because: No such file or directory (os error 2)
--- exit 1

$ git odyssey land auth --check 'true && true'
--- stderr
error: --check 'true && true': '&&' is shell syntax, and no shell runs this
hint: for shell syntax write: --check "sh -c '…'"
--- exit 2

$ git odyssey land auth --check 'sh -c 'echo changed > src/auth/login.rs''
--- stderr
error: the workspace of auth has edits that are not committed: src/auth/login.rs
hint: commit or remove them there: git -C [LAB]/main.odyssey/auth status
hint: the check itself made these changes; nothing has landed
--- exit 1

$ git odyssey land auth
--- stderr
error: uncommitted edits in [LAB]/main are in the way: src/auth/login.rs
hint: nothing was touched; commit these edits (or move them away), then land again
hint: or let them go along, uncommitted: git odyssey review auth --edits
--- exit 4

$ git odyssey land auth --json
{
  "command": "land",
  "error": {
    "causes": [],
    "details": null,
    "exit": 4,
    "hints": [
      "nothing was touched; commit these edits (or move them away), then land again",
      "or let them go along, uncommitted: git odyssey review auth --edits"
    ],
    "kind": "conflict",
    "message": "uncommitted edits in [LAB]/main are in the way: src/auth/login.rs"
  },
  "ok": false,
  "version": 1
}
--- exit 4

$ git odyssey land auth --ff-only
--- stderr
error: auth does not follow main: it has moved since
hint: merge it instead: git odyssey land auth --merge, or --rebase
--- exit 1


"#]]
        .raw()
    );
}

#[test]
fn land_shows_a_conflict_and_moves_nothing() {
    let lab = lab();
    lab.write("shared.md", "one\ntwo\nthree\n");
    lab.commit("shared");
    claim(&lab, "auth", "src/auth/**");
    lab.write("shared.md", "one\nours\nthree\n");
    lab.commit("ours");
    work(&lab, "auth", "shared.md", "one\ntheirs\nthree\n");
    let before = lab.git(&["for-each-ref"]);
    let mut session = Session::of(&lab);
    session.run(&["land", "auth"]).run(&["land", "auth", "--rebase"]).run(&["land", "auth", "--json"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land auth
--- stderr
error: auth conflicts with main in 1 file
shared.md (both changed the same lines)
  line 2
    main has
      | ours
    auth has
      | theirs
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review auth
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey land auth --rebase
--- stderr
error: auth conflicts with main in 1 file
shared.md (both changed the same lines)
  line 2
    main has
      | ours
    auth has
      | theirs
hint: nothing has moved; both sides are as they were
hint: settle it one by one, to land by a merge: git odyssey review auth --merge
hint: or in the workspace: git rebase main, then run this again
--- exit 4

$ git odyssey land auth --json
{
  "command": "land",
  "error": {
    "causes": [],
    "details": {
      "conflicts": [
        {
          "hunks": [
            {
              "base": "two\n",
              "line": 2,
              "ours": "ours\n",
              "theirs": "theirs\n"
            }
          ],
          "kind": "both changed the same lines",
          "path": "shared.md"
        }
      ]
    },
    "exit": 4,
    "hints": [
      "nothing has moved; both sides are as they were",
      "settle it one by one: git odyssey review auth",
      "or in the workspace: git merge main, commit, then land again"
    ],
    "kind": "conflict",
    "message": "auth conflicts with main in 1 file\nshared.md (both changed the same lines)\n  line 2\n    main has\n      | ours\n    auth has\n      | theirs"
  },
  "ok": false,
  "version": 1
}
--- exit 4


"#]].raw()
    );
    assert_eq!(lab.git(&["for-each-ref"]), before);
}

#[test]
fn release_and_abandon_end_a_lease_and_lose_nothing() {
    let lab = lab();
    claim(&lab, "idle", "a/**");
    claim(&lab, "busy", "b/**");
    claim(&lab, "wrong", "c/**");
    work(&lab, "busy", "b/work", "work\n");
    work(&lab, "wrong", "c/work", "work\n");
    support::write(&lab.workspace("wrong").join("c/untracked"), "untracked\n");
    let mut session = Session::of(&lab);
    session
        .run(&["release", "idle"])
        .run(&["release", "idle"])
        .run(&["release", "busy", "--json"])
        .run(&["abandon", "wrong", "--reason", "wrong way"])
        .run(&["abandon", "wrong"])
        .run(&["salvage", "list"])
        .run(&["salvage", "list", "--json"])
        .run(&["salvage", "restore", "none"])
        .run(&["salvage", "restore", "wrong", "--commit", "main"])
        .run(&["salvage", "restore", "wrong", "--path", "../back", "--json"])
        .run(&["salvage", "restore", "wrong"])
        .run(&["abandon", "busy", "--json"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey release idle
released idle
  removed its workspace and branch
--- exit 0

$ git odyssey release idle
--- stderr
error: there is no live task idle
hint: see what is live: git odyssey status
--- exit 1

$ git odyssey release busy --json
{
  "command": "release",
  "ok": true,
  "result": {
    "parked": true,
    "task": "busy",
    "workspace": {
      "kept": {
        "path": "[LAB]/main.odyssey/busy",
        "why": "its work has not landed"
      }
    }
  },
  "version": 1
}
--- exit 0

$ git odyssey abandon wrong --reason 'wrong way'
abandoned wrong
  removed its workspace; what was in it is saved as [HASH]
  bring it back: git odyssey salvage restore wrong
--- exit 0

$ git odyssey abandon wrong
--- stderr
error: there is no live task wrong
hint: see what is live: git odyssey status
--- exit 1

$ git odyssey salvage list
wrong  [HASH]  2026-11-24T01:30:00Z  wrong way
--- exit 0

$ git odyssey salvage list --json
{
  "command": "salvage",
  "ok": true,
  "result": {
    "salvage": [
      {
        "at": "2026-11-24T01:30:00Z",
        "commit": "[HASH]",
        "task": "wrong",
        "tip": "[HASH]",
        "why": "wrong way"
      }
    ]
  },
  "version": 1
}
--- exit 0

$ git odyssey salvage restore none
--- stderr
error: nothing is saved of none
hint: see what is: git odyssey salvage list
--- exit 1

$ git odyssey salvage restore wrong --commit main
--- stderr
error: main is no salvage of wrong
hint: see which there are: git odyssey salvage list
--- exit 1

$ git odyssey salvage restore wrong --path ../back --json
{
  "command": "salvage",
  "ok": true,
  "result": {
    "branch": "refs/heads/odyssey/wrong",
    "path": "[LAB]/back",
    "salvage": "[HASH]",
    "task": "wrong"
  },
  "version": 1
}
--- exit 0

$ git odyssey salvage restore wrong
--- stderr
error: the branch refs/heads/odyssey/wrong exists already
hint: it may hold work; rename it: git branch -m odyssey/wrong NEW-NAME
--- exit 1

$ git odyssey abandon busy --json
{
  "command": "abandon",
  "ok": true,
  "result": {
    "elsewhere": false,
    "salvage": "[HASH]",
    "task": "busy",
    "workspace": {
      "saved": {
        "salvage": "[HASH]"
      }
    }
  },
  "version": 1
}
--- exit 0


"#]]
        .raw()
    );
    let back = lab.root().join("back");
    assert_eq!(lab.git_in(&back, &["status", "--porcelain"]), "?? c/untracked");
}

#[test]
fn doctor_finds_and_mends() {
    let lab = lab();
    let mut session = Session::of(&lab);
    session.run(&["doctor"]).run(&["doctor", "--json"]);
    claim(&lab, "gone", "a/**");
    lab.git(&["worktree", "remove", "--force", "--force", lab.workspace("gone").to_str().unwrap()]);
    // Our own hook would refuse it.
    std::fs::remove_file(lab.main().join(".git/refs/heads/odyssey/gone")).unwrap();
    lab.git(&["branch", "odyssey/stray"]);
    // Whichever of the two this git has.
    std::fs::remove_file(lab.main().join(".git/hooks/pre-push")).ok();
    lab.try_git_in(&lab.main(), &["config", "--remove-section", "hook.odyssey-pre-push"]);
    session.run(&["doctor"]).run(&["doctor", "--json"]).run(&["doctor", "--fix"]).run(&["doctor"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey doctor
all is well
--- exit 0

$ git odyssey doctor --json
{
  "command": "doctor",
  "ok": true,
  "result": {
    "findings": [],
    "open": 0
  },
  "version": 1
}
--- exit 0

$ git odyssey doctor
found   gone has a lease, and its branch odyssey/gone is gone
          git odyssey doctor --fix ends the lease
found   the branch odyssey/stray has no lease and no workspace
          git odyssey doctor --fix removes it: it has landed
found   the hook pre-push does not fire in [LAB]/main
          install them again: git odyssey init
3 findings open
--- exit 1

$ git odyssey doctor --json
{
  "command": "doctor",
  "ok": false,
  "result": {
    "findings": [
      {
        "advice": "git odyssey doctor --fix ends the lease",
        "mended": false,
        "what": "gone has a lease, and its branch odyssey/gone is gone"
      },
      {
        "advice": "git odyssey doctor --fix removes it: it has landed",
        "mended": false,
        "what": "the branch odyssey/stray has no lease and no workspace"
      },
      {
        "advice": "install them again: git odyssey init",
        "mended": false,
        "what": "the hook pre-push does not fire in [LAB]/main"
      }
    ],
    "open": 3
  },
  "version": 1
}
--- exit 1

$ git odyssey doctor --fix
mended  gone has a lease, and its branch odyssey/gone is gone; ended the lease
mended  the branch odyssey/stray has no lease and no workspace; it had landed, and is removed
mended  the hook pre-push does not fire in [LAB]/main; installed it again
all is well
--- exit 0

$ git odyssey doctor
all is well
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn uninstall_leaves_work_where_it_is() {
    let lab = lab();
    claim(&lab, "auth", "src/auth/**");
    work(&lab, "auth", "src/auth/login.rs", "fn login() { half() }\n");
    let mut session = Session::of(&lab);
    session
        .run(&["uninstall"])
        .run(&["uninstall", "--json"])
        .run(&["uninstall", "--force"])
        .run(&["uninstall", "--json"])
        .run(&["status"])
        .run(&["init"])
        .run(&["status"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey uninstall
--- stderr
error: 1 task is live: auth
hint: land, release or abandon them first
hint: or leave their branches and worktrees as they are: git odyssey uninstall --force
--- exit 1

$ git odyssey uninstall --json
{
  "command": "uninstall",
  "error": {
    "causes": [],
    "details": null,
    "exit": 1,
    "hints": [
      "land, release or abandon them first",
      "or leave their branches and worktrees as they are: git odyssey uninstall --force"
    ],
    "kind": "refused",
    "message": "1 task is live: auth"
  },
  "ok": false,
  "version": 1
}
--- exit 1

$ git odyssey uninstall --force
git odyssey is out of this repository
  kept branch odyssey/auth
  kept worktree [LAB]/main.odyssey/auth
--- exit 0

$ git odyssey uninstall --json
{
  "command": "uninstall",
  "ok": true,
  "result": {
    "kept_branches": [],
    "kept_reviews": 0,
    "kept_salvage": 0,
    "kept_worktrees": []
  },
  "version": 1
}
--- exit 0

$ git odyssey status
--- stderr
error: this repository is not prepared for git odyssey
hint: prepare it: git odyssey init
--- exit 1

$ git odyssey init
prepared [LAB]/main
  ledger  refs/odyssey/ledger
  hooks   [HOOKS]
  tasks land on main
  begin a task: git odyssey claim TASK --region 'src/auth/**'
--- exit 0

$ git odyssey status
no task is live
begin one: git odyssey claim TASK --region 'src/auth/**'
--- exit 0


"#]]
        .raw()
    );
    assert_eq!(lab.git(&["branch", "--list", "odyssey/*"]).trim(), "+ odyssey/auth");
}

#[test]
fn what_cannot_be_a_command_is_refused_with_exit_code_2() {
    let lab = lab();
    let mut session = Session::of(&lab);
    session
        .run(&["klaim"])
        .run(&["claim"])
        .run(&["claim", "auth"])
        .run(&["claim", "auth", "--region"])
        .run(&["land", "auth", "--squash", "--rebase"])
        .run(&["claim", "auth", "--region", "src/**", "--stack", "--take-over"])
        .run(&["status", "extra"])
        .run(&["salvage"])
        .run(&["--json"])
        .run(&["klaim", "--json"])
        .run(&["claim", "a/b", "--region", "src/**", "--json"])
        .run_with(&[("GIT_ODYSSEY_TASK", "auth")], &["status"])
        .run_with(&[("GIT_ODYSSEY_NOW", "yesterday")], &["status"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey klaim
--- stderr
error: unrecognized subcommand 'klaim'

  tip: a similar subcommand exists: 'claim'

Usage: git odyssey [OPTIONS] [COMMAND]

For more information, try '--help'.
--- exit 2

$ git odyssey claim
--- stderr
error: the following required arguments were not provided:
  --region <REGION>
  <TASK>

Usage: git odyssey claim --region <REGION> <TASK> [-- <COMMAND>...]

For more information, try '--help'.
--- exit 2

$ git odyssey claim auth
--- stderr
error: the following required arguments were not provided:
  --region <REGION>

Usage: git odyssey claim --region <REGION> <TASK> [-- <COMMAND>...]

For more information, try '--help'.
--- exit 2

$ git odyssey claim auth --region
--- stderr
error: a value is required for '--region <REGION>' but none was supplied

For more information, try '--help'.
--- exit 2

$ git odyssey land auth --squash --rebase
--- stderr
error: the argument '--squash' cannot be used with '--rebase'

Usage: git odyssey land --squash <TASK>

For more information, try '--help'.
--- exit 2

$ git odyssey claim auth --region 'src/**' --stack --take-over
--- stderr
error: the argument '--stack' cannot be used with '--take-over'

Usage: git odyssey claim --region <REGION> --stack <TASK> [-- <COMMAND>...]

For more information, try '--help'.
--- exit 2

$ git odyssey status extra
--- stderr
error: unexpected argument 'extra' found

Usage: git odyssey status [OPTIONS]

For more information, try '--help'.
--- exit 2

$ git odyssey salvage
--- stderr
List saved work, or bring it back

Usage: git odyssey salvage [OPTIONS] <COMMAND>

Commands:
  list     List what was saved, newest first
  restore  Bring saved work back: a worktree on the branch, with all files as they were
  help     Print this message or the help of the given subcommand(s)

Options:
      --json          Answer with one JSON object on standard output
      --color <WHEN>  When to use colour [default: auto] [possible values: auto, always, never]
  -h, --help          Print help
--- exit 2

$ git odyssey --json
{
  "command": null,
  "error": {
    "causes": [],
    "details": null,
    "exit": 2,
    "hints": [
      "Usage: git odyssey [OPTIONS] [COMMAND]",
      "For more information, try '--help'."
    ],
    "kind": "usage",
    "message": "no command was given: `git odyssey help` lists them"
  },
  "ok": false,
  "version": 1
}
--- exit 2

$ git odyssey klaim --json
{
  "command": null,
  "error": {
    "causes": [],
    "details": null,
    "exit": 2,
    "hints": [
      "tip: a similar subcommand exists: 'claim'",
      "Usage: git odyssey [OPTIONS] [COMMAND]",
      "For more information, try '--help'."
    ],
    "kind": "usage",
    "message": "unrecognized subcommand 'klaim'"
  },
  "ok": false,
  "version": 1
}
--- exit 2

$ git odyssey claim a/b --region 'src/**' --json
{
  "command": "claim",
  "error": {
    "causes": [],
    "details": null,
    "exit": 2,
    "hints": [
      "For more information, try '--help'."
    ],
    "kind": "usage",
    "message": "invalid value 'a/b' for '<TASK>': 'a/b' cannot be a task's name: only letters, digits, '-', '_' and '.' are allowed"
  },
  "ok": false,
  "version": 1
}
--- exit 2

$ GIT_ODYSSEY_TASK=auth git odyssey status
--- stderr
error: the variable GIT_ODYSSEY_TASK is set and GIT_ODYSSEY_FENCE is not
hint: set both GIT_ODYSSEY_TASK and GIT_ODYSSEY_FENCE, or neither; `git odyssey claim TASK … -- COMMAND` does
--- exit 2

$ GIT_ODYSSEY_NOW=yesterday git odyssey status
--- stderr
error: the variable GIT_ODYSSEY_NOW is not an instant
because: failed to parse four digit integer as year: invalid digit, expected 0-9 but got y
hint: for example: GIT_ODYSSEY_NOW=2026-11-24T01:30:00Z
--- exit 2


"#]].raw()
    );
}

#[test]
fn a_bad_task_name_is_refused_before_anything_is_done() {
    let lab = lab();
    let mut session = Session::of(&lab);
    let long = "a".repeat(65);
    let names = [
        "",
        "-x",
        "a/b",
        "a b",
        ".hidden",
        "a..b",
        "a.lock",
        "a.",
        "con",
        "ä",
        "a\u{1b}[31m",
        "../up",
        &long,
    ];
    for name in names {
        let run = lab.odyssey(&["claim", name, "--region", "src/**"]);
        assert_eq!(run.code, 2, "{name:?}: {run:#?}");
        assert!(!run.stderr.contains('\u{1b}'), "{run:#?}");
        let first = run.stderr.lines().next().unwrap_or_default();
        let first: String = first.chars().take(130).collect();
        let name: String = name.chars().take(8).collect();
        session.text.push_str(&format!("{:<12} {first}\n", format!("{name:?}")));
    }
    assert_data_eq!(
        session.screen(),
        str![[r#"
""           error: invalid value '' for '<TASK>': '' cannot be a task's name: it is empty
"-x"         error: unexpected argument '-x' found
"a/b"        error: invalid value 'a/b' for '<TASK>': 'a/b' cannot be a task's name: only letters, digits, '-', '_' and '.' are allowed
"a b"        error: invalid value 'a b' for '<TASK>': 'a b' cannot be a task's name: only letters, digits, '-', '_' and '.' are allowed
".hidden"    error: invalid value '.hidden' for '<TASK>': '.hidden' cannot be a task's name: it must start with a letter or digit
"a..b"       error: invalid value 'a..b' for '<TASK>': 'a..b' cannot be a task's name: '..' is not allowed
"a.lock"     error: invalid value 'a.lock' for '<TASK>': 'a.lock' cannot be a task's name: '.lock' at the end belongs to git
"a."         error: invalid value 'a.' for '<TASK>': 'a.' cannot be a task's name: it must not end in '.'
"con"        error: invalid value 'con' for '<TASK>': 'con' cannot be a task's name: it is a device on Windows
"ä"          error: invalid value 'ä' for '<TASK>': 'ä' cannot be a task's name: it must start with a letter or digit
"a\u{1b}[31m" error: invalid value 'a' for '<TASK>': 'a\x1b[31m' cannot be a task's name: only letters, digits, '-', '_' and '.' are allowed
"../up"      error: invalid value '../up' for '<TASK>': '../up' cannot be a task's name: it must start with a letter or digit
"aaaaaaaa"   error: invalid value 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' for '<TASK>': 'aaaaaaaaaaaaaaaaaaaaaaaaaa

"#]].raw()
    );
    assert_eq!(lab.git(&["for-each-ref", "refs/heads"]).lines().count(), 1);
}

#[test]
fn a_bad_region_is_refused_before_anything_is_done() {
    let lab = lab();
    let mut session = Session::of(&lab);
    let regions = [
        "",
        "/",
        "../up",
        "a/../b",
        "a//b",
        ".git/config",
        "a/.GIT/b",
        "C:/x",
        "a[",
        "a\\",
        "a\\b",
        "@none",
        "@",
        "!a",
        "a\nb",
        "src/lib.rs#L10-L80",
        "src/lib.rs#L10-80",
        "src/lib.rs#L80-L10",
        "src/*.rs#L10-L80",
        "src/lib.rs#L0",
        "src/lib.rs::parse",
        "[[:nope:]]",
        &"*a".repeat(65),
        &"a".repeat(5_000),
    ];
    for region in regions {
        let run = lab.odyssey(&["claim", "auth", "--region", region]);
        let first: String = run.stderr.lines().next().unwrap_or_default().chars().take(100).collect();
        let region: String = region.chars().take(18).collect();
        session.text.push_str(&format!("{} {:<20} {first}\n", run.code, format!("{region:?}")));
        lab.odyssey(&["release", "auth"]);
    }
    assert_data_eq!(
        session.screen(),
        str![[r#"
2 ""                   error: '' cannot be a region: it is empty
2 "/"                  error: '/' cannot be a region: it is empty
2 "../up"              error: '../up' cannot be a region: it has the component '..'
2 "a/../b"             error: 'a/../b' cannot be a region: it has the component '..'
2 "a//b"               error: 'a//b' cannot be a region: it has an empty component
2 ".git/config"        error: '.git/config' cannot be a region: git's own directory belongs to git
2 "a/.GIT/b"           error: 'a/.GIT/b' cannot be a region: git's own directory belongs to git
2 "C:/x"               error: 'C:/x' cannot be a region: it starts with a drive
2 "a["                 error: 'a[' cannot be a region: a bracket is not closed
2 "a\\"                error: 'a\' cannot be a region: a backslash escapes nothing
2 "a\\b"               error: 'a\b' cannot be a region: a backslash stands before a letter or digit
2 "@none"              error: '@none' cannot be a region: there is no set of that name
2 "@"                  error: '@' cannot be a region: there is no set of that name
2 "!a"                 error: '!a' cannot be a region: only a pattern in a named set can take something out
2 "a\nb"               error: 'a\x0ab' cannot be a region: it has control characters
1 "src/lib.rs#L10-L80" error: src/lib.rs#L10-L80 cannot be claimed: there is no src/lib.rs at main
2 "src/lib.rs#L10-80"  error: 'src/lib.rs#L10-80' cannot be a region: its lines are written otherwise than #L10-L80
2 "src/lib.rs#L80-L10" error: 'src/lib.rs#L80-L10' cannot be a region: its lines end before they begin
2 "src/*.rs#L10-L80"   error: 'src/*.rs#L10-L80' cannot be a region: lines can only be of one file, and in a claim
2 "src/lib.rs#L0"      error: 'src/lib.rs#L0' cannot be a region: a file's first line is line 1
2 "src/lib.rs::parse"  error: 'src/lib.rs::parse' cannot be a region: symbols are not supported yet
2 "[[:nope:]]"         error: '[[:nope:]]' cannot be a region: there is no character class 'nope'
2 "*a*a*a*a*a*a*a*a*a" error: '*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a
2 "aaaaaaaaaaaaaaaaaa" error: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa

"#]]
        .raw()
    );
    assert_eq!(lab.git(&["for-each-ref", "refs/heads"]).lines().count(), 1);
}

#[test]
fn a_bad_time_or_holder_is_refused_before_anything_is_done() {
    let lab = lab();
    let mut session = Session::of(&lab);
    for ttl in ["", "90", "0m", "-5m", "1h30", "5x", "1y", "999999999999w"] {
        let run = lab.odyssey(&["claim", "auth", "--region", "src/**", &format!("--ttl={ttl}")]);
        let first = run.stderr.lines().next().unwrap_or_default();
        session.text.push_str(&format!("{} --ttl={ttl:<14} {first}\n", run.code));
        lab.odyssey(&["release", "auth"]);
    }
    for holder in ["", "human:", " ", "a\nb", "agent:"] {
        let run = lab.odyssey(&["claim", "auth", "--region", "src/**", "--for", holder]);
        let first = run.stderr.lines().next().unwrap_or_default();
        session.text.push_str(&format!("{} --for {:<15} {first}\n", run.code, format!("{holder:?}")));
        lab.odyssey(&["release", "auth"]);
    }
    assert_data_eq!(
        session.screen(),
        str![[r#"
2 --ttl=               error: invalid value '' for '--ttl <TTL>': '' is not a duration
2 --ttl=90             error: invalid value '90' for '--ttl <TTL>': '90' is not a duration
2 --ttl=0m             error: invalid value '0m' for '--ttl <TTL>': '0m' is not a duration
2 --ttl=-5m            error: invalid value '-5m' for '--ttl <TTL>': '-5m' is not a duration
2 --ttl=1h30           error: invalid value '1h30' for '--ttl <TTL>': '1h30' is not a duration
2 --ttl=5x             error: invalid value '5x' for '--ttl <TTL>': '5x' is not a duration
2 --ttl=1y             error: invalid value '1y' for '--ttl <TTL>': '1y' is not a duration
2 --ttl=999999999999w  error: invalid value '999999999999w' for '--ttl <TTL>': '999999999999w' is not a duration
2 --for ""              error: invalid value '' for '--for <HOLDER>': '' cannot be a holder: it is empty
2 --for "human:"        error: invalid value 'human:' for '--for <HOLDER>': '' cannot be a holder: it is empty
2 --for " "             error: invalid value ' ' for '--for <HOLDER>': '' cannot be a holder: it is empty
2 --for "a\nb"          error: invalid value 'a
2 --for "agent:"        error: invalid value 'agent:' for '--for <HOLDER>': '' cannot be a holder: it is empty

"#]].raw()
    );
}

#[test]
fn a_fault_in_the_policy_is_shown_with_its_file_line_and_column() {
    let lab = lab();
    let mut session = Session::of(&lab);
    let faults = [
        "ttl = \"1h\"\n  comons = []\n",
        "ttl = 90\n",
        "ttl = \"90\"\n",
        "ttl = \"5s\"\n",
        "target = \"a b\"\n",
        "commons = [\"a//b\"]\n",
        "commons = \"Cargo.lock\"\n",
        "[regions]\napi = []\n",
        "[regions]\napi = [\"src/[\"]\n",
        "[regions]\n\"a b\" = [\"x\"]\n",
        "[workspace]\ncopy = [\"../secret\"]\n",
        "[workspace]\nsetup = [\"npm ci && make\"]\n",
        "[land]\nstrategy = \"octopus\"\n",
        "[land]\ncheck = \"'open\"\n",
        "[land\n",
        "ttl = \"1h\"\nttl = \"2h\"\n",
    ];
    for fault in faults {
        lab.write("odyssey.toml", fault);
        let run = lab.odyssey(&["claim", "auth", "--region", "@api"]);
        assert_ne!(run.code, 0, "{fault}: {run:#?}");
        session.text.push_str(&format!("{fault}{}\n", lab.screen(&run)));
    }
    session.run(&["status", "--json"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
ttl = "1h"
  comons = []
--- stderr
error: odyssey.toml:2:3: unknown key `comons`
hint: did you mean `commons`?
hint: nothing is done until odyssey.toml can be read
--- exit 1

ttl = 90
--- stderr
error: odyssey.toml:1:7: invalid type: integer `90`, expected a string
hint: nothing is done until odyssey.toml can be read
--- exit 1

ttl = "90"
--- stderr
error: odyssey.toml:1:7: '90' is not a duration
hint: write for example "45m", "2h" or "1d"
hint: nothing is done until odyssey.toml can be read
--- exit 1

ttl = "5s"
--- stderr
error: odyssey.toml:1:7: a lease lasts from 1m to 30d, not 5s
hint: nothing is done until odyssey.toml can be read
--- exit 1

target = "a b"
--- stderr
error: odyssey.toml:1:10: 'a b' cannot be a branch's name
hint: nothing is done until odyssey.toml can be read
--- exit 1

commons = ["a//b"]
--- stderr
error: odyssey.toml:1:12: 'a//b' cannot be a region: it has an empty component
hint: write a single / between two names
hint: mend odyssey.toml; nothing is done until it can be read
--- exit 1

commons = "Cargo.lock"
--- stderr
error: odyssey.toml:1:11: invalid type: string "Cargo.lock", expected a sequence
hint: nothing is done until odyssey.toml can be read
--- exit 1

[regions]
api = []
--- stderr
error: odyssey.toml:2:7: the set `api` is empty
hint: list its patterns, or remove the set
hint: nothing is done until odyssey.toml can be read
--- exit 1

[regions]
api = ["src/["]
--- stderr
error: odyssey.toml:2:8: 'src/[' in the set @api cannot be a region: a bracket is not closed
hint: close it with ], or write \[ for a bracket in a name
hint: mend odyssey.toml; nothing is done until it can be read
--- exit 1

[regions]
"a b" = ["x"]
--- stderr
error: odyssey.toml:2:1: 'a b' cannot name a set
hint: use letters, digits, '-', '_' and '.'
hint: nothing is done until odyssey.toml can be read
--- exit 1

[workspace]
copy = ["../secret"]
--- stderr
error: odyssey.toml:2:9: '../secret' is not a path inside the repository
hint: write it from the top folder, without '..'
hint: nothing is done until odyssey.toml can be read
--- exit 1

[workspace]
setup = ["npm ci && make"]
--- stderr
error: odyssey.toml:2:10: '&&' is shell syntax, and no shell runs this
hint: write ["sh", "-c", "npm ci && make"]
hint: nothing is done until odyssey.toml can be read
--- exit 1

[land]
strategy = "octopus"
--- stderr
error: odyssey.toml:2:12: `octopus` is not a strategy
hint: the strategies are `merge`, `squash`, `rebase`, `ff-only`
hint: nothing is done until odyssey.toml can be read
--- exit 1

[land]
check = "'open"
--- stderr
error: odyssey.toml:2:9: a quote in the command is not closed
hint: nothing is done until odyssey.toml can be read
--- exit 1

[land
--- stderr
error: odyssey.toml:1:6: unclosed table, expected `]`
hint: nothing is done until odyssey.toml can be read
--- exit 1

ttl = "1h"
ttl = "2h"
--- stderr
error: odyssey.toml:2:1: duplicate key
hint: nothing is done until odyssey.toml can be read
--- exit 1

$ git odyssey status --json
{
  "command": "status",
  "error": {
    "causes": [],
    "details": null,
    "exit": 1,
    "hints": [
      "nothing is done until odyssey.toml can be read"
    ],
    "kind": "refused",
    "message": "odyssey.toml:2:1: duplicate key"
  },
  "ok": false,
  "version": 1
}
--- exit 1


"#]]
        .raw()
    );
}

#[test]
fn a_bare_repository_has_workspaces_and_no_checkout() {
    let lab = lab();
    lab.git_in(lab.root(), &["clone", "--quiet", "--bare", "main", "store.git"]);
    let mut session = Session::of(&lab);
    session
        .cd(&lab.root().join("store.git"))
        .run(&["init"])
        .run(&["claim", "auth", "--region", "src/auth/**", "--for", "claude-1"])
        .run(&["claim", "mine", "--region", "lib/**", "--here"])
        .run(&["status"]);
    let workspace = lab.root().join("store.odyssey/auth");
    support::write(&workspace.join("src/auth/login.rs"), "fn login() { bare() }\n");
    lab.commit_in(&workspace, "auth");
    session.run(&["land", "auth"]).run(&["doctor"]).run(&["uninstall"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ cd store.git

$ git odyssey init
prepared [LAB]/store.git
  ledger  refs/odyssey/ledger
  hooks   [HOOKS]
  tasks land on main
  begin a task: git odyssey claim TASK --region 'src/auth/**'
--- exit 0

$ git odyssey claim auth --region 'src/auth/**' --for claude-1
granted auth to claude-1, fence 1, for 1h
  src/auth/**
[LAB]/store.odyssey/auth
--- exit 0

$ git odyssey claim mine --region 'lib/**' --here
--- stderr
error: [LAB]/store.git has no checkout
--- exit 1

$ git odyssey status
TASK  HOLDER    LEFT  COMMITS  EDITS  REGIONS      WHERE
auth  claude-1  1h    +0       0      src/auth/**  [LAB]/store.odyssey/auth
--- exit 0

$ git odyssey land auth
landed auth on main: 1 commit, main is now [HASH]
  removed its workspace and branch
--- exit 0

$ git odyssey doctor
all is well
--- exit 0

$ git odyssey uninstall
git odyssey is out of this repository
--- exit 0


"#]]
        .raw()
    );
    assert!(lab.git_in(&lab.root().join("store.git"), &["show", "main:src/auth/login.rs"]).contains("bare"));
}

#[test]
fn a_repository_without_a_commit_can_be_prepared_and_not_claimed() {
    let lab = lab();
    lab.git_in(lab.root(), &["init", "--quiet", "empty"]);
    let mut session = Session::of(&lab);
    session
        .cd(&lab.root().join("empty"))
        .run(&["init"])
        .run(&["claim", "auth", "--region", "src/**"])
        .run(&["claim", "auth", "--region", "src/**", "--here"])
        .run(&["status"])
        .run(&["doctor"]);
    lab.git_in(&lab.root().join("empty"), &["commit", "--quiet", "--allow-empty", "-m", "first"]);
    session.run(&["claim", "auth", "--region", "src/**", "--for", "claude-1"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ cd empty

$ git odyssey init
prepared [LAB]/empty
  ledger  refs/odyssey/ledger
  hooks   [HOOKS]
  tasks land on main
  begin a task: git odyssey claim TASK --region 'src/auth/**'
--- exit 0

$ git odyssey claim auth --region 'src/**'
--- stderr
error: refs/heads/main has no commit yet
hint: make a first commit, then claim
--- exit 1

$ git odyssey claim auth --region 'src/**' --here
--- stderr
error: this checkout has no commit yet
hint: make a first commit, then claim
--- exit 1

$ git odyssey status
no task is live
begin one: git odyssey claim TASK --region 'src/auth/**'
--- exit 0

$ git odyssey doctor
all is well
--- exit 0

$ git odyssey claim auth --region 'src/**' --for claude-1
granted auth to claude-1, fence 1, for 1h
  src/**
[LAB]/empty.odyssey/auth
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn outside_of_a_repository_nothing_is_done() {
    let lab = lab();
    let outside = lab.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let mut session = Session::of(&lab);
    session.cd(&outside).run(&["init"]).run(&["status"]).run(&["status", "--json"]).run(&["doctor"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ cd outside

$ git odyssey init
--- stderr
error: [LAB]/outside is not in a git repository
because: Could not find a git repository in "[LAB]/outside" or in any of its parents
hint: run it inside a repository, or make one: git init
--- exit 1

$ git odyssey status
--- stderr
error: [LAB]/outside is not in a git repository
because: Could not find a git repository in "[LAB]/outside" or in any of its parents
hint: run it inside a repository, or make one: git init
--- exit 1

$ git odyssey status --json
{
  "command": "status",
  "error": {
    "causes": [
      "Could not find a git repository in \"[LAB]/outside\" or in any of its parents"
    ],
    "details": null,
    "exit": 1,
    "hints": [
      "run it inside a repository, or make one: git init"
    ],
    "kind": "refused",
    "message": "[LAB]/outside is not in a git repository"
  },
  "ok": false,
  "version": 1
}
--- exit 1

$ git odyssey doctor
--- stderr
error: [LAB]/outside is not in a git repository
because: Could not find a git repository in "[LAB]/outside" or in any of its parents
hint: run it inside a repository, or make one: git init
--- exit 1


"#]]
        .raw()
    );
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_reftable_repository_is_never_taken_for_an_empty_one() {
    let lab = lab();
    let made = lab.try_git_in(lab.root(), &["init", "--quiet", "--ref-format=reftable", "tables"]);
    if made.code != 0 {
        // git before 2.45 cannot make one, and so has none.
        assert!(made.stderr.contains("ref-format"), "{made:#?}");
        return;
    }
    let folder = lab.root().join("tables");
    lab.git_in(&folder, &["commit", "--quiet", "--allow-empty", "-m", "first"]);
    let mut session = Session::of(&lab);
    session
        .cd(&folder)
        .run(&["init"])
        .run(&["claim", "auth", "--region", "src/**", "--for", "claude-1"])
        .run(&["claim", "auth-2", "--region", "src/**", "--for", "codex-2"])
        .run(&["status"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ cd tables

$ git odyssey init
--- stderr
error: [LAB]/tables/.git keeps its refs as 'reftable', which this version does not read
hint: convert it: git refs migrate --ref-format=files
--- exit 1

$ git odyssey claim auth --region 'src/**' --for claude-1
--- stderr
error: [LAB]/tables/.git keeps its refs as 'reftable', which this version does not read
hint: convert it: git refs migrate --ref-format=files
--- exit 1

$ git odyssey claim auth-2 --region 'src/**' --for codex-2
--- stderr
error: [LAB]/tables/.git keeps its refs as 'reftable', which this version does not read
hint: convert it: git refs migrate --ref-format=files
--- exit 1

$ git odyssey status
--- stderr
error: [LAB]/tables/.git keeps its refs as 'reftable', which this version does not read
hint: convert it: git refs migrate --ref-format=files
--- exit 1


"#]]
        .raw()
    );
    lab.git_in(&folder, &["commit", "--quiet", "--allow-empty", "-m", "second"]);
}

#[test]
fn a_command_works_from_any_folder_of_any_checkout() {
    let lab = lab();
    claim(&lab, "auth", "src/auth/**");
    let mut session = Session::of(&lab);
    session
        .cd(&lab.main().join("src/auth"))
        .run(&["show", "auth"])
        .cd(&lab.workspace("auth").join("src/ui"))
        .run(&["show"])
        .run(&["park"])
        .run(&["resume"])
        .cd(&lab.main().join(".git"))
        .run(&["status"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ cd main/src/auth

$ git odyssey show auth
auth
  holder   claude-1 (agent)
  fence    1
  lease    1h left, until 2026-11-24T02:30:00Z
  region   src/auth/**
  branch   odyssey/auth
  target   main
  commits  0 to land, 0 behind
  edits    0 files not committed
  where    [LAB]/main.odyssey/auth
  2026-11-24T01:30:00Z  claim auth for claude-1, fence 1
--- exit 0

$ cd main.odyssey/auth/src/ui

$ git odyssey show
auth
  holder   claude-1 (agent)
  fence    1
  lease    1h left, until 2026-11-24T02:30:00Z
  region   src/auth/**
  branch   odyssey/auth
  target   main
  commits  0 to land, 0 behind
  edits    0 files not committed
  where    [LAB]/main.odyssey/auth
  2026-11-24T01:30:00Z  claim auth for claude-1, fence 1
--- exit 0

$ git odyssey park
parked auth
  its work stays in [LAB]/main.odyssey/auth
  go on with it: git odyssey resume auth
--- exit 0

$ git odyssey resume
resumed auth for claude-1, fence 2, for 1h
[LAB]/main.odyssey/auth
--- exit 0

$ cd main/.git

$ git odyssey status
TASK  HOLDER    LEFT  COMMITS  EDITS  REGIONS      WHERE
auth  claude-1  1h    +0       0      src/auth/**  [LAB]/main.odyssey/auth
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn a_repository_of_sha256_takes_the_whole_way() {
    let lab = Lab::unprepared();
    std::fs::remove_dir_all(lab.main()).unwrap();
    lab.git_in(lab.root(), &["init", "--quiet", "--object-format=sha256", "main"]);
    lab.write("src/auth/login.rs", "one\n");
    lab.write("README.md", "read me\n");
    lab.commit("one");
    lab.odyssey(&["init"]).ok();
    claim(&lab, "auth", "src/auth/**");
    lab.write("src/auth/login.rs", "mine\n");
    assert_ne!(lab.try_git_in(&lab.main(), &["commit", "-qam", "in the way"]).code, 0);
    work(&lab, "auth", "src/auth/login.rs", "done\n");
    assert_eq!(lab.odyssey(&["conflicts"]).code, 4, "the uncommitted edit conflicts");
    lab.git(&["checkout", "--quiet", "HEAD", "src"]);
    lab.odyssey(&["conflicts"]).ok();
    lab.odyssey(&["land", "auth"]).ok();
    assert_eq!(std::fs::read_to_string(lab.main().join("src/auth/login.rs")).unwrap(), "done\n");
    lab.odyssey(&["doctor"]).ok();
    claim(&lab, "lost", "docs/**");
    work(&lab, "lost", "docs/new", "new\n");
    lab.odyssey(&["abandon", "lost", "--reason", "to bring it back"]).ok();
    lab.odyssey(&["salvage", "restore", "lost"]).ok();
    assert_eq!(std::fs::read_to_string(lab.workspace("lost").join("docs/new")).unwrap(), "new\n");
    lab.git(&["fsck", "--strict"]);
}
