//! OpenTelemetry: token metrics of the `gen_ai` conventions, a request of OTLP in JSON a line.
//!
//! The collector's file exporter writes the same. A point of a sum that goes on is told again and again with more in it; one of
//! a difference is told once. The input includes what came from a cache. The folder is that of the process that sent it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Call;
use super::Found;
use super::Key;
use super::Memory;
use super::Program;
use super::lines;
use crate::domain::usage::Tokens;

/// The metric that is read.
const METRIC: &str = "gen_ai.client.token.usage";

/// Attributes that tell the folder, the first that is there counts.
const FOLDERS: [&str; 3] = ["odyssey.workspace", "process.working_directory", "process.cwd"];

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "resourceMetrics", default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    resource: Attributes,
    #[serde(rename = "scopeMetrics", default)]
    scopes: Vec<Scope>,
}

#[derive(Deserialize)]
struct Scope {
    #[serde(default)]
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
struct Metric {
    name: String,
    sum: Option<Series>,
    histogram: Option<Series>,
}

#[derive(Deserialize)]
struct Series {
    #[serde(rename = "dataPoints", default)]
    points: Vec<Point>,
    #[serde(rename = "aggregationTemporality")]
    temporality: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Point {
    #[serde(flatten)]
    attributes: Attributes,
    #[serde(rename = "startTimeUnixNano")]
    begun: Option<Number>,
    #[serde(rename = "timeUnixNano")]
    at: Option<Number>,
    sum: Option<f64>,
    #[serde(rename = "asInt")]
    int: Option<Number>,
    #[serde(rename = "asDouble")]
    double: Option<f64>,
}

/// JSON has no numbers of 64 bits, so they are written as text; some write them all the same.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Plain(u64),
}

impl Number {
    fn value(&self) -> Option<u64> {
        match self {
            Number::Text(text) => text.parse().ok(),
            Number::Plain(number) => Some(*number),
        }
    }
}

#[derive(Deserialize, Default)]
struct Attributes {
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    key: String,
    value: serde_json::Value,
}

impl Attributes {
    fn texts(&self) -> BTreeMap<&str, String> {
        let text =
            |value: &serde_json::Value| match value.get("stringValue").and_then(serde_json::Value::as_str) {
                Some(text) => text.to_owned(),
                None => value.to_string(),
            };
        self.attributes.iter().map(|attribute| (attribute.key.as_str(), text(&attribute.value))).collect()
    }
}

/// Whether a request may tell of tokens.
pub fn is_about_tokens(text: &[u8]) -> bool {
    memchr::memmem::find(text, METRIC.as_bytes()).is_some()
}

/// Finds what some requests tell.
pub fn read(block: &[u8], _: &mut Memory, found: &mut Found) {
    for text in lines::with(block, &[METRIC]) {
        let Ok(request) = serde_json::from_slice::<Request>(text) else {
            found.damaged += 1;
            continue;
        };
        for resource in &request.resources {
            let about = resource.resource.texts();
            let metrics = resource.scopes.iter().flat_map(|scope| &scope.metrics);
            for series in metrics
                .filter(|metric| metric.name == METRIC)
                .flat_map(|metric| [&metric.sum, &metric.histogram])
            {
                let Some(series) = series else { continue };
                for point in &series.points {
                    if take(point, &about, series.is_difference(), found).is_none() {
                        found.damaged += 1;
                    }
                }
            }
        }
    }
}

impl Series {
    fn is_difference(&self) -> bool {
        match &self.temporality {
            Some(serde_json::Value::String(name)) => name == "AGGREGATION_TEMPORALITY_DELTA",
            Some(number) => number.as_u64() == Some(1),
            None => false,
        }
    }
}

/// Nothing when the point cannot be understood.
fn take(point: &Point, about: &BTreeMap<&str, String>, is_difference: bool, found: &mut Found) -> Option<()> {
    let own = point.attributes.texts();
    let value = match (point.sum.or(point.double), &point.int) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a negative count is none"
        )]
        (Some(sum), _) => sum.round() as u64,
        (None, Some(int)) => int.value()?,
        (None, None) => return None,
    };
    let at = point.at.as_ref()?.value()?;
    let begun = point.begun.as_ref().and_then(Number::value).unwrap_or(0);
    let mut tokens = Tokens::default();
    match own.get("gen_ai.token.type")?.as_str() {
        "input" => tokens.input = value,
        "output" => tokens.output = value,
        // Others are parts of these two.
        _ => return Some(()),
    }
    let mut parts: Vec<&[u8]> = vec![b"otel"];
    for (name, text) in about.iter().chain(&own).filter(|(name, _)| **name != "gen_ai.token.type") {
        parts.extend([name.as_bytes(), text.as_bytes()]);
    }
    let (begun_bytes, at_bytes) = (begun.to_le_bytes(), at.to_le_bytes());
    parts.push(&begun_bytes);
    if is_difference {
        parts.push(&at_bytes);
    }
    let key = Key::of(&parts);
    let either = |name: &str| own.get(name).or_else(|| about.get(name)).cloned();
    let folder = FOLDERS.into_iter().find_map(either).unwrap_or_default();
    let model =
        either("gen_ai.response.model").or_else(|| either("gen_ai.request.model")).unwrap_or_default();
    let folder = found.names.number(&folder);
    let model = found.names.number(&model);
    let at = i64::try_from(at / 1_000_000_000).ok()?;
    let program = Program::Metrics;
    found.calls.push(Call { key, known_as: None, copy_of: None, at, folder, model, program, tokens });
    Some(())
}
