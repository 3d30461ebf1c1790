//! `compact`: folds the ledger's history into an archive.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::ledger::error::LedgerError;
use crate::ledger::fold::ARCHIVES;
use crate::ledger::folding::Folded;
use crate::ledger::remote_error::AuthorityError;

use super::Context;
use super::Outcome;
use super::session::Session;

/// Fold the ledger's history into an archive; no lease changes, and the log still shows all of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Compact {}

impl Compact {
    /// Folds it.
    ///
    /// # Errors
    /// When the ledger cannot be read or written, or the remote that decides does not take a fold.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let folded = session.ledger().fold(session.now).map_err(explained)?;
        let archive = |folded: &Folded| format!("{ARCHIVES}{}", folded.archived);
        let mut page = Page::default();
        match &folded {
            Some(folded) => {
                page.put(Label::Good, format!("folded {}", text::count(folded.events, "event")));
                page.put(Label::Plain, " of the ledger; their history stays under ");
                page.put(Label::Place, archive(folded)).end();
            }
            None => {
                page.line(Label::Plain, "nothing to fold: the ledger's history is one commit");
            }
        }
        let facts = serde_json::json!({
            "events": folded.map_or(0, |folded| folded.events),
            "commit": folded.map(|folded| folded.commit.to_string()),
            "archive": folded.as_ref().map(archive),
        });
        Ok(Outcome::new(page, &facts))
    }
}

/// A remote that refuses a fold may refuse all of them.
fn explained(error: LedgerError) -> Failure {
    let not_taken = matches!(error, LedgerError::Remote(AuthorityError::NotTaken { .. }));
    let failure = Failure::from(error);
    if !not_taken {
        return failure;
    }
    failure.hint("a fold is no fast-forward: a server that refuses those (receive.denyNonFastForwards, a protected branch), or whose hook is of before folds, keeps the history as it is".to_owned())
}
