//! How much two files have in common, as git measures it when it looks for renames.

use std::collections::HashMap;

use super::is_binary;

/// The lines of a file, in pieces of at most 64 bytes, with the bytes that each makes up.
#[derive(Debug)]
pub(super) struct Spans {
    bytes: HashMap<Vec<u8>, u64>,
    size: u64,
}

/// The longest piece.
const LONGEST: usize = 64;

/// A file of more different pieces than this is taken for alike with any: git mixes up some of so many.
const MANY: usize = 10_000;

/// git takes a file for a renamed one when half of it is the same. Ours is a lower bar, for the pieces that git mixes up.
const BAR: u64 = 40;

/// Whether files of these sizes can have half of their bytes in common.
pub(super) fn sizes_are_near(one: u64, other: u64) -> bool {
    one.min(other) * 2 >= one.max(other)
}

impl Spans {
    /// Those of a file.
    pub fn of(content: &[u8]) -> Spans {
        let text = !is_binary(content);
        let mut bytes: HashMap<Vec<u8>, u64> = HashMap::new();
        let mut piece = Vec::new();
        let mut end = |piece: &mut Vec<u8>| {
            if !piece.is_empty() {
                let size = piece.len() as u64;
                *bytes.entry(std::mem::take(piece)).or_default() += size;
            }
        };
        for (place, &byte) in content.iter().enumerate() {
            // In a text, a line's end is the same with a carriage return.
            if text && byte == b'\r' && content.get(place + 1) == Some(&b'\n') {
                continue;
            }
            piece.push(byte);
            if byte == b'\n' || piece.len() == LONGEST {
                end(&mut piece);
            }
        }
        end(&mut piece);
        Spans { bytes, size: content.len() as u64 }
    }

    /// Whether git could find that one is the other, renamed. True in case of doubt.
    pub fn may_be_alike(&self, other: &Spans) -> bool {
        if self.bytes.len().max(other.bytes.len()) > MANY {
            return true;
        }
        let common = |(piece, size): (&Vec<u8>, &u64)| other.bytes.get(piece).map_or(0, |at| *at.min(size));
        let shared: u64 = self.bytes.iter().map(common).sum();
        shared * 100 >= self.size.max(other.size) * BAR
    }
}
