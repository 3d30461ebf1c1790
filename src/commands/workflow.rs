//! A workflow from its files: what it includes, the prompts it names, and the target's files for its matrices.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::domain::glob::Pattern;
use crate::domain::lease;
use crate::domain::region::RegionError;
use crate::domain::region::RegionSet;
use crate::domain::workflow;
use crate::domain::workflow::Problem;
use crate::domain::workflow::Sheet;
use crate::domain::workflow::Sources;
use crate::domain::workflow::Workflow;
use crate::domain::workflow::WorkflowError;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::objects::EntryKind;
use crate::git::repo::Repo;

use super::Context;
use super::session::Session;
use super::session::SessionError;

/// A value that is put into a workflow's texts from the command line: `NAME=VALUE`.
#[derive(Debug, Clone)]
pub struct Given {
    name: String,
    value: String,
}

impl std::str::FromStr for Given {
    type Err = String;

    fn from_str(text: &str) -> Result<Given, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                Ok(Given { name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err("write NAME=VALUE".to_owned()),
        }
    }
}

/// The largest file of a workflow that is read, in bytes.
const LARGEST: u64 = 4 << 20;

#[derive(Debug, thiserror::Error)]
enum FileProblem {
    #[error("there is no {}", .0.display())]
    Missing(PathBuf),
    #[error("{} is no text in UTF-8", .0.display())]
    NoText(PathBuf),
    #[error("{} is larger than 4 MiB", .0.display())]
    Large(PathBuf),
}

impl Explain for FileProblem {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}

/// Reads a workflow, its own file named as it was typed. `start` is the target's commit whose files a matrix may name.
///
/// # Errors
/// When a file cannot be read or something in it is wrong.
pub fn load(
    session: &Session,
    context: &Context<'_>,
    file: &Path,
    given: &[Given],
    start: Oid,
) -> Result<Workflow, Failure> {
    let mut loading = Loading { folder: &context.folder, seen: HashSet::new(), sheets: Vec::new() };
    loading.add(file)?;
    let Some(own) = loading.sheets.pop() else { return Err(FileProblem::Missing(file.to_owned()).into()) };
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let given: BTreeMap<String, String> =
        given.iter().map(|given| (given.name.clone(), given.value.clone())).collect();
    let sources = Files { session, folder: &context.folder, start };
    Ok(workflow::assemble(loading.sheets, own, &stem, &given, &sources)?)
}

/// The target's commit.
///
/// # Errors
/// When there is none.
pub fn start(session: &Session) -> Result<Oid, Failure> {
    let target = session.target()?;
    let tip = session.repo.reference(&target)?;
    Ok(tip.ok_or_else(|| SessionError::EmptyTarget(target.clone()))?)
}

struct Loading<'a> {
    folder: &'a Path,
    seen: HashSet<PathBuf>,
    sheets: Vec<Sheet>,
}

impl Loading<'_> {
    /// Reads one file, after all that it includes. One that was read before is passed over.
    fn add(&mut self, file: &Path) -> Result<(), Failure> {
        let path = self.folder.join(file);
        let text = text(&path)?;
        if !self.seen.insert(path.canonicalize().unwrap_or(path)) {
            return Ok(());
        }
        let name = file.display().to_string();
        let sheet = Sheet::parse(&name, &text)?;
        let included: Vec<(PathBuf, _)> = sheet
            .includes()
            .map(|(include, at)| (file.parent().unwrap_or(Path::new("")).join(include), at))
            .collect();
        for (include, at) in included {
            self.add(&include).map_err(|failure| match failure.is::<WorkflowError>(|_| true) {
                // It has a place of its own.
                true => failure,
                false => {
                    let path = include.display().to_string();
                    let problem = Box::new(Problem::File { path, why: failure.to_string() });
                    WorkflowError { file: name.clone(), at, problem }.into()
                }
            })?;
        }
        self.sheets.push(sheet);
        Ok(())
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    if path.metadata().is_ok_and(|metadata| metadata.len() > LARGEST) {
        return Err(FileProblem::Large(path.to_owned()).into());
    }
    let bytes = atomic::read(path)?.ok_or_else(|| FileProblem::Missing(path.to_owned()))?;
    Ok(String::from_utf8(bytes).map_err(|_| FileProblem::NoText(path.to_owned()))?)
}

struct Files<'a> {
    session: &'a Session,
    folder: &'a Path,
    start: Oid,
}

impl Sources for Files<'_> {
    fn prompt(&self, sheet: &str, path: &str) -> Result<String, String> {
        let beside = Path::new(sheet).parent().unwrap_or(Path::new("")).join(path);
        text(&self.folder.join(beside)).map_err(|failure| failure.to_string())
    }

    fn files(&self, pattern: &str) -> Result<Vec<String>, String> {
        let pattern =
            Pattern::parse(pattern, self.session.ledger().case()).map_err(|fault| fault.to_string())?;
        let root = self.session.repo.commit(self.start).map_err(|error| error.to_string())?.tree;
        let mut files = Vec::new();
        covered(&self.session.repo, root, &mut Vec::new(), &pattern, &mut files)
            .map_err(|error| error.to_string())?;
        // What is no UTF-8 could not be named in a prompt, or claimed.
        Ok(files.into_iter().filter_map(|path| String::from_utf8(path).ok()).collect())
    }

    fn regions(&self, texts: &[String]) -> Result<RegionSet, RegionError> {
        let texts = texts.iter().map(String::as_str);
        lease::regions_from(texts, &self.session.policy.regions, self.session.ledger().case())
    }
}

/// The files below a folder that a pattern covers. `path` is the folder's, with a slash at its end if there is one.
fn covered(
    repo: &Repo,
    tree: Oid,
    path: &mut Vec<u8>,
    pattern: &Pattern,
    files: &mut Vec<Vec<u8>>,
) -> Result<(), GitError> {
    for entry in repo.tree(tree)? {
        let length = path.len();
        path.extend_from_slice(&entry.name);
        if entry.kind == EntryKind::Tree {
            path.push(b'/');
            covered(repo, entry.oid, path, pattern, files)?;
        } else if pattern.matches(path) {
            files.push(path.clone());
        }
        path.truncate(length);
    }
    Ok(())
}
