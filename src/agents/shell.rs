//! A shell's command line, read by a shell's grammar: the files that it plainly writes.
//!
//! Whatever stands for something else only when the command runs (variables, patterns, the output of commands) is not
//! decided, and neither is what a program does by itself. Both are for git's hooks to find.

use std::io::Cursor;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use brush_parser::Parser;
use brush_parser::ParserOptions;
use brush_parser::SourceInfo;
use brush_parser::ast;
use brush_parser::word;
use brush_parser::word::WordPiece;
use brush_parser::word::WordPieceWithSource;

use super::words;

/// What a command line does, as far as it can be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writes {
    /// The files that it writes.
    pub files: Vec<Written>,
    /// The patches that it applies.
    pub patches: Vec<Patch>,
    /// The worktrees that it takes away.
    pub worktrees: Vec<PathBuf>,
    /// How it would switch git's hooks off.
    pub silences: Option<String>,
}

/// A file that a command writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its path, absolute if the folder was.
    pub path: PathBuf,
    /// Whether it is its name that is written, and not its content: a link is not followed, and a folder goes as a whole.
    pub name: bool,
}

/// A patch that is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The file that holds it.
    pub file: PathBuf,
    /// The folder that its names start from.
    pub folder: PathBuf,
    /// How many folders are taken off each name.
    pub strip: usize,
}

/// How deep commands in commands are followed.
const DEEPEST: usize = 8;

/// How many brackets and clauses may be open at once in what is read at all: the grammar's reader is recursive.
const MOST_OPEN: usize = 40;

/// How many bytes are read at most.
const MOST_BYTES: usize = 1 << 20;

/// The stack for reading, far more than is needed for what may be open at once.
const STACK: usize = 64 << 20;

/// What a command line writes that runs in a folder. `home` is what `~` stands for.
pub fn writes(command: &str, folder: &Path, home: Option<&Path>) -> Writes {
    if command.len() > MOST_BYTES || most_open(command) > MOST_OPEN {
        return Writes::default();
    }
    let mut reader = Reader {
        home: home.map(Path::to_owned),
        folder: Some(folder.to_owned()),
        depth: 0,
        found: Writes::default(),
    };
    let read = move || {
        reader.script(command);
        reader.found
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, read);
        // A line on which the grammar's reader fails is one that is not decided.
        thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_default()
    })
}

/// How many brackets and clauses are open at once, at most. Quotes are not heeded, so it may be fewer in truth.
fn most_open(command: &str) -> usize {
    let (mut open, mut clauses, mut ticks, mut bangs, mut most) = (0_usize, 0_usize, 0_usize, 0, 0);
    let mut begins = true;
    for word in command.split_inclusive(|letter: char| letter.is_whitespace() || ";|&(){}`".contains(letter))
    {
        let (name, end) = match word.char_indices().next_back() {
            Some((place, end)) if end.is_whitespace() || ";|&(){}`".contains(end) => (&word[..place], end),
            _ => (word, ' '),
        };
        match name {
            "if" | "for" | "while" | "until" | "case" | "select" if begins => clauses += 1,
            "fi" | "done" | "esac" if begins => clauses = clauses.saturating_sub(1),
            _ => {}
        }
        // Each negates the next one.
        bangs = if name == "!" { bangs + 1 } else { 0 };
        match end {
            '(' | '{' => open += 1,
            ')' | '}' => open = open.saturating_sub(1),
            // Each is the end of one or the beginning of another.
            '`' => ticks += 1,
            _ => {}
        }
        most = most.max(open + clauses + ticks / 2 + bangs);
        begins = !end.is_whitespace()
            || end == '\n'
            || matches!(name, "then" | "do" | "else" | "elif" | "if" | "while" | "until" | "!")
            || begins && name.is_empty();
    }
    most
}

/// Goes through a command line with what is known at each place.
pub(super) struct Reader {
    pub(super) home: Option<PathBuf>,
    /// The folder that the next command runs in; nothing when that is not known any more.
    pub(super) folder: Option<PathBuf>,
    depth: usize,
    pub(super) found: Writes,
}

