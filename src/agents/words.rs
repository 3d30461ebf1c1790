//! The words of one command: which of them are files that it writes.

use std::path::Path;

use super::shell::Patch;
use super::shell::Reader;

/// Programs that run the command in their other words.
const FRONTS: [&str; 11] =
    ["sudo", "doas", "command", "exec", "nohup", "time", "nice", "env", "builtin", "busybox", "setsid"];

/// The options of those that take a word of their own.
const FRONT_VALUES: [&str; 8] = ["-u", "-g", "-n", "-C", "-S", "-h", "-p", "--user"];

/// Subcommands of git that run hooks, and that can be told not to.
const HOOKED: [&str; 8] = ["commit", "push", "merge", "pull", "rebase", "am", "revert", "cherry-pick"];

/// Says what a word is that stands before a command and sets a variable.
pub(super) fn assigned(reader: &mut Reader, word: &str) {
    if names_hooks_path(word) {
        reader.found.silences = Some("core.hooksPath".to_owned());
    }
}

/// Says what a command writes. Words that are not decided are nothing; `input` is the file that it reads.
pub(super) fn run(reader: &mut Reader, said: &[Option<String>], input: Option<&str>) {
    let mut words = said;
    loop {
        let Some((Some(first), rest)) = words.split_first() else { return };
        let name = Path::new(first).file_name().and_then(|name| name.to_str()).unwrap_or(first);
        if !FRONTS.contains(&name) {
            return named(reader, name, rest, input);
        }
        words = rest;
        while let Some((Some(word), rest)) = words.split_first() {
            let is_setting = word.contains('=') && !word.starts_with('-');
            if is_setting {
                assigned(reader, word);
            } else if !word.starts_with('-') {
                break;
            }
            let takes = FRONT_VALUES.contains(&word.as_str());
            words = if takes { rest.get(1..).unwrap_or_default() } else { rest };
        }
    }
}

fn named(reader: &mut Reader, name: &str, said: &[Option<String>], input: Option<&str>) {
    match name {
        "cd" | "pushd" => enter(reader, said),
        "popd" => reader.folder = None,
        "sh" | "bash" | "zsh" | "dash" | "ksh" => shell(reader, said),
        "tee" | "sponge" => writes_all(reader, &Split::of(said, &[])),
        "touch" => writes_all(reader, &Split::of(said, &["-d", "-t", "-r", "--date", "--reference"])),
        "truncate" => writes_all(reader, &Split::of(said, &["-s", "-r", "--size", "--reference"])),
        "rm" | "unlink" | "rmdir" => renames_all(reader, &Split::of(said, &[])),
        "mv" => copies(reader, said, true),
        "cp" | "install" | "ln" => copies(reader, said, false),
        "sed" | "gsed" => sed(reader, said),
        "perl" | "ruby" => in_place(reader, said),
        "dd" => {
            for path in said.iter().flatten().filter_map(|word| word.strip_prefix("of=")) {
                reader.writes(path);
            }
        }
        "patch" => patch(reader, said, input),
        "git" => git(reader, said, input),
        _ => {}
    }
}

/// The words of a command, options apart.
struct Split<'a> {
    options: Vec<&'a str>,
    /// What options were told: the option, and its word.
    values: Vec<(&'a str, Option<&'a str>)>,
    /// The other words; nothing for one that is not decided.
    others: Vec<Option<&'a str>>,
}

impl<'a> Split<'a> {
    /// `valued` are the options that take the next word, unless it is written right behind them.
    fn of(said: &'a [Option<String>], valued: &[&str]) -> Split<'a> {
        let mut split = Split { options: Vec::new(), values: Vec::new(), others: Vec::new() };
        let mut words = said.iter().map(Option::as_deref);
        let mut ended = false;
        while let Some(word) = words.next() {
            match word {
                Some("--") if !ended => ended = true,
                Some(word) if !ended && word.starts_with('-') && word.len() > 1 => {
                    split.options.push(word);
                    if let Some((option, value)) = word.split_once('=') {
                        split.values.push((option, Some(value)));
                    } else if valued.contains(&word) {
                        split.values.push((word, words.next().flatten()));
                    } else if let Some(option) =
                        valued.iter().find(|option| !option.starts_with("--") && word.starts_with(**option))
                    {
                        split.values.push((&word[..option.len()], Some(&word[option.len()..])));
                    }
                }
                word => split.others.push(word),
            }
        }
        split
    }

    fn has(&self, options: &[&str]) -> bool {
        self.options.iter().any(|option| options.contains(option))
    }

    fn value(&self, options: &[&str]) -> Option<Option<&'a str>> {
        self.values.iter().find(|(option, _)| options.contains(option)).map(|(_, value)| *value)
    }

    /// Whether one of the options of one letter is given, perhaps together with others.
    fn has_letter(&self, letter: char) -> bool {
        self.options.iter().any(|option| !option.starts_with("--") && option.contains(letter))
    }

    fn paths(&self) -> impl Iterator<Item = &'a str> {
        self.others.iter().copied().flatten()
    }
}

