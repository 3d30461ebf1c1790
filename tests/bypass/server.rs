//! The same ways where no hook of a client runs: what they made is pushed, and the server stops each.

use std::collections::BTreeMap;

use super::NO_HOOKS;
use super::WAYS;
use super::Way;
use super::scene::Layer;
use super::scene::Scene;
use super::scene::Who;
use super::support::Run;

/// By what name the server knows those who try.
fn name(who: Who) -> &'static str {
    match who {
        Who::Human | Who::Desk => "Ada",
        Who::Agent => "codex-2",
        Who::Holder => "claude-1",
    }
}

/// All branches of a repository.
fn branches(scene: &Scene, folder: &std::path::Path) -> BTreeMap<String, String> {
    let listed =
        scene.lab.git_in(folder, &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]);
    listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

/// Tries one way without any hook, and pushes what it changed. Answers what is wrong.
fn pushed(way: &Way, who: Who) -> Vec<String> {
    let scene = Scene::new();
    let (root, main) = (scene.lab.root(), scene.lab.main());
    // The server has nothing of the old branches that write where somebody writes now.
    scene.lab.git_in(root, &["clone", "--quiet", "--bare", "--single-branch", "main", "server.git"]);
    let server = root.join("server.git");
    let to = server.to_str().unwrap();
    let first = ["desk", "topic", "odyssey/auth", "odyssey/ui", "refs/odyssey/ledger"];
    scene.lab.git(&[&["push", "--quiet", "--no-verify", to], &first[..]].concat());
    scene.lab.odyssey_in(&server, &["server", "install"]).ok();
    scene.lab.git(&["config", "core.hooksPath", "/dev/null"]);
    for event in ["pre-commit", "pre-merge-commit", "reference-transaction", "pre-push", "post-commit"] {
        scene.lab.git(&["config", &format!("hook.odyssey-{event}.enabled"), "false"]);
    }
    let push = |pusher: &str, arguments: &[String]| {
        let all = ["push", "--no-verify", "--force", to].map(str::to_owned);
        let all: Vec<&str> = all.iter().chain(arguments).map(String::as_str).collect();
        Run::of(scene.lab.command("git", &scene.place(who), &all).env("GIT_ODYSSEY_PUSHER", pusher))
    };
    let before = branches(&scene, &main);
    let tried = (way.attempt)(&scene, who);
    if tried.run.code != 0 {
        // A command of ours on the way has put the hooks in force again: once more, without them.
        let arguments: Vec<&str> = tried.arguments.iter().map(String::as_str).collect();
        let again = scene.lab.try_git_in(&scene.place(who), &[NO_HOOKS, &arguments].concat());
        if again.code != 0 {
            return vec![format!("without hooks it was refused: {again:#?}")];
        }
    }
    // What happened to the leases, and what their holders did, is legal, and the server has it first.
    let ledger = "refs/odyssey/ledger".to_owned();
    let admin = "keeper";
    scene.lab.git_in(&server, &["config", &format!("odyssey-pusher.{admin}.holder"), "*"]);
    if push(admin, std::slice::from_ref(&ledger)).code != 0 {
        let run = push(admin, &["--atomic".to_owned(), "main".to_owned(), ledger]);
        assert_eq!(run.code, 0, "{run:#?}");
    }
    let after = branches(&scene, &main);
    let holders = "refs/heads/odyssey/auth";
    let grew = |old: &str, new: &str| {
        scene.lab.try_git_in(&main, &["merge-base", "--is-ancestor", old, new]).code == 0
    };
    if who != Who::Holder
        && let (Some(old), Some(new)) = (before.get(holders), after.get(holders))
        && old != new
        && grew(old, new)
    {
        let run = push("claude-1", &[holders.to_owned()]);
        assert_eq!(run.code, 0, "{run:#?}");
    }
    let there = branches(&scene, &server);
    let mut refs: Vec<String> = Vec::new();
    for (branch, new) in &after {
        if before.get(branch) != Some(new) && there.get(branch) != Some(new) {
            refs.push(format!("{new}:{branch}"));
        }
    }
    let gone = before.keys().filter(|branch| !after.contains_key(*branch) && there.contains_key(*branch));
    refs.extend(gone.map(|branch| format!(":{branch}")));
    if refs.is_empty() {
        // Made on no branch, or pushed elsewhere.
        let commit = if way.stopped_by == Layer::PrePush { scene.loose.as_str() } else { "HEAD" };
        refs.push(format!("{commit}:refs/heads/elsewhere"));
    }
    let run = push(name(who), &refs);
    let mut wrong = Vec::new();
    if run.code == 0 || !run.stderr.contains("git odyssey refuses this push") {
        wrong.push(format!("the server took {refs:?}: {}", run.stderr));
    }
    if branches(&scene, &server) != there {
        wrong.push("a branch of the server moved".to_owned());
    }
    wrong
}

/// Every row of one actor; the answer names all that is wrong, not only the first.
fn all_ways_of(who: Who) {
    let mut report = String::new();
    for way in WAYS.iter().filter(|way| way.who.contains(&who)) {
        let wrong = std::panic::catch_unwind(|| pushed(way, who));
        for wrong in wrong.unwrap_or_else(|_| vec!["broke off, see above".to_owned()]) {
            report.push_str(&format!("{}, {who:?}: {wrong}\n", way.name));
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn the_server_stops_each_way_of_a_person_in_the_main_checkout() {
    all_ways_of(Who::Human);
}

#[test]
fn the_server_stops_each_way_of_a_person_in_a_worktree_of_their_own() {
    all_ways_of(Who::Desk);
}

#[test]
fn the_server_stops_each_way_of_another_agent() {
    all_ways_of(Who::Agent);
}

#[test]
fn the_server_stops_a_holder_whose_right_to_write_is_over() {
    all_ways_of(Who::Holder);
}