/// A command's redirection of its input, if it is one from a file.
type Input = Option<String>;

impl Reader {
    /// A script in words; one that no shell could read is not decided.
    pub(super) fn script(&mut self, script: &str) {
        if self.depth >= DEEPEST {
            return;
        }
        let mut parser = Parser::new(Cursor::new(script), &ParserOptions::default(), &SourceInfo::default());
        let Ok(program) = parser.parse_program() else { return };
        self.depth += 1;
        program.complete_commands.iter().for_each(|list| self.list(list));
        self.depth -= 1;
    }

    /// What another shell does, whose folder is not ours afterwards.
    pub(super) fn aside(&mut self, does: impl FnOnce(&mut Reader)) {
        let folder = self.folder.clone();
        does(self);
        self.folder = folder;
    }

    fn list(&mut self, list: &ast::CompoundList) {
        for ast::CompoundListItem(item, _) in &list.0 {
            self.pipeline(&item.first);
            for next in &item.additional {
                let (ast::AndOr::And(pipeline) | ast::AndOr::Or(pipeline)) = next;
                self.pipeline(pipeline);
            }
        }
    }

    fn pipeline(&mut self, pipeline: &ast::Pipeline) {
        if let [only] = &pipeline.seq[..] {
            return self.command(only);
        }
        for command in &pipeline.seq {
            self.aside(|reader| reader.command(command));
        }
    }

    fn command(&mut self, command: &ast::Command) {
        match command {
            ast::Command::Simple(simple) => self.simple(simple),
            ast::Command::Compound(compound, redirects) => {
                for redirect in redirects.iter().flat_map(|list| &list.0) {
                    self.redirect(redirect);
                }
                self.compound(compound);
            }
            // What a function does, it does where it is called.
            ast::Command::Function(_) | ast::Command::ExtendedTest(_) => {}
        }
    }

