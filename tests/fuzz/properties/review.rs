//! Reviews: what is taken is written again as it was read.

use git_odyssey::domain::review::ItemId;
use git_odyssey::git::repo::Repo;
use git_odyssey::ledger::reviews::codec;
use git_odyssey::ledger::reviews::codec::ReviewFile;

use super::scratch;

/// Cut at lines of `---`: a review's file, a resolution, and the text beside it.
pub fn holds(input: &[u8]) -> bool {
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some(place) = rest.windows(5).position(|window| window == b"\n---\n") {
        parts.push(&rest[..place + 1]);
        rest = &rest[place + 5..];
    }
    parts.push(rest);
    let review = ReviewFile::from_toml(parts[0]);
    if let Ok(file) = &review {
        let text = file.to_toml();
        let again = ReviewFile::from_toml(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(again.to_toml(), text);
    }
    let resolution = parts.get(1).map(|file| codec::resolution(file, parts.get(2).map(|text| text.to_vec())));
    let Some(Ok(resolution)) = resolution else { return review.is_ok() && parts.len() == 1 };
    scratch::with(|repo: &Repo| {
        let (entry, _) = codec::entry(repo, &ItemId::of("0123456789ab"), &resolution).unwrap();
        let files = repo.tree(entry.oid).unwrap();
        let read = |name: &str| {
            let file = files.iter().find(|file| file.name == name)?;
            Some(repo.blob(file.oid).unwrap())
        };
        let again = codec::resolution(&read("resolution.toml").unwrap(), read("text"));
        assert_eq!(again.as_ref(), Ok(&resolution));
    });
    review.is_ok()
}
