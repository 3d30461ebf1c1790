//! Commands in a shell, judged by the files that they plainly write.

use std::path::Path;

use super::asking::ask;
use super::asking::lab;
use super::asking::verdict;
use super::support::Lab;

fn run(lab: &Lab, folder: &Path, command: &str) -> String {
    verdict(&ask(lab, folder, "claude", "bash", &[("COMMAND", command)]))
}

#[test]
fn a_command_that_writes_what_another_holds_is_refused() {
    let lab = lab();
    let auth = lab.workspace("auth");
    std::fs::write(auth.join("x.patch"), "--- a/docs/a.md\n+++ b/docs/a.md\n@@ -1 +1 @@\n-one\n+1\n")
        .unwrap();
    for command in [
        "echo x > docs/a.md",
        "cat src/auth/a.rs | tee -a docs/new.md",
        "sed -i s/one/1/ src/auth/a.rs docs/a.md",
        "mv docs/a.md src/auth/",
        "cp src/auth/a.rs docs/",
        "rm -rf docs",
        "cd docs && touch a.md",
        "git checkout HEAD -- docs",
        "git checkout docs/a.md",
        "git restore docs/a.md",
        "git rm docs/a.md",
        "git mv src/auth/a.rs docs/c.md",
        "git apply x.patch",
        "patch -p1 < x.patch",
        "bash -c 'echo x > docs/a.md'",
    ] {
        let told = run(&lab, &auth, command);
        assert!(told.contains("is held by docs (codex-2, agent)"), "{command}: {told}");
        let told = run(&lab, &lab.main(), &command.replace("x.patch", "../main.odyssey/auth/x.patch"));
        assert!(told.contains("is held by"), "{command} by an agent in a person's checkout: {told}");
    }
}

#[test]
fn a_command_that_writes_elsewhere_or_nothing_that_can_be_told_passes() {
    let lab = lab();
    let auth = lab.workspace("auth");
    for command in [
        "cargo test 2>&1 | tail -5 > /dev/null",
        "echo x > src/auth/a.rs",
        "rm -rf src/auth",
        "grep -r x docs",
        "cat docs/a.md > /tmp/git-odyssey-copy",
        "rm $FILE docs/*.md",
        "python3 -c 'open(\"docs/a.md\",\"w\")'",
        "git commit -am 'a change'",
        "git status; git diff docs",
        "echo 'unfinished",
        "echo x > docs/x.log",
    ] {
        assert_eq!(run(&lab, &auth, command), "pass", "{command}");
    }
}

#[test]
fn hooks_are_not_switched_off_and_workspaces_not_taken_away() {
    let lab = lab();
    let auth = lab.workspace("auth");
    for command in [
        "git commit -nam x",
        "git push --no-verify",
        "git -c core.hooksPath=/dev/null commit",
        "git config core.hooksPath x",
    ] {
        for folder in [&auth, &lab.main()] {
            let told = run(&lab, folder, command);
            assert!(told.contains("would switch off the hooks"), "{command}: {told}");
        }
    }
    let docs = lab.workspace("docs");
    for command in ["git worktree remove --force", "rm -rf", "mv -t ../elsewhere"] {
        let command = format!("{command} '{}'", docs.display());
        for folder in [&auth, &lab.main()] {
            let told = run(&lab, folder, &command);
            assert!(told.contains("is the workspace of docs, with work"), "{command}: {told}");
        }
    }
    assert!(run(&lab, &auth, "rm -r .").contains("is the workspace of auth"));
    assert!(run(&lab, &lab.main(), "rm -r .").contains("is held by"));
    let told = run(&lab, &lab.main(), "rm -rf ../main.odyssey");
    assert_eq!(told, "pass", "it is in no checkout");
    let unprepared = Lab::unprepared();
    assert_eq!(run(&unprepared, &unprepared.main(), "git commit --no-verify -m x"), "pass");
}
