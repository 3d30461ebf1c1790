//! Ordinary work beside held regions: none of it is ever refused.

use std::path::PathBuf;

use super::scene::ALL;
use super::scene::FREE;
use super::scene::HELD;
use super::scene::Scene;
use super::scene::TOKEN;
use super::scene::Tried;
use super::scene::Who;

/// One kind of ordinary work.
pub struct Work {
    /// What it is.
    pub name: &'static str,
    /// Who does it.
    pub who: &'static [Who],
    /// Does it; every try must succeed, and no hook may say no.
    pub run: fn(&Scene, Who) -> Vec<Tried>,
}

const PEOPLE: &[Who] = &[Who::Human, Who::Desk];
const HUMAN: &[Who] = &[Who::Human];
const AGENT: &[Who] = &[Who::Agent];

/// What a colleague published meanwhile: it touches the held region.
const THEIRS: &[(&str, &str)] = &[(HELD, "fn login() { theirs() }\n"), (FREE, "their guide\n")];

/// Where a task may write beyond its lease, and a person always.
const NOTES: &str = "docs/notes.md";

fn each(scene: &Scene, who: Who, commands: &[&[&str]]) -> Vec<Tried> {
    let place = scene.place(who);
    commands.iter().map(|arguments| scene.elsewhere(&place, arguments, &[])).collect()
}

