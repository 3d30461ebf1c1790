//! Lines of a file, in large blocks, and among them those that have a word in them.

use std::io;
use std::io::Read;
use std::ops::Range;

use memchr::memchr;
use memchr::memmem;
use memchr::memrchr;

/// How much is read at once: as much as a processor keeps near, since it is looked through at once.
const BLOCK: usize = 1 << 18;

/// Gives all whole lines to `take`, many at once, then what is left behind the last of them to `rest`. Answers how many bytes
/// the whole lines have. They come by `block`, whatever is in it.
///
/// # Errors
/// When the file cannot be read.
pub fn whole(
    mut file: impl Read,
    block: &mut Vec<u8>,
    mut take: impl FnMut(&[u8]),
    rest: impl FnOnce(&[u8]),
) -> io::Result<u64> {
    block.resize(block.len().max(BLOCK), 0);
    let (mut filled, mut taken) = (0, 0);
    loop {
        if filled == block.len() {
            // One line fills it all.
            block.resize(block.len() * 2, 0);
        }
        let count = match file.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let Some(end) = memrchr(b'\n', &block[filled..filled + count]) else {
            filled += count;
            continue;
        };
        let end = filled + end + 1;
        filled += count;
        take(&block[..end]);
        taken += end as u64;
        block.copy_within(end..filled, 0);
        filled -= end;
    }
    rest(&block[..filled]);
    Ok(taken)
}

/// The lines that have one of the words in them, in their order, without their ends.
pub fn with<'a>(block: &'a [u8], words: &[&str]) -> impl Iterator<Item = &'a [u8]> {
    let mut lines: Vec<Range<usize>> = Vec::new();
    for word in words {
        let finder = memmem::Finder::new(word);
        let mut from = 0;
        while let Some(found) = finder.find(&block[from..]) {
            let place = from + found;
            let start = memrchr(b'\n', &block[..place]).map_or(0, |end| end + 1);
            let end = memchr(b'\n', &block[place..]).map_or(block.len(), |end| place + end);
            lines.push(start..end);
            from = end;
        }
    }
    if words.len() > 1 {
        lines.sort_by_key(|line| line.start);
        lines.dedup();
    }
    lines.into_iter().map(|line| &block[line])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives so many bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_however_it_comes(text in "[a\n]{0,60}", step in 1usize..9) {
            let (mut lines, mut rest) = (Vec::new(), Vec::new());
            let taken = whole(Slow(text.as_bytes(), step), &mut b"other".to_vec(), |block| lines.extend(block.to_vec()), |end| rest = end.to_vec());
            prop_assert_eq!(taken.unwrap(), lines.len() as u64);
            prop_assert!(lines.is_empty() || lines.ends_with(b"\n"));
            prop_assert!(!rest.contains(&b'\n'));
            lines.extend(rest);
            prop_assert_eq!(lines, text.as_bytes());
        }

        #[test]
        fn the_lines_with_a_word_are_all_found_in_their_order(text in "[abc\n]{0,60}") {
            let wanted: Vec<&[u8]> =
                text.split('\n').filter(|line| line.contains("ab") || line.contains('c')).map(str::as_bytes).collect();
            let found: Vec<&[u8]> = with(text.as_bytes(), &["ab", "c"]).collect();
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_line_longer_than_a_block_is_one_line() {
        let text = format!("{}\nshort\n", "x".repeat(3 * BLOCK));
        let mut lengths = Vec::new();
        whole(
            text.as_bytes(),
            &mut Vec::new(),
            |block| lengths.extend(block.split(|&byte| byte == b'\n').map(<[u8]>::len)),
            |_| (),
        )
        .unwrap();
        lengths.retain(|length| *length > 0);
        assert_eq!(lengths, [3 * BLOCK, 5]);
    }
}
