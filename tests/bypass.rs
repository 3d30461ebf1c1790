//! The ways to write into a region that somebody else holds, each with the layer that stops it; and the ways of
//! ordinary work, none of which is ever stopped.

#![allow(clippy::unwrap_used, reason = "a scene that cannot be set fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests plant files as people do")]

#[path = "bypass/scene.rs"]
mod scene;
#[path = "bypass/server.rs"]
mod server;
mod support;
#[path = "bypass/work.rs"]
mod work;

use std::collections::BTreeSet;

use scene::ALL;
use scene::HELD;
use scene::Layer;
use scene::Scene;
use scene::TOKEN;
use scene::Tried;
use scene::Who;
use snapbox::assert_data_eq;
use snapbox::str;
use support::Run;
use work::WORK;

/// One way to write into a held region.
struct Way {
    name: &'static str,
    who: &'static [Who],
    stopped_by: Layer,
    /// Prepares it, and tries it.
    attempt: fn(&Scene, Who) -> Tried,
    /// What its answer must name.
    says: &'static [&'static str],
    /// What brings back the state before, where git itself had begun when it was stopped.
    undo: &'static [&'static [&'static str]],
}

/// The path, the task, the holder, the time left, and what to do.
const TRESPASS: &[&str] = &["src/auth/", "held by auth (claude-1, agent)", " left", "git odyssey show auth"];

const NOT_AGENT: &[Who] = &[Who::Human, Who::Desk];

