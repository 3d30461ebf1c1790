//! A review for programs: everything to decide, with what was decided, by whom, and who made each side.

use crate::base::base64;
use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::holder::Holder;
use crate::domain::review::Choice;
use crate::domain::review::Purpose;
use crate::domain::review::Stage;
use crate::domain::review::Standing;
use crate::git::BString;
use crate::git::Oid;
use crate::merge::makers::Maker;
use crate::merge::makers::Makers;
use crate::merge::party;
use crate::merge::review::What;

use super::super::land;
use super::desk::Desk;
use super::desk::Moved;
use super::desk::Spot;

/// The whole review.
#[derive(Debug, Clone, serde::Serialize)]
pub struct View {
    /// The task.
    pub task: String,
    /// What the review is for.
    pub purpose: Purpose,
    /// How far it is.
    pub stage: Stage,
    /// The target, as people write it.
    pub target: String,
    /// The target's commit, in hexadecimal.
    pub ours: String,
    /// The task's commit, in hexadecimal.
    pub theirs: String,
    /// All conflicting files.
    pub files: Vec<FileView>,
    /// How many things are to be decided in all.
    pub count: usize,
    /// How many are open.
    pub open: usize,
    /// How many want somebody's word.
    pub unconfirmed: usize,
    /// How many steps can be taken back.
    pub undo: usize,
    /// How many can be done again.
    pub redo: usize,
    /// What became of the decisions, if a side has moved since the review was last looked at.
    pub moved: Option<Moved>,
    /// Uncommitted edits that go along, as far as they are known.
    pub edits: Option<EditsView>,
    /// Files of which nothing would be left although neither side has deleted them: the names of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Vec<String>>,
    /// Whether such edits are looked for once all that is listed here is decided.
    pub more: bool,
}

/// Uncommitted edits that go along with a landing.
#[derive(Debug, Clone, serde::Serialize)]
pub struct EditsView {
    /// The checkout that they are in.
    pub checkout: String,
    /// Their paths, made safe to show.
    pub paths: Vec<String>,
    /// A commit of them, in hexadecimal.
    pub commit: String,
}

/// One conflicting file.
#[derive(Debug, Clone, serde::Serialize)]
pub struct FileView {
    /// Its path, made safe to show.
    pub path: String,
    /// The conflict's kind, for programs: `content`, `modify/delete`.
    pub kind: &'static str,
    /// The kind in words.
    pub why: String,
    /// What ours is called: the target, or the uncommitted edits in its checkout.
    pub ours_name: String,
    /// Who made the target's side, if that can be told.
    pub ours_by: Option<Maker>,
    /// Who made the task's side.
    pub theirs_by: Option<Maker>,
    /// What is to be decided in it.
    pub items: Vec<ItemView>,
}

/// One thing to decide.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ItemView {
    /// Its name.
    pub id: String,
    /// The first line in the merged file; nothing where it is about the whole path.
    pub line: Option<usize>,
    /// Where it stands.
    pub standing: Standing,
    /// What can be chosen: `text` is any text, `at` another name.
    pub choices: Vec<&'static str>,
    /// What was there: lines, or what is at the path in words. Nothing where nothing was there.
    pub base: Option<String>,
    /// What the target has.
    pub ours: Option<String>,
    /// What the task has.
    pub theirs: Option<String>,
    /// The bytes of these, where they are not what is shown above: line ends and signs that a terminal would obey.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<ExactView>,
    /// Whose word is wanted, by the policy.
    pub owner: Option<String>,
    /// What was decided.
    pub resolution: Option<ResolutionView>,
}

/// The versions of a conflict byte for byte, in base64.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ExactView {
    /// What was there.
    pub base: String,
    /// What ours has.
    pub ours: String,
    /// What the task has.
    pub theirs: String,
}

/// What was decided.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ResolutionView {
    /// The choice's name.
    pub choice: &'static str,
    /// The text or the path that was given, made safe to show.
    pub text: Option<String>,
    /// The bytes of the text in base64, where they are not what is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: String,
    /// Why.
    pub note: Option<String>,
    /// Who agreed.
    pub confirmed: Option<String>,
}

