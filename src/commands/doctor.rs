//! `doctor`: finds what is wrong, and with `--fix` mends what can be mended without losing anything.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::ledger::error::LedgerError;
use crate::ledger::intent;

use super::Context;
use super::Outcome;
use super::checkup::Checkup;
use super::checkup::Finding;
use super::checkup::agents::Guarding;
use super::recover;
use super::session::Session;

/// Find what is wrong: operations that were cut off, orphans, hooks that do not fire, damage.
#[derive(Debug, Clone, clap::Args)]
pub struct Doctor {
    /// Mend what can be mended without losing anything
    #[arg(long)]
    pub fix: bool,
}

#[derive(Debug, serde::Serialize)]
struct Examined {
    findings: Vec<Finding>,
    open: usize,
    /// The harnesses that are set up, and whether the guard answers them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    guards: Vec<Guarding>,
}

impl Doctor {
    /// Examines everything; mends in the order in which one thing rests on another.
    ///
    /// # Errors
    /// When the repository cannot be opened. What is found wrong is the answer, with exit code 1 while some is open.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let mut checkup = Checkup::begin(&session, context, self.fix);
        match session.ledger().is_prepared() {
            Ok(false) if !session.ledger().folder().exists() => return Err(LedgerError::NotPrepared.into()),
            Ok(_) => {}
            Err(error) => checkup
                .open(format!("the ledger's ref cannot be read: {error}"), "mend the repository: git fsck"),
        }
        checkup.stale_locks()?;
        checkup.remote();
        checkup.ledger()?;
        checkup.archives()?;
        self.cut_off(&session, context, &mut checkup)?;
        checkup.leases()?;
        checkup.worktrees()?;
        checkup.pool()?;
        checkup.branches()?;
        checkup.hooks()?;
        checkup.bypassed()?;
        let guards = checkup.agents()?;
        let findings = checkup.done();
        let open = findings.iter().filter(|finding| !finding.mended).count();
        let page = page(&findings, &guards, open, self.fix);
        let mut outcome = Outcome::new(page, &Examined { findings, open, guards });
        outcome.code = u8::from(open > 0);
        Ok(outcome)
    }

    fn cut_off(
        &self,
        session: &Session,
        context: &Context<'_>,
        checkup: &mut Checkup<'_>,
    ) -> Result<(), Failure> {
        if self.fix {
            match recover::cut_off(session, context) {
                Ok(done) => done.into_iter().for_each(|text| checkup.mended(text)),
                Err(failure) => checkup.open(
                    format!("an operation that was cut off cannot be finished: {failure}"),
                    &failure.hints().join("; "),
                ),
            }
        }
        // With `--fix` too: what is left is a removal that something was in the way of.
        for cut in intent::cut_off(&session.ledger().folder())? {
            let (operation, task) = (cut.intent.operation(), cut.intent.task());
            checkup.open(format!("{operation} of {task} was cut off"), "git odyssey doctor --fix");
        }
        Ok(())
    }
}

fn page(findings: &[Finding], guards: &[Guarding], open: usize, fix: bool) -> Page {
    let mut page = Page::default();
    for guard in guards {
        let (label, answers) =
            if guard.answers { (Label::Good, "answers ") } else { (Label::Bad, "silent  ") };
        page.put(label, answers).put(Label::Name, guard.harness.name()).put(Label::Plain, " by ");
        page.put(Label::Place, guard.file.display().to_string()).end();
    }
    for finding in findings {
        let (label, verb) = if finding.mended { (Label::Good, "mended  ") } else { (Label::Bad, "found   ") };
        page.put(label, verb).put(Label::Plain, finding.what.clone()).end();
        if let Some(advice) = &finding.advice {
            page.line(Label::Quiet, format!("          {advice}"));
        }
    }
    match (open, fix) {
        (0, _) => page.line(Label::Good, "all is well"),
        (_, false) => page.line(Label::Warn, format!("{} open", text::count(open, "finding"))),
        (_, true) => page.line(Label::Warn, format!("{} left for you", text::count(open, "finding"))),
    };
    page
}
