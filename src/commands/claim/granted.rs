//! What a claim answers, for programs and for people.

use std::path::PathBuf;

use crate::base::clock::Timestamp;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::commands::taking;
use crate::commands::taking::Taken;
use crate::domain::holder::Holder;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;

/// What a claim answers.
#[derive(Debug, serde::Serialize)]
pub struct Granted {
    /// The task.
    pub task: TaskName,
    /// The fence of this grant.
    pub fence: u64,
    /// Who holds it.
    pub holder: Holder,
    /// What it may change.
    pub regions: Vec<String>,
    /// The branch, if it has a workspace.
    pub branch: Option<String>,
    /// The workspace; for a claim with `--here` this checkout.
    pub path: PathBuf,
    /// The commit that the work starts from.
    pub base: String,
    /// When others may take it over, unless it is renewed.
    pub expires_at: Timestamp,
    /// Work whose regions it took over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Taken>,
}

impl Granted {
    /// What is answered for a lease and its workspace.
    pub fn of(lease: &Lease, path: PathBuf, taken: Vec<Taken>) -> Granted {
        Granted {
            task: lease.task.clone(),
            fence: lease.fence.0,
            holder: lease.holder.clone(),
            regions: lease.regions.iter().map(|region| region.text().to_owned()).collect(),
            branch: lease.branch().map(str::to_owned),
            path,
            base: lease.base.clone(),
            expires_at: lease.expires_at,
            taken,
        }
    }
}

/// The answer for people.
pub fn page(lease: &Lease, granted: &Granted, now: Timestamp) -> Page {
    let mut page = Page::default();
    page.put(Label::Good, "granted ").put(Label::Name, lease.task.as_str()).put(Label::Plain, " to ");
    page.put(Label::Person, lease.holder.name()).put(Label::Plain, format!(", fence {}, for ", lease.fence));
    page.put(Label::Time, text::duration(lease.left(now))).end();
    for region in &granted.regions {
        page.put(Label::Plain, "  ").put(Label::Place, region.clone()).end();
    }
    taking::put(&mut page, &granted.taken);
    page.line(Label::Place, granted.path.display().to_string());
    page
}
