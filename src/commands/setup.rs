//! `setup`: makes a harness ask our guard, by its own settings; and takes that out again without a trace.

pub mod kept;

use std::path::Path;
use std::path::PathBuf;

use crate::agents::Harness;
use crate::agents::places;
use crate::agents::places::Form;
use crate::agents::places::Scope;
use crate::agents::settings::BadSettings;
use crate::base::atomic;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::domain::judge::Actor;
use crate::git::paths;
use crate::git::repo::Repo;
use crate::ledger::error::LedgerError;
use crate::workspace::setup;

use super::Context;
use super::Outcome;
use super::session::Session;
use kept::Entry;
use kept::Kept;

/// Make a harness ask the guard before its agents edit, by merging hooks into its settings.
///
/// For this repository (the default), the settings reach every workspace: they are copied into each, and git does not see
/// them. A file that git tracks is for you to commit. Comments and order of what is there stay. `--remove` takes out what
/// was put in, byte for byte where nobody changed the file since.
#[derive(Debug, Clone, clap::Args)]
pub struct Setup {
    /// The harness
    #[arg(value_enum)]
    pub harness: Harness,
    /// For this repository only [default]
    #[arg(long, conflicts_with = "user")]
    pub project: bool,
    /// For all your repositories
    #[arg(long)]
    pub user: bool,
    /// Also put a short marked section into the file that agents read: AGENTS.md, CLAUDE.md or GEMINI.md
    #[arg(long)]
    pub instructions: bool,
    /// Take out what was put in
    #[arg(long)]
    pub remove: bool,
}

/// What happened to one file.
#[derive(Debug, serde::Serialize)]
struct Done {
    file: PathBuf,
    what: What,
    /// Whether git tracks it, so that it is for a person to commit.
    tracked: bool,
    /// The workspaces that have it too, or had it.
    workspaces: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Written,
    Unchanged,
    Restored,
    Cleaned,
    Removed,
    Nothing,
}

/// Why a harness cannot be set up.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("there is no home folder, as far as the environment says")]
    NoHome,
    #[error("{} is no text", .0.display())]
    NoText(PathBuf),
    #[error("{} cannot be merged with", .0.display())]
    Settings(PathBuf, #[source] BadSettings),
    #[error("{0} reads no file of instructions for all repositories")]
    NoInstructions(Harness),
    #[error("a task does not change the settings that it works under")]
    Task,
}

impl Explain for SetupError {
    fn kind(&self) -> Kind {
        match self {
            SetupError::Task => Kind::Held,
            SetupError::NoInstructions(_) => Kind::Usage,
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            SetupError::NoHome => vec!["set HOME, or set up this repository only: --project".to_owned()],
            SetupError::NoText(_) => vec!["move it away, and run the same command again".to_owned()],
            SetupError::Settings(_, error) => error.hints(),
            SetupError::NoInstructions(_) => vec!["leave --instructions out, or use --project".to_owned()],
            SetupError::Task => vec!["run it in a checkout of a person".to_owned()],
        }
    }
}

impl Setup {
    /// Writes the settings, or takes ours out.
    ///
    /// # Errors
    /// When they cannot be understood or written. A file is changed as a whole or not at all.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let scope = if self.user { Scope::User } else { Scope::Project };
        let bench = Bench::of(context, scope)?;
        let instructions = places::instructions(self.harness, scope);
        if self.instructions && !self.remove && instructions.is_none() {
            return Err(SetupError::NoInstructions(self.harness).into());
        }
        let mut done = Vec::new();
        if self.remove {
            done.extend(bench.remove(self.harness, self.instructions)?);
        } else {
            let (path, form) = bench.hooks_file(self.harness)?;
            done.push(bench.put(self.harness, path, form, &context.program)?);
            if let (true, Some(path)) = (self.instructions, instructions) {
                done.push(bench.put(self.harness, path, Form::Section, &context.program)?);
            }
        }
        Ok(Outcome::new(
            page(self.harness, &done),
            &serde_json::json!({ "harness": self.harness, "files": done }),
        ))
    }
}

/// Takes the settings of all harnesses out of a repository.
///
/// # Errors
/// As for [`Setup::run`].
pub fn forget(session: &Session, context: &Context<'_>) -> Result<(), Failure> {
    if Kept::read(&kept::of_project(session))?.is_empty() {
        return Ok(());
    }
    let bench = Bench::of(context, Scope::Project)?;
    for harness in Harness::ALL {
        bench.remove(harness, false)?;
    }
    Ok(())
}

/// Gives a new workspace the settings that git does not bring to it.
///
/// # Errors
/// When a file is there and cannot be copied.
pub fn furnish(session: &Session, workspace: &Path) -> Result<(), Failure> {
    let names: Vec<String> = Kept::read(&kept::of_project(session))?.hidden();
    Ok(setup::copy_files(&session.home, workspace, &names)?)
}

/// Where settings are written, and where it is kept what was there before.
struct Bench {
    scope: Scope,
    /// The folder that the files' names start from.
    base: PathBuf,
    kept: PathBuf,
    session: Option<Session>,
}

