//! A crash of ours: said as such, with all that a report needs.

use std::any::Any;
use std::backtrace::Backtrace;
use std::backtrace::BacktraceStatus;
use std::panic;
use std::panic::PanicHookInfo;

use crate::base::page::Label;
use crate::base::page::Page;

use super::terminal;
use super::terminal::Terminal;

/// Makes a panic of any thread say that it is our bug, in place of Rust's own words.
pub fn catch_words(terminal: Terminal) {
    panic::set_hook(Box::new(move |info| terminal.tell(&terminal::painted(&page(info)))));
}

/// What a panic said.
pub fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// What helps after a crash.
pub fn hints() -> Vec<String> {
    vec![
        "find and finish what was cut off: git odyssey doctor --fix".to_owned(),
        "please report the lines above and the command; RUST_BACKTRACE=1 shows where it happened".to_owned(),
    ]
}

fn page(info: &PanicHookInfo<'_>) -> Page {
    let place =
        info.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
    described(&message(info.payload()), &place, &Backtrace::capture())
}

fn described(message: &str, place: &str, backtrace: &Backtrace) -> Page {
    let mut page = Page::default();
    page.put(Label::Bad, "error: ")
        .put(Label::Plain, "this is a bug of git-odyssey, not a mistake of yours")
        .end();
    page.put(Label::Quiet, "because: ").put(Label::Plain, format!("{message}{place}")).end();
    let version = env!("CARGO_PKG_VERSION");
    let system = format!("git-odyssey {version} on {} {}", std::env::consts::OS, std::env::consts::ARCH);
    page.put(Label::Quiet, "version: ").put(Label::Plain, system).end();
    if backtrace.status() == BacktraceStatus::Captured {
        page.line(Label::Quiet, backtrace.to_string());
    }
    for hint in hints() {
        page.put(Label::Good, "hint: ").put(Label::Plain, hint).end();
    }
    page
}

#[cfg(test)]
mod tests {
    use snapbox::assert_data_eq;
    use snapbox::str;

    use super::*;

    #[test]
    fn a_crash_says_whose_bug_it_is_and_what_to_report() {
        let page = described("the sky fell", " at src/sky.rs:7", &Backtrace::disabled());
        assert_data_eq!(
            page.plain(),
            str![[r#"
error: this is a bug of git-odyssey, not a mistake of yours
because: the sky fell at src/sky.rs:7
version: git-odyssey [..] on [..]
hint: find and finish what was cut off: git odyssey doctor --fix
hint: please report the lines above and the command; RUST_BACKTRACE=1 shows where it happened

"#]]
        );
    }

    #[test]
    fn no_message_is_lost() {
        assert_eq!(message(&"text"), "text");
        assert_eq!(message(&"text".to_owned()), "text");
        assert_eq!(message(&7_u8), "no message");
    }
}
