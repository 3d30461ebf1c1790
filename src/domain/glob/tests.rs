//! Patterns, held against what git ignores by them and what they are made of.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use proptest::prelude::Strategy;
use proptest::prop_assert_eq;
use proptest::sample::select;
use proptest::test_runner::Config;
use proptest::test_runner::TestRunner;

use super::Case;
use super::Fault;
use super::LONGEST;
use super::MOST_STARS;
use super::Pattern;

fn read(text: &str) -> Pattern {
    Pattern::parse(text, Case::Sensitive).unwrap()
}

fn fault(text: &str) -> Fault {
    Pattern::parse(text, Case::Sensitive).unwrap_err().fault
}

/// What `git check-ignore` says: for each pattern, written `/pattern`, whether it covers each path.
///
/// Each pattern stands in the `.gitignore` of a directory of its own, so that one process answers for all.
#[expect(clippy::disallowed_methods, reason = "a test asks git itself, in a directory of its own")]
fn git_says(patterns: &[String], paths: &[String], case: Case) -> Vec<Vec<bool>> {
    let home = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", &format!("core.ignoreCase={}", case == Case::Insensitive)]).args(arguments);
        command.current_dir(home.path());
        for set_by_hooks in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"] {
            command.env_remove(set_by_hooks);
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
        command
    };
    assert!(git(&["init", "--quiet", "."]).status().unwrap().success());
    let mut input = Vec::new();
    for (at, pattern) in patterns.iter().enumerate() {
        let directory = home.path().join(format!("d{at}"));
        fs::create_dir(&directory).unwrap();
        write(&directory.join(".gitignore"), &format!("/{pattern}\n"));
        for path in paths {
            input.extend_from_slice(format!("d{at}/{path}\0").as_bytes());
        }
    }
    let mut ask = git(&["check-ignore", "--no-index", "--stdin", "-z", "--verbose", "--non-matching"]);
    let mut child = ask.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", output.status);
    // Four fields for each path: the file that says so, its line, its pattern, the path.
    let fields: Vec<&[u8]> = output.stdout.split(|&byte| byte == 0).collect();
    assert_eq!(fields.len(), patterns.len() * paths.len() * 4 + 1);
    let answers: Vec<bool> = fields.chunks_exact(4).map(|answer| !answer[0].is_empty()).collect();
    answers.chunks_exact(paths.len()).map(<[bool]>::to_vec).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// Git 2.47 takes the `**` of `b**/x` for whole components when only literals precede it; newer git does not.
fn follows_old_prefix(text: &str) -> bool {
    let special = text.find(['*', '?', '[', '\\']).unwrap_or(text.len());
    let (before, after) = text.split_at(special);
    after.starts_with("**") && !before.is_empty() && !before.ends_with('/')
}

/// Asks git about generated patterns and paths; of all answers both must be frequent, else nothing was tested.
fn agrees_with_git(case: Case, fragments: &'static [&'static str], names: &'static [&'static str]) {
    let pattern = proptest::collection::vec(select(fragments), 1..7).prop_map(|parts| parts.concat());
    let usable = pattern
        .prop_filter("read differently by old git", |text| !follows_old_prefix(text))
        .prop_filter_map("refused", move |text| Pattern::parse(&text, case).ok());
    let name = proptest::collection::vec(select(names), 1..4).prop_map(|parts| parts.concat());
    let name = name.prop_filter("not a name", |name| name != "." && name != "..");
    let path = proptest::collection::vec(name, 1..5).prop_map(|names| names.join("/"));
    let cases = (proptest::collection::vec(usable, 60), proptest::collection::vec(path, 80));
    let (yes, no) = (Cell::new(0_usize), Cell::new(0_usize));
    let config = Config { cases: 12, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&cases, |(patterns, paths)| {
        // Our `.` is everything; a slash or dot in front is ours as well.
        let text = |pattern: &Pattern| match pattern.text() {
            "." | "./" => "**".to_owned(),
            text => text.strip_prefix("./").or_else(|| text.strip_prefix('/')).unwrap_or(text).to_owned(),
        };
        let texts: Vec<String> = patterns.iter().map(text).collect();
        for (pattern, answers) in patterns.iter().zip(git_says(&texts, &paths, case)) {
            for (path, git) in paths.iter().zip(answers) {
                let ours = pattern.matches(path.as_bytes());
                prop_assert_eq!(ours, git, "{} on {}: ours, git's", pattern.text(), path);
                let count = if git { &yes } else { &no };
                count.set(count.get() + 1);
            }
        }
        Ok(())
    });
    outcome.unwrap();
    let (yes, no) = (yes.get(), no.get());
    assert!(yes > 3_000 && no > 10_000, "{yes} covered, {no} not: too few to mean anything");
}