impl Bench {
    fn of(context: &Context<'_>, scope: Scope) -> Result<Bench, Failure> {
        match scope {
            Scope::User => {
                let home = context.home.clone().ok_or(SetupError::NoHome)?;
                Ok(Bench { scope, kept: kept::of_person(&home), base: home, session: None })
            }
            Scope::Project => {
                let session = Session::open(context)?;
                if !session.ledger().is_prepared()? {
                    return Err(LedgerError::NotPrepared.into());
                }
                if matches!(session.actor(context)?, Actor::Task(..)) {
                    return Err(SetupError::Task.into());
                }
                let base = Repo::open(&session.home)?.need_checkout()?.to_owned();
                Ok(Bench { scope, kept: kept::of_project(&session), base, session: Some(session) })
            }
        }
    }

    /// The file for a harness's hooks: the first, unless a later one has some.
    fn hooks_file(&self, harness: Harness) -> Result<(&'static str, Form), Failure> {
        let files = places::files(harness, self.scope);
        let mut chosen = files[0];
        for (path, form) in files {
            if form == Form::Toml && !self.real(path).exists() {
                continue;
            }
            if form == Form::Toml && !self.real(files_first(harness, self.scope)).exists() {
                let text = self.text(path)?;
                let has = crate::agents::inline::has_hooks(&text);
                if has.map_err(|error| SetupError::Settings(self.real(path), error))? {
                    chosen = (path, form);
                }
            }
        }
        Ok(chosen)
    }

    /// The file itself, when people keep a link to it in its place.
    fn real(&self, path: &str) -> PathBuf {
        let path = self.base.join(path);
        path.canonicalize().unwrap_or(path)
    }

    fn text(&self, path: &str) -> Result<String, Failure> {
        read(&self.real(path)).map(Option::unwrap_or_default)
    }

    fn is_tracked(&self, path: &str) -> Result<bool, Failure> {
        match &self.session {
            Some(session) => Ok(Repo::open(&session.home)?.tracks(paths::to_git(Path::new(path))?.as_ref())?),
            None => Ok(false),
        }
    }

    fn put(&self, harness: Harness, path: &str, form: Form, program: &Path) -> Result<Done, Failure> {
        let file = self.real(path);
        let tracked = self.is_tracked(path)?;
        // What others get by git must not name a place of this machine.
        let program = if tracked { "git-odyssey".into() } else { program.to_string_lossy() };
        let before = read(&file)?;
        let text = before.clone().unwrap_or_default();
        let wrong = |error| SetupError::Settings(file.clone(), error);
        let after = form.put(&text, harness, self.scope, &program).map_err(wrong)?;
        let what = if before.as_deref() == Some(&after) { What::Unchanged } else { What::Written };
        let mut kept = Kept::read(&self.kept)?;
        if what == What::Written {
            let bare = match kept.of(harness, path) {
                Some(known) if before.as_deref() == Some(&known.after) => known.before.clone(),
                _ if before.is_some() => Some(form.take(&text, harness).map_err(wrong)?),
                _ => None,
            };
            let folders = kept.of(harness, path).map(|known| known.folders.clone());
            let folders = folders.unwrap_or_else(|| missing_folders(&self.base, path));
            let hidden = self.session.is_some() && !tracked && form != Form::Section;
            let entry = Entry {
                harness,
                path: path.to_owned(),
                form,
                before: bare,
                after: after.clone(),
                folders,
                hidden,
            };
            // Kept first: a kill in between leaves a record of what is not there yet, and that does no harm.
            kept.put(entry);
            kept.write(&self.kept)?;
            atomic::replace(&file, after.as_bytes())?;
        }
        let mut workspaces = 0;
        if let Some(session) =
            self.session.as_ref().filter(|_| kept.of(harness, path).is_some_and(|one| one.hidden))
        {
            kept.hide(&session.repo)?;
            for workspace in others(session, &self.base)? {
                refresh(&workspace.join(path), &text, &after)?;
                workspaces += 1;
            }
        }
        Ok(Done { file, what, tracked, workspaces })
    }

