//! One step in a review as a page asks for it: the same steps as on the command line, with texts in the request itself.

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::policy;
use crate::domain::review::Choice;
use crate::domain::review::ItemId;
use crate::domain::review::Purpose;
use crate::domain::review::steps::StepKind;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::merge::is_file;
use crate::merge::review::What;

use super::super::Context;
use super::super::Outcome;
use super::super::session::Session;
use super::BadRequest;
use super::desk::Desk;
use super::ending;
use super::error::DeskError;
use super::opening::Asked;
use super::screen;

/// What is asked. Steps that decide something answer the whole review as it stands then, as `--list` does.
#[derive(Debug, Clone, serde::Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Open or resume it.
    Open {
        /// What it is for, where none has begun yet.
        purpose: Option<Purpose>,
        /// Whether uncommitted edits in the target's checkout are to go along.
        #[serde(default)]
        edits: bool,
    },
    /// Give the versions of a conflict to write another from.
    Draft {
        /// The conflict's name.
        conflict: String,
    },
    /// Decide.
    Take {
        /// A conflict's name, a path, or `all` that are open.
        conflict: String,
        /// A plain choice's name, `text`, or `at`.
        choice: String,
        /// The text, or the path, that goes with those two.
        text: Option<String>,
        /// How the lines of the text end in the file.
        #[serde(default)]
        ends: Ends,
    },
    /// Say why.
    Note {
        /// A conflict's name, a path, or `all` that are open.
        conflict: String,
        /// The reason; an empty one takes it away.
        text: String,
    },
    /// Agree.
    Confirm {
        /// A conflict's name, a path, or `all` that are open.
        conflict: String,
    },
    /// Take the last decision back.
    Undo {},
    /// Decide again what was taken back last.
    Redo {},
    /// Give a file as it is with what was decided.
    Preview {
        /// The file's path.
        path: String,
    },
    /// Run a command on the result.
    Test {
        /// The command's words; nothing is the policy's check.
        command: Option<String>,
    },
    /// Land or sync with what was decided.
    Finish {
        /// A check in place of the policy's.
        check: Option<String>,
        /// Leave the worktree and its branch where they are.
        #[serde(default)]
        keep: bool,
    },
    /// Give the review up.
    Drop {},
}

/// How lines end: a page's text field knows one way only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Ends {
    /// With a line feed.
    #[default]
    Lf,
    /// With a carriage return before it.
    Crlf,
}

/// The versions of a conflict, byte for byte but for the ends of their lines, to write another from.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
struct Draft {
    conflict: String,
    ends: Ends,
    base: Option<String>,
    ours: Option<String>,
    theirs: Option<String>,
    /// What was written before.
    written: Option<String>,
}

/// What a page cannot be given, or asks for wrongly.
#[derive(Debug, thiserror::Error)]
enum ActionError {
    #[error("{path} cannot be written in a text field: {reason}")]
    NotText { path: String, reason: &'static str, conflict: String, task: TaskName },
    #[error("'{}' is no choice, or lacks its text", text::visible(.0.as_bytes()))]
    Choice(String),
    #[error("odyssey.toml names no check")]
    NoCheck,
}

impl Explain for ActionError {
    fn kind(&self) -> Kind {
        match self {
            ActionError::NotText { .. } => Kind::Refused,
            ActionError::Choice(_) | ActionError::NoCheck => Kind::Usage,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            ActionError::NotText { conflict, task, .. } => {
                vec![format!("write it to a file, then: git odyssey review {task} --take {conflict} FILE")]
            }
            ActionError::Choice(_) => {
                vec!["one of ours, theirs, both, both-reversed, base; or text or at, with a text".to_owned()]
            }
            ActionError::NoCheck => {
                vec!["name a command, or put one there: [land] check = \"…\"".to_owned()]
            }
        }
    }
}

impl Action {
    /// Whether it may change something, so that no other may be under way.
    pub fn writes(&self) -> bool {
        !matches!(self, Action::Draft { .. } | Action::Preview { .. } | Action::Test { .. })
    }

