//! The index: every call that was ever read, each once, and how far each file was read.
//!
//! It is kept in a file of its own. Nothing is lost with it that the transcripts still tell; what they no longer tell, because an
//! agent has tidied up, it keeps. Calls are joined in a way that does not depend on the order in which they are read: so files
//! can be read in any order, in pieces, twice, or by two processes at once.

use std::collections::HashMap;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use super::Call;
use super::Found;
use super::Homes;
use super::Key;
use super::Memory;
use super::Name;
use super::Names;
use super::Program;
use super::files;
use super::files::Mark;
use super::files::Stand;
use super::files::Transcript;
use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::packed::Packer;
use crate::base::packed::Unpacker;
use crate::domain::usage::Tokens;

/// What the file begins with; another version begins anew.
const HEAD: &[u8] = b"odyssey usage 2\n";

/// What one began with that did not say which calls count; it is understood.
const OLD_HEAD: &[u8] = b"odyssey usage 1\n";

/// How many files are read at once at most, however many processors there are: then the disk is what is waited for.
const HANDS: usize = 8;

/// All calls that are known.
#[derive(Debug, Default)]
pub struct Index {
    names: Names,
    /// All calls, once there is something to join them with.
    calls: Vec<Call>,
    /// Before that, all calls as they were packed: mostly nothing is new, and they are only gone through.
    packed: Option<Packed>,
    marks: HashMap<PathBuf, Mark>,
    /// Folders in which a task's work happened, and the task.
    places: HashMap<String, String>,
    changed: bool,
}

/// Calls in the file that they were kept in.
#[derive(Debug)]
struct Packed {
    file: Vec<u8>,
    /// Where they begin in it.
    begin: usize,
    count: usize,
}

impl Packed {
    /// The calls, and whether each counts.
    fn calls(&self) -> impl Iterator<Item = (Call, bool)> {
        let mut from = Unpacker(&self.file[self.begin..]);
        (0..self.count).map_while(move |_| unpack_call(&mut from))
    }
}

/// What reading brought.
#[derive(Debug, Default)]
pub struct News {
    /// How many bytes there were to read.
    pub bytes: u64,
    /// What could not be read.
    pub failures: Vec<FileError>,
}