#[test]
fn a_pattern_covers_what_git_ignores() {
    const FRAGMENTS: &[&str] = &[
        "a",
        "b",
        "ab",
        "a",
        "b",
        "*",
        "*",
        "**",
        "***",
        "?",
        "/",
        "/",
        "/**/",
        "/**",
        "**/",
        "*/",
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-c]",
        "[c-a]",
        "[]a]",
        "[!]a]",
        "[a-]",
        "[-a]",
        "[a/b]",
        "[\\]b]",
        "[+-.]",
        "[[:alpha:]]",
        "[[:punct:]a]",
        "[![:alnum:]]",
        "[[:space:]b]",
        "[[:]",
        "[[:a]",
        "[a[:]",
        "[a-[:alpha:]]",
        "\\*",
        "\\[",
        "\\.",
        ".",
        "-",
        "]",
        "#",
        "!",
        "é",
        "[é]",
        "A",
    ];
    const NAMES: &[&str] =
        &["a", "a", "a", "b", "b", "ab", "c", "A", ".", "-", "]", "[", ":", "#", "!", "*", "é"];
    agrees_with_git(Case::Sensitive, FRAGMENTS, NAMES);
}

#[test]
fn where_case_does_not_matter_a_pattern_covers_what_git_ignores() {
    // Without a capital letter by itself in a bracket: there git matches nothing, and we do.
    const FRAGMENTS: &[&str] = &[
        "a",
        "B",
        "aB",
        "A",
        "b",
        "*",
        "**",
        "?",
        "/",
        "/",
        "/**/",
        "**/",
        "/**",
        "[ab]",
        "[!a]",
        "[A-C]",
        "[Z-b]",
        "[!A-B]",
        "[[:upper:]]",
        "[[:lower:]]",
        "[![:upper:]]",
        "É",
        "é",
    ];
    const NAMES: &[&str] = &["a", "A", "b", "B", "ab", "AB", "aB", "c", "C", "z", "Z", "[", "É", "é"];
    agrees_with_git(Case::Insensitive, FRAGMENTS, NAMES);
}

#[test]
fn a_region_is_rooted_and_covers_what_lies_below() {
    for (pattern, covered, not) in [
        (
            "src/auth",
            &["src/auth", "src/auth/a", "src/auth/a/b"][..],
            &["src/auth.rs", "x/src/auth", "src"][..],
        ),
        ("src/auth/", &["src/auth/a", "src/auth/a/b"], &["src/auth", "src/author/a"]),
        ("src/**", &["src/a", "src/a/b"], &["src", "x/src/a"]),
        ("*.rs", &["a.rs", ".rs", "a.rs/b"], &["src/a.rs"]),
        ("**/x", &["x", "a/x", "a/b/x", "a/x/y"], &["ax", "a/xy"]),
        ("**/", &["a/b"], &["a"]),
        (".", &["a", "a/b"], &[""]),
        ("./", &["a", "a/b"], &[""]),
        ("/a", &["a"], &["b/a"]),
        ("./a", &["a"], &["b/a"]),
        ("a\\#L1", &["a#L1"], &["a"]),
        ("a\\:\\:b", &["a::b"], &["a"]),
        ("a:b#c", &["a:b#c"], &["a"]),
        ("\\@a", &["@a"], &["a"]),
        ("b/@a", &["b/@a"], &["a"]),
        ("\\!a", &["!a"], &["a"]),
    ] {
        let pattern = read(pattern);
        for path in covered {
            assert!(pattern.matches(path.as_bytes()), "{} on {path}", pattern.text());
        }
        for path in not {
            assert!(!pattern.matches(path.as_bytes()), "{} on {path}", pattern.text());
        }
    }
}

#[test]
fn a_pattern_covers_names_that_are_no_text() {
    assert!(read("a/*").matches(b"a/\xff\xfe"));
    assert!(read("a").matches(b"a/\xff"));
    assert!(read("[!a]").matches(b"\xff") && !read("[[:print:]]").matches(b"\xff"));
}

