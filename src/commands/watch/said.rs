//! Notices as people read them: one line each.

use crate::base::text;
use crate::domain::notice::Notice;
use crate::domain::notice::What;

/// The line of a notice, its number first.
pub fn text(notice: &Notice) -> String {
    let said = match &notice.what {
        What::Watching => "watching".to_owned(),
        What::Ledger { subject, .. } => subject.clone(),
        What::Branch { branch, old, new, .. } => {
            let name = branch.strip_prefix("refs/heads/").unwrap_or(branch);
            match (old, new) {
                (None, Some(new)) => format!("branch {name} begins at {}", short(new)),
                (Some(old), None) => format!("branch {name} is gone; it was at {}", short(old)),
                (Some(old), Some(new)) => {
                    format!("branch {name} moved from {} to {}", short(old), short(new))
                }
                (None, None) => format!("branch {name} moved"),
            }
        }
        What::Edit { checkout, task, paths, gone } => {
            let mut parts = Vec::new();
            if !paths.is_empty() {
                parts.push(format!("{} edited", paths.join(", ")));
            }
            if !gone.is_empty() {
                parts.push(format!("{} no longer edited", gone.join(", ")));
            }
            format!("in the region of {task}: {}, in {checkout}", parts.join("; "))
        }
        What::Expiring { task, expires_at, .. } => format!("the lease of {task} ends at {expires_at}"),
        What::Expired { task, .. } => format!("the lease of {task} has ended; others may take it over"),
        What::Conflict { one, other, paths } => {
            format!("{one} and {other} conflict in {}", paths.join(", "))
        }
        What::ConflictGone { one, other } => format!("{one} and {other} fit together again"),
        What::Unknown { about, reason } => format!("{about} cannot be read: {reason}"),
        What::Known { about } => format!("{about} can be read again"),
    };
    format!("{:>6}  {}  {}", notice.seq, notice.at, text::visible(said.as_bytes()))
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
