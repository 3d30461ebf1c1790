//! One line of JSON skimmed for a few of its values: what is not wanted is passed over, and not judged.
//!
//! It is several times as quick as reading the whole line, since the long texts in it are only looked through for their end.
//! It understands less, on purpose: where it answers nothing, the line is to be read as JSON.

use std::borrow::Cow;

use memchr::memchr;

/// What is left of a line.
#[derive(Debug, Clone)]
pub struct Skim<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Skim<'a> {
    /// A line from its beginning.
    pub fn of(text: &'a [u8]) -> Skim<'a> {
        Skim { text, at: 0 }
    }

    /// Goes through the members of an object: `take` is told each name, and takes its value or passes over it.
    pub fn object(&mut self, mut take: impl FnMut(&'a [u8], &mut Skim<'a>) -> Option<()>) -> Option<()> {
        self.sign(b'{')?;
        if self.peek()? == b'}' {
            return self.sign(b'}');
        }
        loop {
            let name = self.raw_text()?;
            // It may be another name than it looks.
            if name.contains(&b'\\') {
                return None;
            }
            self.sign(b':')?;
            take(name, self)?;
            match self.peek()? {
                b',' => self.sign(b',')?,
                _ => return self.sign(b'}'),
            }
        }
    }

    /// A text, or nothing where there is `null`.
    pub fn maybe_text(&mut self) -> Option<Option<Cow<'a, str>>> {
        if self.peek()? != b'"' {
            return self.word(b"null").map(|()| None);
        }
        let raw = self.raw_text()?;
        if memchr(b'\\', raw).is_some() {
            return None;
        }
        std::str::from_utf8(raw).ok().map(|text| Some(Cow::Borrowed(text)))
    }

    /// A whole number, or nothing where there is `null`.
    pub fn maybe_number(&mut self) -> Option<Option<u64>> {
        let first = self.peek()?;
        if !first.is_ascii_digit() {
            return self.word(b"null").map(|()| None);
        }
        let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        // JSON has no zeros in front, and what goes on is no whole number.
        if first == b'0' && digits > 1
            || self.text.get(self.at + digits).is_some_and(|next| b".eE".contains(next))
        {
            return None;
        }
        let mut number = 0u64;
        for digit in &self.text[self.at..self.at + digits] {
            number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        }
        self.at += digits;
        Some(Some(number))
    }

    /// `true` or `false`, or nothing where there is `null`.
    pub fn maybe_truth(&mut self) -> Option<Option<bool>> {
        match self.peek()? {
            b't' => self.word(b"true").map(|()| Some(true)),
            b'f' => self.word(b"false").map(|()| Some(false)),
            _ => self.word(b"null").map(|()| None),
        }
    }

    /// Whether there is an object, and not `null`, which is passed over.
    pub fn is_object(&mut self) -> Option<bool> {
        match self.peek()? {
            b'{' => Some(true),
            _ => self.word(b"null").map(|()| false),
        }
    }

    /// Passes over a value.
    pub fn pass(&mut self) -> Option<()> {
        let mut deep = 0usize;
        loop {
            match self.peek()? {
                b'"' => drop(self.raw_text()?),
                b'{' | b'[' => {
                    (deep, self.at) = (deep + 1, self.at + 1);
                    continue;
                }
                b'}' | b']' => (deep, self.at) = (deep.checked_sub(1)?, self.at + 1),
                b',' | b':' if deep > 0 => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    let rest = &self.text[self.at..];
                    let plain = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                    let length = rest.iter().take_while(plain).count();
                    if length == 0 {
                        return None;
                    }
                    self.at += length;
                }
            }
            if deep == 0 {
                return Some(());
            }
        }
    }

    /// Whether nothing follows.
    pub fn is_over(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn sign(&mut self, sign: u8) -> Option<()> {
        (self.peek()? == sign).then(|| self.at += 1)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.peek()?;
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    /// What stands between two quotes.
    fn raw_text(&mut self) -> Option<&'a [u8]> {
        self.sign(b'"')?;
        let start = self.at;
        loop {
            self.at += quote(&self.text[self.at..])? + 1;
            let text = &self.text[start..self.at - 1];
            // An even number of backslashes before it stand for themselves.
            if text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0 {
                return Some(text);
            }
        }
    }
}