impl Index {
    /// Opens the index; one that is not there or is damaged is empty.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn open(path: &Path) -> Result<Index, FileError> {
        let bytes = atomic::read(path)?.unwrap_or_default();
        Ok(unpacked(bytes).unwrap_or_default())
    }

    /// Writes it, if something has changed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        if self.changed { atomic::put(path, &self.packed()) } else { Ok(()) }
    }

    /// How many bytes there are to read.
    pub fn pending(&self, homes: &Homes) -> u64 {
        let (files, _) = files::all(homes);
        let bytes = |file: &Transcript| match self.marks.get(&file.path) {
            Some(mark) if file.is_as(mark) => 0,
            mark => file.new_bytes(mark),
        };
        files.iter().map(bytes).sum()
    }

    /// Looks for what is new. `begin` is told how many bytes there are to read.
    pub fn update(&mut self, homes: &Homes, begin: impl FnOnce(u64)) -> News {
        let (files, failures) = files::all(homes);
        let mut news = News { bytes: 0, failures };
        let is_new = |file: &&Transcript| !self.marks.get(&file.path).is_some_and(|mark| file.is_as(mark));
        let mut new: Vec<&Transcript> = files.iter().filter(is_new).collect();
        let known = self.marks.len();
        if news.failures.is_empty() && files.len() < known + new.len() {
            let there: HashSet<&Path> = files.iter().map(|file| file.path.as_path()).collect();
            self.marks.retain(|path, _| there.contains(path.as_path()));
            self.changed |= self.marks.len() < known;
        }
        if new.is_empty() {
            return news;
        }
        let bytes = |file: &&Transcript| file.new_bytes(self.marks.get(&file.path));
        news.bytes = new.iter().map(bytes).sum();
        begin(news.bytes);
        // The longest first, so that no hand has one left when the others are done.
        new.sort_by_key(|file| std::cmp::Reverse(bytes(file)));
        let read = read_all(&new, &self.marks);
        self.unpack();
        let mut places: HashMap<Key, usize> =
            self.calls.iter().enumerate().map(|(place, call)| (call.key, place)).collect();
        for (file, result) in new.iter().zip(read) {
            match result {
                Ok((found, mark)) => {
                    self.join(&found, &mut places);
                    self.marks.insert(file.path.clone(), mark);
                    self.changed = true;
                }
                Err(failure) => news.failures.push(failure),
            }
        }
        news
    }

    /// Takes up what was found in one file.
    fn join(&mut self, found: &Found, places: &mut HashMap<Key, usize>) {
        let numbers: Vec<Name> = found.names.all().iter().map(|text| self.names.number(text)).collect();
        let number = |name: Name| numbers.get(name as usize).copied().unwrap_or(name);
        for call in &found.calls {
            let call = Call { folder: number(call.folder), model: number(call.model), ..*call };
            match places.get(&call.key).and_then(|place| self.calls.get_mut(*place)) {
                Some(known) => *known = known.joined(call, &self.names),
                None => {
                    places.insert(call.key, self.calls.len());
                    self.calls.push(call);
                }
            }
        }
    }

    /// Takes the calls out of their file.
    fn unpack(&mut self) {
        if let Some(packed) = self.packed.take() {
            self.calls = Vec::with_capacity(packed.count);
            self.calls.extend(packed.calls().map(|(call, _)| call));
        }
    }

    /// The calls that count: each once, without those that are copies of others.
    pub fn calls(&self) -> Box<dyn Iterator<Item = Call> + '_> {
        if let Some(packed) = &self.packed {
            return Box::new(packed.calls().filter(|(_, counts)| *counts).map(|(call, _)| call));
        }
        let originals = self.originals();
        Box::new(self.calls.iter().filter(move |call| counts(call, &originals)).copied())
    }

    /// What those calls are known as that have copies.
    fn originals(&self) -> HashSet<Key> {
        let wanted: HashSet<Key> = self.calls.iter().filter_map(|call| call.copy_of).collect();
        match wanted.is_empty() {
            true => HashSet::new(),
            false => {
                let known = self.calls.iter().filter_map(|call| call.known_as);
                known.filter(|key| wanted.contains(key)).collect()
            }
        }
    }

    /// The names of folders and models.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// How many lines could not be understood.
    pub fn damaged(&self) -> u64 {
        self.marks.values().map(|mark| mark.damaged).sum()
    }

    /// Remembers that a task's work happens in a folder, for when the folder is gone or somewhere else.
    pub fn remember(&mut self, folder: &str, task: &str) {
        if self.places.get(folder).is_none_or(|known| known != task) {
            self.places.insert(folder.to_owned(), task.to_owned());
            self.changed = true;
        }
    }

    /// The folders that were remembered, with their tasks.
    pub fn places(&self) -> impl Iterator<Item = (&str, &str)> {
        self.places.iter().map(|(folder, task)| (folder.as_str(), task.as_str()))
    }

    fn packed(&self) -> Vec<u8> {
        let mut to = Packer::default();
        to.number(self.names.all().len() as u64);
        self.names.all().iter().for_each(|text| to.text(text.as_bytes()));
        // In an order of its own, so that the same is packed as the same.
        let mut places: Vec<_> = self.places.iter().collect();
        places.sort();
        to.number(places.len() as u64);
        for (folder, task) in places {
            to.text(folder.as_bytes());
            to.text(task.as_bytes());
        }
        let mut marks: Vec<_> =
            self.marks.iter().filter_map(|(path, mark)| Some((path.to_str()?, mark))).collect();
        marks.sort_by_key(|(path, _)| *path);
        to.number(marks.len() as u64);
        for (path, mark) in marks {
            pack_mark(path, mark, &mut to);
        }
        match &self.packed {
            Some(Packed { file, begin, count }) => {
                to.number(*count as u64);
                to.bytes.extend(&file[*begin..]);
            }
            None => {
                let originals = self.originals();
                to.number(self.calls.len() as u64);
                self.calls.iter().for_each(|call| pack_call(call, counts(call, &originals), &mut to));
            }
        }
        let mut bytes = HEAD.to_vec();
        bytes.extend(adler2::adler32_slice(&to.bytes).to_le_bytes());
        bytes.extend(to.bytes);
        bytes
    }
}

