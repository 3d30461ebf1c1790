//! Lease files: what is taken is written again as it was read, in the ledger and in the cache.

use git_odyssey::domain::refname;
use git_odyssey::domain::region::Case;
use git_odyssey::ledger::codec::LeaseFile;

/// The input is a lease file.
pub fn holds(input: &[u8]) -> bool {
    let Ok(file) = LeaseFile::from_toml(input) else { return false };
    let lease = match file.clone().lease(Case::Sensitive) {
        Ok(lease) => lease,
        Err(told) => {
            super::is_told_plainly(&told);
            return false;
        }
    };
    assert_eq!(refname::broken_rule(&lease.target), None);
    assert!(lease.branch().is_none_or(|branch| branch == lease.task.branch()));
    // Whoever changes one thing of a lease writes all of it anew: that must be readable for everybody.
    let own = LeaseFile::of(&lease);
    let text = own.to_toml();
    let again = LeaseFile::from_toml(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(again, own, "{text}");
    let again = again.lease(Case::Sensitive).unwrap();
    assert_eq!((&again.regions, again.ttl, again.fence), (&lease.regions, lease.ttl, lease.fence));
    let kept = serde_json::to_string(&file).unwrap();
    assert_eq!(serde_json::from_str::<LeaseFile>(&kept).unwrap(), file, "{kept}");
    true
}
