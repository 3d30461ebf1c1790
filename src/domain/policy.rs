//! The policy file `odyssey.toml`: what the people of a repository have agreed on.

mod budget;
mod command;
mod error;
mod file;
mod key;
pub mod merging;
pub mod pool;
pub mod reaction;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::budget::Budget;
use crate::domain::price::Price;
use crate::domain::review::Confirm;
pub use command::BadCommand;
pub use command::words;
pub use error::PolicyError;
pub use error::Position;
pub use error::Problem;
use merging::MergeRule;
use pool::PoolPolicy;
use pool::Ports;
use reaction::Reaction;

/// How work is landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// One merge commit.
    #[default]
    Merge,
    /// One commit with all changes.
    Squash,
    /// The task's commits on top of the target.
    Rebase,
    /// Only when the target has not moved.
    FfOnly,
}

/// The whole policy; every key has a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The branch that tasks land on, without `refs/heads/`; without one the caller decides.
    pub target: Option<String>,
    /// How long a lease lasts without renewal, from a minute to thirty days.
    pub ttl: Duration,
    /// Patterns of files that all may change, such as lock files.
    pub commons: Vec<String>,
    /// Named sets of patterns; `!pattern` takes away, the last match wins. No set is empty.
    pub regions: BTreeMap<String, Vec<String>>,
    /// How workspaces are made.
    pub workspace: WorkspacePolicy,
    /// Which trees are kept for the next workspaces.
    pub pool: PoolPolicy,
    /// How work lands.
    pub land: LandPolicy,
    /// What decides conflicts, path by path; of several entries that cover a path the last one counts.
    pub merge: Vec<MergeRule>,
    /// What runs when something happens that is watched.
    pub on: Vec<Reaction>,
    /// How the ledger is kept.
    pub ledger: LedgerPolicy,
    /// Whose word a review wants.
    pub review: ReviewPolicy,
    /// How much may be used of the models.
    pub budget: Budget,
    /// What is told of what was used.
    pub usage: UsagePolicy,
    /// Prices of models, in place of those that are known.
    pub prices: BTreeMap<String, Vec<Price>>,
    /// Where the patterns are in the file, by key.
    positions: BTreeMap<String, Vec<Position>>,
}

/// How workspaces are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspacePolicy {
    /// Where they are, relative to the main checkout; `{repo}` is that folder's name.
    pub root: String,
    /// Ignored files and folders that are copied into each new one: paths from the top, all inside it.
    pub copy: Vec<String>,
    /// Commands that make each new one ready, as words.
    pub setup: Vec<Vec<String>>,
    /// Patterns of ignored files that may go with a workspace.
    pub disposable: Vec<String>,
    /// Files `NAME.template` from which each new one gets `NAME`, with its own port and name: paths from the top.
    pub templates: Vec<String>,
    /// Ignored files and folders that each new one shares with the main checkout by copy on write, where the file system can.
    pub reflink: Vec<String>,
    /// What a sparse one has besides its regions, as git's patterns for sparse checkouts.
    pub sparse: Vec<String>,
    /// The ports from which each gets one; without them it gets one where a template or a command asks for it.
    pub ports: Option<Ports>,
}

/// How work lands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LandPolicy {
    /// How it is merged, unless the command says otherwise.
    pub strategy: Strategy,
    /// What has to pass on the merged result, as words.
    pub check: Option<Vec<String>>,
}

/// How the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPolicy {
    /// Whether every change waits until it is on the disk.
    pub fsync: bool,
}

/// `[usage]`: what is told of what was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsagePolicy {
    /// Whether the commit that lands says what its task has used.
    pub trailer: bool,
}

/// `[review]`: how conflicts are settled one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReviewPolicy {
    /// Whose word a decision wants before it counts.
    pub confirm: Confirm,
}

/// Build and cache folders: all that is in them can be made again from what is committed.
const DISPOSABLE: [&str; 18] = [
    "target/",
    "node_modules/",
    "__pycache__/",
    ".venv/",
    ".tox/",
    ".nox/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".gradle/",
    ".next/",
    ".nuxt/",
    ".svelte-kit/",
    ".turbo/",
    ".parcel-cache/",
    ".zig-cache/",
    ".dart_tool/",
    ".DS_Store",
];

const DEFAULT_TTL: Duration = Duration::from_secs(60 * 60);

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            target: None,
            ttl: DEFAULT_TTL,
            commons: Vec::new(),
            regions: BTreeMap::new(),
            workspace: WorkspacePolicy::default(),
            pool: PoolPolicy::default(),
            land: LandPolicy::default(),
            merge: Vec::new(),
            on: Vec::new(),
            ledger: LedgerPolicy::default(),
            review: ReviewPolicy::default(),
            budget: Budget::default(),
            usage: UsagePolicy::default(),
            prices: BTreeMap::new(),
            positions: BTreeMap::new(),
        }
    }
}