    /// Does it.
    ///
    /// # Errors
    /// As the command line's `review` does for the same step.
    pub fn run(self, context: &Context<'_>, task: &TaskName) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        // Opened only after the words of the request have been read: a wrong one begins no review.
        let open = |purpose: Option<Purpose>| Desk::open(&session, context, task, purpose);
        let (mut desk, changed) = match self {
            Action::Open { purpose, edits } => {
                (Desk::open(&session, context, task, Asked { purpose, edits })?, Vec::new())
            }
            Action::Draft { conflict } => return draft(&open(None)?, &conflict),
            Action::Take { conflict, choice, text, ends } => {
                let choice = chosen(&choice, text, ends)?;
                let mut desk = open(None)?;
                let changed = desk.take(&conflict, &choice)?;
                (desk, changed)
            }
            Action::Note { conflict, text } => {
                let mut desk = open(None)?;
                let changed = desk.note(&conflict, &text)?;
                (desk, changed)
            }
            Action::Confirm { conflict } => {
                let mut desk = open(None)?;
                let changed = desk.confirm(&conflict)?;
                (desk, changed)
            }
            Action::Undo {} => again(open(None)?, StepKind::Undo)?,
            Action::Redo {} => again(open(None)?, StepKind::Redo)?,
            Action::Preview { path } => return screen::preview(&open(None)?, &path),
            Action::Test { command } => {
                let words = match command {
                    Some(command) => words(&command)?,
                    None => session.policy.land.check.clone().ok_or(ActionError::NoCheck)?,
                };
                let desk = open(None)?;
                let output = desk.test(&words)?;
                return screen::tested(&desk, &words, &output);
            }
            Action::Finish { check, keep } => return ending::finish(open(None)?, context, check, keep),
            Action::Drop {} => return ending::drop_review(&session, context, task),
        };
        if desk.is_behind() {
            desk.look_at_edits()?;
        }
        screen::listed(&desk, &changed)
    }
}

fn again(mut desk: Desk<'_>, kind: StepKind) -> Result<(Desk<'_>, Vec<ItemId>), Failure> {
    let changed = vec![desk.undo(kind)?];
    Ok((desk, changed))
}

fn words(command: &str) -> Result<Vec<String>, Failure> {
    let bad = |reason: String| BadRequest::Command { command: command.to_owned(), reason };
    Ok(policy::words(command).map_err(|reason| bad(reason.to_string()))?)
}

fn chosen(choice: &str, text: Option<String>, ends: Ends) -> Result<Choice, ActionError> {
    match (Choice::plain(choice), choice, text) {
        (Some(choice), _, None) => Ok(choice),
        (None, "text", Some(text)) => Ok(Choice::Text(match ends {
            Ends::Lf => text.into_bytes(),
            Ends::Crlf => text.replace('\n', "\r\n").into_bytes(),
        })),
        (None, "at", Some(path)) => Ok(Choice::At(path)),
        _ => Err(ActionError::Choice(choice.to_owned())),
    }
}

/// The longest version that is given to a page to be edited, in bytes.
const LONGEST: usize = 1024 * 1024;

fn draft(desk: &Desk<'_>, name: &str) -> Result<Outcome, Failure> {
    let spots = desk.named(name)?;
    let [spot] = spots.as_slice() else {
        return Err(DeskError::Ambiguous(name.to_owned()).into());
    };
    let item = desk.item(*spot);
    let blob = |stage: Option<(u32, Oid)>| -> Result<Option<Vec<u8>>, GitError> {
        let file = stage.filter(|(mode, _)| is_file(*mode));
        file.map(|(_, oid)| desk.session().repo.blob(oid)).transpose()
    };
    let [base, ours, theirs] = match &item.what {
        What::Lines { base, ours, theirs, .. } => [base, ours, theirs].map(|lines| Some(lines.clone())),
        What::Place { base, ours, theirs } => [blob(*base)?, blob(*ours)?, blob(*theirs)?],
    };
    let written = match desk.resolution(*spot).map(|resolution| &resolution.choice) {
        Some(Choice::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let versions = [base, ours, theirs, written];
    let unfit = |reason| ActionError::NotText {
        path: text::visible(&item.path),
        reason,
        conflict: item.id.to_string(),
        task: desk.lease.task.clone(),
    };
    let ends = ends(&versions).ok_or_else(|| unfit("its lines end in several ways"))?;
    let [base, ours, theirs, written] = versions.map(|version| plain(version, ends));
    let draft = Draft {
        conflict: item.id.to_string(),
        ends,
        base: base.map_err(unfit)?,
        ours: ours.map_err(unfit)?,
        theirs: theirs.map_err(unfit)?,
        written: written.map_err(unfit)?,
    };
    Ok(Outcome::new(Page::default(), &draft))
}

/// How all lines end, where all of them do so in one way.
fn ends(versions: &[Option<Vec<u8>>]) -> Option<Ends> {
    let lines = versions.iter().flatten().flat_map(|version| version.split_inclusive(|byte| *byte == b'\n'));
    let whole = lines.filter(|line| line.ends_with(b"\n"));
    let mut found = [false, false];
    whole.for_each(|line| found[usize::from(line.ends_with(b"\r\n"))] = true);
    match found {
        [true, true] => None,
        [false, true] => Some(Ends::Crlf),
        [_, false] => Some(Ends::Lf),
    }
}

/// A version as a text field holds it.
fn plain(version: Option<Vec<u8>>, ends: Ends) -> Result<Option<String>, &'static str> {
    let Some(bytes) = version else { return Ok(None) };
    if bytes.len() > LONGEST {
        return Err("it is longer than 1 MiB");
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let text = if ends == Ends::Crlf { text.replace("\r\n", "\n") } else { text };
    let shown = text::visible_lines(text.as_bytes());
    // What would be shown otherwise than it is would be saved otherwise than it was.
    if shown == text { Ok(Some(text)) } else { Err("it holds characters that cannot be seen there") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &[u8]) -> Result<(Ends, String), &'static str> {
        let versions = [Some(text.to_vec()), None];
        let ends = ends(&versions).ok_or("mixed")?;
        plain(Some(text.to_vec()), ends).map(|text| (ends, text.unwrap()))
    }

    #[test]
    fn what_a_text_field_would_change_is_not_put_into_one() {
        assert_eq!(held("a\tä\n\nb".as_bytes()), Ok((Ends::Lf, "a\tä\n\nb".to_owned())));
        assert_eq!(held(b"a\r\nb\r\n"), Ok((Ends::Crlf, "a\nb\n".to_owned())));
        assert_eq!(held(b""), Ok((Ends::Lf, String::new())));
        for bad in
            [&b"a\r\nb\n"[..], b"a\rb\n", b"a\r\nb\r", b"a\xff\n", b"a\0", b"a\x1b[1m", "\u{202e}".as_bytes()]
        {
            assert!(held(bad).is_err(), "{bad:?}");
        }
        assert!(held(&vec![b'a'; LONGEST + 1]).is_err());
    }

    #[test]
    fn a_text_is_saved_as_the_file_has_it() {
        let saved = |text: &str, ends| chosen("text", Some(text.to_owned()), ends).ok();
        assert_eq!(saved("a\nb", Ends::Crlf), Some(Choice::Text(b"a\r\nb".to_vec())));
        assert_eq!(saved("a\nb\n", Ends::Lf), Some(Choice::Text(b"a\nb\n".to_vec())));
    }

    #[test]
    fn a_choice_has_a_text_where_it_needs_one_and_nowhere_else() {
        let fits =
            |choice: &str, text: Option<&str>| chosen(choice, text.map(str::to_owned), Ends::Lf).is_ok();
        assert!(fits("ours", None) && fits("text", Some("")) && fits("at", Some("x")));
        assert!(
            !fits("ours", Some("x")) && !fits("text", None) && !fits("at", None) && !fits("mine", Some("x"))
        );
    }
}
