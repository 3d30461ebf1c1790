//! The routes: which address answers what. Everything that may change something is a POST of JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header;
use axum::middleware;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;

use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::commands::board;
use crate::commands::conflicts::Conflicts;
use crate::commands::review::action::Action;
use crate::domain::task::TaskName;

use super::super::json::Answer;
use super::super::json::Problem;
use super::super::keys;
use super::events::Hub;
use super::files::FILES;
use super::files::SCRIPT;
use super::guard;
use super::guard::Guard;
use super::jobs;
use super::jobs::Jobs;
use super::jobs::Lane;
use super::jobs::Said;

/// What all routes share.
pub struct Shared {
    /// Who is let in.
    pub guard: Guard,
    /// Runs commands.
    pub jobs: Jobs,
    /// Tells what happens.
    pub hub: Hub,
}

/// The longest request, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// So long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be understood")]
struct BadRequest(#[source] serde_json::Error);

impl Explain for BadRequest {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}

/// All of them, behind the guard.
pub fn routes(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for file in FILES {
        let answer = ([(header::CONTENT_TYPE, file.kind)], file.text);
        router = router.route(file.path, get(move || async move { answer }));
    }
    // One table for the screen and the page.
    let table = ([(header::CONTENT_TYPE, SCRIPT)], keys::script());
    router
        .route("/table.js", get(move || async move { table.clone() }))
        .route("/api/board", get(show_board))
        .route("/api/conflicts", get(show_conflicts))
        .route("/api/events", get(tell_events))
        .route("/api/review/{task}", post(step))
        .fallback(async || turned(StatusCode::NOT_FOUND, "there is nothing at this address"))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guarded))
        .with_state(shared)
}

async fn guarded(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let verdict = shared.guard.judge(request.method(), request.uri(), request.headers());
    let mut response = match verdict {
        Ok(()) => next.run(request).await,
        Err(why) => turned(why.status, why.why),
    };
    guard::dress(response.headers_mut());
    response
}

/// Turns a request away, in the form of all answers.
fn turned(status: StatusCode, why: &str) -> Response {
    let problem = Problem::plain(Kind::Usage, why.to_owned(), Vec::new());
    json((status, Answer::failed(None, problem).line()))
}

fn json((status, line): Said) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], line).into_response()
}

async fn show_board(State(shared): State<Arc<Shared>>) -> Response {
    json(shared.jobs.run("board", Lane::Read, board::show).await)
}

async fn show_conflicts(State(shared): State<Arc<Shared>>) -> Response {
    let all = Conflicts { revisions: Vec::new(), stdin: false, against: None };
    json(shared.jobs.run("conflicts", Lane::Read, |context| all.run(context)).await)
}

async fn tell_events(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], shared.hub.body()).into_response()
}

async fn step(
    State(shared): State<Arc<Shared>>,
    Path(task): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let bytes = match read(&headers, body).await {
        Ok(bytes) => bytes,
        Err(refused) => return refused,
    };
    let name = "review";
    let task: TaskName = match task.parse() {
        Ok(task) => task,
        Err(error) => return json(jobs::failed(Some(name), &crate::base::failure::Failure::from(error))),
    };
    let action: Action = match serde_json::from_slice(&bytes) {
        Ok(action) => action,
        Err(error) => return json(jobs::failed(Some(name), &BadRequest(error).into())),
    };
    let lane = match &action {
        Action::Test { .. } => Lane::Test,
        action if action.writes() => Lane::Write,
        _ => Lane::Read,
    };
    json(shared.jobs.run(name, lane, move |context| action.run(context, &task)).await)
}

/// The whole body, where it is neither too long nor too slow.
async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Response> {
    let too_long = || turned(StatusCode::PAYLOAD_TOO_LARGE, "the request is longer than 4 MiB");
    let told = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if told.is_some_and(|length: usize| length > LONGEST) {
        return Err(too_long());
    }
    match tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, LONGEST)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_long()),
        Err(_) => Err(turned(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive")),
    }
}