fn writes_all(reader: &mut Reader, split: &Split<'_>) {
    split.paths().for_each(|path| reader.writes(path));
}

fn renames_all(reader: &mut Reader, split: &Split<'_>) {
    split.paths().for_each(|path| reader.renames(path));
}

fn enter(reader: &mut Reader, said: &[Option<String>]) {
    let split = Split::of(said, &[]);
    reader.folder = match split.others[..] {
        [] => reader.home.clone(),
        [Some(path)] if path != "-" => reader.place(path),
        _ => None,
    };
}

fn shell(reader: &mut Reader, said: &[Option<String>]) {
    let mut words = said.iter().map(Option::as_deref);
    while let Some(Some(word)) = words.next() {
        if word.starts_with('-') && !word.starts_with("--") && word.contains('c') {
            if let Some(script) = words.next().flatten() {
                let script = script.to_owned();
                reader.aside(|reader| reader.script(&script));
            }
            return;
        }
        if !word.starts_with('-') {
            return;
        }
    }
}

/// What `cp`, `mv` and their like do: the last word is where it goes, unless that is told otherwise.
fn copies(reader: &mut Reader, said: &[Option<String>], moves: bool) {
    let valued =
        ["-t", "--target-directory", "-S", "--suffix", "-m", "-o", "-g", "--mode", "--owner", "--group"];
    let split = Split::of(said, &valued);
    if split.has(&["-d", "--directory"]) {
        return;
    }
    let told = split.value(&["-t", "--target-directory"]);
    let (from, to) = match (told, &split.others[..]) {
        (Some(to), from) => (from, to),
        (None, [from @ .., to]) if !from.is_empty() => (from, *to),
        _ => return,
    };
    let into = told.is_some()
        || from.len() > 1
        || to.and_then(|to| reader.place(to)).is_some_and(|place| place.is_dir());
    for path in from {
        if let (true, Some(path)) = (moves, path) {
            reader.renames(path);
        }
        let Some(to) = to else { continue };
        if into && !split.has(&["-T", "--no-target-directory"]) {
            let name = path.and_then(|path| Path::new(path).file_name()).and_then(|name| name.to_str());
            if let Some(name) = name {
                reader.renames(&format!("{}/{name}", to.trim_end_matches('/')));
            }
        } else {
            reader.renames(to);
        }
    }
}

fn sed(reader: &mut Reader, said: &[Option<String>]) {
    let split = Split::of(said, &["-e", "-f", "--expression", "--file", "-l"]);
    let in_place = split.options.iter().any(|option| {
        option.starts_with("--in-place")
            || !option.starts_with("--")
                && option.split(['e', 'f']).next().is_some_and(|letters| letters.contains('i'))
    });
    if in_place {
        let is_told = split.value(&["-e", "-f", "--expression", "--file"]).is_some()
            || split.options.iter().any(|option| !option.starts_with("--") && option.ends_with('e'));
        split.others.iter().skip(usize::from(!is_told)).flatten().for_each(|path| reader.writes(path));
    }
}

fn in_place(reader: &mut Reader, said: &[Option<String>]) {
    let split = Split::of(said, &[]);
    let letters = |option: &&&str| !option.starts_with("--") && !option.starts_with("-e");
    let in_place = split.options.iter().filter(letters).any(|option| option.contains('i'));
    let has_script = split.options.iter().any(|option| !option.starts_with("--") && option.contains('e'));
    if in_place && has_script {
        split.others.iter().skip(1).flatten().for_each(|path| reader.writes(path));
    }
}

fn patch(reader: &mut Reader, said: &[Option<String>], input: Option<&str>) {
    let valued = [
        "-p",
        "-i",
        "--input",
        "-d",
        "--directory",
        "-o",
        "--output",
        "-B",
        "-D",
        "-F",
        "-r",
        "-V",
        "-z",
        "-Y",
    ];
    let split = Split::of(said, &valued);
    if split.has(&["--dry-run", "-C", "--check"]) || split.has(&["-d", "--directory"]) {
        return;
    }
    if let Some(Some(path)) = split.others.first() {
        return reader.renames(path);
    }
    let file = split.value(&["-i", "--input"]).flatten().or(input);
    applies(reader, file, split.value(&["-p", "--strip"]).flatten(), 0);
}

fn applies(reader: &mut Reader, file: Option<&str>, strip: Option<&str>, usual: usize) {
    let strip = strip.map_or(Some(usual), |strip| strip.parse().ok());
    let found = file.and_then(|file| reader.place(file)).zip(reader.folder.clone()).zip(strip);
    if let Some(((file, folder), strip)) = found {
        reader.found.patches.push(Patch { file, folder, strip });
    }
}

fn names_hooks_path(text: &str) -> bool {
    text.to_ascii_lowercase().contains("core.hookspath")
}

