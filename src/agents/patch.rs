//! Patches: the files that they name, in the form of `apply_patch` and in that of `diff`.

use std::path::PathBuf;

/// What stands before a file's name in a patch for `apply_patch`.
const MARKS: [&str; 4] = ["*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "];

/// The files that a patch for `apply_patch` writes.
pub fn named(patch: &str) -> Vec<PathBuf> {
    let named = |line: &str| {
        MARKS.iter().find_map(|mark| line.strip_prefix(mark)).map(|name| PathBuf::from(name.trim()))
    };
    unique(patch.lines().filter_map(named))
}

/// The files that a patch as of `diff -u` or `git diff` writes, without the first `strip` folders of each name.
pub fn of_diff(patch: &str, strip: usize) -> Vec<PathBuf> {
    let named = |line: &str| {
        let name = ["--- ", "+++ ", "rename from ", "rename to "].iter().find_map(|mark| {
            let rest = line.strip_prefix(mark)?;
            let strip = if mark.starts_with("rename") { 0 } else { strip };
            let name = rest.split('\t').next().unwrap_or(rest).trim_end();
            (name != "/dev/null").then(|| name.splitn(strip + 1, '/').nth(strip)).flatten()
        });
        name.filter(|name| !name.is_empty()).map(PathBuf::from)
    };
    unique(patch.lines().filter_map(named))
}

fn unique(paths: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        if !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_tells_all_files_that_it_writes() {
        let patch = "*** Begin Patch\n*** Update File: src/a.rs\n*** Move to: src/b.rs\n@@\n-x\n+y\n\
                     *** Delete File: old name\n*** Add File: new\n+*** Add File: not this\n*** End Patch\n";
        assert_eq!(named(patch), ["src/a.rs", "src/b.rs", "old name", "new"].map(PathBuf::from));
    }

    #[test]
    fn a_diff_tells_all_files_that_it_writes() {
        let diff = "diff --git a/src/a b/src/a\n--- a/src/a\t2026\n+++ b/src/a\n@@ -1 +1 @@\n-x\n+y\n\
                    --- /dev/null\n+++ b/new\nrename from src/c\nrename to src/d\n";
        assert_eq!(of_diff(diff, 1), ["src/a", "new", "src/c", "src/d"].map(PathBuf::from));
        assert_eq!(of_diff("--- x/y/z\n+++ x/y/z\n", 2), [PathBuf::from("z")]);
    }
}