impl View {
    /// A review as it stands.
    ///
    /// # Errors
    /// When the history of a side cannot be read.
    pub fn of(desk: &Desk<'_>) -> Result<View, Failure> {
        let review = desk.review();
        let repo = &desk.session().repo;
        let mut makers = Makers::of(repo);
        let (ours, theirs) = (review.ours, review.theirs);
        let bases: Vec<_> = repo.merge_base(ours, theirs)?.into_iter().collect();
        let sides = [ours, theirs].map(|commit| party::Standing::committed(repo, commit));
        let [ours_at, theirs_at] = sides;
        let (ours_at, theirs_at) = (ours_at?, theirs_at?);
        let mut files = Vec::new();
        for (number, file) in desk.files().iter().enumerate() {
            let conflict = &file.opened.conflict;
            let paths: Vec<&BString> = vec![&conflict.path];
            let spots = (0..file.opened.items.len()).map(|item| Spot { file: number, item });
            files.push(FileView {
                path: text::visible(&conflict.path),
                kind: conflict.kind.name(),
                why: desk.why(number),
                ours_name: desk.ours_name(number).to_owned(),
                ours_by: match desk.edits.as_ref().filter(|_| file.is_edits) {
                    Some(edits) => edits.maker(&conflict.path),
                    None => makers.find(&ours_at, &bases, &paths)?,
                },
                theirs_by: makers.find(&theirs_at, &bases, &paths)?,
                items: spots.map(|spot| item(desk, spot)).collect(),
            });
        }
        let count = |standing| desk.spots().filter(|spot| desk.standing(*spot) == standing).count();
        let (undo, redo) = desk.depth()?;
        Ok(View {
            task: review.task.to_string(),
            purpose: review.purpose,
            stage: review.stage,
            target: land::short(&review.target).to_owned(),
            ours: ours.to_string(),
            theirs: theirs.to_string(),
            files,
            count: desk.spots().count(),
            open: count(Standing::Open),
            unconfirmed: count(Standing::Unconfirmed),
            undo,
            redo,
            moved: desk.moved,
            edits: desk.edits.as_ref().map(|edits| EditsView {
                checkout: text::visible(edits.checkout.to_string_lossy().as_bytes()),
                paths: edits.paths.iter().map(|one| text::visible(&one.path)).collect(),
                commit: edits.before.to_string(),
            }),
            lost: desk.lost().map(|lost| lost.names.clone()).collect(),
            more: desk.has_more(),
        })
    }
}

/// One thing to decide, as it stands.
pub fn item(desk: &Desk<'_>, spot: Spot) -> ItemView {
    let item = desk.item(spot);
    let lines = |text: &[u8]| Some(text::visible_lines(text)).filter(|text| !text.is_empty());
    let (line, [base, ours, theirs]) = match &item.what {
        What::Lines { line, base, ours, theirs } => (Some(*line), [lines(base), lines(ours), lines(theirs)]),
        What::Place { base, ours, theirs } => (None, [base, ours, theirs].map(|stage| stage.map(in_words))),
    };
    let exact = match &item.what {
        What::Lines { base, ours, theirs, .. } => {
            let differs = [base, ours, theirs].into_iter().any(|text| exactly(text).is_some());
            let [base, ours, theirs] = [base, ours, theirs].map(|text| base64::encoded(text));
            differs.then_some(ExactView { base, ours, theirs })
        }
        What::Place { .. } => None,
    };
    let resolution = desk.resolution(spot).map(|resolution| ResolutionView {
        choice: resolution.choice.name(),
        text: match &resolution.choice {
            Choice::Text(text) => Some(text::visible_lines(text)),
            Choice::At(path) => Some(text::visible(path.as_bytes())),
            _ => None,
        },
        exact: match &resolution.choice {
            Choice::Text(text) => exactly(text),
            _ => None,
        },
        by: resolution.by.to_string(),
        at: resolution.at.to_string(),
        note: resolution.note.clone(),
        confirmed: resolution.confirmed.as_ref().map(Holder::to_string),
    });
    ItemView {
        id: item.id.to_string(),
        line,
        standing: desk.standing(spot),
        choices: item.choices.clone(),
        base,
        ours,
        theirs,
        exact,
        owner: desk.owner(spot).map(Holder::to_string),
        resolution,
    }
}

/// A text in base64, where it is not what is shown of it.
pub fn exactly(text: &[u8]) -> Option<String> {
    (text::visible_lines(text).as_bytes() != text).then(|| base64::encoded(text))
}

/// What is at a path: `a file 3f1c2ab`.
pub fn in_words((mode, oid): (u32, Oid)) -> String {
    let what = match mode {
        0o100_755 => "an executable file",
        0o120_000 => "a symbolic link",
        0o160_000 => "a submodule at",
        _ => "a file",
    };
    format!("{what} {}", oid.to_hex_with_len(10))
}
