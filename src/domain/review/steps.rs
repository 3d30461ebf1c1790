//! The steps of a review, and which of them are undone.

use std::fmt;
use std::str::FromStr;

/// What kind of step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// The review began, or begins anew.
    Open,
    /// A side moved on, and the review took note of it.
    Move,
    /// Something was decided, or decided otherwise.
    Take,
    /// A note was put to a decision.
    Note,
    /// A decision's owner agreed.
    Confirm,
    /// The last step that changed a decision was taken back.
    Undo,
    /// The last step that was taken back was done again.
    Redo,
    /// It was brought to an end.
    Finish,
    /// It was given up.
    Drop,
}

const NAMES: [(StepKind, &str); 9] = [
    (StepKind::Open, "open"),
    (StepKind::Move, "move"),
    (StepKind::Take, "take"),
    (StepKind::Note, "note"),
    (StepKind::Confirm, "confirm"),
    (StepKind::Undo, "undo"),
    (StepKind::Redo, "redo"),
    (StepKind::Finish, "finish"),
    (StepKind::Drop, "drop"),
];

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(NAMES.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name))
    }
}

impl FromStr for StepKind {
    type Err = ();

    fn from_str(text: &str) -> Result<StepKind, ()> {
        NAMES.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind).ok_or(())
    }
}

/// Which steps stand, and which could be done again: the last of each is the next one to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps<S> {
    /// What can be undone.
    pub done: Vec<S>,
    /// What can be done again.
    pub undone: Vec<S>,
}

impl<S> Steps<S> {
    /// Follows a review from its first step on.
    pub fn follow(steps: impl IntoIterator<Item = (StepKind, S)>) -> Steps<S> {
        let mut found = Steps { done: Vec::new(), undone: Vec::new() };
        for (kind, step) in steps {
            match kind {
                // What was decided before is history.
                StepKind::Open => found = Steps { done: Vec::new(), undone: Vec::new() },
                StepKind::Take | StepKind::Note | StepKind::Confirm => {
                    found.done.push(step);
                    found.undone.clear();
                }
                StepKind::Undo => found.undone.extend(found.done.pop()),
                StepKind::Redo => found.done.extend(found.undone.pop()),
                StepKind::Move | StepKind::Finish | StepKind::Drop => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(kinds: &[StepKind]) -> Steps<usize> {
        Steps::follow(kinds.iter().copied().enumerate().map(|(number, kind)| (kind, number)))
    }

    #[test]
    fn a_new_decision_ends_what_could_be_done_again() {
        use StepKind::{Move, Redo, Take, Undo};
        assert_eq!(after(&[Take, Take, Undo]), Steps { done: vec![0], undone: vec![1] });
        assert_eq!(after(&[Take, Take, Undo, Move, Redo]), Steps { done: vec![0, 1], undone: vec![] });
        assert_eq!(after(&[Take, Take, Undo, Take]), Steps { done: vec![0, 3], undone: vec![] });
        assert_eq!(after(&[Undo, Redo, Take, Undo, Undo]), Steps { done: vec![], undone: vec![2] });
    }

    proptest! {
        #[test]
        fn as_many_redos_as_undos_lead_back(decisions in 1_usize..20, back in 0_usize..30) {
            let mut kinds = vec![StepKind::Take; decisions];
            let before = after(&kinds);
            kinds.extend(vec![StepKind::Undo; back]);
            let gone = after(&kinds);
            prop_assert_eq!(gone.done.len(), decisions.saturating_sub(back));
            kinds.extend(vec![StepKind::Redo; back]);
            prop_assert_eq!(after(&kinds), before);
        }

        #[test]
        fn a_name_is_read_as_it_is_written(number in 0..NAMES.len()) {
            let kind = NAMES[number].0;
            prop_assert_eq!(kind.to_string().parse(), Ok(kind));
        }
    }
}
