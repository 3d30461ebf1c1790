//! The files of a made up commit, and what can be done to them.

use std::collections::BTreeMap;

use super::support::dice::Dice;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A file, which may be executable.
    File(Vec<u8>, bool),
    /// A symbolic link.
    Link(String),
    /// A submodule at a commit.
    Submodule(String),
}

/// All files, by path.
pub type Tree = BTreeMap<String, Thing>;

/// Few lines, so that texts have much in common; some look like programs.
const LINES: [&str; 12] = [
    "",
    "}",
    "    }",
    "    return x;",
    "x = 1",
    "fn a() {",
    "fn b() {",
    "    a();",
    "// words",
    "same",
    "1",
    "end",
];

const NAMES: [&str; 12] = [
    "a", "b", "c", "README", "readme", "main.rs", "CHANGES", "x.whole", "y.driven", "z.crlf", "w.bin", "ä ö",
];

const FOLDERS: [&str; 8] = ["", "src/", "src/deep/", "lib/", "doc/", "doc/more/", "lib/a/", "new/"];

fn roll(dice: &mut Dice, sides: usize) -> usize {
    usize::try_from(dice.below(sides as u64)).unwrap()
}

fn line(dice: &mut Dice) -> String {
    match dice.below(3) {
        0 => format!("{}\n", dice.one_of(&LINES)),
        _ => format!("    line {};\n", dice.below(60)),
    }
}

/// A text of some lines.
fn text(dice: &mut Dice, most: usize) -> Vec<u8> {
    let count = roll(dice, most + 1);
    let mut text: String = (0..count).map(|_| line(dice)).collect();
    if dice.below(12) == 0 {
        text.pop();
    }
    if dice.below(12) == 0 {
        text = text.replace('\n', "\r\n");
    }
    text.into_bytes()
}

/// A new thing, most often a file.
fn thing(dice: &mut Dice, digits: usize) -> Thing {
    match dice.below(24) {
        0 => Thing::File(Vec::new(), false),
        1 => Thing::Link(dice.one_of(&["a", "b", "../c"]).to_owned()),
        2 => submodule(dice, digits),
        3 | 4 => Thing::File([&[0], dice.bytes(40).as_slice()].concat(), false),
        5 => Thing::File(text(dice, 30), true),
        _ => Thing::File(text(dice, 30), false),
    }
}

fn submodule(dice: &mut Dice, digits: usize) -> Thing {
    Thing::Submodule(format!("{:0digits$x}", 1 + dice.below(3)))
}

fn path(dice: &mut Dice) -> String {
    format!("{}{}", dice.one_of(&FOLDERS), dice.one_of(&NAMES))
}

/// Puts something at a path, in place of all that cannot be beside it.
fn put(tree: &mut Tree, path: &str, thing: Thing) {
    let below = format!("{path}/");
    tree.retain(|other, _| !other.starts_with(&below) && !path.starts_with(&format!("{other}/")));
    tree.insert(path.to_owned(), thing);
}

/// A first tree.
pub fn first(dice: &mut Dice, digits: usize) -> Tree {
    let mut tree = Tree::new();
    for _ in 0..4 + dice.below(14) {
        put(&mut tree, &path(dice), thing(dice, digits));
    }
    tree
}

fn any(dice: &mut Dice, tree: &Tree) -> Option<String> {
    let paths: Vec<&String> = tree.keys().collect();
    (!paths.is_empty()).then(|| paths[roll(dice, paths.len())].clone())
}

/// A text with some lines changed.
fn edit(dice: &mut Dice, text: &[u8], edits: u64) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    for _ in 0..edits {
        let at = roll(dice, lines.len() + 1);
        let line = line(dice).into_bytes();
        match dice.below(4) {
            0 if at < lines.len() => lines[at] = line,
            1 if at < lines.len() => drop(lines.remove(at)),
            2 => lines.push(line),
            _ => lines.insert(at, line),
        }
    }
    lines.concat()
}

/// Does something to a tree.
pub fn change(dice: &mut Dice, tree: &mut Tree, digits: usize) {
    let Some(at) = any(dice, tree) else {
        put(tree, &path(dice), thing(dice, digits));
        return;
    };
    let there = tree[&at].clone();
    match dice.below(24) {
        0..=8 => {
            let edits = 1 + dice.below(4);
            let edited = match there {
                Thing::File(text, executable) => Thing::File(edit(dice, &text, edits), executable),
                Thing::Link(_) => Thing::Link(dice.one_of(&["a", "b", "../c", "d"]).to_owned()),
                Thing::Submodule(_) => submodule(dice, digits),
            };
            put(tree, &at, edited);
        }
        9 => drop(tree.remove(&at)),
        10 | 11 => put(tree, &path(dice), thing(dice, digits)),
        12 | 13 => {
            tree.remove(&at);
            put(tree, &path(dice), there);
        }
        14 => {
            let renamed = match there {
                Thing::File(text, executable) => {
                    let edits = 1 + dice.below(6);
                    Thing::File(edit(dice, &text, edits), executable)
                }
                other => other,
            };
            tree.remove(&at);
            put(tree, &path(dice), renamed);
        }
        15 | 16 => move_folder(dice, tree, &at),
        17 => {
            let folder = at.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned() + "/";
            tree.retain(|path, _| !path.starts_with(&folder));
        }
        18 => {
            if let Thing::File(text, executable) = there {
                put(tree, &at, Thing::File(text, !executable));
            }
        }
        19 => {
            let other = match there {
                Thing::Link(_) => Thing::File(text(dice, 10), false),
                _ => Thing::Link("a".to_owned()),
            };
            put(tree, &at, other);
        }
        20 => {
            // A file becomes a folder, or a folder a file.
            let at = if dice.below(2) == 0 { format!("{at}/inside") } else { folder_of(&at) };
            put(tree, &at, there);
        }
        21 => {
            let swapped = if at.ends_with("README") { at.to_lowercase() } else { at.to_uppercase() };
            tree.remove(&at);
            put(tree, &swapped, there);
        }
        22 => {
            if let Thing::File(text, executable) = there {
                let text = text
                    .into_iter()
                    .flat_map(|byte| if byte == b'\n' { vec![b'\r', b'\n'] } else { vec![byte] });
                put(tree, &at, Thing::File(text.collect(), executable));
            }
        }
        _ => {
            // A copy, which a search for renames may take for the file itself.
            put(tree, &path(dice), there);
        }
    }
}

fn folder_of(path: &str) -> String {
    path.split_once('/').map_or(path, |(folder, _)| folder).to_owned()
}

/// Moves all of a folder, or most of it, to another.
fn move_folder(dice: &mut Dice, tree: &mut Tree, at: &str) {
    let Some((folder, _)) = at.rsplit_once('/') else { return };
    let from = format!("{folder}/");
    let to = dice.one_of(&FOLDERS).to_owned() + dice.one_of(&["", "moved/", "x/y/"]);
    let all = dice.below(4) > 0;
    let moved: Vec<String> = tree.keys().filter(|path| path.starts_with(&from)).cloned().collect();
    for path in moved {
        if all || dice.below(4) > 0 {
            let Some(thing) = tree.remove(&path) else { continue };
            put(tree, &format!("{to}{}", &path[from.len()..]), thing);
        }
    }
}