fn git(reader: &mut Reader, said: &[Option<String>], input: Option<&str>) {
    let mut words = said;
    let before = reader.folder.clone();
    let mut elsewhere = false;
    while let Some((Some(word), rest)) = words.split_first() {
        if !word.starts_with('-') {
            break;
        }
        words = rest;
        if word.starts_with("--git-dir") || word.starts_with("--work-tree") {
            elsewhere = true;
        }
        let value = match word.as_str() {
            "-C" | "-c" | "--git-dir" | "--work-tree" | "--namespace" | "--config-env" => {
                let value = rest.first().cloned().flatten();
                words = rest.get(1..).unwrap_or_default();
                value
            }
            word => word.strip_prefix("-c").or(word.strip_prefix("--config-env=")).map(str::to_owned),
        };
        match (word.as_str(), value) {
            ("-C", folder) => reader.folder = folder.and_then(|folder| reader.place(&folder)),
            (_, Some(value)) => assigned(reader, &value),
            (_, None) => {}
        }
    }
    if let Some((Some(command), rest)) = words.split_first() {
        if elsewhere {
            reader.folder = None;
        }
        subcommand(reader, command, rest, input);
    }
    reader.folder = before;
}

fn subcommand(reader: &mut Reader, command: &str, said: &[Option<String>], input: Option<&str>) {
    if HOOKED.contains(&command) {
        let split = Split::of(said, &["-m", "-F", "-C", "-c", "-t", "--message", "--file"]);
        let short = |option: &&str| {
            !option.starts_with("--")
                && option
                    .split(['m', 'F', 'C', 'c', 't', 'u', 'S'])
                    .next()
                    .is_some_and(|letters| letters.contains('n'))
        };
        let how = match () {
            () if split.has(&["--no-verify"]) => Some(format!("git {command} --no-verify")),
            () if command == "commit" && split.options.iter().any(short) => Some("git commit -n".to_owned()),
            () => None,
        };
        reader.found.silences = reader.found.silences.take().or(how);
        return;
    }
    match command {
        "config" => {
            let split = Split::of(said, &["--file", "-f", "--type", "--default"]);
            let reads = split.has(&["--get", "--get-all", "--list", "-l", "--show-origin"])
                || split.paths().next().is_some_and(|word| word == "get" || word == "list");
            let names = split.paths().any(names_hooks_path);
            if names && !reads && (split.others.len() > 1 || split.has(&["--unset", "--unset-all"])) {
                assigned(reader, "core.hooksPath");
            }
        }
        "checkout" => checkout(reader, said),
        "restore" => {
            let split = Split::of(said, &["-s", "--source", "--pathspec-from-file"]);
            let staged_only =
                split.has(&["-S", "--staged"]) && !split.has(&["-W", "--worktree", "-SW", "-WS"]);
            if !staged_only {
                renames_all(reader, &split);
            }
        }
        "rm" => {
            let split = Split::of(said, &[]);
            if !split.has(&["--cached", "-n", "--dry-run"]) {
                renames_all(reader, &split);
            }
        }
        "mv" => copies(reader, said, true),
        "clean" => {
            let split = Split::of(said, &["-e", "--exclude"]);
            if !split.has_letter('n') && !split.has(&["--dry-run"]) {
                renames_all(reader, &split);
            }
        }
        "stash" => {
            let split = Split::of(said, &["-m", "--message"]);
            if split.others.first() == Some(&Some("push")) {
                split.others.iter().skip(1).flatten().for_each(|path| reader.renames(path));
            }
        }
        "apply" => {
            let split = Split::of(said, &["-p", "--directory", "--exclude", "--include", "-C"]);
            let looks = ["--check", "--stat", "--numstat", "--summary", "--cached"];
            if split.has(&looks) || split.value(&["--directory"]).is_some() {
                return;
            }
            let strip = split.value(&["-p"]).flatten();
            for file in split.paths() {
                applies(reader, Some(file), strip, 1);
            }
            if split.others.is_empty() {
                applies(reader, input, strip, 1);
            }
        }
        "worktree" => {
            let split = Split::of(said, &[]);
            if let [Some("remove"), Some(path)] | [Some("move"), Some(path), ..] = split.others[..]
                && let Some(path) = reader.place(path)
            {
                reader.found.worktrees.push(path);
            }
        }
        _ => {}
    }
}

/// `git checkout` writes the paths behind `--`; without it, a word that is there as a path is one, or git refuses.
fn checkout(reader: &mut Reader, said: &[Option<String>]) {
    if let Some(place) = said.iter().position(|word| word.as_deref() == Some("--")) {
        return said[place + 1..].iter().flatten().for_each(|path| reader.renames(path));
    }
    let split = Split::of(said, &["-b", "-B", "--orphan", "--conflict", "--pathspec-from-file"]);
    if split.has(&["-b", "-B", "--orphan", "--detach", "-d"]) {
        return;
    }
    let paths: Vec<&str> = split
        .paths()
        .filter(|path| reader.place(path).is_some_and(|place| place.symlink_metadata().is_ok()))
        .collect();
    paths.into_iter().for_each(|path| reader.renames(path));
}
