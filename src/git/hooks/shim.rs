//! The shims: what git starts, as files of their own.

use std::path::Path;

/// Runs for everything that git reports, because another hook wants to hear of it too.
const ALWAYS: &str = include_str!("../../../hooks/shim");

/// Leaves before the program starts for all but what is prepared: a commit alone reports seven times.
const PREPARED: &str = include_str!("../../../hooks/shim-prepared");

/// The event that is reported in several states.
const STATES: &str = "reference-transaction";

/// The text of the shim for an event.
pub fn text(event: &str, program: &Path, chained: bool) -> Vec<u8> {
    let template = if event == STATES && !chained { PREPARED } else { ALWAYS };
    template.replace("@EVENT@", event).replace("@PROGRAM@", &quoted(program)).into_bytes()
}

/// Whether a file is a shim of ours, of whatever version.
pub fn is_ours(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.starts_with("#!/bin/sh\n") && text.contains("git odyssey judges ")
}

/// A path as one word for a shell. Git's own shell takes slashes on every system.
pub fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.into_owned() };
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shim_has_five_lines_at_most_and_knows_itself() {
        for event in ["pre-commit", STATES] {
            let text = text(event, Path::new("/a b/it's"), false);
            assert!(is_ours(&text));
            let text = String::from_utf8(text).unwrap();
            assert!(text.lines().count() <= 5, "{text}");
            assert!(text.contains(r"'/a b/it'\''s'"), "{text}");
            assert!(!text.contains('@'.to_string().as_str()) || text.contains("\"$@\""), "{text}");
        }
    }

    #[test]
    fn the_hook_of_somebody_else_is_not_ours() {
        assert!(!is_ours(b"#!/bin/sh\nexit 0\n"));
    }
}
