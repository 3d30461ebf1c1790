//! Why a review cannot go on, and what to do then.

use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::base::text;
use crate::domain::holder::Holder;
use crate::domain::review::ItemId;
use crate::domain::task::TaskName;

/// Why a review cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The task has no branch.
    #[error("{0} has no branch: its work is in the checkout that it was claimed for")]
    Here(TaskName),
    /// There is no conflict.
    #[error(
        "there is nothing to review: {task} and {target} merge without a conflict that somebody has to decide"
    )]
    Nothing {
        /// The task.
        task: TaskName,
        /// The target, as people write it.
        target: String,
        /// The command that goes on.
        next: String,
    },
    /// The policy lands in a way that has no one merge.
    #[error("odyssey.toml says to land by {0}, and a review settles one merge")]
    NoMerge(&'static str),
    /// A rebase was asked for.
    #[error(
        "a rebase merges every commit by itself, so there is no one result that could be settled and tested here"
    )]
    Rebase,
    /// The review is for something else.
    #[error("the review of {task} is there already, and not for this: it is to {purpose}")]
    Other {
        /// The task.
        task: TaskName,
        /// What it is for.
        purpose: &'static str,
    },
    /// An agent works at another task.
    #[error("{0} may settle its own conflicts only, not those of {1}")]
    NotYours(TaskName, TaskName),
    /// A name that nothing here has.
    #[error("no conflict here is called '{}'", text::visible(.0.as_bytes()))]
    Unknown(String),
    /// A name that several have.
    #[error("'{0}' begins the names of several conflicts here")]
    Ambiguous(String),
    /// A choice that makes no sense there.
    #[error("{path} cannot become '{choice}': {kind}")]
    Unfit {
        /// The path.
        path: String,
        /// The choice.
        choice: &'static str,
        /// The conflict's kind.
        kind: String,
        /// What it can become.
        fitting: Vec<&'static str>,
    },
    /// A name that is to be given twice.
    #[error("two files cannot be put at {0}")]
    SamePlace(String),
    /// A name that is somebody else's to give.
    #[error("{path} is held by {task} ({holder}) as {region}")]
    HeldPlace {
        /// The path.
        path: String,
        /// The task.
        task: TaskName,
        /// Its holder.
        holder: Holder,
        /// The region.
        region: String,
    },
    /// Somebody took a step while the merge was made and checked.
    #[error("somebody changed the review of {0} meanwhile, and nothing has moved")]
    Changed(TaskName),
    /// A note or an agreement to what is not decided.
    #[error("{0} is not decided yet")]
    Undecided(ItemId),
    /// Somebody agreed whose word is not wanted.
    #[error("{id} wants the word of {owner}, and not of {who}")]
    NotOwner {
        /// The conflict.
        id: ItemId,
        /// Whose word it wants.
        owner: String,
        /// Who spoke.
        who: Holder,
    },
    /// Something is open.
    #[error("{} to be decided: {}", text::count(*.open, "conflict"), .paths.join(", "))]
    Open {
        /// The task.
        task: TaskName,
        /// How many.
        open: usize,
        /// Where, the first few.
        paths: Vec<String>,
    },
    /// A file would be gone that both sides have.
    #[error("nothing would be left of a file that both sides renamed: by what was decided it is neither {}", .names.join(" nor "))]
    Lost {
        /// The task.
        task: TaskName,
        /// Its names.
        names: Vec<String>,
    },
    /// Somebody has to agree.
    #[error("{} the word of {}", if *.count == 1 { "1 decision wants".to_owned() } else { format!("{} decisions want", .count) }, .owners.join(" and "))]
    Unconfirmed {
        /// The task.
        task: TaskName,
        /// How many.
        count: usize,
        /// Of whom.
        owners: Vec<String>,
    },
    /// There is no review.
    #[error("{0} has no review")]
    NoReview(TaskName),
    /// A landing that brings the task's work to where the target is not checked out.
    #[error("uncommitted edits go along with a landing, and this review is to {purpose}")]
    NoEdits {
        /// What it is for.
        purpose: &'static str,
    },
    /// The checkout is in no state to be merged with.
    #[error("{} is in the middle of {operation}", .checkout.display())]
    UnderWay {
        /// The checkout.
        checkout: PathBuf,
        /// What is under way.
        operation: String,
    },
    /// The index has what neither the commit nor the file has.
    #[error("in {} these are staged otherwise than they are there, or have a conflict: {}", .checkout.display(), .paths.join(", "))]
    StagedApart {
        /// The checkout.
        checkout: PathBuf,
        /// The paths.
        paths: Vec<String>,
    },
    /// It cannot be told which edits are meant.
    #[error("several checkouts of {0} have uncommitted edits in the way")]
    SeveralCheckouts(String),
    /// An agent would write into a person's checkout.
    #[error("what becomes of uncommitted edits in {} is a person's to say", .0.display())]
    NotAPerson(PathBuf),
    /// The command on the result failed; all that it wrote is kept.
    #[error("{said}")]
    Failed {
        /// What it said.
        said: String,
        /// Where all of it is.
        kept: PathBuf,
    },
}

