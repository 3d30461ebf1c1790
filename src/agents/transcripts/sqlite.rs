//! SQLite: the rows of a table in a database's file and its write-ahead log, by the published format; nothing is written.
//!
//! No lock is taken, so that no writer waits. A page that is written while it is read can be torn: then what is read makes no
//! sense, which is an error, and is read again later; what does make sense are rows that were there.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;

/// How deep a tree of pages can be: each page has at least two others below it.
const DEEPEST: usize = 40;

/// The longest row that is read.
const LONGEST: usize = 64 << 20;

/// The text that every database begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A database that is open for reading.
#[derive(Debug)]
pub struct Database {
    file: File,
    size: usize,
    /// The part of a page that holds something.
    usable: usize,
    log: Option<File>,
    /// Where pages stand in the log that are newer than those of the file.
    newer: HashMap<u32, u64>,
    /// How many pages there are, and how many of them may be looked at before it is clear that they go round in a circle.
    pages: u64,
    left: u64,
}

/// A value of a row: a number, a text, or what is of no use here.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'a> {
    Integer(i64),
    Text(&'a [u8]),
    Other,
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl Database {
    /// Opens a database.
    ///
    /// # Errors
    /// When it cannot be read, or is no database with texts in UTF-8.
    pub fn open(path: &Path) -> io::Result<Database> {
        let mut file = File::open(path)?;
        let mut head = [0; 100];
        file.read_exact(&mut head).map_err(|_| broken("it is no SQLite database"))?;
        if !head.starts_with(MAGIC) {
            return Err(broken("it is no SQLite database"));
        }
        let size = match u16::from_be_bytes([head[16], head[17]]) {
            1 => 65_536,
            size => usize::from(size),
        };
        let usable = size.saturating_sub(usize::from(head[20]));
        if !size.is_power_of_two() || size < 512 || usable < 480 {
            return Err(broken("its pages have no size that there is"));
        }
        if !matches!(number(&head, 56), Some(0 | 1)) {
            return Err(broken("its texts are not UTF-8"));
        }
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        let mut log = match File::open(&name) {
            Ok(log) => Some(log),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let newer = match &mut log {
            Some(log) => committed(log, size)?,
            None => HashMap::new(),
        };
        let pages = file.metadata()?.len() / size as u64 + newer.len() as u64 + 1;
        Ok(Database { file, size, usable, log, newer, pages, left: 0 })
    }

    /// Tells `take` of the texts in these columns, row by row; nothing for one that is no text. False when there is no such table.
    ///
    /// # Errors
    /// When something cannot be read, or makes no sense.
    pub fn rows<const N: usize>(
        &mut self,
        table: &str,
        columns: [&str; N],
        mut take: impl FnMut([Option<&[u8]>; N]),
    ) -> io::Result<bool> {
        self.left = self.pages;
        let mut found: Option<(i64, Vec<u8>)> = None;
        self.walk(1, 0, &mut |row| {
            // Its columns: type, name, table, root, statement.
            if let [Value::Text(b"table"), Value::Text(name), _, Value::Integer(root), Value::Text(sql)] =
                values(row, [0, 1, 2, 3, 4])?
                && name == table.as_bytes()
            {
                found = Some((root, sql.to_vec()));
            }
            Ok(())
        })?;
        let Some((root, sql)) = found else { return Ok(false) };
        let root = u32::try_from(root).map_err(|_| broken("a table has no root"))?;
        let names = column_names(&sql);
        let mut places = [0; N];
        for (place, column) in places.iter_mut().zip(columns) {
            let known = names.iter().position(|name| name == column);
            *place = known.ok_or_else(|| broken(&format!("its table {table} has no column {column}")))?;
        }
        self.walk(root, 0, &mut |row| {
            take(values(row, places)?.map(|value| match value {
                Value::Text(text) => Some(text),
                Value::Integer(_) | Value::Other => None,
            }));
            Ok(())
        })?;
        Ok(true)
    }

    fn page(&mut self, page: u32) -> io::Result<Vec<u8>> {
        self.left = self.left.checked_sub(1).ok_or_else(|| broken("its pages go round in a circle"))?;
        let mut bytes = vec![0; self.size];
        let (file, at) = match (self.newer.get(&page), &mut self.log) {
            (Some(at), Some(log)) => (log, *at),
            _ => {
                let before = page.checked_sub(1).ok_or_else(|| broken("it names a page that is none"))?;
                (&mut self.file, u64::from(before) * self.size as u64)
            }
        };
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes).map_err(|_| broken("a page is missing"))?;
        Ok(bytes)
    }

    /// Tells `take` of the rows below a page.
    fn walk(
        &mut self,
        page: u32,
        deep: usize,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let torn = || broken("a page makes no sense");
        if deep > DEEPEST {
            return Err(torn());
        }
        let bytes = self.page(page)?;
        let head = if page == 1 { 100 } else { 0 };
        let short = |at: usize| Some(usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
        let cells = short(head + 3).ok_or_else(torn)?;
        let (is_leaf, pointers) = match bytes[head] {
            0x0d => (true, head + 8),
            0x05 => (false, head + 12),
            _ => return Err(torn()),
        };
        for cell in 0..cells {
            let at = short(pointers + 2 * cell).ok_or_else(torn)?;
            if is_leaf {
                let row = self.row(&bytes, at)?.ok_or_else(torn)?;
                take(&row)?;
            } else {
                let below = number(&bytes, at).ok_or_else(torn)?;
                self.walk(below, deep + 1, take)?;
            }
        }
        if !is_leaf {
            let last = number(&bytes, head + 8).ok_or_else(torn)?;
            self.walk(last, deep + 1, take)?;
        }
        Ok(())
    }

    /// The row in a cell of a leaf, with what is on other pages of it.
    fn row(&mut self, page: &[u8], at: usize) -> io::Result<Option<Vec<u8>>> {
        let cell = page.get(at..self.usable.max(at)).unwrap_or_default();
        let Some((length, rest)) = varint(cell) else { return Ok(None) };
        let Some((_, rest)) = varint(rest) else { return Ok(None) };
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= LONGEST) else {
            return Ok(None);
        };
        let here = self.here(length);
        let Some(mut row) = rest.get(..here).map(<[u8]>::to_vec) else { return Ok(None) };
        if here == length {
            return Ok(Some(row));
        }
        let Some(mut next) = number(rest, here) else { return Ok(None) };
        while row.len() < length {
            let bytes = self.page(next)?;
            let Some(part) = bytes.get(4..self.usable.min(4 + length - row.len())) else { return Ok(None) };
            row.extend_from_slice(part);
            next = number(&bytes, 0).unwrap_or_default();
        }
        Ok(Some(row))
    }

    /// How much of a row of this length stands in its cell.
    fn here(&self, length: usize) -> usize {
        let most = self.usable - 35;
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let here = least + (length - least) % (self.usable - 4);
        if here <= most { here } else { least }
    }
}

/// The pages of a log that belong to what was committed, with where they stand. What is behind the last whole commit, or of an
/// earlier use of the file, is passed over.
fn committed(log: &mut File, size: usize) -> io::Result<HashMap<u32, u64>> {
    let mut pages = HashMap::new();
    let mut head = [0; 32];
    let mut reader = io::BufReader::new(log);
    if reader.read_exact(&mut head).is_err() {
        return Ok(pages);
    }
    let is_big = match number(&head, 0) {
        Some(0x377f_0682) => false,
        Some(0x377f_0683) => true,
        _ => return Ok(pages),
    };
    let mut sum = checked([0, 0], &head[..24], is_big);
    if number(&head, 8) != u32::try_from(size).ok() || !is_sum(sum, &head[24..]) {
        return Ok(pages);
    }
    let mut open: Vec<(u32, u64)> = Vec::new();
    let mut frame = vec![0; 24 + size];
    let mut at = 32;
    while reader.read_exact(&mut frame).is_ok() {
        sum = checked(sum, &frame[..8], is_big);
        sum = checked(sum, &frame[24..], is_big);
        if frame[8..16] != head[16..24] || !is_sum(sum, &frame[16..24]) {
            break;
        }
        open.push((number(&frame, 0).unwrap_or_default(), at + 24));
        at += frame.len() as u64;
        if number(&frame, 4) != Some(0) {
            pages.extend(open.drain(..));
        }
    }
    Ok(pages)
}

/// The log's sum over some words more.
fn checked([mut one, mut other]: [u32; 2], bytes: &[u8], is_big: bool) -> [u32; 2] {
    for words in bytes.chunks_exact(8) {
        let word = |at: usize| {
            let word = [words[at], words[at + 1], words[at + 2], words[at + 3]];
            if is_big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        one = one.wrapping_add(word(0)).wrapping_add(other);
        other = other.wrapping_add(word(4)).wrapping_add(one);
    }
    [one, other]
}

fn is_sum([one, other]: [u32; 2], written: &[u8]) -> bool {
    (number(written, 0), number(written, 4)) == (Some(one), Some(other))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*word))
}

