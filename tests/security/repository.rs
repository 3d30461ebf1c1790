//! A malicious repository: what it brings along when it is cloned, and what stands in its folders.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support;
use crate::support::Lab;
use crate::support::Run;

const CLAIM: [&str; 6] = ["claim", "auth", "--region", "**", "--for", "claude-1"];

/// A folder outside of the repository with something of a person's own in it.
pub fn outside(lab: &Lab) -> std::path::PathBuf {
    let folder = lab.root().join("outside");
    support::write(&folder.join("secret"), "secret\n");
    folder
}

/// Everything below a folder, with what is in it.
pub fn shown(folder: &Path) -> String {
    let script = "find . -printf '%p %y %l\\n' | sort; find . -type f -exec cat {} +";
    let mut command = std::process::Command::new("sh");
    Run::of(command.args(["-c", script]).current_dir(folder)).ok().stdout
}

#[test]
fn copies_for_a_workspace_follow_no_link_out_of_the_checkout_or_the_workspace() {
    let lab = Lab::new();
    let outside = outside(&lab);
    let before = shown(&outside);
    lab.write(".gitignore", "in/\nlink\nloop/\n.env\n");
    lab.write(
        "odyssey.toml",
        "[workspace]\ncopy = [\"behind/secret\", \"in/new\", \".env\", \"link\", \"loop\"]\n",
    );
    // What the task begins from has links where its own files would go.
    symlink(&outside, lab.main().join("in")).unwrap();
    symlink(outside.join("made"), lab.main().join(".env")).unwrap();
    lab.git(&["add", "--all", "--force"]);
    lab.git(&["commit", "--quiet", "-m", "links"]);
    lab.git(&["rm", "--quiet", "--cached", "in", ".env"]);
    std::fs::remove_file(lab.main().join("in")).unwrap();
    std::fs::remove_file(lab.main().join(".env")).unwrap();
    lab.write("in/new", "new\n");
    lab.write(".env", "key\n");
    symlink(&outside, lab.main().join("behind")).unwrap();
    symlink(outside.join("secret"), lab.main().join("link")).unwrap();
    std::fs::create_dir(lab.main().join("loop")).unwrap();
    symlink("..", lab.main().join("loop/up")).unwrap();
    lab.odyssey(&CLAIM).ok();
    let workspace = lab.workspace("auth");
    assert_eq!(shown(&outside), before, "nothing was written there");
    assert!(
        workspace.join("link").symlink_metadata().unwrap().is_symlink(),
        "the link, not what it leads to"
    );
    assert!(workspace.join("loop/up").symlink_metadata().unwrap().is_symlink());
    assert!(workspace.join("behind").symlink_metadata().is_err());
}

#[test]
fn workspaces_are_never_in_gits_own_folder() {
    let lab = Lab::new();
    let before = shown(&lab.main().join(".git/refs/heads"));
    symlink(".git/refs", lab.main().join("way")).unwrap();
    for root in [".git/refs/heads", "a/../.git/refs/heads", "way/heads", "way/heads/new/more"] {
        lab.write("odyssey.toml", format!("[workspace]\nroot = \"{root}\"\n"));
        let refused = lab.odyssey(&CLAIM);
        assert_eq!(refused.code, 1, "{root}: {refused:#?}");
        assert!(refused.stderr.contains("git's own folder"), "{root}: {refused:#?}");
        assert_eq!(shown(&lab.main().join(".git/refs/heads")), before, "{root}");
    }
}

#[test]
fn what_odyssey_toml_runs_is_said_by_the_main_checkout_and_not_by_a_task() {
    let lab = Lab::new();
    let ran = lab.root().join("ran");
    let evil = format!("[workspace]\nsetup = [\"touch {0}\"]\n[land]\ncheck = \"touch {0}\"\n", "'RAN'")
        .replace("RAN", ran.to_str().unwrap());
    lab.odyssey(&CLAIM).ok();
    support::write(&lab.workspace("auth").join("odyssey.toml"), &evil);
    lab.commit_in(&lab.workspace("auth"), "my own rules");
    let words = ["claim", "next", "--region", "x", "--for", "b", "--here"];
    lab.odyssey_in(&lab.workspace("auth"), &words);
    lab.odyssey_in(&lab.workspace("auth"), &["land"]).ok();
    assert!(!ran.exists());
    // From now on they are the repository's, and claim runs them.
    lab.odyssey(&["claim", "last", "--region", "y", "--for", "b"]).ok();
    assert!(ran.exists());
}

#[test]
fn a_repository_of_somebody_else_runs_none_of_its_programs() {
    let lab = Lab::new();
    let ran = lab.root().join("ran");
    let touch = format!("touch '{}'; cat", ran.display());
    lab.write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    lab.commit("attributes");
    lab.odyssey(&CLAIM).ok();
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "merge.evil.driver",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "credential.helper",
        "gpg.program",
        "uploadpack.packObjectsHook",
    ] {
        lab.git(&["-c", "core.fsmonitor=false", "config", key, &touch]);
    }
    lab.write("README.md", "edited\n");
    std::fs::write(lab.workspace("auth").join("README.md"), "edited too\n").unwrap();
    let _ = std::fs::remove_file(&ran);
    let id = Run::of(&mut lab.command("id", lab.root(), &["-u"])).stdout;
    if id.trim() != "0" {
        // Nobody but root can make a repository of somebody else's.
        return;
    }
    let give = |to: &str| {
        Run::of(&mut lab.command("chown", lab.root(), &["-R", to, "main", "main.odyssey"])).ok();
    };
    give("65534:65534");
    for words in [
        &["status"][..],
        &["conflicts"],
        &["check", "README.md"],
        &["show", "auth"],
        &["log"],
        &["doctor"],
        &["land", "auth"],
        &["sync", "auth"],
        &["abandon", "auth"],
        &["claim", "x", "-r", "x", "--for", "a"],
        &["salvage", "list"],
        &["init"],
        &["uninstall", "--force"],
    ] {
        lab.odyssey(words);
        lab.odyssey_in(&lab.workspace("auth"), words);
        assert!(!ran.exists(), "{words:?}");
    }
    // They are there to be run: in a repository of one's own git runs them.
    give("0:0");
    lab.try_git_in(&lab.main(), &["status"]);
    assert!(ran.exists());
}