/// Reads files, several at once; the answers are in the files' order.
fn read_all(files: &[&Transcript], marks: &HashMap<PathBuf, Mark>) -> Vec<Result<(Found, Mark), FileError>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut done, mut block) = (Vec::new(), Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(number) else { return done };
            done.push((number, file.read(marks.get(&file.path), &mut block)));
        }
    };
    let hands = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut read: Vec<_> = std::thread::scope(|scope| {
        let hands: Vec<_> = (1..hands.min(HANDS).min(files.len())).map(|_| scope.spawn(work)).collect();
        let mut read = work();
        for hand in hands {
            match hand.join() {
                Ok(done) => read.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        read
    });
    read.sort_by_key(|(number, _)| *number);
    read.into_iter().map(|(_, result)| result).collect()
}

fn pack_mark(path: &str, mark: &Mark, to: &mut Packer) {
    to.text(path.as_bytes());
    let Stand { identity: [device, inode], size, modified } = mark.stand;
    [device, inode, size, modified, mark.offset, mark.damaged]
        .into_iter()
        .for_each(|number| to.number(number));
    to.whole(mark.tail.0);
    to.text(mark.memory.folder.as_bytes());
    to.text(mark.memory.model.as_bytes());
    to.maybe(mark.memory.session.map(|key| key.0));
    to.maybe(mark.memory.parent.map(|key| key.0));
    to.number(u64::from(mark.memory.sum.is_some()));
    mark.memory.sum.unwrap_or_default().counts().into_iter().for_each(|count| to.number(count));
}

/// Whether a call counts: a copy does not where its original is known.
fn counts(call: &Call, originals: &HashSet<Key>) -> bool {
    !call.copy_of.is_some_and(|original| originals.contains(&original))
}

/// The bits of a call's first number; below them is the program.
const KNOWN_AS_KEY: u64 = 8;
const DOES_NOT_COUNT: u64 = 16;

fn pack_call(call: &Call, counts: bool, to: &mut Packer) {
    to.whole(call.key.0);
    let known_as_key = call.known_as == Some(call.key);
    let program = Program::ALL.iter().position(|program| *program == call.program).unwrap_or(0);
    let known = if known_as_key { KNOWN_AS_KEY } else { 0 };
    to.number(program as u64 | known | if counts { 0 } else { DOES_NOT_COUNT });
    if !known_as_key {
        to.maybe(call.known_as.map(|key| key.0));
    }
    to.maybe(call.copy_of.map(|key| key.0));
    to.signed(call.at);
    to.number(u64::from(call.folder));
    to.number(u64::from(call.model));
    call.tokens.counts().into_iter().for_each(|count| to.number(count));
}

/// Nothing when it is not whole, or of another version.
fn unpacked(file: Vec<u8>) -> Option<Index> {
    let is_old = file.starts_with(OLD_HEAD);
    let (sum, bytes) = file.strip_prefix(if is_old { OLD_HEAD } else { HEAD })?.split_first_chunk::<4>()?;
    if adler2::adler32_slice(bytes).to_le_bytes() != *sum {
        return None;
    }
    let mut from = Unpacker(bytes);
    let mut index = Index::default();
    for _ in 0..from.count()? {
        index.names.number(&from.string()?);
    }
    for _ in 0..from.count()? {
        index.places.insert(from.string()?, from.string()?);
    }
    for _ in 0..from.count()? {
        let path = from.string()?;
        index.marks.insert(PathBuf::from(path), unpack_mark(&mut from)?);
    }
    let count = from.count()?;
    index.packed = Some(Packed { begin: file.len() - from.0.len(), count, file });
    if is_old {
        index.unpack();
    }
    Some(index)
}

fn unpack_mark(from: &mut Unpacker<'_>) -> Option<Mark> {
    let identity = [from.number()?, from.number()?];
    let stand = Stand { identity, size: from.number()?, modified: from.number()? };
    let (offset, damaged, tail) = (from.number()?, from.number()?, Key(from.whole()?));
    let (folder, model) = (from.string()?, from.string()?);
    let (session, parent) = (from.maybe()?.map(Key), from.maybe()?.map(Key));
    let has_sum = from.number()? != 0;
    let sum = unpack_tokens(from)?;
    let memory = Memory { folder, model, session, parent, sum: has_sum.then_some(sum) };
    Some(Mark { stand, offset, tail, memory, damaged })
}

/// A call, and whether it counts.
fn unpack_call(from: &mut Unpacker<'_>) -> Option<(Call, bool)> {
    let key = Key(from.whole()?);
    let flags = from.number()?;
    let program = *Program::ALL.get(usize::try_from(flags & 7).ok()?)?;
    let known_as = if flags & KNOWN_AS_KEY == 0 { from.maybe()?.map(Key) } else { Some(key) };
    let copy_of = from.maybe()?.map(Key);
    let at = from.signed()?;
    let folder = Name::try_from(from.number()?).ok()?;
    let model = Name::try_from(from.number()?).ok()?;
    let call = Call { key, known_as, copy_of, at, folder, model, program, tokens: unpack_tokens(from)? };
    Some((call, flags & DOES_NOT_COUNT == 0))
}

fn unpack_tokens(from: &mut Unpacker<'_>) -> Option<Tokens> {
    let mut counts = [0; 6];
    for count in &mut counts {
        *count = from.number()?;
    }
    Some(Tokens::of(counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, copy_of: Option<Key>) -> Call {
        let tokens = Tokens { input: 7, ..Tokens::default() };
        let key = Key::of(&[name.as_bytes()]);
        Call {
            key,
            known_as: Some(key),
            copy_of,
            at: 1,
            folder: 0,
            model: 0,
            program: Program::Codex,
            tokens,
        }
    }

    #[test]
    fn what_is_only_gone_through_counts_as_what_is_unpacked() {
        let original = call("a", None);
        let mut index = Index { calls: vec![original, call("b", Some(original.key))], ..Index::default() };
        index.names.number("name");
        index.remember("/a", "task");
        let bytes = index.packed();
        let mut kept = unpacked(bytes.clone()).unwrap();
        assert!(kept.packed.is_some());
        assert_eq!(kept.packed(), bytes);
        assert_eq!(kept.calls().collect::<Vec<_>>(), [original]);
        kept.unpack();
        assert_eq!(kept.calls().collect::<Vec<_>>(), [original]);
        assert_eq!(kept.packed(), bytes);
    }

    #[test]
    fn an_older_index_which_does_not_say_which_calls_count_is_understood() {
        let original = call("a", None);
        // As one was written: the copy, of which nothing tells that it does not count.
        let mut index = Index { calls: vec![call("b", Some(original.key))], ..Index::default() };
        index.names.number("name");
        let mut bytes = index.packed();
        bytes[..OLD_HEAD.len()].copy_from_slice(OLD_HEAD);
        let mut kept = unpacked(bytes).unwrap();
        kept.calls.push(original);
        assert_eq!(kept.calls().collect::<Vec<_>>(), [original]);
    }
}
