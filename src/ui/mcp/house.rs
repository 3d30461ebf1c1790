//! The server of the tools: what it is, what it offers, and each call run as a command.

use std::ffi::OsString;
use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::RoleServer;
use rmcp::ServerHandler;
use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::model::CallToolResponse;
use rmcp::model::CallToolResult;
use rmcp::model::ContentBlock;
use rmcp::model::Implementation;
use rmcp::model::ListResourcesResult;
use rmcp::model::ListToolsResult;
use rmcp::model::PaginatedRequestParams;
use rmcp::model::ReadResourceRequestParams;
use rmcp::model::ReadResourceResponse;
use rmcp::model::ReadResourceResult;
use rmcp::model::Resource;
use rmcp::model::ResourceContents;
use rmcp::model::ServerCapabilities;
use rmcp::model::ServerConfig;
use rmcp::model::ToolAnnotations;
use rmcp::service::RequestContext;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Page;
use crate::commands::Context;
use crate::commands::Outcome;

use super::super::cli::PROGRAM;
use super::super::crash;
use super::super::json::Answer;
use super::super::json::Problem;
use super::super::seat::Notes;
use super::super::seat::Seat;
use super::tools;
use super::tools::TOOLS;
use super::tools::Tool;

/// What an agent is told when it connects.
const INSTRUCTIONS: &str = "Several agents and people work on this repository at the same time. Before you change \
files, claim the regions that you need; the answer names a folder of your own, and all work happens there. Ask check \
before you edit a file that you are not sure about, and notes before you go on after a pause. Name your workspace in \
`folder` when this server was started elsewhere. A refusal says in `error.hints` what to do next. Release what you do \
not need any more.";

/// The facts that can be read as resources: the address, the command that tells them, and what they are.
const FACTS: [(&str, &str, &str); 2] = [
    ("odyssey://status", "status", "Everything that is live: tasks, holders, regions, time left, places."),
    ("odyssey://lease", "show", "The lease of the workspace that the server was started in."),
];