/// All of it.
pub const WORK: &[Work] = &[
    Work {
        name: "pull what others published, fast-forward",
        who: ALL,
        run: |scene, who| {
            scene.origin(THEIRS);
            each(scene, who, &[&["pull", "--quiet", "--ff-only", "origin", "main"]])
        },
    },
    Work {
        name: "pull what others published, with a merge",
        who: ALL,
        run: |scene, who| {
            scene.origin(THEIRS);
            scene.commit(who, NOTES, "mine\n");
            each(scene, who, &[&["pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main"]])
        },
    },
    Work {
        name: "pull what others published, with a conflict in a free file resolved by hand",
        who: ALL,
        run: |scene, who| {
            scene.origin(THEIRS);
            scene.commit(who, FREE, "my guide\n");
            let pull = scene.attempt(who, &["pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main"]);
            assert_eq!((pull.run.code, pull.refusing.len()), (1, 0), "{:#?}", pull.run);
            scene.stage(who, FREE, "our guide\n");
            each(scene, who, &[&["commit", "--no-edit"]])
        },
    },
    Work {
        name: "a colleague's proposal, fetched by a refspec of its own",
        who: ALL,
        run: |scene, who| {
            scene.origin(&[]);
            let origin = scene.lab.root().join("origin.git");
            scene.lab.git_in(&origin, &["fetch", "--quiet", &scene.clone(), "x:refs/pull/12/head"]);
            each(
                scene,
                who,
                &[
                    &["fetch", "--quiet", "origin", "pull/12/head"],
                    &["branch", "pr-12", "FETCH_HEAD"],
                    &["fetch", "--quiet", "origin", "pull/12/head:pr-12-too"],
                    &["pull", "--quiet", "--ff-only", "origin", "pull/12/head"],
                ],
            )
        },
    },
    Work {
        name: "pull --rebase of own commits",
        who: ALL,
        run: |scene, who| {
            scene.origin(THEIRS);
            scene.commit(who, NOTES, "mine\n");
            scene.commit(who, NOTES, "mine again\n");
            each(scene, who, &[&["pull", "--quiet", "--rebase", "origin", "main"]])
        },
    },
    Work {
        name: "fetch",
        who: ALL,
        run: |scene, who| {
            scene.origin(THEIRS);
            each(scene, who, &[&["fetch", "--quiet", "origin"], &["fetch", "--quiet", "--all", "--prune"]])
        },
    },
    Work {
        name: "a branch from a remote-tracking branch",
        who: ALL,
        run: |scene, who| {
            scene.origin(THEIRS);
            each(
                scene,
                who,
                &[
                    &["fetch", "--quiet", "origin"],
                    &["branch", "--quiet", "theirs", "origin/main"],
                    &["fetch", "--quiet", "origin", "main:theirs-too"],
                ],
            )
        },
    },
    Work {
        name: "merge a remote-tracking branch",
        who: ALL,
        run: |scene, who| {
            scene.origin(THEIRS);
            scene.commit(who, NOTES, "mine\n");
            each(
                scene,
                who,
                &[&["fetch", "--quiet", "origin"], &["merge", "--quiet", "--no-edit", "origin/main"]],
            )
        },
    },
    Work {
        name: "the holder commits in its region, amends, reverts and rebases",
        who: &[Who::Holder],
        run: |scene, who| {
            scene.stage(who, HELD, "fn login() { mine() }\n");
            let mut tries = each(
                scene,
                who,
                &[
                    &["commit", "--quiet", "-m", "x"],
                    &["commit", "--quiet", "--amend", "-m", "y"],
                    &["revert", "--no-edit", "HEAD"],
                    &["revert", "--no-edit", &scene.past],
                    &["reset", "--quiet", "--hard", "HEAD~1"],
                ],
            );
            scene.commit(Who::Human, NOTES, "human\n");
            tries.extend(each(scene, who, &[&["rebase", "--quiet", "main"]]));
            tries
        },
    },
    Work {
        name: "landing by hand, with a merge commit",
        who: HUMAN,
        run: |scene, who| {
            scene.commit(Who::Holder, HELD, "fn login() { done() }\n");
            scene.commit(Who::Holder, NOTES, "done\n");
            scene.commit(who, FREE, "mine\n");
            each(scene, who, &[&["merge", "--no-edit", "odyssey/auth"]])
        },
    },
    Work {
        name: "landing by hand, fast-forward",
        who: HUMAN,
        run: |scene, who| {
            scene.commit(Who::Holder, HELD, "fn login() { done() }\n");
            each(scene, who, &[&["merge", "--ff-only", "odyssey/auth"]])
        },
    },
    Work {
        name: "a branch of one's own that tries a task's work",
        who: &[Who::Desk],
        run: |scene, who| {
            scene.commit(Who::Holder, HELD, "fn login() { done() }\n");
            scene.commit(who, FREE, "mine\n");
            each(scene, who, &[&["merge", "--no-edit", "odyssey/auth"]])
        },
    },
    Work {
        name: "a task merges main, which has moved in others' regions",
        who: AGENT,
        run: |scene, who| {
            scene.land_and_hold_again();
            scene.commit(who, "src/ui/page.rs", "fn page() { mine() }\n");
            each(scene, who, &[&["merge", "--no-edit", "main"]])
        },
    },
    Work {
        name: "a task fast-forwards to main, which has moved in others' regions",
        who: AGENT,
        run: |scene, who| {
            scene.land_and_hold_again();
            each(scene, who, &[&["merge", "--ff-only", "main"]])
        },
    },
    Work {
        name: "a task merges main with a conflict resolved by hand",
        who: AGENT,
        run: |scene, who| {
            scene.commit(who, "src/ui/page.rs", "fn page() { mine() }\n");
            let why = [("GIT_ODYSSEY_OVERRIDE", "typo")];
            scene.stage(Who::Human, "src/ui/page.rs", "fn page() { typo() }\n");
            scene.attempt_with(Who::Human, &["commit", "-m", "typo"], &why).run.ok();
            scene.land_and_hold_again();
            let merge = scene.attempt(who, &["merge", "--no-edit", "main"]);
            assert_eq!((merge.run.code, merge.refusing.len()), (1, 0), "{:#?}", merge.run);
            scene.stage(who, "src/ui/page.rs", "fn page() { both() }\n");
            each(scene, who, &[&["commit", "--no-edit"]])
        },
    },
    Work {
        name: "a task rebases on main, which has moved in others' regions",
        who: AGENT,
        run: |scene, who| {
            scene.land_and_hold_again();
            scene.commit(who, "src/ui/page.rs", "fn page() { mine() }\n");
            each(scene, who, &[&["rebase", "--quiet", "main"]])
        },
    },
    Work {
        name: "a person's own branch follows main, which has moved in others' regions",
        who: &[Who::Desk],
        run: |scene, who| {
            scene.land_and_hold_again();
            scene.commit(who, NOTES, "mine\n");
            each(
                scene,
                who,
                &[
                    &["merge", "--no-edit", "main"],
                    &["reset", "--quiet", "--hard", "HEAD~1"],
                    &["rebase", "--quiet", "main"],
                ],
            )
        },
    },
    Work {
        name: "commits into free paths",
        who: ALL,
        run: |scene, who| {
            scene.stage(who, FREE, "mine\n");
            let mut tries = each(scene, who, &[&["commit", "-m", "x"]]);
            if who == Who::Agent {
                let show = scene.lab.odyssey(&["show", "ui"]).ok();
                assert!(show.stdout.contains(FREE), "the lease did not grow: {show:#?}");
            }
            scene.write(who, FREE, "mine again\n");
            tries.extend(each(scene, who, &[&["commit", "-a", "--amend", "--no-edit", "--no-verify"]]));
            tries
        },
    },
    Work {
        name: "commits into the commons",
        who: &[Who::Human, Who::Desk, Who::Agent, Who::Holder],
        run: |scene, who| {
            scene.stage(who, "Cargo.lock", "version = 5\n");
            let tries = each(scene, who, &[&["commit", "-m", "x"]]);
            let ledger = scene.lab.odyssey(&["log"]).ok();
            assert!(!ledger.stdout.contains("extend"), "{ledger:#?}");
            tries
        },
    },
    Work {
        name: "commit PATH of a free file while a held one is staged",
        who: ALL,
        run: |scene, who| {
            scene.stage(who, HELD, "fn login() { mine() }\n");
            scene.write(who, FREE, "mine\n");
            let tries = each(scene, who, &[&["commit", "-m", "x", FREE]]);
            assert_eq!(scene.git(who, &["diff", "--cached", "--name-only"]), HELD);
            tries
        },
    },
    Work {
        name: "edits, staging and stashes in a held region, without a commit",
        who: ALL,
        run: |scene, who| {
            scene.stage(who, HELD, "fn login() { mine() }\n");
            each(
                scene,
                who,
                &[
                    &["stash", "push", "--quiet"],
                    &["stash", "pop", "--quiet", "--index"],
                    &["stash", "push", "--quiet", "--include-untracked"],
                    &["stash", "drop", "--quiet"],
                ],
            )
        },
    },
    Work {
        name: "push of commits made before the claim",
        who: PEOPLE,
        run: |scene, who| {
            scene.origin(&[]);
            scene.lab.git(&["push", "--quiet", "--no-verify", "--force", "origin", "main~2:main"]);
            each(scene, who, &[&["push", "--quiet", "origin", "main"]])
        },
    },
    Work {
        name: "push of a branch made before the claim",
        who: PEOPLE,
        run: |scene, who| {
            scene.origin(&[]);
            each(scene, who, &[&["push", "--quiet", "origin", "old-ahead", "old-side"]])
        },
    },
    Work {
        name: "push of a commit made before another's lease grew over its path",
        who: PEOPLE,
        run: |scene, who| {
            scene.origin(&[]);
            scene.commit(who, NOTES, "mine\n");
            scene.lab.advance(1);
            scene.commit(Who::Agent, NOTES, "theirs\n");
            each(scene, who, &[&["push", "--quiet", "origin", "HEAD:refs/heads/mine"]])
        },
    },
    Work {
        name: "push of landed work whose region somebody holds again",
        who: HUMAN,
        run: |scene, who| {
            scene.origin(&[]);
            scene.land_and_hold_again();
            each(scene, who, &[&["push", "--quiet", "origin", "main"]])
        },
    },
    Work {
        name: "push of one's own branch",
        who: &[Who::Desk, Who::Agent, Who::Holder],
        run: |scene, who| {
            scene.origin(&[]);
            let path = if who == Who::Holder { HELD } else { NOTES };
            scene.commit(who, path, "mine\n");
            each(
                scene,
                who,
                &[
                    &["push", "--quiet", "origin", scene.branch(who)],
                    &["push", "--quiet", "origin", "--delete", scene.branch(who)],
                ],
            )
        },
    },
    Work {
        name: "a person pushes a task's branch for review",
        who: PEOPLE,
        run: |scene, who| {
            scene.origin(&[]);
            scene.commit(Who::Holder, HELD, "fn login() { done() }\n");
            each(scene, who, &[&["push", "--quiet", "origin", "odyssey/auth"]])
        },
    },
    Work {
        name: "gc, pack-refs and their like",
        who: ALL,
        run: |scene, who| {
            each(
                scene,
                who,
                &[
                    &["pack-refs", "--all"],
                    &["gc", "--quiet", "--prune=now"],
                    &["repack", "-a", "-d", "--quiet"],
                    &["reflog", "expire", "--expire=now", "--all"],
                    &["maintenance", "run", "--quiet"],
                    &["worktree", "prune"],
                    &["remote", "prune", "--dry-run", "."],
                ],
            )
        },
    },
    Work {
        name: "push into another branch of this very repository",
        who: ALL,
        run: |scene, who| {
            scene.commit(who, NOTES, "mine\n");
            each(scene, who, &[&["push", "--quiet", ".", "HEAD:refs/heads/copied"]])
        },
    },
    Work {
        name: "a push from a clone into a branch of this repository",
        who: HUMAN,
        run: |scene, _| {
            let clone = PathBuf::from(scene.clone());
            scene.lab.git_in(&clone, &["switch", "--quiet", "-c", "notes", "main"]);
            super::support::write(&clone.join(NOTES), "theirs\n");
            scene.lab.commit_in(&clone, "notes");
            let main = scene.lab.main();
            let push = ["push", "--quiet", main.to_str().unwrap(), "notes"];
            vec![scene.attempt_in(&clone, &push, &[])]
        },
    },
    Work {
        name: "git clean of everything that git does not know, then work goes on",
        who: &[Who::Human, Who::Desk, Who::Agent, Who::Holder],
        run: |scene, who| {
            scene.write(who, "junk.o", "junk");
            let mut tries = each(scene, who, &[&["clean", "--quiet", "-fdx"]]);
            let path = if who == Who::Holder { HELD } else { NOTES };
            scene.stage(who, path, "mine\n");
            tries.extend(each(scene, who, &[&["commit", "--quiet", "-m", "x"]]));
            tries
        },
    },
    Work {
        name: "branches and tags",
        who: ALL,
        run: |scene, who| {
            each(
                scene,
                who,
                &[
                    &["branch", "mine"],
                    &["branch", "-m", "mine", "ours"],
                    &["branch", "-c", "ours", "copy"],
                    &["branch", "-D", "ours", "copy"],
                    &["branch", "-f", "topic", "HEAD~1"],
                    &["branch", "-D", "old-ahead"],
                    &["tag", "v1"],
                    &["tag", "-a", "-m", "x", "v2", &scene.loose],
                    &["tag", "-d", "v1"],
                    &["branch", "again", "old-side"],
                    &["switch", "--quiet", "-c", "new"],
                    &["switch", "--quiet", "-"],
                ],
            )
        },
    },
    Work {
        name: "notes, bisect, replace and a look at old commits",
        who: ALL,
        run: |scene, who| {
            each(
                scene,
                who,
                &[
                    &["notes", "add", "-m", "x", "HEAD"],
                    &["bisect", "start", "HEAD", "HEAD~2"],
                    &["bisect", "good"],
                    &["bisect", "reset"],
                    &["switch", "--quiet", "--detach", "old-ahead"],
                    &["switch", "--quiet", scene.branch(who)],
                    &["replace", "HEAD~1", "HEAD~2"],
                    &["replace", "-d", "HEAD~1"],
                ],
            )
        },
    },
    Work {
        name: "work on a detached HEAD",
        who: ALL,
        run: |scene, who| {
            scene.git(who, &["switch", "--quiet", "--detach"]);
            scene.stage(who, NOTES, "mine\n");
            each(
                scene,
                who,
                &[
                    &["commit", "--quiet", "-m", "x"],
                    &["branch", "kept"],
                    &["switch", "--quiet", scene.branch(who)],
                    &["cherry-pick", "kept"],
                    &["revert", "--no-edit", "HEAD"],
                ],
            )
        },
    },
    Work {
        name: "worktrees of one's own",
        who: ALL,
        run: |scene, who| {
            let aside = scene.lab.root().join("aside");
            let other = scene.lab.root().join("other");
            let (aside, other) = (aside.to_str().unwrap(), other.to_str().unwrap());
            each(
                scene,
                who,
                &[
                    &["worktree", "add", "--quiet", aside, "-b", "aside"],
                    &["worktree", "add", "--quiet", "--detach", other, "old-ahead"],
                    &["worktree", "move", aside, &format!("{aside}-moved")],
                    &["worktree", "remove", other],
                    &["worktree", "list"],
                ],
            )
        },
    },
    Work {
        name: "a submodule outside of regions",
        who: ALL,
        run: |scene, who| {
            each(
                scene,
                who,
                &[
                    &[
                        "-c",
                        "protocol.file.allow=always",
                        "submodule",
                        "--quiet",
                        "add",
                        &scene.clone(),
                        "vendor/clone",
                    ],
                    &["commit", "--quiet", "-m", "vendor"],
                ],
            )
        },
    },
    Work {
        name: "going back and forth in one's own history",
        who: PEOPLE,
        run: |scene, who| {
            each(
                scene,
                who,
                &[
                    &["reset", "--quiet", "--hard", "HEAD~2"],
                    &["reset", "--quiet", "--hard", "ORIG_HEAD"],
                    &["update-ref", "refs/heads/topic", "HEAD~1"],
                    &["update-ref", "refs/heads/topic", "HEAD"],
                ],
            )
        },
    },
    Work {
        name: "an older branch of one's own, which touches the region, follows main",
        who: HUMAN,
        run: |scene, who| {
            scene.git(who, &["switch", "--quiet", "old-side"]);
            each(scene, who, &[&["merge", "--no-edit", "main"]])
        },
    },
    Work {
        name: "an older branch of one's own follows main, where both changed the same held file",
        who: HUMAN,
        run: |scene, who| {
            let long = |first: &str, last: &str| format!("{first}\n{}{last}\n", "// between\n".repeat(9));
            scene.commit(Who::Holder, HELD, &long("fn login() {}", "fn last() {}"));
            scene.lab.odyssey(&["land", "auth"]).ok();
            scene.git(who, &["switch", "--quiet", "-c", "mine"]);
            scene.commit(who, HELD, &long("fn login() { mine() }", "fn last() {}"));
            scene.git(who, &["switch", "--quiet", "main"]);
            scene.commit(who, HELD, &long("fn login() {}", "fn last() { main() }"));
            scene.lab.advance(1);
            scene.lab.odyssey(&["claim", "auth-2", "--region", "src/auth/**", "--for", "claude-7"]).ok();
            scene.git(who, &["switch", "--quiet", "mine"]);
            each(scene, who, &[&["merge", "--no-edit", "main"]])
        },
    },
    Work {
        name: "git from another folder",
        who: PEOPLE,
        run: |scene, who| {
            let place = scene.place(who);
            let (git_dir, work_tree) =
                (scene.git(who, &["rev-parse", "--absolute-git-dir"]), place.to_str().unwrap());
            scene.stage(who, NOTES, "mine\n");
            let both = [format!("--git-dir={git_dir}"), format!("--work-tree={work_tree}")];
            let root = scene.lab.root();
            vec![
                scene.attempt_in(&place, &[&both[0], &both[1], "status"], &[]),
                scene.elsewhere(root, &[&both[0], &both[1], "commit", "--quiet", "-m", "x"], &[]),
                scene.elsewhere(root, &[&both[0], "branch", "from-elsewhere"], &[]),
                scene.elsewhere(
                    root,
                    &["update-ref", "refs/heads/by-environment", "HEAD"],
                    &[("GIT_DIR", &git_dir)],
                ),
            ]
        },
    },
    Work {
        name: "a person's lease on their own checkout",
        who: PEOPLE,
        run: |scene, who| {
            scene.lab.odyssey_in(&scene.place(who), &["claim", "mine", "--region", "lib/**", "--here"]).ok();
            scene.stage(who, "lib/a.rs", "fn a() {}\n");
            each(scene, who, &[&["commit", "--quiet", "-m", "x"]])
        },
    },
    Work {
        name: "work beside a region that several rely on",
        who: ALL,
        run: |scene, who| {
            for task in ["reader-1", "reader-2"] {
                scene.lab.odyssey(&["claim", task, "--region", "api/**", "--shared", "--for", task]).ok();
            }
            scene.commit(who, NOTES, "mine\n");
            Vec::new()
        },
    },
    Work {
        name: "a write where a lease has expired: it is parked, and the writer is told",
        who: ALL,
        run: |scene, who| {
            scene.commit(Who::Holder, HELD, "fn login() { half() }\n");
            scene.lab.advance(61);
            if who == Who::Agent {
                scene.lab.odyssey(&["resume", "ui"]).ok();
            }
            scene.stage(who, TOKEN, "fn token() { mine() }\n");
            let tries = each(scene, who, &[&["commit", "-m", "x"]]);
            let told = &tries[0].run.stderr;
            assert!(told.contains("auth had expired, and is parked now"), "{told}");
            let show = scene.lab.odyssey(&["show", "auth"]).ok();
            assert!(show.stdout.contains("parked"), "{show:#?}");
            tries
        },
    },
    Work {
        name: "an override",
        who: PEOPLE,
        run: |scene, who| {
            scene.origin(&[]);
            let why = [("GIT_ODYSSEY_OVERRIDE", "why not")];
            scene.write(who, HELD, "fn login() { mine() }\n");
            let push = format!("HEAD:refs/heads/from-{}", scene.branch(who));
            vec![
                scene.attempt_with(who, &["commit", "-a", "-m", "x"], &why),
                scene.attempt_with(who, &["cherry-pick", "old-side"], &why),
                // What was let through once is not asked again.
                scene.attempt(who, &["push", "--quiet", "origin", &push]),
            ]
        },
    },
];