impl Default for WorkspacePolicy {
    fn default() -> WorkspacePolicy {
        WorkspacePolicy {
            root: "../{repo}.odyssey".to_owned(),
            copy: Vec::new(),
            setup: Vec::new(),
            disposable: DISPOSABLE.map(str::to_owned).to_vec(),
            templates: Vec::new(),
            reflink: Vec::new(),
            sparse: Vec::new(),
            ports: None,
        }
    }
}

impl Default for LedgerPolicy {
    fn default() -> LedgerPolicy {
        LedgerPolicy { fsync: true }
    }
}

impl Policy {
    /// Reads the file's text. Patterns are read as they are: what they mean is for the regions to say.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place: no TOML at all, an unknown key, or a wrong value.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        file::read(text)
    }

    /// Where the pattern with this index is that `commons`, `workspace.disposable` or `regions.<name>` lists.
    ///
    /// Nothing when the file does not list it, which is so for all defaults.
    pub fn position_of(&self, key: &str, index: usize) -> Option<Position> {
        self.positions.get(key)?.get(index).copied()
    }

    /// Where a named set's pattern with this index is.
    pub fn position_of_region(&self, name: &str, index: usize) -> Option<Position> {
        self.position_of(&format!("regions.{name}"), index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::failure::Explain;
    use proptest::prelude::*;

    const FULL: &str = r#"
target = "refs/heads/trunk"
ttl = "2h"
commons = ["Cargo.lock", "CHANGELOG.md"]

[regions]
auth = ["src/auth/**", "!src/auth/generated/**"]
"docs.de" = [
    "docs/ä/**",
    "docs/de/**",
]

[workspace]
root = "../{repo}-work"
copy = [".env", "config/local/"]
setup = ["npm ci --no-audit 'a b'", ["make", "deps && more"]]
disposable = ["out/"]
templates = [".env.template"]
reflink = ["target/"]
sparse = ["/Cargo.toml"]
ports = "4000-4099"

[pool]
size = 4
keep = ["web/node_modules"]

[land]
strategy = "ff-only"
check = "cargo test"

[ledger]
fsync = false
"#;

    #[test]
    fn an_empty_file_is_the_default_policy() {
        assert_eq!(Policy::parse(""), Ok(Policy::default()));
        assert_eq!(Policy::parse("[regions]\n[workspace]\n[land]\n[ledger]\n"), Ok(Policy::default()));
        let policy = Policy::default();
        assert_eq!(policy.ttl, Duration::from_secs(3_600));
        assert_eq!(policy.workspace.root, "../{repo}.odyssey");
        assert!(policy.ledger.fsync && policy.workspace.disposable.contains(&"target/".to_owned()));
    }

    #[test]
    fn a_full_file_is_read_as_it_is_written() -> Result<(), PolicyError> {
        let policy = Policy::parse(FULL)?;
        assert_eq!(policy.target.as_deref(), Some("trunk"));
        assert_eq!(policy.ttl, Duration::from_secs(7_200));
        assert_eq!(policy.commons, ["Cargo.lock", "CHANGELOG.md"]);
        assert_eq!(policy.regions["auth"], ["src/auth/**", "!src/auth/generated/**"]);
        assert_eq!(policy.regions["docs.de"], ["docs/ä/**", "docs/de/**"]);
        assert_eq!(policy.workspace.root, "../{repo}-work");
        assert_eq!(policy.workspace.copy, [".env", "config/local/"]);
        assert_eq!(policy.workspace.setup[0], ["npm", "ci", "--no-audit", "a b"]);
        assert_eq!(policy.workspace.setup[1], ["make", "deps && more"]);
        assert_eq!(policy.workspace.disposable, ["out/"]);
        assert_eq!(policy.workspace.templates, [".env.template"]);
        assert_eq!(policy.workspace.reflink, ["target/"]);
        assert_eq!(policy.workspace.sparse, ["/Cargo.toml"]);
        assert_eq!(policy.workspace.ports, Some(Ports { first: 4_000, last: 4_099 }));
        assert_eq!(policy.pool, PoolPolicy { size: 4, keep: vec!["web/node_modules".to_owned()] });
        assert_eq!(policy.land.strategy, super::Strategy::FfOnly);
        assert_eq!(policy.land.check, Some(vec!["cargo".to_owned(), "test".to_owned()]));
        assert!(!policy.ledger.fsync);
        Ok(())
    }

    #[test]
    fn a_pattern_is_found_again_in_the_file() -> Result<(), PolicyError> {
        let policy = Policy::parse(FULL)?;
        assert_eq!(policy.position_of_region("auth", 1), Some(Position { line: 7, column: 24 }));
        assert_eq!(policy.position_of_region("docs.de", 1), Some(Position { line: 10, column: 5 }));
        assert_eq!(policy.position_of("commons", 0), Some(Position { line: 4, column: 12 }));
        assert_eq!(policy.position_of("workspace.disposable", 0), Some(Position { line: 17, column: 15 }));
        assert_eq!(policy.position_of_region("auth", 2), None);
        assert_eq!(Policy::default().position_of("workspace.disposable", 0), None);
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_what_to_do() {
        let cases = [
            ("ttl = \"1h\"\n  comons = []", "2:3: unknown key `comons`", "did you mean `commons`?"),
            ("[land]\nstrateg = 1", "2:1: unknown key `land.strateg`", "did you mean `strategy`?"),
            ("workspce.copy = []", "1:1: unknown key `workspce`", "did you mean `workspace`?"),
            ("check = \"x\"", "1:1: unknown key `check`", "`check` belongs to [land]"),
            (
                "zzz = 1",
                "1:1: unknown key `zzz`",
                "the keys here are `target`, `ttl`, `commons`, `regions`, `workspace`, `pool`, `land`, `merge`, `on`, `ledger`, `review`, `budget`, `usage`, `prices`",
            ),
            (
                "[budget]\nday = { tokns = 1 }",
                "2:9: unknown key `budget.day.tokns`",
                "did you mean `tokens`?",
            ),
            (
                "[budget.month]\nminutes = 1",
                "2:1: unknown key `budget.month.minutes`",
                "the keys here are `tokens`, `usd`",
            ),
            ("[budget]\nusd = 1", "2:1: unknown key `budget.usd`", "`usd` belongs to [budget.day]"),
            ("[budget]\ngrace = \"2h\"", "2:9: an agent may have up to 1h to stop, not 2h", ""),
            (
                "[budget]\ngrace = \"20\"",
                "2:9: '20' is not a duration",
                "write for example \"45m\", \"2h\" or \"1d\"",
            ),
            (
                "[budget]\nagent = 5",
                "2:9: invalid type: integer `5`, expected a table with `tokens` or `usd`",
                "",
            ),
            ("[usage]\ntrialer = true", "2:1: unknown key `usage.trialer`", "did you mean `trailer`?"),
            ("[usage]\ntrailer = 1", "2:11: invalid type: integer `1`, expected a boolean", ""),
            ("prices = 1", "1:10: invalid type: integer `1`, expected a map", ""),
            ("[prices]\nm = { inptu = 1 }", "2:7: unknown key `inptu`", "did you mean `input`?"),
            (
                "[prices]\nm = { input = -1, output = 2 }",
                "2:15: that is no price",
                "write for example, in dollars a million tokens: \"my-model\" = { input = 1.0, output = 4.0 }",
            ),
            ("[ledger]\nremote = 1", "2:1: unknown key `ledger.remote`", "the keys here are `fsync`"),
            ("ttl = \"90\"", "1:7: '90' is not a duration", "write for example \"45m\", \"2h\" or \"1d\""),
            ("ttl = \"59s\"", "1:7: a lease lasts from 1m to 30d, not 59s", ""),
            ("ttl = \"31d\"", "1:7: a lease lasts from 1m to 30d, not 31d", ""),
            ("ttl = 90", "1:7: invalid type: integer `90`, expected a string", ""),
            ("commons = \"a\"", "1:11: invalid type: string \"a\", expected a sequence", ""),
            ("commons = [\"a\", \"\"]", "1:17: a pattern is empty", ""),
            ("target = \"a b\"", "1:10: 'a b' cannot be a branch's name", ""),
            ("target = \"\"", "1:10: '' cannot be a branch's name", ""),
            ("[regions]\nauth = []", "2:8: the set `auth` is empty", "list its patterns, or remove the set"),
            ("[regions]\na = [\"x\", \"\"]", "2:11: a pattern is empty", ""),
            (
                "[regions]\n\"a b\" = [\"x\"]",
                "2:1: 'a b' cannot name a set",
                "use letters, digits, '-', '_' and '.'",
            ),
            ("[regions]\nauth = \"x\"", "2:8: invalid type: string \"x\", expected a sequence", ""),
            (
                "[workspace]\nroot = \"\"",
                "2:8: '' is no place for workspaces",
                "write for example \"../{repo}.odyssey\"",
            ),
            (
                "[workspace]\nroot = \"../{name}\"",
                "2:8: '../{name}' is no place for workspaces",
                "write for example \"../{repo}.odyssey\"",
            ),
            (
                "[workspace]\ncopy = [\".env\", \"../x\"]",
                "2:17: '../x' is not a path inside the repository",
                "write it from the top folder, without '..'",
            ),
            (
                "[workspace]\ncopy = [\"/etc/x\"]",
                "2:9: '/etc/x' is not a path inside the repository",
                "write it from the top folder, without '..'",
            ),
            (
                "[workspace]\ncopy = ['C:\\x']",
                "2:9: 'C:\\x' is not a path inside the repository",
                "write it from the top folder, without '..'",
            ),
            (
                "[workspace]\ncopy = [\".GIT/config\"]",
                "2:9: '.GIT/config' is not a path inside the repository",
                "write it from the top folder, without '..'",
            ),
            (
                "[workspace]\ncopy = [\"*.env\"]",
                "2:9: '*.env' is a pattern, and only paths can be named here",
                "list the files or their folder",
            ),
            (
                "[workspace]\nsetup = [\"make\", \"a && b\"]",
                "2:18: '&&' is shell syntax, and no shell runs this",
                "write [\"sh\", \"-c\", \"a && b\"]",
            ),
            ("[workspace]\nsetup = [\" \"]", "2:10: the command is empty", ""),
            ("[workspace]\nsetup = [[]]", "2:10: the command is empty", ""),
            ("[workspace]\nsetup = [1]", "2:10: a command is a string or an array of its words", ""),
            ("[land]\ncheck = \"echo 'a\"", "2:9: a quote in the command is not closed", ""),
            ("[land]\ncheck = { a = 1 }", "2:9: a command is a string or an array of its words", ""),
            (
                "[land]\ncheck = \"echo \\\"$(date)\\\"\"",
                "2:9: '$(' is shell syntax, and no shell runs this",
                "write [\"sh\", \"-c\", 'echo \"$(date)\"']",
            ),
            ("[land]\nstrategy = \"marge\"", "2:12: `marge` is not a strategy", "did you mean `merge`?"),
            (
                "[land]\nstrategy = \"x\"",
                "2:12: `x` is not a strategy",
                "the strategies are `merge`, `squash`, `rebase`, `ff-only`",
            ),
            ("[ledger]\nfsync = \"yes\"", "2:9: invalid type: string \"yes\", expected a boolean", ""),
            (
                "[workspace]\ntemplates = [\".env\"]",
                "2:14: '.env' names no template",
                "name the file as FILE.template; the workspace gets FILE",
            ),
            (
                "[workspace]\ntemplates = [\"../x.template\"]",
                "2:14: '../x.template' is not a path inside the repository",
                "write it from the top folder, without '..'",
            ),
            (
                "[workspace]\nports = \"80-90\"",
                "2:9: '80-90' is no range of ports",
                "write for example \"20000-29999\", from 1024 to 65535",
            ),
            ("[pool]\nsize = 500", "2:8: a pool has up to 100 trees, not 500", ""),
            (
                "[pool]\nkeep = [\"*.o\"]",
                "2:9: '*.o' is a pattern, and only paths can be named here",
                "list the files or their folder",
            ),
            ("[pool]\nsizes = 1", "2:1: unknown key `pool.sizes`", "did you mean `size`?"),
            ("land = 1", "1:8: invalid type: integer `1`, expected a table", ""),
            ("# ä\nä = 1", "2:1: invalid unquoted key, expected letters, numbers, `-`, `_`", ""),
            ("ttl = \"1h\"\nttl = \"2h\"", "2:1: duplicate key", ""),
            ("[land", "1:6: unclosed table, expected `]`", ""),
        ];
        for (text, message, hint) in cases {
            let error =
                Policy::parse(text).map(|_| "no error").map_err(|error| (error.to_string(), error.hints()));
            let hints = if hint.is_empty() { Vec::new() } else { vec![hint.to_owned()] };
            assert_eq!(error, Err((message.to_owned(), hints)), "{text}");
        }
    }

    #[test]
    fn columns_count_letters_and_not_bytes() {
        let error = Policy::parse("commons = [\"ä€😀\", 1]").map_err(|error| (error.line, error.column));
        assert_eq!(error, Err((1, 19)));
        let error = Policy::parse("# ä\r\n\r\nttl = \"x\"").map_err(|error| (error.line, error.column));
        assert_eq!(error, Err((3, 7)));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,60}|[a-z\\[\\]={}\"' \r\n.#\\\\$&ä]{0,60}") {
            let _ = Policy::parse(&text);
        }

        #[test]
        fn a_damaged_file_is_read_or_refused_with_a_place_in_it(at in 0usize..600, with in "[\\PC\n]{0,3}", gone in 0usize..4) {
            let mut letters: Vec<char> = FULL.chars().collect();
            let at = at.min(letters.len());
            let end = (at + gone).min(letters.len());
            letters.splice(at..end, with.chars());
            let text: String = letters.into_iter().collect();
            if let Err(error) = Policy::parse(&text) {
                let line = text.split('\n').nth(error.line - 1).unwrap_or_default();
                prop_assert!(error.column >= 1 && error.column <= line.chars().count() + 1, "{error} in {text}");
            }
        }
    }
}