/// Why there are no tools.
#[derive(Debug, thiserror::Error)]
enum HouseError {
    #[error("cannot serve")]
    Runtime(#[source] std::io::Error),
    #[error("the other side does not speak the Model Context Protocol")]
    Protocol(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the server ended by itself")]
    Ended(#[source] tokio::task::JoinError),
}

impl Explain for HouseError {
    fn kind(&self) -> Kind {
        match self {
            HouseError::Runtime(_) => Kind::Refused,
            HouseError::Protocol(_) => Kind::Usage,
            HouseError::Ended(_) => Kind::Bug,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            HouseError::Protocol(_) => {
                vec!["an agent's program starts it, for example after: claude mcp add odyssey -- git odyssey mcp".to_owned()]
            }
            HouseError::Runtime(_) | HouseError::Ended(_) => Vec::new(),
        }
    }
}

/// Serves until standard input ends. What was begun is done to its end.
///
/// # Errors
/// When the other side does not speak the protocol.
pub fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let house = House { seat: Seat::of(context), turn: Arc::default() };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(HouseError::Runtime)?;
    let turn = Arc::clone(&house.turn);
    let ended = runtime.block_on(async {
        let served = match house.serve(rmcp::transport::stdio()).await {
            Ok(service) => service.waiting().await.map(drop).map_err(HouseError::Ended),
            // Whoever leaves before a word was said wanted nothing.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(HouseError::Protocol(Box::new(error))),
        };
        let _last = turn.lock().await;
        served
    });
    // Its thread may wait for one more line of standard input.
    runtime.shutdown_background();
    ended?;
    Ok(Outcome { given: true, ..Outcome::new(Page::default(), &Value::Null) })
}

/// What answers requests.
struct House {
    seat: Seat,
    /// One call after the other: each would wait for the ledger's lock anyway.
    turn: Arc<Mutex<()>>,
}

/// What a call is answered: the answer of `--json`, and whether it failed.
struct Said {
    answer: Value,
    failed: Option<Kind>,
}

impl House {
    /// Runs a command to its end on a thread that may wait.
    async fn run(
        &self,
        name: &'static str,
        job: impl FnOnce(&Context<'_>) -> Result<Outcome, Failure> + Send + 'static,
    ) -> Said {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let seat = self.seat.clone();
        let ended = tokio::task::spawn_blocking(move || {
            // Kept until the job has ended, also when nobody waits for it any more.
            let _turn = turn;
            let notes = Notes::default();
            let answer = job(&seat.context(&notes));
            said(name, answer, notes.said())
        });
        ended.await.unwrap_or_else(|error| {
            let message = match error.try_into_panic() {
                Ok(payload) => crash::message(&*payload),
                Err(error) => error.to_string(),
            };
            failed(name, Kind::Bug, Problem::plain(Kind::Bug, message, crash::hints()))
        })
    }
}

fn said(name: &'static str, answer: Result<Outcome, Failure>, notes: Vec<String>) -> Said {
    let outcome = match answer {
        Ok(outcome) => outcome,
        Err(failure) => return failed(name, failure.kind(), Problem::from(&failure)),
    };
    let mut answer = value(&Answer::of(name, &outcome));
    if let Some(object) = answer.as_object_mut() {
        object.insert("exit".to_owned(), outcome.code.into());
        object.insert("notes".to_owned(), notes.into());
    }
    Said { answer, failed: None }
}

fn failed(name: &'static str, kind: Kind, problem: Problem) -> Said {
    Said { answer: value(&Answer::failed(Some(name), problem)), failed: Some(kind) }
}

/// The answer as it would be printed, without the secrets of addresses.
fn value(answer: &Answer<'_>) -> Value {
    serde_json::from_str(&answer.line()).unwrap_or_default()
}

impl ServerHandler for House {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(PROGRAM, env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(TOOLS.into_iter().map(described).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = Tool::named(&request.name) else {
            let known = TOOLS.map(|tool| tool.name).join(", ");
            return Err(ErrorData::invalid_params(
                format!("there is no such tool; there are: {known}"),
                None,
            ));
        };
        let given = request.arguments.unwrap_or_default();
        let said = self.run(tool.name, move |context| tool.run(given, context)).await;
        let content = vec![ContentBlock::text(said.answer.to_string())];
        let mut result = match said.failed {
            Some(_) => CallToolResult::error(content),
            None => CallToolResult::success(content),
        };
        result.structured_content = Some(said.answer);
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resources = FACTS.map(|(address, name, about)| {
            Resource::new(address, name).with_description(about).with_mime_type("application/json")
        });
        Ok(ListResourcesResult::with_all_items(resources.to_vec()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let Some((address, command, _)) = FACTS.into_iter().find(|(address, ..)| *address == request.uri)
        else {
            let known = FACTS.map(|(address, ..)| address).join(", ");
            return Err(ErrorData::resource_not_found(
                format!("there is no such resource; there are: {known}"),
                None,
            ));
        };
        let said = self.run(command, move |context| tools::run(&[OsString::from(command)], context)).await;
        let message = || said.answer["error"]["message"].as_str().unwrap_or_default().to_owned();
        match said.failed {
            Some(Kind::Bug) => Err(ErrorData::internal_error(message(), Some(said.answer))),
            Some(_) => Err(ErrorData::resource_not_found(message(), Some(said.answer))),
            None => {
                let text = ResourceContents::text(said.answer.to_string(), address);
                Ok(ReadResourceResult::new(vec![text.with_mime_type("application/json")]).into())
            }
        }
    }
}

/// A tool as clients are told of it.
fn described(tool: Tool) -> rmcp::model::Tool {
    let command = tool.command();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    // The rest of that sentence is about a terminal.
    let about = if tool.steps { about.split(';').next().unwrap_or_default().to_owned() } else { about };
    let annotations = ToolAnnotations::new().read_only(tool.reads).destructive(false).open_world(false);
    rmcp::model::Tool::new(tool.name, about, Arc::new(tool.schema())).with_annotations(annotations)
}
