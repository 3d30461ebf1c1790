//! Names that come in packs: of refs, tasks, holders and files. A bad one is told before git, a folder or a terminal gets it.

use git_odyssey::base::text;
use git_odyssey::domain::holder::Holder;
use git_odyssey::domain::refname;
use git_odyssey::domain::region::Case;
use git_odyssey::domain::region::Region;
use git_odyssey::domain::task::TaskName;

/// The input is a name.
pub fn holds(input: &[u8]) -> bool {
    let shown = text::visible(input);
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    assert_eq!(text::visible(shown.as_bytes()), shown, "what is safe stays as it is");
    super::is_told_plainly(&text::visible_lines(input).replace('\t', ""));
    if let Some(region) = Region::literal(input, Case::Sensitive) {
        assert!(region.covers(input), "{region}");
    }
    let Ok(name) = std::str::from_utf8(input) else { return false };
    let shown = text::without_secrets(name);
    assert_eq!(text::without_secrets(&shown), shown, "{name:?}");
    if name.starts_with("refs/") {
        let good = gix::refs::FullName::try_from(name).is_ok();
        assert_eq!(refname::broken_rule(name).is_none(), good, "{name:?}");
    }
    match name.parse::<Holder>() {
        Ok(holder) => {
            super::is_told_plainly(&holder);
            assert_eq!(format!("{}:{}", holder.kind(), holder.name()).parse(), Ok(holder));
        }
        Err(error) => super::is_told_plainly(&error),
    }
    match name.parse::<TaskName>() {
        Ok(task) => {
            assert!(gix::refs::FullName::try_from(task.branch()).is_ok(), "{task}");
            let path = std::path::Path::new(task.as_str());
            assert_eq!(path.components().count(), 1, "{task}");
            assert_eq!(TaskName::of_branch(&task.branch()), Some(task));
            true
        }
        Err(error) => {
            super::is_told_plainly(&error);
            false
        }
    }
}