impl Explain for DeskError {
    fn kind(&self) -> Kind {
        match self {
            DeskError::Unknown(_) | DeskError::Ambiguous(_) | DeskError::Unfit { .. } => Kind::Usage,
            DeskError::NotYours(..) | DeskError::HeldPlace { .. } | DeskError::NotAPerson(_) => Kind::Held,
            DeskError::Open { .. } | DeskError::Lost { .. } | DeskError::Unconfirmed { .. } => Kind::Conflict,
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            DeskError::Here(_) => vec!["merge there with git itself".to_owned()],
            DeskError::Nothing { next, .. } => vec![format!("go on: {next}")],
            DeskError::Rebase | DeskError::NoMerge(_) => {
                vec![
                    "say how it is to land: --merge or --squash, or --sync to bring the target's work in"
                        .to_owned(),
                ]
            }
            DeskError::Other { task, .. } => {
                vec![format!("finish it, or give it up: git odyssey review {task} --drop")]
            }
            DeskError::NotYours(_, other) => {
                vec![format!("in its workspace, or as a person: git odyssey review {other}")]
            }
            DeskError::Unknown(_) => {
                vec!["a side may have moved; see what there is: git odyssey review --list".to_owned()]
            }
            DeskError::Ambiguous(_) => vec!["write more of its letters".to_owned()],
            DeskError::Unfit { fitting, .. } if fitting.is_empty() => {
                vec![
                    "it cannot be settled here: merge in the workspace with git, commit, then land"
                        .to_owned(),
                ]
            }
            DeskError::Unfit { fitting, .. } => {
                let name = |name: &&str| match *name {
                    "text" => "a FILE".to_owned(),
                    "at" => "at:PATH".to_owned(),
                    plain => plain.to_owned(),
                };
                let names: Vec<String> = fitting.iter().map(name).collect();
                vec![format!("it can become {}", names.join(", "))]
            }
            DeskError::Undecided(id) => vec![format!("decide it: --take {id} CHOICE")],
            DeskError::NotOwner { .. } | DeskError::NoEdits { .. } => Vec::new(),
            DeskError::UnderWay { checkout, .. } => {
                vec![format!("finish or abort it there: git -C {} status", checkout.display())]
            }
            DeskError::StagedApart { .. } => {
                vec!["stage all of each, or nothing: only what is in a file goes along".to_owned()]
            }
            DeskError::SeveralCheckouts(_) => vec!["commit them in all but one of these".to_owned()],
            DeskError::NotAPerson(_) => {
                vec!["all that was decided is kept; a person finishes the review".to_owned()]
            }
            DeskError::SamePlace(_) | DeskError::HeldPlace { .. } => {
                vec!["choose another name: at:PATH".to_owned()]
            }
            DeskError::Changed(task) => {
                vec![format!("look at it, then finish: git odyssey review {task} --list")]
            }
            DeskError::Open { task, .. } => {
                vec![format!("see them: git odyssey review {task} --list")]
            }
            DeskError::Lost { task, names } => vec![
                match names.first() {
                    Some(name) => format!("see which side has it: git odyssey review {task} --show '{name}'"),
                    None => String::new(),
                },
                "a file that shall go is deleted by a commit of its own".to_owned(),
            ],
            DeskError::Unconfirmed { task, .. } => {
                vec![format!("they agree with: git odyssey review {task} --confirm CONFLICT")]
            }
            DeskError::NoReview(task) => vec![format!("begin one: git odyssey review {task}")],
            DeskError::Failed { kept, .. } => vec![
                format!("all that it wrote: {}", kept.display()),
                "nothing has moved; it ran on the result, in a folder of its own".to_owned(),
            ],
        }
    }
}
