//! What hooks are told: no line is passed over, and what is read is what was written.

use git_odyssey::git::Oid;
use git_odyssey::guard::input;

/// The input is what git writes into a hook.
pub fn holds(text: &[u8]) -> bool {
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let hex = |value: Option<Oid>| value.map_or_else(|| "0".repeat(40), |oid| oid.to_string());
    let received = input::received(text);
    match &received {
        Err(error) => super::is_told_plainly(error),
        Ok(moved) => {
            assert_eq!(moved.len(), lines.clone().count());
            for (line, one) in lines.clone().zip(moved) {
                let (Ok(line), 40) =
                    (std::str::from_utf8(line), line.iter().position(|b| *b == b' ').unwrap())
                else {
                    continue;
                };
                let again = format!("{} {} {}", hex(one.old), hex(one.new), one.name);
                assert_eq!(line.to_ascii_lowercase(), again.to_ascii_lowercase());
            }
        }
    }
    let updates = input::transaction(text);
    match &updates {
        Err(error) => super::is_told_plainly(error),
        Ok(updates) => {
            assert_eq!(updates.len(), lines.clone().count());
            if let Ok(moved) = &received {
                let same = updates
                    .iter()
                    .zip(moved)
                    .all(|(one, other)| one.name == other.name && one.new == other.new);
                assert!(same, "two hooks read one line in two ways");
            }
        }
    }
    let leaving = input::leaving(text);
    match &leaving {
        Err(error) => super::is_told_plainly(error),
        Ok(leaving) => {
            // Whatever has an object's name in the place of what is sent is sent.
            let sends = |line: &&[u8]| {
                let parts: Vec<&[u8]> = line.rsplitn(4, |&byte| byte == b' ').collect();
                !parts[1].starts_with(b"refs/odyssey/") && parts[2].iter().any(|&byte| byte != b'0')
            };
            assert_eq!(leaving.sent.len(), lines.filter(sends).count());
        }
    }
    received.is_ok_and(|moved| !moved.is_empty())
        || updates.is_ok_and(|updates| !updates.is_empty())
        || leaving.is_ok_and(|leaving| !leaving.sent.is_empty())
}
