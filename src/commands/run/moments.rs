//! What a workflow wants run when something happens to a task: `on` in the task's table.

use std::time::Duration;

use crate::base::text;
use crate::commands::Context;
use crate::domain::workflow::Moment;
use crate::domain::workflow::Workflow;
use crate::domain::workflow::progress::Step;
use crate::workspace::process;

use super::runner::Happened;
use super::setting::Setting;

/// How long such a command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs what is wanted for a step, beside the runner and in the folder that the run was asked for in. The command finds the
/// step's line in the variable `GIT_ODYSSEY_EVENT`. Answers whether there is something to run.
pub fn told(context: &Context<'_>, workflow: &Workflow, step: &Step, line: &str, setting: &Setting) -> bool {
    let moment = match step {
        Step::Started { .. } => Moment::Started,
        Step::Landed { .. } => Moment::Landed,
        Step::Failed { last: true, .. } => Moment::Failed,
        Step::Parked { .. } => Moment::Parked,
        Step::BudgetLow { .. } => Moment::BudgetLow,
        _ => return false,
    };
    let task = step.task().and_then(|task| workflow.task(task));
    let Some((task, words)) = task.and_then(|task| Some((task.name.clone(), task.on.get(&moment)?.clone())))
    else {
        return false;
    };
    let (folder, line) = (context.folder.clone(), line.to_owned());
    setting.spawn(move |_| {
        let variables = [("GIT_ODYSSEY_EVENT", line.into())];
        let ran = process::run_within(LIMIT, "its command", &words, &folder, &variables);
        let said =
            ran.err().map_or_else(String::new, |error| text::visible_lines(error.to_string().as_bytes()));
        Happened::Reacted(task, said)
    });
    true
}