const WAYS: &[Way] = &[
    Way {
        name: "commit",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.stage(who, HELD, "fn login() { mine() }\n");
            scene.attempt(who, &["commit", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit of a new file",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.stage(who, "src/auth/deep/new.rs", "fn new() {}\n");
            scene.attempt(who, &["commit", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit of a deletion",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.git(who, &["rm", "--quiet", TOKEN]);
            scene.attempt(who, &["commit", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit of a move out of the region",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.git(who, &["mv", TOKEN, "docs/token.rs"]);
            scene.attempt(who, &["commit", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit -a",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.write(who, HELD, "fn login() { mine() }\n");
            scene.attempt(who, &["commit", "-a", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit PATH",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.write(who, HELD, "fn login() { mine() }\n");
            scene.attempt(who, &["commit", "-m", "x", HELD])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit from a folder below",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.stage(who, HELD, "fn login() { mine() }\n");
            scene.attempt(who, &["-C", "src/auth", "commit", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit --no-verify",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.stage(who, HELD, "fn login() { mine() }\n");
            scene.attempt(who, &["commit", "--no-verify", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit --amend",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.stage(who, HELD, "fn login() { mine() }\n");
            scene.attempt(who, &["commit", "--amend", "--no-edit"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit --amend --no-verify",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.stage(who, HELD, "fn login() { mine() }\n");
            scene.attempt(who, &["commit", "--amend", "--no-edit", "--no-verify"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "merge with a merge commit",
        who: ALL,
        stopped_by: Layer::PreMergeCommit,
        attempt: |scene, who| scene.attempt(who, &["merge", "--no-edit", "old-side"]),
        says: TRESPASS,
        undo: &[&["merge", "--abort"]],
    },
    Way {
        name: "merge --no-ff of a branch that is ahead",
        who: ALL,
        stopped_by: Layer::PreMergeCommit,
        attempt: |scene, who| scene.attempt(who, &["merge", "--no-edit", "--no-ff", "old-ahead"]),
        says: TRESPASS,
        undo: &[&["merge", "--abort"]],
    },
    Way {
        name: "merge that fast-forwards to a branch made before the claim",
        who: &[Who::Human],
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["merge", "--ff-only", "old-ahead"]),
        says: TRESPASS,
        undo: &[&["reset", "--quiet", "--merge"]],
    },
    Way {
        name: "merge with a conflict resolved by hand",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            let run = scene.lab.try_git_in(&scene.place(who), &["merge", "old-clash"]);
            assert_eq!(run.code, 1, "{run:#?}");
            scene.stage(who, HELD, "fn login() { past(); clash() }\n");
            scene.attempt(who, &["commit", "--no-edit"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "merge with a conflict resolved by hand, --no-verify",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            let run = scene.lab.try_git_in(&scene.place(who), &["merge", "old-clash"]);
            assert_eq!(run.code, 1, "{run:#?}");
            scene.stage(who, HELD, "fn login() { past(); clash() }\n");
            scene.attempt(who, &["commit", "--no-edit", "--no-verify"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "merge --no-verify",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["merge", "--no-edit", "--no-verify", "old-side"]),
        says: TRESPASS,
        undo: &[&["merge", "--abort"]],
    },
    Way {
        name: "merge --squash and commit",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.git(who, &["merge", "--quiet", "--squash", "old-side"]);
            scene.attempt(who, &["commit", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "merge of published work, with something written in the merge by hand",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.lab.git(&["remote", "add", "friend", &scene.clone()]);
            scene.git(who, &["fetch", "--quiet", "friend"]);
            scene.git(who, &["merge", "--quiet", "--no-commit", "--no-ff", "friend/x"]);
            scene.stage(who, TOKEN, "fn token() { by_hand() }\n");
            scene.attempt(who, &["commit", "--no-edit"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "merge of published work, with something written by hand, --no-verify",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.lab.git(&["remote", "add", "friend", &scene.clone()]);
            scene.git(who, &["fetch", "--quiet", "friend"]);
            scene.git(who, &["merge", "--quiet", "--no-commit", "--no-ff", "friend/x"]);
            scene.stage(who, TOKEN, "fn token() { by_hand() }\n");
            scene.attempt(who, &["commit", "--no-edit", "--no-verify"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "rebase",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.git(who, &["switch", "--quiet", "old-side"]);
            scene.attempt(who, &["rebase", "--quiet", "main"])
        },
        says: TRESPASS,
        undo: &[&["rebase", "--abort"]],
    },
    Way {
        name: "cherry-pick",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["cherry-pick", "old-side"]),
        says: TRESPASS,
        undo: &[&["reset", "--quiet", "--merge"]],
    },
    Way {
        name: "revert",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["revert", "--no-edit", &scene.past]),
        says: TRESPASS,
        undo: &[&["reset", "--quiet", "--merge"]],
    },
    Way {
        name: "am",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            let patch = scene.lab.root().join("mail.patch");
            let output = format!("--output={}", patch.to_str().unwrap());
            scene.git(who, &["format-patch", "--quiet", "-1", &output, "old-ahead"]);
            scene.attempt(who, &["am", "--quiet", patch.to_str().unwrap()])
        },
        says: TRESPASS,
        undo: &[&["am", "--abort"]],
    },
    Way {
        name: "stash pop and commit",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.write(who, HELD, "fn login() { mine() }\n");
            scene.git(who, &["stash", "--quiet"]);
            scene.git(who, &["stash", "pop", "--quiet"]);
            scene.attempt(who, &["commit", "-a", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "update-ref",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            let name = format!("refs/heads/{}", scene.branch(who));
            scene.attempt(who, &["update-ref", &name, &scene.loose])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "update-ref to a merge that keeps the old version of what it brings in",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            let made = ["commit-tree", "-p", "HEAD~2", "-p", "HEAD", "-m", "x", "HEAD~2^{tree}"];
            let merge = scene.git(who, &made);
            scene.attempt(who, &["update-ref", &format!("refs/heads/{}", scene.branch(who)), &merge])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "update-ref to a merge of what is there already, for its old version",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            let made = ["commit-tree", "-p", "HEAD", "-p", "HEAD~2", "-m", "x", "HEAD~2^{tree}"];
            let merge = scene.git(who, &made);
            scene.attempt(who, &["update-ref", &format!("refs/heads/{}", scene.branch(who)), &merge])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "update-ref of HEAD",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["update-ref", "HEAD", &scene.loose]),
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "branch -f",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["branch", "-f", "topic", &scene.loose]),
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "branch of its own for a commit that no branch has",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["branch", "evil", &scene.loose]),
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "switch -c",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["switch", "--quiet", "-c", "evil", &scene.loose]),
        says: TRESPASS,
        undo: &[&["reset", "--quiet", "--merge"]],
    },
    Way {
        name: "checkout -B",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.attempt(who, &["checkout", "--quiet", "-B", scene.branch(who), &scene.loose])
        },
        says: TRESPASS,
        undo: &[&["reset", "--quiet", "--merge"]],
    },
    Way {
        name: "reset --hard to a commit that no branch has",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["reset", "--quiet", "--hard", &scene.loose]),
        says: TRESPASS,
        undo: &[&["reset", "--quiet", "--hard"]],
    },
    Way {
        name: "reset --soft and commit",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.git(who, &["reset", "--soft", "HEAD~1"]);
            scene.stage(who, HELD, "fn login() { mine() }\n");
            scene.attempt(who, &["commit", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "reset --soft and commit --no-verify",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.git(who, &["reset", "--soft", "HEAD~1"]);
            scene.stage(who, HELD, "fn login() { mine() }\n");
            scene.attempt(who, &["commit", "--no-verify", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit-tree and update-ref",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            let tree = scene.git(who, &["rev-parse", "old-ahead^{tree}"]);
            let commit = scene.git(who, &["commit-tree", "-p", "HEAD", "-m", "x", &tree]);
            let name = format!("refs/heads/{}", scene.branch(who));
            scene.attempt(who, &["update-ref", &name, &commit])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit on a detached HEAD, then branch -f",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.git(who, &["switch", "--quiet", "--detach"]);
            scene.stage(who, HELD, "fn login() { mine() }\n");
            scene.git(who, &["commit", "--quiet", "--no-verify", "-m", "x"]);
            scene.attempt(who, &["branch", "-f", "topic", "HEAD"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "bisected history: commit on a detached HEAD",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.git(who, &["switch", "--quiet", "--detach"]);
            scene.stage(who, HELD, "fn login() { mine() }\n");
            scene.attempt(who, &["commit", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "commit of a mode",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.git(who, &["update-index", "--chmod=+x", HELD]);
            scene.attempt(who, &["commit", "-m", "x"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "merge of a task's branch, with more written into its region by hand",
        who: ALL,
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.commit(Who::Holder, HELD, "fn login() { done() }\n");
            scene.git(who, &["merge", "--quiet", "--no-commit", "--no-ff", "odyssey/auth"]);
            scene.stage(who, HELD, "fn login() { done(); mine() }\n");
            scene.attempt(who, &["commit", "--no-edit"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "merge of a task's branch, with more written into its region by hand, --no-verify",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.commit(Who::Holder, HELD, "fn login() { done() }\n");
            scene.git(who, &["merge", "--quiet", "--no-commit", "--no-ff", "odyssey/auth"]);
            scene.stage(who, TOKEN, "fn token() { mine() }\n");
            scene.attempt(who, &["commit", "--no-edit", "--no-verify"])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "octopus merge of a task's branch and another",
        who: ALL,
        stopped_by: Layer::PreMergeCommit,
        attempt: |scene, who| {
            scene.commit(Who::Holder, HELD, "fn login() { done() }\n");
            scene.commit(who, "docs/mine.md", "mine\n");
            scene.attempt(who, &["merge", "--no-edit", "odyssey/auth", "old-side"])
        },
        says: TRESPASS,
        undo: &[&["reset", "--quiet", "--merge"]],
    },
    Way {
        name: "octopus merge of a task's branch and another, --no-verify",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.commit(Who::Holder, HELD, "fn login() { done() }\n");
            scene.commit(who, "docs/mine.md", "mine\n");
            scene.attempt(who, &["merge", "--no-edit", "--no-verify", "odyssey/auth", "old-side"])
        },
        says: TRESPASS,
        undo: &[&["reset", "--quiet", "--merge"]],
    },
    Way {
        name: "pull of a branch of this very repository",
        who: &[Who::Human],
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["pull", "--quiet", "--ff-only", ".", "old-ahead"]),
        says: TRESPASS,
        undo: &[&["reset", "--quiet", "--merge"]],
    },
    Way {
        name: "pull of a branch of this very repository, by its path and with a merge",
        who: ALL,
        stopped_by: Layer::PreMergeCommit,
        attempt: |scene, who| {
            let main = scene.lab.main();
            let path = main.to_str().unwrap();
            scene.attempt(who, &["pull", "--quiet", "--no-rebase", "--no-edit", path, "old-side"])
        },
        says: TRESPASS,
        undo: &[&["merge", "--abort"]],
    },
    Way {
        name: "pull of another repository on this machine that is no remote",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["pull", "--quiet", "--ff-only", &scene.clone(), "x"]),
        says: TRESPASS,
        undo: &[&["reset", "--quiet", "--merge"]],
    },
    Way {
        name: "fetch into a branch",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["fetch", "--quiet", &scene.clone(), "x:x"]),
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "fetch of oneself into a branch",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            let from = format!("{}:refs/heads/evil", scene.loose);
            scene.attempt(who, &["-c", "uploadpack.allowAnySHA1InWant=true", "fetch", "--quiet", ".", &from])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "push to another clone",
        who: ALL,
        stopped_by: Layer::PrePush,
        attempt: |scene, who| {
            let what = format!("{}:refs/heads/gift", scene.loose);
            scene.attempt(who, &["push", "--quiet", &scene.clone(), &what])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "push --no-verify into a branch of this very repository",
        who: NOT_AGENT,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            let what = format!("{}:refs/heads/evil", scene.loose);
            scene.attempt(who, &["push", "--quiet", "--no-verify", ".", &what])
        },
        says: TRESPASS,
        undo: &[],
    },
    Way {
        name: "moving a live task's branch from outside its workspace",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["update-ref", "refs/heads/odyssey/auth", "main~1"]),
        says: &["odyssey/auth", "auth", "claude-1", "git odyssey park auth"],
        undo: &[],
    },
    Way {
        name: "update-ref -d of a live task's branch",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["update-ref", "-d", "refs/heads/odyssey/auth"]),
        says: &["odyssey/auth", "auth", "claude-1", "git odyssey abandon auth"],
        undo: &[],
    },
    Way {
        name: "update-ref -d of a live task's branch that is packed",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.git(who, &["pack-refs", "--all"]);
            scene.attempt(who, &["update-ref", "-d", "refs/heads/odyssey/auth"])
        },
        says: &["odyssey/auth", "auth", "claude-1", "git odyssey abandon auth"],
        undo: &[],
    },
    Way {
        name: "branch -m of a live task's branch",
        who: ALL,
        stopped_by: Layer::Transaction,
        attempt: |scene, who| scene.attempt(who, &["branch", "-m", "odyssey/auth", "mine"]),
        says: &["odyssey/auth", "auth", "claude-1", "git odyssey abandon auth"],
        undo: &[],
    },
    Way {
        name: "an agent moves the target itself",
        who: &[Who::Agent],
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.stage(who, "src/ui/page.rs", "fn page() { new() }\n");
            scene.git(who, &["commit", "--quiet", "-m", "page"]);
            scene.attempt(who, &["update-ref", "refs/heads/main", "HEAD"])
        },
        says: &["ui", "refs/heads/main", "git odyssey land ui"],
        undo: &[],
    },
    Way {
        name: "an agent without the copy of its lease moves the target itself",
        who: &[Who::Agent],
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.commit(who, "src/ui/page.rs", "fn page() { new() }\n");
            std::fs::remove_dir_all(scene.place(who).join(".odyssey")).unwrap();
            scene.attempt(who, &["update-ref", "refs/heads/main", "HEAD"])
        },
        says: &["ui", "refs/heads/main", "git odyssey land ui"],
        undo: &[],
    },
    Way {
        name: "an agent fetches its work into the target",
        who: &[Who::Agent],
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.git(Who::Human, &["switch", "--quiet", "topic"]);
            scene.stage(who, "src/ui/page.rs", "fn page() { newer() }\n");
            scene.git(who, &["commit", "--quiet", "-m", "page"]);
            scene.attempt(who, &["fetch", "--quiet", ".", "odyssey/ui:main"])
        },
        says: &["ui", "refs/heads/main", "git odyssey land ui"],
        undo: &[],
    },
    Way {
        name: "an agent pushes its work to the target in its own repository",
        who: &[Who::Agent],
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.git(Who::Human, &["switch", "--quiet", "topic"]);
            scene.stage(who, "src/ui/page.rs", "fn page() { newest() }\n");
            scene.git(who, &["commit", "--quiet", "-m", "page"]);
            scene.attempt(who, &["push", "--quiet", ".", "odyssey/ui:main"])
        },
        says: &["ui", "refs/heads/main", "git odyssey land ui"],
        undo: &[],
    },
    Way {
        name: "the task was taken over, and the old fence commits",
        who: &[Who::Holder],
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.lab.advance(61);
            scene.lab.odyssey(&["resume", "auth", "--for", "claude-9"]).ok();
            scene.stage(who, HELD, "fn login() { late() }\n");
            scene.attempt_with(
                who,
                &["commit", "-m", "x"],
                &[("GIT_ODYSSEY_TASK", "auth"), ("GIT_ODYSSEY_FENCE", "1")],
            )
        },
        says: &["auth", "fence 1", "claude-9", "git odyssey show auth"],
        undo: &[],
    },
    Way {
        name: "the task was taken over, and the old fence commits with --no-verify",
        who: &[Who::Holder],
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.lab.advance(61);
            scene.lab.odyssey(&["resume", "auth", "--for", "claude-9"]).ok();
            scene.stage(who, HELD, "fn login() { late() }\n");
            scene.attempt_with(
                who,
                &["commit", "--no-verify", "-m", "x"],
                &[("GIT_ODYSSEY_TASK", "auth"), ("GIT_ODYSSEY_FENCE", "1")],
            )
        },
        says: &["auth", "fence 1", "claude-9", "git odyssey show auth"],
        undo: &[],
    },
    Way {
        name: "the lease is parked, and its holder commits",
        who: &[Who::Holder],
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.lab.odyssey(&["park", "auth"]).ok();
            scene.stage(who, HELD, "fn login() { late() }\n");
            scene.attempt_with(who, &["commit", "-m", "x"], &[])
        },
        says: &["auth is parked", "git odyssey resume auth"],
        undo: &[],
    },
    Way {
        name: "the lease is parked, and its holder commits with --no-verify",
        who: &[Who::Holder],
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.lab.odyssey(&["park", "auth"]).ok();
            scene.stage(who, HELD, "fn login() { late() }\n");
            scene.attempt_with(who, &["commit", "--no-verify", "-m", "x"], &[])
        },
        says: &["auth is parked", "git odyssey resume auth"],
        undo: &[],
    },
    Way {
        name: "the lease has ended, and its holder commits",
        who: &[Who::Holder],
        stopped_by: Layer::PreCommit,
        attempt: |scene, who| {
            scene.commit(who, TOKEN, "fn token() { done() }\n");
            scene.lab.odyssey(&["land", "auth", "--keep"]).ok();
            scene.stage(who, HELD, "fn login() { late() }\n");
            scene.attempt_with(who, &["commit", "-m", "x"], &[])
        },
        says: &["the lease of auth", "has ended", "git odyssey log --task auth"],
        undo: &[],
    },
    Way {
        name: "the lease has ended, and its holder commits with --no-verify",
        who: &[Who::Holder],
        stopped_by: Layer::Transaction,
        attempt: |scene, who| {
            scene.commit(who, TOKEN, "fn token() { done() }\n");
            scene.lab.odyssey(&["land", "auth", "--keep"]).ok();
            scene.stage(who, HELD, "fn login() { late() }\n");
            scene.attempt_with(who, &["commit", "--no-verify", "-m", "x"], &[])
        },
        says: &["the lease of auth", "has ended", "git odyssey log --task auth"],
        undo: &[],
    },
];

/// Tries one way, and says what is wrong about how it ended.
fn tried(way: &Way, who: Who) -> Vec<String> {
    let scene = Scene::new();
    let tried = (way.attempt)(&scene, who);
    let mut wrong = Vec::new();
    let screen = scene.lab.screen(&tried.run);
    if tried.run.code == 0 {
        wrong.push(format!("it was not refused:\n{screen}"));
        return wrong;
    }
    let expected = BTreeSet::from([way.stopped_by.hook().to_owned()]);
    if tried.refusing != expected {
        wrong.push(format!("stopped by {:?} and not by {expected:?}:\n{screen}", tried.refusing));
    }
    for arguments in way.undo {
        let undone = scene.lab.try_git_in(&scene.place(who), arguments);
        if undone.code != 0 {
            wrong.push(format!("{arguments:?} did not bring back what was there: {undone:#?}"));
        }
    }
    let silent: Vec<&&str> = way.says.iter().filter(|word| !screen.contains(**word)).collect();
    if !silent.is_empty() {
        wrong.push(format!("the answer does not name {silent:?}:\n{screen}"));
    }
    let before = tried.before.unwrap();
    wrong.extend(before.difference(&scene.picture(&scene.place(who))));
    wrong
}

/// Every row of one actor; the answer names all that is wrong, not only the first.
fn all_ways_of(who: Who) {
    let mut report = String::new();
    for way in WAYS.iter().filter(|way| way.who.contains(&who)) {
        for wrong in tried(way, who) {
            report.push_str(&format!("{}, {who:?}: {wrong}\n", way.name));
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn no_way_into_a_held_region_is_open_to_a_person_in_the_main_checkout() {
    all_ways_of(Who::Human);
}

#[test]
fn no_way_into_a_held_region_is_open_to_a_person_in_a_worktree_of_their_own() {
    all_ways_of(Who::Desk);
}

#[test]
fn no_way_into_a_held_region_is_open_to_another_agent() {
    all_ways_of(Who::Agent);
}

#[test]
fn no_way_to_write_is_open_to_a_holder_whose_right_to_write_is_over() {
    all_ways_of(Who::Holder);
}

/// Does every piece of ordinary work of one actor; the answer names all that was refused.
fn all_work_of(who: Who) {
    let mut report = String::new();
    for work in WORK.iter().filter(|work| work.who.contains(&who)) {
        let done = std::panic::catch_unwind(|| {
            let scene = Scene::new();
            let refused = |tried: &Tried| tried.run.code != 0 || !tried.refusing.is_empty();
            let tries = (work.run)(&scene, who);
            let screens = tries.iter().filter(|tried| refused(tried)).map(|tried| {
                format!(
                    "git {} ({:?}):\n{}",
                    tried.arguments.join(" "),
                    tried.refusing,
                    scene.lab.screen(&tried.run)
                )
            });
            let mut screens: String = screens.collect();
            // What was never refused is nothing that got past a hook.
            let doctor = scene.lab.odyssey(&["doctor"]);
            if doctor.code != 0 {
                screens.push_str(&format!("doctor afterwards:\n{}", scene.lab.screen(&doctor)));
            }
            screens
        });
        match done {
            Ok(screens) if screens.is_empty() => {}
            Ok(screens) => report.push_str(&format!("{}, {who:?}: {screens}\n", work.name)),
            Err(_) => report.push_str(&format!("{}, {who:?}: broke off, see above\n", work.name)),
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn no_ordinary_work_of_a_person_in_the_main_checkout_is_refused() {
    all_work_of(Who::Human);
}

#[test]
fn no_ordinary_work_of_a_person_in_a_worktree_of_their_own_is_refused() {
    all_work_of(Who::Desk);
}

#[test]
fn no_ordinary_work_of_an_agent_is_refused() {
    all_work_of(Who::Agent);
}

#[test]
fn no_ordinary_work_of_a_holder_is_refused() {
    all_work_of(Who::Holder);
}

#[test]
fn landing_is_never_refused_by_our_own_hooks() {
    for how in ["--merge", "--squash", "--rebase"] {
        let scene = Scene::new();
        scene.commit(Who::Holder, HELD, "fn login() { one() }\n");
        scene.commit(Who::Holder, TOKEN, "fn token() { two() }\n");
        scene.commit(Who::Human, "docs/notes.md", "human\n");
        scene.lab.odyssey(&["land", "auth", how]).ok();
        assert_eq!(scene.read(Who::Human, TOKEN), "fn token() { two() }\n");
        scene.commit(Who::Agent, "src/ui/page.rs", "fn page() { three() }\n");
        scene.lab.odyssey_in(&scene.place(Who::Agent), &["land", how]).ok();
        assert_eq!(scene.read(Who::Human, "src/ui/page.rs"), "fn page() { three() }\n");
    }
}

/// The whole screen, but for git's own last words, which differ from version to version.
fn screen(scene: &Scene, run: &Run) -> String {
    let screen = scene.lab.screen(run);
    let lines = screen.lines().map(|line| if line.contains("aborted by") { "[GIT]" } else { line });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_refused_commit_is_told_what_is_held_by_whom_how_long_and_what_to_do() {
    let scene = Scene::new();
    scene.lab.advance(18);
    scene.stage(Who::Human, HELD, "fn login() { mine() }\n");
    scene.stage(Who::Human, TOKEN, "fn token() { mine() }\n");
    let tried = scene.attempt(Who::Human, &["commit", "-m", "x"]);
    assert_data_eq!(
        screen(&scene, &tried.run),
        str![[r#"
--- stderr
error: src/auth/login.rs is held by auth (claude-1, agent) as src/auth/**, 42m left
src/auth/token.rs is held by auth (claude-1, agent) as src/auth/**, 42m left
hint: see what it is about: git odyssey show auth
hint: take the paths out of your change, or wait until the task has landed
hint: a person may override, and the ledger keeps the reason: set GIT_ODYSSEY_OVERRIDE="why" for the command
--- exit 1

"#]]
    );
    let tried = scene.attempt(Who::Human, &["commit", "--no-verify", "-m", "x"]);
    assert_data_eq!(
        screen(&scene, &tried.run),
        str![[r#"
--- stderr
error: src/auth/login.rs is held by auth (claude-1, agent) as src/auth/**, 42m left
src/auth/token.rs is held by auth (claude-1, agent) as src/auth/**, 42m left
hint: see what it is about: git odyssey show auth
hint: take the paths out of your change, or wait until the task has landed
hint: a person may override, and the ledger keeps the reason: set GIT_ODYSSEY_OVERRIDE="why" for the command
[GIT]
--- exit 128

"#]]
    );
}

#[test]
fn whoever_may_not_write_at_all_is_told_why() {
    let scene = Scene::new();
    let moved = scene.attempt(Who::Human, &["update-ref", "refs/heads/odyssey/auth", "main~1"]);
    assert_data_eq!(
        screen(&scene, &moved.run),
        str![[r#"
--- stderr
error: refs/heads/odyssey/auth is the branch of auth (claude-1), and moves only in its workspace
hint: work on a branch of your own, or take the task over: git odyssey park auth
hint: or end it, which saves its work: git odyssey abandon auth
[GIT]
--- exit 128

"#]]
    );
    scene.commit(Who::Agent, "src/ui/page.rs", "fn page() { new() }\n");
    let target = scene.attempt(Who::Agent, &["update-ref", "refs/heads/main", "HEAD"]);
    assert_data_eq!(
        screen(&scene, &target.run),
        str![[r#"
--- stderr
error: ui may not move refs/heads/main itself: what lands is checked against its lease first
hint: land it: git odyssey land ui
[GIT]
--- exit 128

"#]]
    );
    scene.lab.advance(61);
    scene.lab.odyssey(&["resume", "auth", "--for", "claude-9"]).ok();
    scene.stage(Who::Holder, HELD, "fn login() { late() }\n");
    let fence = [("GIT_ODYSSEY_TASK", "auth"), ("GIT_ODYSSEY_FENCE", "1")];
    let fenced = scene.attempt_with(Who::Holder, &["commit", "-m", "x"], &fence);
    assert_data_eq!(
        screen(&scene, &fenced.run),
        str![[r#"
--- stderr
error: auth was granted anew with fence 3 to claude-9; fence 1 may not write
hint: stop writing here; your files stay as they are
hint: see who has it now: git odyssey show auth
--- exit 1

"#]]
    );
    scene.lab.odyssey(&["park", "auth"]).ok();
    let parked = scene.attempt(Who::Holder, &["commit", "-m", "x"]);
    assert_data_eq!(
        screen(&scene, &parked.run),
        str![[r#"
--- stderr
error: auth is parked: it keeps its work and its regions, and may not write
hint: go on with it: git odyssey resume auth
--- exit 1

"#]]
    );
}

#[test]
fn an_override_is_a_persons_and_is_kept_in_the_ledger_with_its_reason() {
    let scene = Scene::new();
    let why = [("GIT_ODYSSEY_OVERRIDE", "login is broken in production")];
    scene.stage(Who::Human, HELD, "fn login() { hotfix() }\n");
    let tried = scene.attempt_with(Who::Human, &["commit", "--quiet", "-m", "hotfix"], &why);
    assert_data_eq!(
        screen(&scene, &tried.run),
        str![[r#"
--- stderr
note: overridden; the reason is in the ledger
--- exit 0

"#]]
    );
    scene.stage(Who::Desk, TOKEN, "fn token() { hotfix() }\n");
    scene.attempt_with(Who::Desk, &["commit", "--quiet", "--no-verify", "-m", "hotfix"], &why).run.ok();
    let log = scene.lab.odyssey(&["log"]).ok();
    assert_data_eq!(
        screen(&scene, &log),
        str![[r#"
2026-11-24T01:31:00Z  override by Ada
    reason: login is broken in production
    overridden: src/auth/token.rs is held by auth (claude-1, agent) as src/auth/**, 1h left
2026-11-24T01:31:00Z  override by Ada
    reason: login is broken in production
    overridden: src/auth/login.rs is held by auth (claude-1, agent) as src/auth/**, 1h left
2026-11-24T01:31:00Z  claim ui for codex-2, fence 2
2026-11-24T01:31:00Z  claim auth for claude-1, fence 1
2026-11-24T01:31:00Z  init the ledger
--- exit 0

"#]]
    );
    // Another change than the person's: the same one would be the very same commit, and that is on main already.
    scene.stage(Who::Agent, HELD, "fn login() { fix() }\n");
    let tried = scene.attempt_with(Who::Agent, &["commit", "--quiet", "-m", "hotfix"], &why);
    assert_data_eq!(
        screen(&scene, &tried.run),
        str![[r#"
--- stderr
error: ui may not override: only a person in a checkout of their own may
--- exit 1

"#]]
    );
    assert_eq!(tried.refusing, BTreeSet::from(["pre-commit".to_owned()]));
    let tried = scene.attempt_with(Who::Agent, &["commit", "--quiet", "--no-verify", "-m", "hotfix"], &why);
    assert_eq!((tried.run.code, tried.refusing), (128, BTreeSet::from(["reference-transaction".to_owned()])));
    let doctor = scene.lab.odyssey(&["doctor"]);
    assert_eq!(doctor.code, 0, "what was overridden is no finding: {doctor:#?}");
}

/// The configuration with which no hook of any kind runs: neither from a folder, nor, as of git 2.54, by configuration.
const NO_HOOKS: &[&str] = &[
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "hook.odyssey-pre-commit.enabled=false",
    "-c",
    "hook.odyssey-reference-transaction.enabled=false",
];

fn commit_without_hooks(scene: &Scene, who: Who, path: &str, text: &str) -> String {
    scene.stage(who, path, text);
    scene.git(who, &[NO_HOOKS, &["commit", "--quiet", "-m", "unseen"]].concat());
    scene.git(who, &["rev-parse", "HEAD"])
}

#[test]
fn what_got_past_hooks_that_were_switched_off_is_found_by_doctor() {
    let scene = Scene::new();
    scene.lab.odyssey(&["doctor"]).ok();
    commit_without_hooks(&scene, Who::Human, HELD, "fn login() { unseen() }\n");
    commit_without_hooks(&scene, Who::Agent, TOKEN, "fn token() { unseen() }\n");
    let doctor = scene.lab.odyssey(&["doctor"]);
    assert_data_eq!(
        screen(&scene, &doctor),
        str![[r#"
found   [HASH] on main got past the hooks: src/auth/login.rs is held by auth (claude-1, agent) as src/auth/**, 1h left
          settle it with the holder, or take it back: git revert
found   [HASH] on odyssey/ui got past the hooks: src/auth/token.rs is held by auth (claude-1, agent) as src/auth/**, 1h left
          settle it with the holder, or take it back: git revert
2 findings open
--- exit 1

"#]]
    );
}

#[test]
fn what_an_agent_got_past_hooks_does_not_land() {
    let scene = Scene::new();
    commit_without_hooks(&scene, Who::Agent, HELD, "fn login() { unseen() }\n");
    let before = scene.picture(&scene.lab.main());
    let land = scene.lab.odyssey(&["land", "ui"]);
    assert_data_eq!(
        screen(&scene, &land),
        str![[r#"
--- stderr
error: src/auth/login.rs is held by auth (claude-1, agent) as src/auth/**, 1h left
hint: see what it is about: git odyssey show auth
hint: take the paths out of your change, or wait until the task has landed
hint: a person may override, and the ledger keeps the reason: set GIT_ODYSSEY_OVERRIDE="why" for the command
--- exit 3

"#]]
    );
    assert_eq!(before.difference(&scene.picture(&scene.lab.main())), None);
}

#[test]
fn another_tasks_unfinished_commits_do_not_land_with_a_task_that_merged_them() {
    let scene = Scene::new();
    scene.commit(Who::Holder, HELD, "fn login() { half() }\n");
    scene.git(Who::Agent, &["merge", "--quiet", "--no-edit", "odyssey/auth"]);
    scene.commit(Who::Agent, "src/ui/page.rs", "fn page() { login() }\n");
    let before = scene.picture(&scene.lab.main());
    let land = scene.lab.odyssey(&["land", "ui"]);
    assert_eq!(land.code, 3, "{land:#?}");
    assert!(land.stderr.contains("src/auth/login.rs is held by auth"), "{land:#?}");
    assert_eq!(before.difference(&scene.picture(&scene.lab.main())), None);
    scene.lab.odyssey(&["land", "auth"]).ok();
    scene.lab.odyssey(&["land", "ui"]).ok();
}

#[test]
fn a_persons_override_of_a_refused_landing_is_kept_in_the_ledger() {
    let scene = Scene::new();
    commit_without_hooks(&scene, Who::Agent, HELD, "fn login() { unseen() }\n");
    let reason = [("GIT_ODYSSEY_OVERRIDE", "the release waits")];
    let by_agent = scene.lab.odyssey_in_with(&scene.place(Who::Agent), &["land", "ui"], &reason);
    assert_eq!(by_agent.code, 3, "{by_agent:#?}");
    scene.lab.odyssey_in_with(&scene.lab.main(), &["land", "ui"], &reason).ok();
    let log = scene.lab.odyssey(&["log", "--json"]).ok();
    assert!(log.stdout.contains("the release waits"), "{log:#?}");
    assert!(log.stdout.contains("src/auth/login.rs is held by auth"), "{log:#?}");
}

#[test]
fn work_of_a_branch_made_before_the_claim_does_not_land_with_another_task() {
    let scene = Scene::new();
    scene.git(Who::Agent, &["merge", "--quiet", "--ff-only", "old-ahead"]);
    let land = scene.lab.odyssey(&["land", "ui"]);
    assert_eq!(land.code, 3, "{land:#?}");
    assert!(land.stderr.contains("src/auth/login.rs is held by auth"), "{land:#?}");
}

#[test]
fn what_was_pushed_without_the_hook_is_found_by_doctor_when_it_comes_back() {
    let scene = Scene::new();
    scene.lab.git(&["remote", "add", "friend", &scene.clone()]);
    let gift = format!("{}:refs/heads/gift", scene.loose);
    scene.git(Who::Human, &["push", "--quiet", "--no-verify", "friend", &gift]);
    scene.git(Who::Human, &["pull", "--quiet", "--ff-only", "friend", "gift"]);
    let doctor = scene.lab.odyssey(&["doctor"]);
    assert_data_eq!(
        screen(&scene, &doctor),
        str![[r#"
all is well
--- exit 0

"#]]
    );
}

#[test]
fn what_was_pushed_without_the_hook_does_not_come_back_from_a_folder_that_is_no_remote() {
    let scene = Scene::new();
    let gift = format!("{}:refs/heads/gift", scene.loose);
    scene.git(Who::Human, &["push", "--quiet", "--no-verify", &scene.clone(), &gift]);
    let pull = scene.attempt(Who::Human, &["pull", "--quiet", "--ff-only", &scene.clone(), "gift"]);
    assert_eq!(pull.refusing, BTreeSet::from(["reference-transaction".to_owned()]), "{:#?}", pull.run);
}

#[test]
fn a_landing_that_would_undo_what_has_landed_in_a_held_region_is_refused() {
    let lab = support::Lab::new();
    lab.write("src/ui/page.rs", "old\n");
    lab.commit("a page");
    lab.odyssey(&["claim", "docs", "--region", "docs/**", "--for", "claude-1"]).ok();
    lab.write("src/ui/page.rs", "new\n");
    lab.commit("a better page");
    lab.odyssey(&["claim", "ui", "--region", "src/ui/**", "--for", "claude-2"]).ok();
    let docs = lab.workspace("docs");
    support::write(&docs.join("docs/a.md"), "text\n");
    lab.git_in(&docs, &["add", "docs"]);
    lab.git_in(&docs, &["commit", "--quiet", "--message", "docs"]);
    let undoing = ["merge", "--quiet", "--no-edit", "--strategy", "ours", "main"];
    let refused = lab.try_git_in(&docs, &undoing);
    assert!(refused.stderr.contains("src/ui/page.rs is held by ui"), "{refused:#?}");
    lab.git_in(&docs, &["reset", "--quiet", "--hard"]);
    lab.git_in(&docs, &[&["-c", "core.hooksPath=/dev/null"][..], &undoing].concat());
    let refused = lab.odyssey(&["land", "docs"]);
    assert_eq!(refused.code, 3, "{refused:#?}");
    assert!(refused.stderr.contains("src/ui/page.rs is held by ui"), "{refused:#?}");
    assert_eq!(std::fs::read_to_string(lab.main().join("src/ui/page.rs")).unwrap(), "new\n");
}
