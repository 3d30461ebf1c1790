//! What can be done now: the help line tells nothing else, and a key for something else says why not.

use crate::commands::review::desk::Desk;
use crate::commands::review::desk::Spot;
use crate::domain::review::Standing;

use super::state::Mode;
use super::state::State;
use crate::ui::keys::Action;

/// Whether an action can be done now.
pub fn be_done(state: &State<'_>, desk: &Desk<'_>, action: Action) -> bool {
    let spot = state.spot();
    let fits = |name: &str| spot.is_some_and(|spot| desk.item(spot).choices.contains(&name));
    let file = |name| spot.is_some_and(|spot| open_in_file(desk, spot.file, name).len() > 1);
    let is_settled = state.counts.open == 0 && state.counts.unconfirmed == 0;
    let is_other_open = || {
        let is_open = |row: usize| desk.standing(state.rows[row]) == Standing::Open;
        (0..state.rows.len()).any(|row| row != state.at && is_open(row))
    };
    match action {
        Action::TakeOurs => fits("ours"),
        Action::TakeTheirs => fits("theirs"),
        Action::TakeBoth => fits("both"),
        Action::TakeReversed => fits("both-reversed"),
        Action::TakeBase => fits("base"),
        Action::Edit => fits("text"),
        Action::Rename => fits("at"),
        Action::FileOurs => file("ours"),
        Action::FileTheirs => file("theirs"),
        Action::NextOpen | Action::PreviousOpen => is_other_open(),
        Action::Undo => state.depth.0 > 0,
        Action::Redo => state.depth.1 > 0,
        Action::Agree => spot.is_some_and(|spot| {
            let owner = desk.owner(spot);
            desk.standing(spot) == Standing::Unconfirmed && owner == Some(desk.who())
        }),
        Action::Note => spot.is_some_and(|spot| desk.resolution(spot).is_some()),
        Action::Preview => spot.is_some(),
        Action::Finish => is_settled,
        Action::Check => match &state.mode {
            Mode::Output(_) => is_settled && !runs(state),
            Mode::Desk => is_settled || runs(state),
            _ => false,
        },
        Action::Stop => matches!(state.mode, Mode::Output(_)) && runs(state),
        Action::NextFound | Action::PreviousFound => state.wanted.is_some(),
        Action::Next => state.at + 1 < state.rows.len(),
        Action::Previous => state.at > 0,
        Action::Down => match &state.mode {
            Mode::Text(pager) | Mode::Help(pager) | Mode::Output(pager) => {
                pager.top + state.page < pager.len()
            }
            _ => state.beyond.0 > 0,
        },
        Action::Up => match &state.mode {
            Mode::Text(pager) | Mode::Help(pager) | Mode::Output(pager) => pager.top > 0,
            _ => state.scroll > 0,
        },
        Action::Right => state.beyond.1 > 0,
        Action::Left => match &state.mode {
            Mode::Text(pager) | Mode::Help(pager) | Mode::Output(pager) => pager.shift > 0,
            _ => state.shift > 0,
        },
        Action::Suspend => cfg!(unix),
        Action::First
        | Action::Last
        | Action::Search
        | Action::Reload
        | Action::Close
        | Action::Accept
        | Action::Cancel
        | Action::Yes
        | Action::No
        | Action::Help
        | Action::Leave => true,
    }
}

fn runs(state: &State<'_>) -> bool {
    state.check.as_ref().is_some_and(super::check::Check::runs)
}

/// Why an action cannot be done now.
pub fn not(state: &State<'_>, action: Action) -> String {
    match action {
        Action::Finish | Action::Check if state.counts.open > 0 => {
            format!("not yet, {} of {} are open", state.counts.open, state.counts.all)
        }
        Action::Finish | Action::Check => {
            format!("not yet, {} of {} have to be agreed to", state.counts.unconfirmed, state.counts.all)
        }
        Action::TakeOurs
        | Action::TakeTheirs
        | Action::TakeBoth
        | Action::TakeReversed
        | Action::TakeBase
        | Action::Edit
        | Action::Rename => "that makes no sense of this conflict".to_owned(),
        Action::Agree => "nobody waits for your word here".to_owned(),
        Action::Note => "it is not decided yet".to_owned(),
        _ => "there is none".to_owned(),
    }
}

/// What is open in a file, and can become that.
pub fn open_in_file(desk: &Desk<'_>, file: usize, choice: &str) -> Vec<Spot> {
    let items = (0..desk.files()[file].opened.items.len()).map(|item| Spot { file, item });
    let is_open =
        |spot: &Spot| desk.standing(*spot) == Standing::Open && desk.item(*spot).choices.contains(&choice);
    items.filter(is_open).collect()
}