    fn compound(&mut self, compound: &ast::CompoundCommand) {
        match compound {
            ast::CompoundCommand::BraceGroup(group) => self.list(&group.list),
            ast::CompoundCommand::Subshell(shell) => self.aside(|reader| reader.list(&shell.list)),
            ast::CompoundCommand::ForClause(clause) => self.list(&clause.body.list),
            ast::CompoundCommand::ArithmeticForClause(clause) => self.list(&clause.body.list),
            ast::CompoundCommand::WhileClause(clause) | ast::CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0);
                self.list(&clause.1.list);
            }
            ast::CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition);
                // Only one of the branches runs.
                self.aside(|reader| reader.list(&clause.then));
                for other in clause.elses.iter().flatten() {
                    self.aside(|reader| {
                        other.condition.iter().for_each(|list| reader.list(list));
                        reader.list(&other.body);
                    });
                }
            }
            ast::CompoundCommand::CaseClause(clause) => {
                for list in clause.cases.iter().filter_map(|case| case.cmd.as_ref()) {
                    self.aside(|reader| reader.list(list));
                }
            }
            ast::CompoundCommand::Arithmetic(_) => {}
        }
    }

    fn simple(&mut self, simple: &ast::SimpleCommand) {
        let before = simple.prefix.iter().flat_map(|prefix| &prefix.0);
        let after = simple.suffix.iter().flat_map(|suffix| &suffix.0);
        let mut said = Vec::new();
        let mut input = None;
        for item in before {
            if let ast::CommandPrefixOrSuffixItem::AssignmentWord(_, word) = item {
                words::assigned(self, &word.value);
            }
            input = self.item(item, None).or(input);
        }
        said.extend(simple.word_or_name.iter().map(|word| self.word(&word.value)));
        for item in after {
            input = self.item(item, Some(&mut said)).or(input);
        }
        words::run(self, &said, input.as_deref());
    }

    fn item(
        &mut self,
        item: &ast::CommandPrefixOrSuffixItem,
        said: Option<&mut Vec<Option<String>>>,
    ) -> Input {
        match item {
            ast::CommandPrefixOrSuffixItem::IoRedirect(redirect) => return self.redirect(redirect),
            ast::CommandPrefixOrSuffixItem::Word(word)
            | ast::CommandPrefixOrSuffixItem::AssignmentWord(_, word) => {
                let word = self.word(&word.value);
                if let Some(said) = said {
                    said.push(word);
                }
            }
            ast::CommandPrefixOrSuffixItem::ProcessSubstitution(_, shell) => {
                self.aside(|reader| reader.list(&shell.list));
                if let Some(said) = said {
                    said.push(None);
                }
            }
        }
        None
    }

    fn redirect(&mut self, redirect: &ast::IoRedirect) -> Input {
        let target = match redirect {
            ast::IoRedirect::OutputAndError(word, _) => Some(&word.value),
            ast::IoRedirect::File(_, ast::IoFileRedirectKind::Read, target) => {
                if let ast::IoFileRedirectTarget::Filename(word) = target {
                    return self.word(&word.value);
                }
                None
            }
            ast::IoRedirect::File(_, kind, target) => match (kind, target) {
                (ast::IoFileRedirectKind::DuplicateInput, _) => None,
                (_, ast::IoFileRedirectTarget::Filename(word)) => Some(&word.value),
                // `>&1` names no file; `>& file` does.
                (_, ast::IoFileRedirectTarget::Duplicate(word)) => {
                    let names_stream = word.value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
                    (!names_stream).then_some(&word.value)
                }
                (_, ast::IoFileRedirectTarget::ProcessSubstitution(_, shell)) => {
                    self.aside(|reader| reader.list(&shell.list));
                    None
                }
                (_, ast::IoFileRedirectTarget::Fd(_)) => None,
            },
            ast::IoRedirect::HereDocument(..) => None,
            ast::IoRedirect::HereString(_, word) => {
                self.word(&word.value);
                None
            }
        };
        if let Some(path) = target.and_then(|word| self.word(word)) {
            self.writes(&path);
        }
        None
    }

    /// What a word says before anything runs; nothing when that is not decided. Commands in it are gone through.
    fn word(&mut self, text: &str) -> Option<String> {
        let pieces = word::parse(text, &ParserOptions::default()).ok()?;
        self.pieces(&pieces, false)
    }

    fn pieces(&mut self, pieces: &[WordPieceWithSource], quoted: bool) -> Option<String> {
        let mut said = Some(String::new());
        for piece in pieces {
            let part = match &piece.piece {
                WordPiece::Text(text) if quoted || !is_pattern(text) => Some(text.clone()),
                WordPiece::Text(_) => None,
                WordPiece::SingleQuotedText(text) => Some(text.clone()),
                WordPiece::EscapeSequence(text) => {
                    let text = text.strip_prefix('\\').unwrap_or(text);
                    Some(if text == "\n" { String::new() } else { text.to_owned() })
                }
                WordPiece::DoubleQuotedSequence(inner) => self.pieces(inner, true),
                WordPiece::TildePrefix(name) if name.is_empty() => {
                    self.home.as_ref().and_then(|home| home.to_str()).map(str::to_owned)
                }
                WordPiece::CommandSubstitution(script) | WordPiece::BackquotedCommandSubstitution(script) => {
                    self.aside(|reader| reader.script(script));
                    None
                }
                WordPiece::AnsiCQuotedText(_)
                | WordPiece::GettextDoubleQuotedSequence(_)
                | WordPiece::TildePrefix(_)
                | WordPiece::ParameterExpansion(_)
                | WordPiece::ArithmeticExpression(_) => None,
            };
            said = said.zip(part).map(|(said, part)| said + &part);
        }
        said
    }

    /// A path of the folder that commands run in; nothing when that is not known.
    pub(super) fn place(&self, path: &str) -> Option<PathBuf> {
        if path.is_empty() {
            return None;
        }
        let path = Path::new(path);
        match &self.folder {
            _ if path.is_absolute() => Some(plain(path)),
            Some(folder) => Some(plain(&folder.join(path))),
            None => None,
        }
    }

    /// Notes that the content of a file is written.
    pub(super) fn writes(&mut self, path: &str) {
        self.add(path, false);
    }

    /// Notes that a name is written, moved or removed.
    pub(super) fn renames(&mut self, path: &str) {
        self.add(path, true);
    }

    fn add(&mut self, path: &str, name: bool) {
        if let Some(path) = self.place(path) {
            let written = Written { path, name };
            if !self.found.files.contains(&written) {
                self.found.files.push(written);
            }
        }
    }
}