/// A tree in a repository with one file at a path that git itself would not take.
pub fn evil_tree(lab: &Lab, repository: &Path, path: &str) -> String {
    let file = lab.root().join("object");
    support::write(&file, "evil\n");
    let mut mode = "100755";
    let mut oid = lab.git_in(repository, &["hash-object", "-w", file.to_str().unwrap()]);
    // From the innermost folder outwards, past git's own checks.
    for name in path.rsplit('/') {
        let hex = (0..oid.len()).step_by(2);
        let bytes: Vec<u8> = hex.map(|at| u8::from_str_radix(&oid[at..at + 2], 16).unwrap()).collect();
        std::fs::write(&file, [format!("{mode} {name}\0").as_bytes(), &bytes].concat()).unwrap();
        let words = ["hash-object", "-w", "--literally", "-t", "tree", file.to_str().unwrap()];
        (mode, oid) = ("40000", lab.git_in(repository, &words));
    }
    oid
}

/// The paths of an attack, out of a checkout or into git's own folder.
pub const EVIL: [&str; 4] =
    [".git/hooks/pre-commit", ".GIT/config", "../outside/secret", "a/../../outside/secret"];

#[test]
fn a_commit_with_a_path_into_gits_own_folder_is_not_written_to_a_checkout() {
    for path in EVIL {
        let lab = Lab::new();
        let outside = outside(&lab);
        lab.odyssey(&CLAIM).ok();
        let before = (shown(&lab.main().join(".git/hooks")), shown(&outside));
        let tree = evil_tree(&lab, &lab.main(), path);
        let tip = lab.git(&["commit-tree", "-p", "odyssey/auth", "-m", "evil", &tree]);
        let update = ["-c", "core.hooksPath=/dev/null", "update-ref", "refs/heads/odyssey/auth", &tip];
        lab.git_in(&lab.workspace("auth"), &update);
        for words in [
            &["land", "auth"][..],
            &["land", "auth", "--squash"],
            &["conflicts"],
            &["sync", "auth"],
            &["status"],
        ] {
            lab.odyssey(words);
            assert_eq!((shown(&lab.main().join(".git/hooks")), shown(&outside)), before, "{path}: {words:?}");
        }
        assert_ne!(lab.git(&["rev-parse", "main"]), tip);
    }
}

#[test]
fn a_link_in_the_place_of_a_workspace_leads_nothing_astray() {
    for words in [&["abandon", "auth"][..], &["land", "auth"], &["release", "auth"], &["doctor", "--fix"]] {
        let lab = Lab::new();
        let outside = outside(&lab);
        lab.odyssey(&CLAIM).ok();
        std::fs::rename(lab.workspace("auth"), lab.root().join("moved")).unwrap();
        let before = shown(&outside);
        symlink(&outside, lab.workspace("auth")).unwrap();
        lab.odyssey(words);
        assert_eq!(shown(&outside), before, "{words:?}");
        assert!(lab.root().join("moved/README.md").exists(), "{words:?}");
    }
}

#[test]
fn no_submodule_is_fetched_and_no_address_of_one_is_used() {
    let lab = Lab::new();
    let ran = lab.root().join("ran");
    let url = format!("ext::sh -c touch% {}", ran.display().to_string().replace(' ', "% "));
    lab.write(".gitmodules", format!("[submodule \"sub\"]\n\tpath = sub\n\turl = \"{url}\"\n"));
    let head = lab.git(&["rev-parse", "HEAD"]);
    lab.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},sub")]);
    lab.git(&["add", ".gitmodules"]);
    lab.git(&["commit", "--quiet", "-m", "submodule"]);
    lab.git(&["config", "submodule.recurse", "true"]);
    lab.git(&["config", "protocol.ext.allow", "always"]);
    lab.odyssey(&CLAIM).ok();
    support::write(&lab.workspace("auth").join("a"), "a\n");
    lab.commit_in(&lab.workspace("auth"), "work");
    lab.odyssey(&["conflicts"]).ok();
    lab.odyssey(&["land", "auth"]).ok();
    assert!(!ran.exists());
}

#[test]
fn names_of_files_give_no_orders_to_the_terminal() {
    let lab = Lab::new();
    lab.odyssey(&CLAIM).ok();
    let name = "a\x1b]0;gotcha\x07\nerror: b";
    support::write(&lab.workspace("auth").join(name), "by the task\n");
    lab.commit_in(&lab.workspace("auth"), "evil \x1b[2J name");
    lab.write(name, "by a person\n");
    for words in [
        &["status"][..],
        &["conflicts"],
        &["check", name],
        &["land", "auth"],
        &["show", "auth"],
        &["doctor"],
        &["conflicts", "--json"],
    ] {
        let run = lab.odyssey(words);
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{words:?}: {run:#?}");
            assert!(!text.lines().any(|line| line.starts_with("error: b")), "{words:?}: {run:#?}");
        }
    }
}
