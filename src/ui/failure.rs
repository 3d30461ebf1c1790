//! Failures as a person sees them: what happened, because of what, and what helps.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;

/// The page for standard error: `error:`, then `because:` for each cause and `hint:` for each hint.
pub fn page(failure: &Failure) -> Page {
    let mut page = Page::default();
    part(&mut page, Label::Bad, "error: ", &failure.to_string());
    for cause in failure.causes() {
        part(&mut page, Label::Quiet, "because: ", &cause);
    }
    for hint in failure.hints() {
        part(&mut page, Label::Good, "hint: ", &hint);
    }
    page
}

/// The first line behind its title, further lines as they are.
fn part(page: &mut Page, label: Label, title: &str, text: &str) {
    page.put(label, title);
    let mut lines = text.trim_end().lines();
    page.line(Label::Plain, lines.next().unwrap_or_default());
    for line in lines {
        page.line(Label::Plain, line);
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use snapbox::assert_data_eq;
    use snapbox::str;

    use super::*;
    use crate::base::atomic::FileError;
    use crate::base::failure::Explain;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot claim api\n  src/a.rs is held by auth (claude-1, agent), 42m left")]
    struct Held(#[source] FileError);

    impl Explain for Held {
        fn hints(&self) -> Vec<String> {
            vec!["choose: --wait until it has landed;".to_owned(), "  or --stack".to_owned()]
        }
    }

    #[test]
    fn a_failure_names_each_cause_once_and_ends_with_what_helps() {
        let cause = FileError::new("read", "a/b".as_ref(), io::Error::other("disk on\nfire"));
        let failure = Failure::from(Held(cause)).hint("call the fire brigade");
        assert_data_eq!(
            page(&failure).plain(),
            str![[r#"
error: cannot claim api
  src/a.rs is held by auth (claude-1, agent), 42m left
because: cannot read a/b
because: disk on
fire
hint: choose: --wait until it has landed;
hint:   or --stack
hint: call the fire brigade

"#]]
        );
    }
}
