//! Made up histories, as one stream for `git fast-import`.

use super::support::dice::Dice;
use super::tree;
use super::tree::Thing;
use super::tree::Tree;

/// Two commits to merge, by their marks.
pub struct Pair {
    pub ours: u64,
    pub theirs: u64,
}

/// Histories, and the pairs to merge in them.
pub struct Made {
    pub stream: Vec<u8>,
    pub pairs: Vec<Pair>,
    mark: u64,
    digits: usize,
}

/// One commit: its mark, and what is in it.
#[derive(Clone)]
struct Commit {
    mark: u64,
    tree: Tree,
}

/// So many histories.
pub fn make(dice: &mut Dice, count: u64, digits: usize) -> Made {
    let mut made = Made { stream: Vec::new(), pairs: Vec::new(), mark: 0, digits };
    for _ in 0..count {
        made.history(dice);
    }
    made
}

/// One history of many commits and merges, with clocks that go wrong, and pairs from all over it.
pub fn tangle(dice: &mut Dice, commits: u64, pairs: u64) -> Made {
    let mut made = Made { stream: Vec::new(), pairs: Vec::new(), mark: 0, digits: 40 };
    let first =
        (0..6).map(|number| (format!("f{number}"), Thing::File(b"1\n2\n3\n4\n5\n6\n".to_vec(), false)));
    let first = first.collect();
    let mut all = vec![made.commit(first, &[])];
    for _ in 1..commits {
        let near = |dice: &mut Dice, all: &[Commit]| {
            let back = dice.below(12.min(all.len() as u64)) as usize;
            all[all.len() - 1 - back].clone()
        };
        let one = near(dice, &all);
        let mut parents = vec![one.mark];
        let mut tree = one.tree;
        if dice.below(3) == 0 {
            let other = near(dice, &all);
            if other.mark != one.mark {
                parents.push(other.mark);
                for (path, thing) in other.tree {
                    if dice.below(2) == 0 {
                        tree.insert(path, thing);
                    }
                }
            }
        }
        let path = format!("f{}", dice.below(6));
        if let Some(Thing::File(text, _)) = tree.get_mut(&path) {
            // One of six lines, so that sides often meet.
            let at = 2 * dice.below(6) as usize;
            text[at] = b'0' + dice.below(10) as u8;
        }
        all.push(made.commit_at(dice.below(50), tree, &parents));
    }
    let mut any = || all[dice.below(commits) as usize].mark;
    made.pairs = (0..pairs).map(|_| Pair { ours: any(), theirs: any() }).collect();
    made
}

impl Made {
    fn history(&mut self, dice: &mut Dice) {
        let first = tree::first(dice, self.digits);
        let base = self.commit(first, &[]);
        let [mut ours, mut theirs] = self.sides(dice, &base);
        match dice.below(12) {
            0 | 1 => {
                // Each merges the other's first work in a way of its own, and goes on: two bases.
                let mixed = |one: &Commit, other: &Commit| {
                    let mut tree = one.tree.clone();
                    tree.extend(other.tree.iter().map(|(path, thing)| (path.clone(), thing.clone())));
                    consistent(tree)
                };
                let one = self.commit(mixed(&ours, &theirs), &[ours.mark, theirs.mark]);
                let other = self.commit(mixed(&theirs, &ours), &[theirs.mark, ours.mark]);
                ours = self.changed(dice, &one);
                theirs = self.changed(dice, &other);
            }
            2 => {
                // One has merged a part of the other's work: its commit is the base.
                let merged = self.commit(consistent(theirs.tree.clone()), &[ours.mark, theirs.mark]);
                theirs = self.changed(dice, &theirs);
                ours = self.changed(dice, &merged);
            }
            3 => ours = self.changed(dice, &ours),
            4 => theirs = base,
            _ => {}
        }
        let (ours, theirs) = (ours.mark, theirs.mark);
        self.pairs.push(if dice.below(2) == 0 {
            Pair { ours, theirs }
        } else {
            Pair { ours: theirs, theirs: ours }
        });
    }

    /// Two commits on top of one; some of the work may be the same on both.
    fn sides(&mut self, dice: &mut Dice, base: &Commit) -> [Commit; 2] {
        let mut common = base.tree.clone();
        if dice.below(5) == 0 {
            tree::change(dice, &mut common, self.digits);
        }
        let start = Commit { mark: base.mark, tree: common };
        let base = base.clone();
        [0, 1].map(|_| {
            let mut tree = start.tree.clone();
            for _ in 0..1 + dice.below(4) {
                tree::change(dice, &mut tree, self.digits);
            }
            self.commit(tree, &[base.mark])
        })
    }

    fn changed(&mut self, dice: &mut Dice, commit: &Commit) -> Commit {
        let mut tree = commit.tree.clone();
        for _ in 0..1 + dice.below(2) {
            tree::change(dice, &mut tree, self.digits);
        }
        self.commit(tree, &[commit.mark])
    }

    fn commit(&mut self, tree: Tree, parents: &[u64]) -> Commit {
        self.commit_at(self.mark + 1, tree, parents)
    }

    /// A commit at a time of its own.
    fn commit_at(&mut self, time: u64, tree: Tree, parents: &[u64]) -> Commit {
        self.mark += 1;
        let mark = self.mark;
        if parents.is_empty() {
            self.put("reset refs/heads/made\n");
        }
        self.put(&format!("commit refs/heads/made\nmark :{mark}\ncommitter A <a@b> {time} +0000\ndata 0\n"));
        for (number, parent) in parents.iter().enumerate() {
            let word = if number == 0 { "from" } else { "merge" };
            self.put(&format!("{word} :{parent}\n"));
        }
        self.put("deleteall\n");
        for (path, thing) in &tree {
            match thing {
                Thing::File(bytes, executable) => {
                    self.data(if *executable { "100755" } else { "100644" }, path, bytes);
                }
                Thing::Link(target) => self.data("120000", path, target.as_bytes()),
                Thing::Submodule(commit) => self.put(&format!("M 160000 {commit} {path}\n")),
            }
        }
        Commit { mark, tree }
    }

    fn data(&mut self, mode: &str, path: &str, bytes: &[u8]) {
        self.put(&format!("M {mode} inline {path}\ndata {}\n", bytes.len()));
        self.stream.extend_from_slice(bytes);
        self.stream.push(b'\n');
    }

    fn put(&mut self, text: &str) {
        self.stream.extend_from_slice(text.as_bytes());
    }
}

/// Without what is below a file.
fn consistent(mut tree: Tree) -> Tree {
    let paths: Vec<String> = tree.keys().cloned().collect();
    tree.retain(|path, _| !paths.iter().any(|other| path.starts_with(&format!("{other}/"))));
    tree
}
