//! Every kind of conflict settled by keys, and the landed tree compared with what a person with git alone would commit.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Files;
use super::numbered;
use super::put;
use super::review;
use super::support;
use super::support::Lab;

/// A conflict, the keys that settle it, and what a person would do after `git merge`.
struct Kind<'a> {
    /// What is told of it on the screen.
    told: &'a str,
    base: &'a dyn Fn(&Lab, &Path),
    ours: &'a dyn Fn(&Lab, &Path),
    theirs: &'a dyn Fn(&Lab, &Path),
    keys: &'a str,
    /// What a person makes of the files that git left, nothing being a removal.
    person: Files<'a>,
}

impl Kind<'_> {
    #[track_caller]
    fn settle(&self) {
        let lab = Lab::unprepared();
        lab.write("odyssey.toml", "[ledger]\nfsync = false\n");
        lab.write("src/keep", "keep\n");
        (self.base)(&lab, &lab.main());
        lab.commit("seed");
        lab.odyssey(&["init"]).ok();
        lab.odyssey(&["claim", "greet", "--region", "src/**", "--for", "claude-1"]).ok();
        let workspace = lab.workspace("greet");
        (self.theirs)(&lab, &workspace);
        let theirs = lab.commit_in(&workspace, "greet: theirs");
        (self.ours)(&lab, &lab.main());
        super::person_commits(&lab, "main: ours");
        let ours = lab.git(&["rev-parse", "HEAD"]);
        let mut tty = review(&lab, (90, 24));
        let first = tty.picture();
        assert!(first.contains(self.told), "{} is not told:\n{first}", self.told);
        tty.press(self.keys);
        tty.until("all is decided");
        tty.press_until("f", "with what was decided?");
        tty.press("y");
        let (status, picture) = tty.end_clean();
        assert!(status.success(), "{}: {picture}", self.told);
        let person = by_hand(&lab, &ours, &theirs, self.person);
        let landed = lab.git(&["rev-parse", "HEAD^{tree}"]);
        let differ = lab.git(&["diff-tree", "-r", &person, &landed]);
        assert_eq!(differ, "", "{}: the person's tree, and what has landed", self.told);
        assert_eq!(lab.git(&["show", "-s", "--format=%P", "HEAD"]), format!("{ours} {theirs}"));
    }
}

/// The tree that a person with git alone makes of a merge.
fn by_hand(lab: &Lab, ours: &str, theirs: &str, files: Files<'_>) -> String {
    let place = lab.root().join("person");
    lab.git(&["worktree", "add", "--quiet", "--detach", place.to_str().unwrap(), ours]);
    let merged = lab.try_git_in(&place, &["merge", "--no-commit", "--no-ff", theirs]);
    assert_eq!(merged.code, 1, "git finds no conflict: {merged:#?}");
    put(&place, files);
    if files.is_empty() {
        // A submodule without a checkout: git asks for its commit.
        lab.git_in(&place, &["update-index", "--cacheinfo", &format!("160000,{},src/sub", "2".repeat(40))]);
    } else {
        lab.git_in(&place, &["add", "--all"]);
    }
    lab.git_in(&place, &["write-tree"])
}

/// A change of one file.
fn file<'a>(path: &'a str, content: &'a [u8]) -> impl Fn(&Lab, &Path) + 'a {
    move |_, folder| support::write(&folder.join(path), content)
}

fn nothing(_: &Lab, _: &Path) {}

fn moved<'a>(from: &'a str, to: &'a str, content: &'a [u8]) -> impl Fn(&Lab, &Path) + 'a {
    move |lab, folder| {
        lab.git_in(folder, &["mv", from, to]);
        support::write(&folder.join(to), content);
    }
}

fn removed(path: &str) -> impl Fn(&Lab, &Path) + '_ {
    move |_, folder| std::fs::remove_file(folder.join(path)).unwrap()
}

const A: &str = "src/a";

#[test]
fn lines_that_both_changed() {
    let text = |one: &str, other: &str| numbered(30, &[(3, one), (12, "middle"), (22, other)]);
    let (base, ours, theirs) = (text("base", "base"), text("ours", "OURS"), text("theirs", "THEIRS"));
    for (keys, one, other) in [
        ("ot", "ours", "THEIRS"),
        ("bB", "ours\ntheirs", "THEIRS\nOURS"),
        ("ta", "theirs", "base"),
        ("outo", "theirs", "OURS"),
    ] {
        let made = text(one, other);
        let (base, ours, theirs) = (file(A, &base), file(A, &ours), file(A, &theirs));
        let told = "both changed the same lines";
        Kind { told, base: &base, ours: &ours, theirs: &theirs, keys, person: &[(A, Some(&made))] }.settle();
    }
}

#[test]
fn lines_that_end_with_a_return_stay_so() {
    let (base, ours, theirs) = (file(A, b"a\r\nb\r\n"), file(A, b"o\r\nb\r\n"), file(A, b"t\r\nb\r\n"));
    let person: Files<'_> = &[(A, Some(b"o\r\nt\r\nb\r\n"))];
    Kind { told: "both changed", base: &base, ours: &ours, theirs: &theirs, keys: "b", person }.settle();
}

#[test]
fn a_file_that_both_added() {
    let (ours, theirs) = (file(A, b"ours\n"), file(A, b"theirs\n"));
    let person: Files<'_> = &[(A, Some(b"theirs\nours\n"))];
    Kind { told: "both added", base: &nothing, ours: &ours, theirs: &theirs, keys: "B", person }.settle();
}

