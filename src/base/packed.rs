//! Numbers and texts packed into few bytes, and read back with every length looked at.

/// What is being packed.
#[derive(Debug, Default)]
pub struct Packer {
    /// The bytes so far.
    pub bytes: Vec<u8>,
}

impl Packer {
    /// A number, in the fewer bytes the smaller it is.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is below 128")]
        self.bytes.push(number as u8);
    }

    /// A number that may be below zero.
    pub fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// A number whose bytes are all equally likely.
    pub fn whole(&mut self, number: u64) {
        self.bytes.extend(number.to_le_bytes());
    }

    /// One that may be missing.
    pub fn maybe(&mut self, number: Option<u64>) {
        self.number(u64::from(number.is_some()));
        if let Some(number) = number {
            self.whole(number);
        }
    }

    /// A text, or any bytes.
    pub fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        self.bytes.extend(text);
    }
}

/// What is being read back. All of its answers are nothing once something is missing.
#[derive(Debug)]
pub struct Unpacker<'a>(pub &'a [u8]);

impl<'a> Unpacker<'a> {
    /// See [`Packer::number`].
    #[inline]
    pub fn number(&mut self) -> Option<u64> {
        // Most are small.
        if let [byte @ ..0x80, rest @ ..] = self.0 {
            self.0 = rest;
            return Some(u64::from(*byte));
        }
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// See [`Packer::signed`].
    pub fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// See [`Packer::whole`].
    pub fn whole(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    /// See [`Packer::maybe`].
    pub fn maybe(&mut self) -> Option<Option<u64>> {
        match self.number()? {
            0 => Some(None),
            1 => self.whole().map(Some),
            _ => None,
        }
    }

    /// See [`Packer::text`].
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    /// A text that is one.
    pub fn string(&mut self) -> Option<String> {
        self.text().and_then(|text| std::str::from_utf8(text).ok()).map(str::to_owned)
    }

    /// How many of something follow, of which each takes a byte at least.
    pub fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_packed_comes_back(number: u64, signed: i64, maybe: Option<u64>, text: Vec<u8>) {
            let mut packer = Packer::default();
            packer.number(number);
            packer.signed(signed);
            packer.maybe(maybe);
            packer.text(&text);
            let mut unpacker = Unpacker(&packer.bytes);
            prop_assert_eq!(unpacker.number(), Some(number));
            prop_assert_eq!(unpacker.signed(), Some(signed));
            prop_assert_eq!(unpacker.maybe(), Some(maybe));
            prop_assert_eq!(unpacker.text(), Some(&text[..]));
            prop_assert_eq!(unpacker.number(), None);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let mut unpacker = Unpacker(&bytes);
            while unpacker.text().is_some() && unpacker.maybe().is_some() && unpacker.count().is_some() {}
        }
    }
}
