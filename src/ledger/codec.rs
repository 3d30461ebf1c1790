//! A lease as its file in the ledger: TOML, written in one fixed order, read strictly.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::text;
use crate::domain::holder::Holder;
use crate::domain::holder::HolderKind;
use crate::domain::lease;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::lease::Mode;
use crate::domain::lease::Phase;
use crate::domain::lease::Place;
use crate::domain::refname;
use crate::domain::region::Case;
use crate::domain::region::RegionSet;
use crate::domain::task::TaskName;

/// A lease file as it is written. Unknown keys are refused: a newer writer raises the ledger's format instead.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseFile {
    task: TaskName,
    fence: Fence,
    holder: HolderFile,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    base: String,
    target: String,
    regions: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sets: BTreeMap<String, Vec<String>>,
    mode: Mode,
    phase: Phase,
    ttl_seconds: u64,
    #[serde(with = "instant")]
    granted_at: Timestamp,
    #[serde(with = "instant")]
    expires_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct HolderFile {
    name: String,
    kind: HolderKind,
}

impl LeaseFile {
    /// The file of a lease.
    pub fn of(lease: &Lease) -> LeaseFile {
        let (regions, sets) = written(&lease.regions);
        LeaseFile {
            task: lease.task.clone(),
            fence: lease.fence,
            holder: HolderFile { name: lease.holder.name().to_owned(), kind: lease.holder.kind() },
            branch: lease.branch().map(str::to_owned),
            base: lease.base.clone(),
            target: lease.target.clone(),
            regions,
            sets,
            mode: lease.mode,
            phase: lease.phase,
            ttl_seconds: lease.ttl.as_secs(),
            granted_at: lease.granted_at,
            expires_at: lease.expires_at,
        }
    }

    /// The lease of a file.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn lease(self, case: Case) -> Result<Lease, String> {
        let say = |error: &dyn std::error::Error| error.to_string();
        let holder = Holder::new(&self.holder.name, self.holder.kind).map_err(|error| say(&error))?;
        // Whoever asked git for a bad name would stop at it, in every clone.
        for name in self.branch.iter().chain([&self.target]) {
            if let Some(rule) = refname::broken_rule(name) {
                return Err(format!("'{}' is no name of a ref: {rule}", text::visible(name.as_bytes())));
            }
        }
        // Whoever ends a lease removes its branch and its workspace: never those of a person.
        if self.branch.as_ref().is_some_and(|branch| *branch != self.task.branch()) {
            return Err("its branch is not the task's".to_owned());
        }
        if !self.target.starts_with("refs/heads/") || TaskName::of_branch(&self.target).is_some() {
            return Err("its target is no branch to land on".to_owned());
        }
        if self.base.is_empty() || !self.base.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("its base is no commit".to_owned());
        }
        let texts = self.regions.iter().map(String::as_str);
        let regions = lease::regions_from(texts, &self.sets, case).map_err(|error| say(&error))?;
        Ok(Lease {
            task: self.task,
            fence: self.fence,
            holder,
            place: self.branch.map_or(Place::Here, Place::Branch),
            base: self.base,
            target: self.target,
            regions,
            mode: self.mode,
            phase: self.phase,
            ttl: Duration::from_secs(self.ttl_seconds),
            granted_at: self.granted_at,
            expires_at: self.expires_at,
        })
    }

    /// The task that the file is about.
    pub fn task(&self) -> &TaskName {
        &self.task
    }

    /// The file's text: one key a line, in the order in which a person asks.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut put = |key: &str, value: String| text.push_str(&format!("{key} = {value}\n"));
        put("task", quoted(self.task.as_str()));
        put("fence", self.fence.to_string());
        put("holder", format!("{{ name = {}, kind = \"{}\" }}", quoted(&self.holder.name), self.holder.kind));
        if let Some(branch) = &self.branch {
            put("branch", quoted(branch));
        }
        put("base", quoted(&self.base));
        put("target", quoted(&self.target));
        put("regions", list(&self.regions));
        if !self.sets.is_empty() {
            let sets: Vec<String> = self
                .sets
                .iter()
                .map(|(name, patterns)| format!("{} = {}", quoted(name), list(patterns)))
                .collect();
            put("sets", format!("{{ {} }}", sets.join(", ")));
        }
        put("mode", quoted(if self.mode == Mode::Shared { "shared" } else { "exclusive" }));
        put("phase", quoted(if self.phase == Phase::Parked { "parked" } else { "active" }));
        put("ttl_seconds", self.ttl_seconds.to_string());
        put("granted_at", self.granted_at.to_string());
        put("expires_at", self.expires_at.to_string());
        text
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn from_toml(bytes: &[u8]) -> Result<LeaseFile, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        toml::from_str(text).map_err(|error| error.to_string())
    }
}

/// Regions as text, and the patterns of the named sets among them as they were granted.
pub fn written(regions: &RegionSet) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let mut sets = BTreeMap::new();
    for region in regions {
        if let Some(patterns) = region.set_patterns() {
            sets.insert(region.text().trim_start_matches('@').to_owned(), patterns.to_vec());
        }
    }
    (regions.iter().map(|region| region.text().to_owned()).collect(), sets)
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// Times: TOML's own in lease files, text in the cache.
mod instant {
    use std::fmt;

    use serde::Deserialize;
    use serde::Deserializer;
    use serde::Serializer;
    use serde::de::Error;
    use serde::de::MapAccess;
    use serde::de::Visitor;
    use serde::de::value::MapAccessDeserializer;

    use crate::base::clock::Timestamp;

    struct Written;

    impl<'de> Visitor<'de> for Written {
        type Value = Timestamp;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an instant such as 2026-11-24T01:30:00Z")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
            text.parse().map_err(E::custom).and_then(writable)
        }

        fn visit_map<A: MapAccess<'de>>(self, toml: A) -> Result<Timestamp, A::Error> {
            let at = toml::value::Datetime::deserialize(MapAccessDeserializer::new(toml))?;
            at.to_string().parse().map_err(A::Error::custom).and_then(writable)
        }
    }

    /// TOML has no years before 0, and an offset leads there: whoever wrote the lease anew would write what nobody can read.
    fn writable<E: Error>(at: Timestamp) -> Result<Timestamp, E> {
        if at.to_string().starts_with('-') { Err(E::custom("it is before the year 0")) } else { Ok(at) }
    }

    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_any(Written)
    }
}