#[test]
fn a_text_that_could_mean_something_else_is_no_region() {
    let lines = |file: &str, lines: &str| Fault::Lines { file: file.to_owned(), lines: lines.to_owned() };
    let symbol = |file: &str| Fault::Symbol { file: file.to_owned() };
    for (text, expected) in [
        ("", Fault::Empty),
        ("/", Fault::Empty),
        ("a//b", Fault::EmptyComponent),
        ("//a", Fault::EmptyComponent),
        ("a//", Fault::EmptyComponent),
        ("..", Fault::Dots("..")),
        ("../a", Fault::Dots("..")),
        ("a/..", Fault::Dots("..")),
        ("a/\\.\\./b", Fault::Dots("..")),
        ("a/./b", Fault::Dots(".")),
        ("././a", Fault::Dots(".")),
        (".git", Fault::GitDirectory),
        ("a/.GIT/b*", Fault::GitDirectory),
        ("**/.Git/", Fault::GitDirectory),
        ("a\0", Fault::Control),
        ("a\nb", Fault::Control),
        ("a\u{85}", Fault::Control),
        ("a[", Fault::OpenBracket),
        ("a[]", Fault::OpenBracket),
        ("[a-", Fault::OpenBracket),
        ("[a\\]", Fault::OpenBracket),
        ("[[:alpha:]", Fault::OpenBracket),
        ("[[:", Fault::OpenBracket),
        ("[[:word:]]", Fault::UnknownClass("word".to_owned())),
        ("a\\", Fault::TrailingBackslash),
        ("a\\/b", Fault::TrailingBackslash),
        ("src\\auth", Fault::NeedlessBackslash),
        ("C:\\repo\\src", Fault::Drive),
        ("c:/repo", Fault::Drive),
        ("!a", Fault::Negated),
        ("@a", Fault::SetInSet),
        ("[.]", Fault::CoversNothing),
        ("a/.[.]/b", Fault::CoversNothing),
        ("a[/]", Fault::CoversNothing),
        (".gi[tT]", Fault::CoversNothing),
        ("src/lib.rs#L10-L80", lines("src/lib.rs", "L10-L80")),
        ("src/lib.rs#L10", lines("src/lib.rs", "L10")),
        ("src/*#L1-", lines("src/*", "L1-")),
        ("src/lib.rs::parse", symbol("src/lib.rs")),
        ("src/lib.rs::Type::new", symbol("src/lib.rs")),
        ("::a", symbol("")),
    ] {
        assert_eq!(fault(text), expected, "{text:?}");
    }
    assert_eq!(fault(&"a".repeat(LONGEST + 1)), Fault::TooLong);
    assert_eq!(fault(&"*a".repeat(MOST_STARS + 1)), Fault::TooManyStars);
    assert_eq!(fault(&"**/a/".repeat(MOST_STARS + 1)), Fault::TooManyStars);
    assert!(read(&"a".repeat(LONGEST)).matches("a".repeat(LONGEST).as_bytes()));
}

#[test]
fn names_that_only_resemble_the_refused_are_regions() {
    for text in [
        ".gitignore",
        "a/.github/x",
        "...",
        "a/..b",
        ".g",
        "C#/a",
        "a#10",
        "a#Lx",
        "a:b",
        "a b",
        "~/a",
        ".git*",
    ] {
        assert!(Pattern::parse(text, Case::Sensitive).is_ok(), "{text}");
    }
}

#[test]
fn the_literal_prefix_is_made_of_whole_components() {
    for (text, prefix) in [
        ("src/auth/*.rs", "src/auth"),
        ("src/auth", "src/auth"),
        ("/src/auth/", "src/auth"),
        ("src/auth/**", "src/auth"),
        ("src/au*/x", "src"),
        ("src/\\*", "src/*"),
        ("*.rs", ""),
        ("**/a", ""),
        (".", ""),
    ] {
        assert_eq!(read(text).literal_prefix(), prefix.as_bytes(), "{text}");
    }
}

#[test]
fn where_case_does_not_matter_a_bracket_has_both() {
    let pattern = Pattern::parse("[A]/\\.X", Case::Insensitive).unwrap();
    assert!(pattern.matches(b"a/.x") && pattern.matches(b"A/.X"));
    assert!(!Pattern::parse("[!A]", Case::Insensitive).unwrap().matches(b"a"));
}
