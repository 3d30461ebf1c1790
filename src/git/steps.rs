//! The versions that a file went through, along one line of history.

use gix::bstr::BStr;
use gix::hashtable::HashSet;
use gix::objs::tree::EntryKind;

use super::Oid;
use super::error::GitError;
use super::lineage::Lineage;
use super::repo::Repo;

/// How many commits are gone through at most.
const LONGEST: usize = 2_000;

impl Repo {
    /// The contents that a file had from one commit to a descendant of it, oldest first, none twice in a row.
    ///
    /// Through a merge it goes by the first parent that descends from `from`. Nothing when `to` does not descend from it,
    /// when there are very many commits between, or when the file was no file in one of them.
    ///
    /// # Errors
    /// When history or a tree cannot be read.
    pub fn steps(&self, path: &BStr, from: Oid, to: Oid) -> Result<Option<Vec<Oid>>, GitError> {
        let Some(line) = self.line_between(from, to)? else { return Ok(None) };
        let mut contents: Vec<Oid> = Vec::new();
        for commit in line {
            let Some((EntryKind::Blob | EntryKind::BlobExecutable, blob)) = self.entry_at(commit, path)?
            else {
                return Ok(None);
            };
            if contents.last() != Some(&blob) {
                contents.push(blob);
            }
        }
        Ok(Some(contents))
    }

    /// The commits from one to a descendant of it, both among them, each the parent of the next.
    fn line_between(&self, from: Oid, to: Oid) -> Result<Option<Vec<Oid>>, GitError> {
        if from == to {
            return Ok(Some(vec![to]));
        }
        let newer = self.new_commits(&[to], &[from])?;
        if newer.len() > LONGEST {
            return Ok(None);
        }
        let lineage = Lineage::of(self)?;
        let mut descending: HashSet<Oid> = HashSet::default();
        descending.insert(from);
        // Parents come before their children this way.
        for commit in newer.iter().rev() {
            if lineage.parents(*commit)?.iter().any(|parent| descending.contains(parent)) {
                descending.insert(*commit);
            }
        }
        let mut line = vec![to];
        let mut at = to;
        while at != from {
            let parents = lineage.parents(at)?;
            let Some(parent) = parents.into_iter().find(|parent| descending.contains(parent)) else {
                return Ok(None);
            };
            line.push(parent);
            at = parent;
        }
        line.reverse();
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use crate::git::scratch::Checked;
    use crate::git::scratch::Scratch;

    #[test]
    fn a_file_has_its_versions_one_after_the_other_and_a_stranger_none() -> Checked {
        let scratch = Scratch::new()?;
        let mut commits = Vec::new();
        for text in ["one\n", "two\n", "two\n", "three\n"] {
            scratch.write("file", text)?;
            scratch.write("other", commits.len().to_string())?;
            commits.push(scratch.commit_all("more")?);
        }
        let repo = scratch.repo();
        let blob = |text: &str| repo.write_blob(text.as_bytes());
        let steps = |path: &str, from: usize, to: usize| repo.steps(path.into(), commits[from], commits[to]);
        assert_eq!(steps("file", 0, 3)?, Some(vec![blob("one\n")?, blob("two\n")?, blob("three\n")?]));
        assert_eq!(steps("file", 2, 2)?, Some(vec![blob("two\n")?]));
        assert_eq!(steps("file", 3, 0)?, None, "the other way round nobody came");
        assert_eq!(steps("nothing", 0, 3)?, None);
        Ok(())
    }

    #[test]
    fn through_a_merge_it_goes_by_a_parent_that_descends() -> Checked {
        let scratch = Scratch::new()?;
        scratch.write("file", "root\n")?;
        let root = scratch.commit_all("root")?;
        scratch.write("file", "begin\n")?;
        let begin = scratch.commit_all("begin")?;
        scratch.write("file", "theirs\n")?;
        let theirs = scratch.commit_all("theirs")?;
        // Its first parent is older than where it begins.
        let tree = scratch.repo().commit(theirs)?.tree;
        let merge = scratch.commit(tree, &[root, theirs], 1_700_000_100, "merge")?;
        let repo = scratch.repo();
        let blob = |text: &str| repo.write_blob(text.as_bytes());
        assert_eq!(repo.steps("file".into(), begin, merge)?, Some(vec![blob("begin\n")?, blob("theirs\n")?]));
        Ok(())
    }
}