/// A number of one to nine bytes, and what comes behind it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value: u64 = 0;
    for (place, byte) in bytes.iter().take(9).enumerate() {
        if place == 8 {
            return Some(((value << 8) | u64::from(*byte), &bytes[9..]));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// The values in these columns of a row; a row of before a column was added has none in it.
fn values<const N: usize>(row: &[u8], places: [usize; N]) -> io::Result<[Value<'_>; N]> {
    let torn = || broken("a row makes no sense");
    let (head, _) = varint(row).ok_or_else(torn)?;
    let head = usize::try_from(head).ok().filter(|head| *head <= row.len()).ok_or_else(torn)?;
    let (mut types, mut body) = row.split_at(head);
    (_, types) = varint(types).ok_or_else(torn)?;
    let mut found = [Value::Other; N];
    let mut column = 0;
    while !types.is_empty() {
        let (kind, rest) = varint(types).ok_or_else(torn)?;
        types = rest;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(torn()),
            kind => (kind - 12) / 2,
        };
        let length = usize::try_from(length).ok().filter(|length| *length <= body.len()).ok_or_else(torn)?;
        let (bytes, rest) = body.split_at(length);
        body = rest;
        let value = match kind {
            8 | 9 => Value::Integer(i64::from(kind == 9)),
            1..=6 => {
                let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
                Value::Integer(bytes.iter().fold(sign, |sum, byte| (sum << 8) | i64::from(*byte)))
            }
            kind if kind >= 13 && kind % 2 == 1 => Value::Text(bytes),
            _ => Value::Other,
        };
        for (place, slot) in places.iter().zip(&mut found) {
            if *place == column {
                *slot = value;
            }
        }
        column += 1;
    }
    Ok(found)
}

/// The names of the columns in the statement that made a table.
fn column_names(sql: &[u8]) -> Vec<String> {
    let mut parts: Vec<Vec<u8>> = vec![Vec::new()];
    let (mut deep, mut quote) = (0, None);
    for byte in sql {
        match (quote, byte) {
            (Some(end), byte) if *byte == end => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"' | b'`') => quote = Some(*byte),
            (None, b'[') => quote = Some(b']'),
            (None, b'(') => deep += 1,
            (None, b')') => deep -= 1,
            (None, b',') if deep == 1 => {
                parts.push(Vec::new());
                continue;
            }
            (None, _) => {}
        }
        let begins = deep == 1 && *byte == b'(' && quote.is_none();
        if deep >= 1
            && !begins
            && let Some(part) = parts.last_mut()
        {
            part.push(*byte);
        }
    }
    let word = |part: Vec<u8>| {
        let part = String::from_utf8_lossy(&part).trim().to_owned();
        let end = match part.as_bytes().first()? {
            quote @ (b'\'' | b'"' | b'`') => part[1..].find(char::from(*quote))? + 2,
            b'[' => part.find(']')? + 1,
            _ => part.find(|letter: char| !(letter.is_alphanumeric() || letter == '_')).unwrap_or(part.len()),
        };
        Some(part[..end].to_owned())
    };
    // What is said of the whole table comes behind its columns.
    let of_table = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
    let words = parts.into_iter().filter_map(word);
    let columns = words.filter(|word| !of_table.contains(&word.to_ascii_uppercase().as_str()));
    columns.map(|word| word.trim_matches(['\'', '"', '`', '[', ']']).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::atomic;

    const FILE: &[u8] = include_bytes!("../../../fixtures/transcripts/opencode-db/opencode.db");
    const LOG: &[u8] = include_bytes!("../../../fixtures/transcripts/opencode-db/opencode.db-wal");

    fn messages(file: &[u8], log: Option<&[u8]>) -> io::Result<Vec<(String, String)>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("x.db");
        let put = |path: &Path, bytes: &[u8]| atomic::put(path, bytes).map_err(io::Error::other);
        put(&path, file)?;
        if let Some(log) = log {
            put(&folder.path().join("x.db-wal"), log)?;
        }
        let mut rows = Vec::new();
        let text = |text: Option<&[u8]>| String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
        let mut database = Database::open(&path)?;
        database.rows("message", ["data", "id"], |[data, id]| rows.push((text(id), text(data))))?;
        Ok(rows)
    }

    fn inputs(rows: &[(String, String)]) -> (usize, u64) {
        let input = |(_, data): &(String, String)| {
            let data: serde_json::Value = serde_json::from_str(data).unwrap();
            data["tokens"]["input"].as_u64().unwrap_or(0)
        };
        (rows.len(), rows.iter().map(input).sum())
    }

    #[test]
    fn every_row_is_read_with_what_stands_on_other_pages_and_in_the_log() {
        let rows = messages(FILE, Some(LOG)).unwrap();
        assert_eq!(inputs(&rows), (77, 8_888));
        let long = rows.iter().find(|(id, _)| id == "msg_017").map(|(_, data)| data.len());
        assert!(long.is_some_and(|length| length > 9_000), "{long:?}");
    }

    #[test]
    fn the_log_counts_up_to_its_last_whole_commit() {
        let without = inputs(&messages(FILE, None).unwrap());
        assert_eq!(without, (75, 7_770));
        assert_eq!(inputs(&messages(FILE, Some(b"")).unwrap()), without);
        let mut seen = std::collections::BTreeSet::new();
        for end in (0..=LOG.len()).step_by(67) {
            seen.insert(inputs(&messages(FILE, Some(&LOG[..end])).unwrap()));
        }
        // Each of the three changes is there, or is not.
        assert_eq!(seen.into_iter().map(|(rows, _)| rows).collect::<Vec<_>>(), [75, 75, 76, 77]);
        let mut other = LOG.to_vec();
        other[40] ^= 1;
        assert_eq!(inputs(&messages(FILE, Some(&other)).unwrap()), without, "its sum is wrong");
    }

    #[test]
    fn what_is_no_database_and_what_lacks_a_column_is_refused() {
        let error = |file: &[u8]| messages(file, None).unwrap_err().to_string();
        assert_eq!(error(b"x"), "it is no SQLite database");
        assert_eq!(error(&FILE[..2_000]), "a page is missing");
        let mut other = FILE.to_vec();
        while let Some(at) = other.windows(6).position(|part| part == b"`data`") {
            other[at + 1] = b'D';
        }
        assert_eq!(error(&other), "its table message has no column data");
    }

    #[test]
    fn columns_are_found_in_the_statement_of_their_table() {
        let names = |sql: &str| column_names(sql.as_bytes()).join(" ");
        assert_eq!(names("CREATE TABLE t (a, \"b c\" text DEFAULT ('x,(y'), [d] int, e)"), "a b c d e");
        assert_eq!(
            names(
                "CREATE TABLE `t` (\n\t`id` text PRIMARY KEY,\n\t`unique` int CHECK(x IN (1,2)),\n\tCONSTRAINT `c` UNIQUE(`id`))"
            ),
            "id unique"
        );
        assert_eq!(names("CREATE TABLE"), "");
    }

    proptest! {
        #[test]
        fn a_damaged_database_is_read_or_refused(
            changes in proptest::collection::vec((0..FILE.len(), any::<u8>()), 1..20),
            end in FILE.len() / 2..FILE.len() * 2,
        ) {
            let mut file = FILE.to_vec();
            for (at, byte) in changes {
                file[at] = byte;
            }
            file.truncate(end);
            let _ = messages(&file, Some(LOG));
        }
    }
}
