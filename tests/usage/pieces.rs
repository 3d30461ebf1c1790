//! Transcripts grow while they are read: whatever the pieces, the sums are the same.

use std::fs;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use git_odyssey::agents::transcripts::Homes;
use git_odyssey::agents::transcripts::index::Index;
use proptest::collection::vec;
use proptest::prelude::*;

use super::fixtures;

/// A home with nothing in it, and an index beside it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn homes(&self) -> Homes {
        let homes = Homes::of(Some(self.0.path().to_owned()), |_| None);
        Homes { metrics: vec![self.0.path().join("metrics.jsonl")], ..homes }
    }

    fn index(&self) -> PathBuf {
        self.0.path().join("index")
    }

    /// What is known after one more reading, as lines that can be compared; and how much there was to read.
    fn read(&self) -> (Vec<String>, u64) {
        let mut index = Index::open(&self.index()).unwrap();
        let news = index.update(&self.homes(), |_| ());
        assert!(news.failures.is_empty(), "{:?}", news.failures);
        index.save(&self.index()).unwrap();
        let names = index.names();
        let mut calls: Vec<String> = index
            .calls()
            .map(|call| {
                format!(
                    "{} {} {} {:?}",
                    call.at,
                    names.text(call.folder),
                    names.text(call.model),
                    call.tokens
                )
            })
            .collect();
        calls.sort();
        calls.push(format!("damaged {}", index.damaged()));
        (calls, news.bytes)
    }

    fn append(&self, path: &str, bytes: &[u8]) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(bytes).unwrap();
    }
}

/// Files that grow, and where they are at home.
fn growing() -> Vec<(String, Vec<u8>)> {
    let places = [
        ("claude/-work-auth/s-1.jsonl", ".claude/projects/a/s-1.jsonl"),
        ("claude/-work-auth/s-2.jsonl", ".claude/projects/a/s-2.jsonl"),
        ("claude/-work-auth/s-1/subagents/agent-a1.jsonl", ".claude/projects/a/s-1/subagents/agent-a1.jsonl"),
        ("gemini/auth-slug/chats/session-2026-11-24T03-10-new.jsonl", ".gemini/tmp/x/chats/session-1.jsonl"),
        ("metrics.jsonl", "metrics.jsonl"),
    ];
    let mut files: Vec<(String, Vec<u8>)> =
        places.map(|(from, to)| (to.to_owned(), fs::read(fixtures().join(from)).unwrap())).into();
    for entry in fs::read_dir(fixtures().join("codex/2026/11/24")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        files.push((format!(".codex/sessions/{name}"), fs::read(&path).unwrap()));
    }
    files.sort();
    files
}

fn all_at_once() -> Vec<String> {
    let home = Home::new();
    for (path, bytes) in growing() {
        home.append(&path, &bytes);
    }
    home.read().0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_pieces_come_to_the_same(cuts in vec((0usize..8, 0.0f64..1.0), 1..12)) {
        let home = Home::new();
        let files = growing();
        let mut done = vec![0; files.len()];
        for (number, part) in cuts {
            let (path, bytes) = &files[number % files.len()];
            let done = &mut done[number % files.len()];
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in the file")]
            let end = (*done).max((bytes.len() as f64 * part) as usize);
            home.append(path, &bytes[*done..end]);
            *done = end;
            home.read();
        }
        for ((path, bytes), done) in files.iter().zip(done) {
            home.append(path, &bytes[done..]);
        }
        prop_assert_eq!(home.read().0, all_at_once());
        let (again, bytes) = home.read();
        prop_assert_eq!((again, bytes), (all_at_once(), 0));
    }
}

#[test]
fn a_cut_at_any_byte_of_a_line_harms_nothing() {
    let (path, bytes) = growing().into_iter().find(|(path, _)| path.ends_with("s-1.jsonl")).unwrap();
    let whole = Home::new();
    whole.append(&path, &bytes);
    let whole = whole.read().0;
    for cut in (0..bytes.len()).step_by(37) {
        let home = Home::new();
        home.append(&path, &bytes[..cut]);
        home.read();
        home.append(&path, &bytes[cut..]);
        assert_eq!(home.read().0, whole, "cut at {cut}");
    }
}

fn line(id: &str, output: u64) -> Vec<u8> {
    super::call(Path::new("/w"), id, "2026-11-24T01:31:00Z", output).into_bytes()
}

#[test]
fn a_file_that_was_written_anew_is_read_from_its_beginning() {
    let home = Home::new();
    let path = ".claude/projects/a/s.jsonl";
    home.append(path, &[line("one", 10), line("two", 20)].concat());
    assert_eq!(home.read().0.len(), 3);
    // Longer than before, with another beginning, in the same place.
    let file = home.0.path().join(path);
    fs::write(&file, [line("three", 30), line("four", 40), line("five", 50)].concat()).unwrap();
    assert_eq!(home.read().0.len(), 6, "what was used stays used");
    // Shorter.
    fs::write(&file, line("six", 60)).unwrap();
    assert_eq!(home.read().0.len(), 7);
    // Another file under the same name.
    let other = home.0.path().join("other");
    fs::write(&other, [line("six", 60), line("seven", 70)].concat()).unwrap();
    fs::rename(&other, &file).unwrap();
    assert_eq!(home.read().0.len(), 8);
}

#[test]
fn two_readings_at_once_lose_nothing() {
    let home = Home::new();
    for (path, bytes) in growing() {
        home.append(&path, &bytes);
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| assert_eq!(home.read().0, all_at_once())));
        }
    });
}