/// Where the next quote is. Most texts are short, and to begin a wide search takes longer than to look at eight bytes at once.
fn quote(text: &[u8]) -> Option<usize> {
    const NEAR: usize = 3;
    let (eights, _) = text.as_chunks::<8>();
    let near = &eights[..eights.len().min(NEAR)];
    for (number, eight) in near.iter().enumerate() {
        if let Some(place) = quote_among(*eight) {
            return Some(number * 8 + place);
        }
    }
    let from = near.len() * 8;
    memchr(b'"', &text[from..]).map(|place| from + place)
}

/// Where the first quote among eight bytes is: the lowest byte that is zero once all quotes are.
fn quote_among(eight: [u8; 8]) -> Option<usize> {
    let quotes_are_zero = u64::from_le_bytes(eight) ^ u64::from_le_bytes([b'"'; 8]);
    let borrowed = quotes_are_zero.wrapping_sub(u64::from_le_bytes([0x01; 8]));
    let zeros = borrowed & !quotes_are_zero & u64::from_le_bytes([0x80; 8]);
    (zeros != 0).then(|| zeros.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\\\\"{}\\[\\],:a]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_is_passed_over_to_its_very_end(value in any_value(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let mut skim = Skim::of(text.as_bytes());
            prop_assert_eq!(skim.pass(), Some(()));
            prop_assert!(skim.is_over(), "{}", text);
            // A value that was cut off is none; only a number may be one all the same.
            if !value.is_number() {
                let mut cut = Skim::of(&text.as_bytes()[..text.len() - 1]);
                prop_assert!(cut.pass().is_none() || value.is_boolean() || value.is_null());
            }
        }

        #[test]
        fn names_and_plain_values_are_those_of_the_json(
            members in prop::collection::btree_map("[a-z ]{0,6}", (any::<Option<u64>>(), "[a-zä\\\\ ]{0,20}", any::<bool>()), 0..5),
        ) {
            let mut object = serde_json::Map::new();
            for (name, (number, text, truth)) in &members {
                object.insert(format!("{name}n"), Value::from(*number));
                object.insert(format!("{name}t"), Value::from(text.as_str()));
                object.insert(format!("{name}x"), Value::from(*truth));
            }
            let text = Value::Object(object.clone()).to_string();
            let mut skim = Skim::of(text.as_bytes());
            let mut seen = 0;
            let done = skim.object(|name, value| {
                let wanted = &object[std::str::from_utf8(name).unwrap()];
                seen += 1;
                match name.last() {
                    Some(b'n') => assert_eq!(&Value::from(value.maybe_number()?), wanted),
                    Some(b'x') => assert_eq!(&Value::from(value.maybe_truth()?), wanted),
                    _ if wanted.as_str().unwrap().contains('\\') => {
                        assert_eq!(value.clone().maybe_text(), None, "it is for somebody else to read");
                        value.pass()?;
                    }
                    _ => assert_eq!(&Value::from(value.maybe_text()?.unwrap()), wanted),
                }
                Some(())
            });
            prop_assert_eq!((done, seen), (Some(()), object.len()));
            prop_assert!(skim.is_over());
        }

        #[test]
        fn the_first_quote_is_found(text in "[a\"#!\\x{80}\\x{1}]{0,60}") {
            prop_assert_eq!(quote(text.as_bytes()), text.find('"'));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text in "[{}\\[\\]\",:0-9a-z\\\\ ]{0,30}") {
            for bytes in [&bytes[..], text.as_bytes()] {
                let _ = Skim::of(bytes).pass();
                let _ = Skim::of(bytes).object(|_, value| value.pass());
                let _ = Skim::of(bytes).object(|_, value| value.maybe_number().map(drop));
            }
        }
    }

    #[test]
    fn what_is_not_plain_is_for_somebody_else() {
        for text in ["01", "1.5", "1e3", "-1", "\"1\"", "18446744073709551616", "nul"] {
            assert_eq!(Skim::of(text.as_bytes()).maybe_number(), None, "{text}");
        }
        assert_eq!(Skim::of(br#"{"\u0061":1}"#).object(|_, value| value.pass()), None, "a name in disguise");
        assert_eq!(Skim::of(b"18446744073709551615").maybe_number(), Some(Some(u64::MAX)));
    }
}
