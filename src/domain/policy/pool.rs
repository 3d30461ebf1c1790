//! `[pool]`, and what each workspace gets for its own: which trees are kept, which ports are given out.

use std::ops::RangeInclusive;

use toml::Spanned;

use super::error::PolicyError;
use super::error::Problem;
use super::file::Reading;
use super::file::read_inside;

/// How many trees a pool may have at most.
pub const MOST: usize = 100;

/// The end of a template's name.
pub const TEMPLATE: &str = ".template";

/// Which trees of workspaces that are gone are kept for the next ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolPolicy {
    /// How many; 0 for none.
    pub size: usize,
    /// The ignored folders that stay in them: a name counts at every depth, a path from the top.
    pub keep: Vec<String>,
}

impl Default for PoolPolicy {
    fn default() -> PoolPolicy {
        PoolPolicy { size: 0, keep: ["target", "node_modules"].map(str::to_owned).to_vec() }
    }
}

/// The ports from which each workspace gets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

impl Default for Ports {
    fn default() -> Ports {
        Ports { first: 20_000, last: 29_999 }
    }
}

impl Ports {
    /// All of them.
    pub fn range(self) -> RangeInclusive<u16> {
        self.first..=self.last
    }
}

/// The table as it is written.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct PoolFile {
    size: Option<Spanned<usize>>,
    keep: Option<Vec<Spanned<String>>>,
}

impl Reading<'_> {
    /// The pool.
    pub(super) fn pool(&mut self, file: PoolFile) -> Result<PoolPolicy, PolicyError> {
        let default = PoolPolicy::default();
        let few = |size: &usize| if *size <= MOST { Ok(*size) } else { Err(Problem::PoolSize(*size)) };
        Ok(PoolPolicy {
            size: file.size.map_or(Ok(default.size), |size| self.checked(&size, few))?,
            keep: file.keep.map_or(Ok(default.keep), |keep| self.each(&keep, |path| read_inside(path)))?,
        })
    }
}

/// The path of a template, which says what it is a template of.
pub(super) fn read_template(written: &str) -> Result<String, Problem> {
    let path = read_inside(written)?;
    match path.strip_suffix(TEMPLATE) {
        Some(name) if !name.is_empty() && !name.ends_with('/') => Ok(path),
        _ => Err(Problem::Template(written.to_owned())),
    }
}

/// A range of ports that need no rights.
pub(super) fn read_ports(written: &str) -> Result<Ports, Problem> {
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port >= 1024);
    let ends = written.split_once('-').map(|(first, last)| (number(first), number(last)));
    match ends {
        Some((Some(first), Some(last))) if first <= last => Ok(Ports { first, last }),
        _ => Err(Problem::Ports(written.to_owned())),
    }
}
