//! Events: a message is read without harm, and no words in an event forge another one.

use git_odyssey::base::text;
use git_odyssey::domain::event::Event;
use git_odyssey::domain::event::EventKind;
use git_odyssey::domain::event::Recorded;
use git_odyssey::domain::lease::Fence;

/// The input is a message; and, cut at its NULs, the words of one that we write.
pub fn holds(input: &[u8]) -> bool {
    let Ok(message) = std::str::from_utf8(input) else { return false };
    let mut words = message.split('\0');
    let subject = words.next().unwrap_or_default().to_owned();
    let task = "auth".parse().unwrap();
    let mut event = Event::of(EventKind::Override, &task, Fence(7), subject.clone());
    let mut said = Vec::new();
    for word in words {
        event = event.fact("Reason", word);
        said.push(("Reason".to_owned(), text::visible(word.as_bytes())));
    }
    let written = event.message();
    let read = Recorded::read(&written).unwrap();
    assert_eq!(
        (read.event.as_str(), read.task, read.fence),
        ("override", Some(task), Some(Fence(7))),
        "{written:?}"
    );
    assert_eq!((read.subject, read.facts), (text::visible(subject.as_bytes()), said), "{written:?}");
    let Some(read) = Recorded::read(message) else { return false };
    assert!(!read.subject.contains('\n') && !read.event.is_empty());
    read.event.parse::<EventKind>().is_ok()
}
