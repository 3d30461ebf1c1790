//! The table of all commands, from which help, dispatch, manual pages and completions follow.

use crate::base::failure::Failure;
use crate::commands;
use crate::commands::Context;
use crate::commands::Outcome;

/// One way to use a command, for its manual page: the line to type, and what it does.
pub type Example = (&'static str, &'static str);

/// Turns the rows of the table into the subcommands of the command line.
///
/// A row is the command's name, the struct of its arguments, and its examples. The struct has the command's one
/// sentence as its documentation and `run(self, &Context) -> Result<Outcome, Failure>`.
macro_rules! table {
    ($($(#[$attribute:meta])* $name:ident = $arguments:path, $examples:expr;)*) => {
        /// One request: which command, and its arguments.
        #[derive(Debug, clap::Subcommand)]
        #[expect(missing_docs, reason = "the documentation is that of the arguments")]
        pub enum Request {
            $($(#[$attribute])* $name(Box<$arguments>),)*
        }

        impl Request {
            /// Does what is asked.
            ///
            /// # Errors
            /// The command's own.
            pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
                match self {
                    $(Request::$name(arguments) => arguments.run(context),)*
                }
            }

            /// The command's name as it is typed.
            pub fn name(&self) -> String {
                match self {
                    $(Request::$name(_) => typed(stringify!($name)),)*
                }
            }
        }

        impl Request {
            /// The arguments of one command, by its name as it is typed.
            pub fn alone(command: &str) -> Option<clap::Command> {
                $(if command == typed(stringify!($name)) {
                    // Clap keeps no texts but static ones, and a process reads one line.
                    let name: &'static str = typed(stringify!($name)).leak();
                    return Some(<$arguments as clap::Args>::augment_args(clap::Command::default().name(name)));
                })*
                None
            }
        }

        /// The examples of a command, by its name as it is typed.
        pub fn examples(command: &str) -> &'static [Example] {
            $(if command == typed(stringify!($name)) {
                return $examples;
            })*
            &[]
        }
    };
}

table! {
    Init = commands::init::Init, &[
        ("git odyssey init", "Prepare this repository, or repair what is missing."),
    ];
    Claim = commands::claim::Claim, &[
        ("git odyssey claim auth-refactor --region 'src/auth/**'", "Take a folder and all that is in it."),
        ("git odyssey claim fix-login --region src/login.rs --for claude-1 -- claude", "Start an agent in the workspace."),
        ("git odyssey claim docs --region 'docs/**' --here", "Lease for the checkout that you are in."),
        ("git odyssey claim api --region '@api' --wait=30m", "Wait until all regions are free, half an hour at most."),
    ];
    Status = commands::status::Status, &[
        ("git odyssey status", "See who works on what."),
        ("git odyssey status --json", "The same for a program."),
        ("git odyssey status --porcelain", "For a script: a line a task, in a form that stays."),
    ];
    Show = commands::show::Show, &[("git odyssey show auth-refactor", "See one task in full.")];
    Cd = commands::cd::Cd, &[
        ("git odyssey cd auth-refactor", "With your shell's function: go to its workspace. Else: print where it is."),
    ];
    Exec = commands::exec::Exec, &[
        ("git odyssey exec auth-refactor -- cargo test", "Run a command in its workspace, as the task."),
    ];
    Prompt = commands::prompt::Prompt, &[
        ("git odyssey prompt", "In a workspace: `auth-refactor 42m`, for your shell's prompt. Elsewhere nothing."),
    ];
    Shell = super::shell::Shell, &[
        ("git odyssey shell bash", "The function that lets cd move the shell; for its start file."),
    ];
    Notes = commands::notes::Notes, &[
        ("git odyssey notes auth-refactor", "What its agent should read before it goes on."),
        ("git odyssey notes --again", "In a workspace: everything that still differs, told before or not."),
    ];
    Watch = commands::watch::Watch, &[
        ("git odyssey watch", "Tell what happens, until Ctrl-C."),
        ("git odyssey watch --json --since 120", "For a program that was away: go on after notice 120."),
    ];
    Log = commands::log::Log, &[
        ("git odyssey log -n 20", "See the latest twenty events."),
        ("git odyssey log --task auth-refactor", "See what happened to one task."),
    ];
    Renew = commands::renew::Renew, &[
        ("git odyssey renew", "In a workspace: as long again as was granted."),
        ("git odyssey renew auth-refactor --ttl 2h", "From anywhere, for two hours from now."),
    ];
    Park = commands::park::Park, &[
        ("git odyssey park auth-refactor --reason 'waits for the new API'", "Stop, and keep work and regions."),
    ];
    Resume = commands::resume::Resume, &[
        ("git odyssey resume auth-refactor --for human:anna", "Go on with work that an agent began."),
    ];
    Sync = commands::sync::Sync, &[
        ("git odyssey sync", "In a workspace: take up what is new on the target, by a merge."),
        ("git odyssey sync auth-refactor --rebase", "From anywhere: put the task's commits on top of the target."),
    ];
    Land = commands::land::Land, &[
        ("git odyssey land auth-refactor --check 'cargo test'", "Merge if the tests pass on the merged result."),
        ("git odyssey land --squash", "In a workspace: land as one commit."),
    ];
    Review = commands::review::Review, &[
        ("git odyssey review auth-refactor", "Settle its conflicts with the target, one by one."),
        ("git odyssey review --list", "In a workspace: what is to be decided, for an agent with --json."),
        ("git odyssey review auth-refactor --take 3f1c2ab90d41 theirs", "Decide one conflict for the task's side."),
        ("git odyssey review auth-refactor --finish", "Land with what was decided."),
    ];
    Serve = super::serve::Serve, &[
        ("git odyssey serve", "In the browser: everything that is live, and reviews; until Ctrl-C."),
        ("git odyssey serve --port 4000", "At a port of your choice."),
    ];
    Mcp = super::mcp::Mcp, &[
        ("git odyssey mcp", "Answer an agent's program on standard input and output, until it closes them."),
    ];
    Conflicts = commands::conflicts::Conflicts, &[
        ("git odyssey conflicts", "See whether all work fits together, uncommitted edits of people included."),
        ("git odyssey conflicts main auth", "Say whether two revisions would merge; nothing is written."),
        ("git odyssey conflicts --stdin", "Answer a line 'A B' after the other, each with one JSON object a line."),
    ];
    Check = commands::check::Check, &[
        ("git odyssey check src/auth/login.rs", "Before an edit: may I write here, and who else has changes there?"),
    ];
    Guard = commands::guard::Guard, &[
        ("git odyssey guard claude", "As an agent's own hook: reads what is about to happen, and answers."),
    ];
    Setup = commands::setup::Setup, &[
        ("git odyssey setup claude", "Let Claude Code ask the guard, in this repository and its workspaces."),
        ("git odyssey setup gemini --user --instructions", "For all repositories, and tell agents how to behave."),
        ("git odyssey setup codex --remove", "Leave the settings as they were."),
    ];
    Release = commands::release::Release, &[("git odyssey release auth-refactor", "Give the regions back.")];
    Abandon = commands::abandon::Abandon, &[
        ("git odyssey abandon auth-refactor --reason 'wrong way'", "Save the work, then remove task and workspace."),
    ];
    Salvage = commands::salvage::Salvage, &[
        ("git odyssey salvage list", "See what was saved."),
        ("git odyssey salvage restore auth-refactor", "Have an abandoned task's files back."),
    ];
    Pool = commands::pool::Pool, &[
        ("git odyssey pool", "See how many trees are ready for the next workspaces."),
        ("git odyssey pool --fill", "Make them ahead, so that the next claims find them."),
    ];
    Plan = commands::plan::Plan, &[
        ("git odyssey plan spring.toml", "See what a workflow would do, in which order and by whom."),
        ("git odyssey plan spring.toml --var lang=de --dot", "With a value for its texts, as a drawing for Graphviz."),
    ];
    Run = commands::run::Run, &[
        ("git odyssey run spring.toml", "Do it: agents in workspaces of their own, and what they did lands."),
        ("git odyssey run spring.toml --json", "The same for a program: what happens, one JSON object a line."),
    ];
    Compact = commands::compact::Compact, &[
        ("git odyssey compact", "Fold the ledger's history into an archive, while everybody goes on."),
    ];
    Doctor = commands::doctor::Doctor, &[
        ("git odyssey doctor", "Find what is wrong; nothing is changed."),
        ("git odyssey doctor --fix", "Mend what can be mended without losing anything."),
    ];
    Usage = commands::usage::Usage, &[
        ("git odyssey usage", "See what each task has used of the models, and what became of it."),
        ("git odyssey usage --by model --since 2026-11-01", "See which models were used this month."),
        ("git odyssey usage --by day --everywhere --csv", "Everything on this machine, for a spreadsheet."),
        ("git odyssey usage --budget auth-refactor --json", "How a task and its holder stand to the limits."),
    ];
    Tiers = commands::tiers::Tiers, &[
        ("git odyssey tiers", "See which tier of models does which work, at what cost, and which to choose."),
    ];
    Server = commands::server::Server, &[
        ("git odyssey server install", "In a repository that others push to: let its hook judge every push."),
        ("git odyssey server install --remove", "Take the hook out again, byte for byte."),
    ];
    Uninstall = commands::uninstall::Uninstall, &[("git odyssey uninstall", "Leave the repository as it was before.")];
    Install = super::install::Install, &[
        ("cargo run --release --locked -- install", "From the source: install where cargo installs programs."),
        ("git-odyssey install --prefix ~/.local", "Install under another folder."),
        ("git-odyssey install --remove", "Remove exactly what was installed."),
    ];
    #[command(hide = true)]
    Hook = commands::hook::Hook, &[];
    #[command(hide = true)]
    Keep = commands::keep::Keep, &[];
}

/// A variant's name as it is typed: `MergePreview` is `merge-preview`.
fn typed(variant: &str) -> String {
    let mut name = String::new();
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