    fn remove(&self, harness: Harness, instructions: bool) -> Result<Vec<Done>, Failure> {
        let mut kept = Kept::read(&self.kept)?;
        let mut files: Vec<(String, Form)> = places::files(harness, self.scope)
            .into_iter()
            .map(|(path, form)| (path.to_owned(), form))
            .collect();
        if let Some(section) = places::instructions(harness, self.scope)
            && (instructions || kept.of(harness, section).is_some())
        {
            files.push((section.to_owned(), Form::Section));
        }
        let (mut done, mut folders) = (Vec::new(), Vec::new());
        for (path, form) in files {
            let file = self.real(&path);
            let entry = kept.of(harness, &path).cloned();
            let what = take(&file, form, harness, entry.as_ref())?;
            let mut workspaces = 0;
            if let (Some(session), Some(entry)) = (&self.session, entry.as_ref().filter(|entry| entry.hidden))
            {
                for workspace in others(session, &self.base)? {
                    let copy = Entry { before: None, ..entry.clone() };
                    if take(&workspace.join(&path), form, harness, Some(&copy))? != What::Nothing {
                        workspaces += 1;
                        // All of them came with the file; git keeps no empty ones.
                        drop_folders(&workspace, &folders_above(&path));
                    }
                }
            }
            if let Some(entry) = &entry {
                folders.extend(entry.folders.clone());
                kept.forget(harness, &path);
                kept.write(&self.kept)?;
            }
            if what != What::Nothing || entry.is_some() {
                done.push(Done { tracked: self.is_tracked(&path)?, file, what, workspaces });
            }
        }
        // One may be for several files, and goes when the last of them has gone.
        folders.sort();
        drop_folders(&self.base, &folders);
        if let Some(session) = &self.session {
            kept.hide(&session.repo)?;
        }
        Ok(done)
    }
}

fn files_first(harness: Harness, scope: Scope) -> &'static str {
    places::files(harness, scope)[0].0
}

/// The text of a file; nothing when there is none.
fn read(file: &Path) -> Result<Option<String>, Failure> {
    let Some(bytes) = atomic::read(file)? else { return Ok(None) };
    Ok(Some(String::from_utf8(bytes).map_err(|_| SetupError::NoText(file.to_owned()))?))
}

/// Takes what is ours out of a file.
fn take(file: &Path, form: Form, harness: Harness, entry: Option<&Entry>) -> Result<What, Failure> {
    let Some(text) = read(file)? else { return Ok(What::Nothing) };
    if let Some(entry) = entry.filter(|entry| entry.after == text) {
        return match &entry.before {
            Some(before) => {
                atomic::replace(file, before.as_bytes())?;
                Ok(What::Restored)
            }
            None => {
                atomic::remove(file)?;
                Ok(What::Removed)
            }
        };
    }
    let wrong = |error| SetupError::Settings(file.to_owned(), error);
    let bare = form.take(&text, harness).map_err(wrong)?;
    if bare == text {
        return Ok(What::Nothing);
    }
    if bare.is_empty() && entry.is_none_or(|entry| entry.before.is_none()) {
        atomic::remove(file)?;
        return Ok(What::Removed);
    }
    atomic::replace(file, bare.as_bytes())?;
    Ok(What::Cleaned)
}

/// The workspaces of a repository.
fn others(session: &Session, main: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for worktree in session.repo.worktrees()? {
        if !worktree.missing
            && worktree.path != main
            && crate::workspace::copy::workspace(&worktree.path)?.is_some()
        {
            found.push(worktree.path);
        }
    }
    Ok(found)
}

/// Gives a workspace the settings, unless it has some of its own.
fn refresh(file: &Path, before: &str, after: &str) -> Result<(), Failure> {
    match read(file)? {
        Some(text) if text != before => Ok(()),
        _ => Ok(atomic::replace(file, after.as_bytes())?),
    }
}

/// The folders above a file, the outermost first.
fn folders_above(path: &str) -> Vec<String> {
    let ends = path.match_indices('/').map(|(end, _)| path[..end].to_owned());
    ends.collect()
}

/// Those of them that are not there.
fn missing_folders(base: &Path, path: &str) -> Vec<String> {
    folders_above(path).into_iter().filter(|folder| !base.join(folder).exists()).collect()
}

fn drop_folders(base: &Path, folders: &[String]) {
    for folder in folders.iter().rev() {
        // Somebody may have put something else there, and then it stays.
        let _ = std::fs::remove_dir(base.join(folder));
    }
}

fn page(harness: Harness, done: &[Done]) -> Page {
    let mut page = Page::default();
    if done.is_empty() {
        page.line(Label::Quiet, format!("nothing of {harness} was set up"));
    }
    for one in done {
        let (label, verb) = match one.what {
            What::Written => (Label::Good, "wrote "),
            What::Unchanged => (Label::Quiet, "as it should be: "),
            What::Restored => (Label::Good, "restored "),
            What::Cleaned => (Label::Good, "took out of "),
            What::Removed => (Label::Good, "removed "),
            What::Nothing => (Label::Quiet, "nothing of ours in "),
        };
        page.put(label, verb).put(Label::Place, one.file.display().to_string());
        if one.workspaces > 0 {
            let count = crate::base::text::count(one.workspaces, "workspace");
            page.put(Label::Plain, format!(", and in {count}"));
        }
        page.end();
        if one.tracked && !matches!(one.what, What::Unchanged | What::Nothing) {
            page.line(Label::Warn, "  git tracks it: commit it, so that workspaces and others have it too");
        }
    }
    if harness == Harness::Codex && done.iter().any(|one| one.what == What::Written) {
        page.line(Label::Warn, "  Codex runs new hooks only when you have trusted them: /hooks in a session");
    }
    if done.iter().any(|one| one.what == What::Written) {
        page.line(Label::Quiet, "  see whether the guard answers: git odyssey doctor");
    }
    page
}