#[test]
fn a_file_that_one_changed_and_the_other_deleted() {
    let base = file(A, b"base\n");
    for (keys, content) in [("o", Some(&b"changed\n"[..])), ("t", None), ("a", Some(b"base\n"))] {
        let (ours, theirs) = (file(A, b"changed\n"), removed(A));
        let person: Files<'_> = &[(A, content)];
        let told = "one changed what the other deleted";
        Kind { told, base: &base, ours: &ours, theirs: &theirs, keys, person }.settle();
    }
}

#[test]
fn a_file_that_is_not_of_lines() {
    let (base, ours, theirs) = (file(A, b"\0base"), file(A, b"\0ours"), file(A, b"\0theirs"));
    let person: Files<'_> = &[(A, Some(b"\0theirs"))];
    Kind { told: "not of lines", base: &base, ours: &ours, theirs: &theirs, keys: "t", person }.settle();
}

#[test]
fn a_file_that_one_renamed_and_the_other_deleted() {
    let text = numbered(9, &[]);
    let more = numbered(9, &[(9, "more")]);
    for (keys, content) in [("t", Some(&more[..])), ("o", None)] {
        let (base, ours, theirs) = (file(A, &text), removed(A), moved(A, "src/b", &more));
        let person: Files<'_> = &[("src/b", content)];
        Kind { told: "src/b", base: &base, ours: &ours, theirs: &theirs, keys, person }.settle();
    }
}

#[test]
fn a_file_that_both_renamed_and_changed() {
    let (text, five, fifth) = (numbered(9, &[]), numbered(9, &[(5, "five")]), numbered(9, &[(5, "fifth")]));
    let (base, ours, theirs) = (file(A, &text), moved(A, "src/o", &five), moved(A, "src/t", &fifth));
    // The target's name and the task's line: the name under which it is, the line there; then no other name.
    let person: Files<'_> = &[("src/o", Some(&fifth)), ("src/t", None)];
    Kind { told: "src/o", base: &base, ours: &ours, theirs: &theirs, keys: "otoo", person }.settle();
}

#[test]
fn a_file_in_a_folder_that_the_other_renamed() {
    let base = |lab: &Lab, folder: &Path| {
        file("src/old/a", &numbered(9, &[]))(lab, folder);
        file("src/old/b", &numbered(19, &[]))(lab, folder);
    };
    let ours = |lab: &Lab, folder: &Path| {
        lab.git_in(folder, &["mv", "src/old", "src/new"]);
    };
    let theirs = file("src/old/c", b"c\n");
    for (keys, place) in [("b", "src/new/c"), ("m\x15src/other/c\r", "src/other/c")] {
        let person: Files<'_> = &[("src/new/c", None), (place, Some(b"c\n"))];
        Kind { told: "src/new/c", base: &base, ours: &ours, theirs: &theirs, keys, person }.settle();
    }
}

#[test]
fn a_file_where_the_other_has_a_folder() {
    let (ours, theirs) = (file("src/x", b"file\n"), file("src/x/y", b"in\n"));
    for (keys, file) in [("t", None), ("m\x15src/x.txt\r", Some("src/x.txt"))] {
        let mut person: Vec<(&str, Option<&[u8]>)> = vec![("src/x~HEAD", None)];
        person.extend(file.map(|path| (path, Some(&b"file\n"[..]))));
        Kind { told: "src/x", base: &nothing, ours: &ours, theirs: &theirs, keys, person: &person }.settle();
    }
}

#[test]
fn a_file_where_the_other_has_a_link() {
    let theirs =
        |_: &Lab, folder: &Path| std::os::unix::fs::symlink("../README.md", folder.join("src/x")).unwrap();
    let ours = file("src/x", b"file\n");
    let file_stays: Files<'_> = &[("src/x", None), ("src/x~HEAD", None), ("src/x", Some(b"file\n"))];
    for (keys, person) in [("o", file_stays), ("t", &[("src/x~HEAD", None)])] {
        Kind { told: "src/x", base: &nothing, ours: &ours, theirs: &theirs, keys, person }.settle();
    }
}

#[test]
fn a_file_that_one_made_a_program() {
    let theirs = |lab: &Lab, folder: &Path| {
        file("src/x", b"theirs\n")(lab, folder);
        std::fs::set_permissions(folder.join("src/x"), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let ours = file("src/x", b"ours\n");
    let person: Files<'_> = &[("src/x", Some(b"ours\n"))];
    Kind { told: "src/x", base: &nothing, ours: &ours, theirs: &theirs, keys: "oo", person }.settle();
}

#[test]
fn a_submodule_that_both_moved() {
    let at = |letter: &str| {
        let commit = letter.repeat(40);
        move |lab: &Lab, folder: &Path| {
            std::fs::create_dir_all(folder.join("src/sub")).unwrap();
            lab.git_in(
                folder,
                &["update-index", "--add", "--cacheinfo", &format!("160000,{commit},src/sub")],
            );
        }
    };
    let (base, ours, theirs) = (at("1"), at("2"), at("3"));
    let person: Files<'_> = &[];
    Kind { told: "submodule", base: &base, ours: &ours, theirs: &theirs, keys: "o", person }.settle();
}