/// Whether a shell would make something else of a text that is not quoted.
fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
        || text.split('{').skip(1).any(|rest| rest.contains('}') && rest.contains([',', '.']))
}

/// A path without `.` and `..`, by its text alone.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a command line writes in `/w`, a line for each; a name with `!`.
    fn told(command: &str) -> String {
        let found = writes(command, Path::new("/w"), Some(Path::new("/home/ada")));
        let mut told: Vec<String> = found
            .files
            .iter()
            .map(|file| format!("{}{}", if file.name { "!" } else { "" }, file.path.display()))
            .collect();
        told.extend(found.patches.iter().map(|patch| {
            format!("patch {} in {} strip {}", patch.file.display(), patch.folder.display(), patch.strip)
        }));
        told.extend(found.worktrees.iter().map(|path| format!("worktree {}", path.display())));
        told.extend(found.silences.map(|how| format!("silences: {how}")));
        told.join(" ")
    }

    #[test]
    fn plain_ways_of_writing_are_told() {
        let cases = [
            ("echo x > a.txt", "/w/a.txt"),
            ("echo x >> 'a b' 2>/dev/null", "/w/a b /dev/null"),
            ("make &> log; make >| log2; make 2>&1 >& log3", "/w/log /w/log2 /w/log3"),
            ("cat <<'END' > src/a.rs\n> not/this\nEND", "/w/src/a.rs"),
            ("echo x | tee -a one two | cat", "/w/one /w/two"),
            ("sed -i 's/a/b/' src/a.rs src/b.rs", "/w/src/a.rs /w/src/b.rs"),
            ("sed -i.bak -e s/a/b/ -e s/c/d/ x", "/w/x"),
            ("sed --in-place=.bak s/a/b/ x; sed -n p y", "/w/x"),
            ("sed -ne p x; sed -Ei s/a/b/ y", "/w/y"),
            ("perl -pi -e 's/a/b/' x", "/w/x"),
            ("mv src/a.rs src/b.rs", "!/w/src/a.rs !/w/src/b.rs"),
            ("mv -t dir a b", "!/w/a !/w/dir/a !/w/b !/w/dir/b"),
            ("cp -r one two", "!/w/two"),
            ("rm -rf a/b c", "!/w/a/b !/w/c"),
            ("rm -- -x", "!/w/-x"),
            ("touch -d yesterday a && truncate -s 0 b", "/w/a /w/b"),
            ("dd if=/dev/zero of=x bs=1", "/w/x"),
            ("install -m 755 a bin/a; ln -sf a b", "!/w/bin/a !/w/b"),
            ("git checkout HEAD~1 -- a b", "!/w/a !/w/b"),
            ("git restore -s main a", "!/w/a"),
            ("git restore --staged a", ""),
            ("git rm a; git rm --cached b; git mv c d", "!/w/a !/w/c !/w/d"),
            ("git -C sub rm a", "!/w/sub/a"),
            ("git clean -fd build", "!/w/build"),
            ("git apply -p2 x.patch", "patch /w/x.patch in /w strip 2"),
            ("git apply --check x.patch", ""),
            ("patch -p1 < x.patch", "patch /w/x.patch in /w strip 1"),
            ("patch a.c x.patch", "!/w/a.c"),
        ];
        for (command, writes) in cases {
            assert_eq!(told(command), writes, "{command}");
        }
    }

    #[test]
    fn commands_are_found_wherever_they_stand() {
        let cases = [
            ("cd src && echo x > a", "/w/src/a"),
            ("(cd src; echo x > a); echo y > b", "/w/src/a /w/b"),
            ("if true; then rm a; else rm b; fi", "!/w/a !/w/b"),
            ("for f in 1 2; do rm x; done; while true; do touch y; done", "!/w/x /w/y"),
            ("case x in a) rm a;; esac", "!/w/a"),
            ("{ echo x; } > out", "/w/out"),
            ("bash -c 'cd d; rm x'; rm y", "!/w/d/x !/w/y"),
            ("sudo -u root env A=1 rm x", "!/w/x"),
            ("echo \"$(rm x)\" `touch y`", "!/w/x /w/y"),
            ("diff <(rm x) y", "!/w/x"),
            ("A=1 rm x", "!/w/x"),
            ("rm ~/x ../y \"a b\" a\\ c", "!/home/ada/x !/y !/w/a b !/w/a c"),
            ("/bin/rm x", "!/w/x"),
            ("time rm x", "!/w/x"),
        ];
        for (command, writes) in cases {
            assert_eq!(told(command), writes, "{command}");
        }
    }

    #[test]
    fn what_is_not_known_before_it_runs_is_not_decided() {
        for command in [
            "rm *.o",
            "rm $FILE \"${X}/a\"",
            "cd \"$D\" && rm x",
            "cd - && rm x",
            "rm a{1,2}",
            "python3 -c 'open(\"x\",\"w\")'",
            "xargs rm < list",
            "make install",
            "f() { rm x; }",
            "echo 'unfinished",
            "",
            "git checkout main",
            "git stash; git reset --hard; git clean -fd",
            "rm ~other/x",
        ] {
            assert_eq!(told(command), "", "{command}");
        }
        assert_eq!(told("rm $X a"), "!/w/a", "the others of its words are");
    }

    #[test]
    fn a_line_that_is_nested_too_deep_is_not_decided_and_does_no_harm() {
        let pairs = [
            ("( ", " )"),
            ("$(", ")"),
            ("\"$(", ")\""),
            ("`", "`"),
            ("((", "))"),
            ("${x:-", "}"),
            ("<(", ")"),
            ("{ ", "; }"),
            ("if true; then ", "; fi"),
            ("while true; do ", "; done"),
            ("case x in x) ", ";; esac"),
            ("! ", ""),
            ("a=", ""),
            ("if ", "; then true; fi"),
            ("true; ", ""),
            ("true | ", ""),
            ("true && ", ""),
            ("A=1 ", ""),
            ("\\\n", ""),
            ("{a,", "}"),
            ("[[ ! ", " ]]"),
            ("x() { ", "; }"),
            ("time ", ""),
            ("> a ", ""),
        ];
        for (open, close) in pairs {
            for depth in [1, 5, 13, 19, 37, 39, 200, 20_000] {
                let text = format!("{}rm x{}", open.repeat(depth), close.repeat(depth));
                let begun = std::time::Instant::now();
                let found = writes(&text, Path::new("/w"), None).files.len();
                assert!(found <= 2, "{open} {depth}");
                assert!(begun.elapsed().as_secs() < 20, "{open} {depth}: {:?}", begun.elapsed());
            }
        }
        assert_eq!(told(&format!("{}rm x{}", "$(".repeat(5), ")".repeat(5))), "!/w/x");
        assert_eq!(told(&format!("cat > a <<'E'\n{}\nE", "if there is (x) {y}\n".repeat(30))), "/w/a");
    }

    #[test]
    fn ways_to_silence_hooks_are_told() {
        let cases = [
            ("git commit --no-verify -m x", "silences: git commit --no-verify"),
            ("git commit -anm 'x'", "silences: git commit -n"),
            ("git commit -am no", ""),
            ("git push -n", ""),
            ("git push --no-verify", "silences: git push --no-verify"),
            ("git -c core.hooksPath=/dev/null commit", "silences: core.hooksPath"),
            ("git -ccore.hookspath= commit", "silences: core.hooksPath"),
            ("git config core.hooksPath /dev/null", "silences: core.hooksPath"),
            ("git config --get core.hooksPath", ""),
            ("git config set core.hooksPath x", "silences: core.hooksPath"),
            ("GIT_CONFIG_PARAMETERS=\"'core.hooksPath=x'\" git commit", "silences: core.hooksPath"),
            ("git worktree remove --force ../x", "worktree /x"),
        ];
        for (command, writes) in cases {
            assert_eq!(told(command), writes, "{command}");
        }
    }
}
