//! The questions as tools. Each is read-only, and asks nothing of the world but what was read.

use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::memory::Memory;
use super::search::{Invocation, MOST_EVENTS, MOST_MINUTES, NOTICE, Rates, Search, verify};

#[derive(Clone)]
pub(super) struct Tools {
    memory: Arc<Memory>,
}

impl Tools {
    pub(super) fn new(memory: Arc<Memory>) -> Self {
        Self { memory }
    }

    fn answer(&self, name: &str, arguments: Value) -> Option<Result<Value, String>> {
        let state = self.memory.state();
        Some(match name {
            "search_lines" => read::<Search>(arguments).and_then(|search| search.answer(&state)),
            "get_invocation" => read::<Invocation>(arguments).and_then(|invocation| invocation.answer(&state)),
            "get_rates" => read::<Rates>(arguments).map(|rates| rates.answer(&state)),
            "verify" => Ok(verify(&state)),
            _ => return None,
        })
    }
}

fn read<T: DeserializeOwned>(arguments: Value) -> Result<T, String> {
    serde_json::from_value(arguments).map_err(|error| error.to_string())
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let about = Implementation::new("lambda-telemetry-forwarder-consumer", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities)
            .with_server_info(about)
            .with_instructions(format!("Telemetry of AWS Lambda functions, read-only. {NOTICE}"))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let Some(answer) = self.answer(&request.name, arguments) else {
            return Err(ErrorData::invalid_params(
                format!("there is no tool `{}`", request.name),
                None,
            ));
        };
        let result = match answer {
            Ok(answer) => CallToolResult::success(vec![ContentBlock::text(answer.to_string())]),
            Err(error) => CallToolResult::error(vec![ContentBlock::text(error)]),
        };
        Ok(result.into())
    }
}

fn tools() -> Vec<Tool> {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let number = |most: usize| json!({ "type": "integer", "minimum": 1, "maximum": most });
    vec![
        tool(
            "search_lines",
            "The newest events that match all that is given: log lines and platform events, in their order.",
            json!({
                "function": text("name; * stands for anything"),
                "request": text("the beginning of a request id"),
                "trace": text("the beginning of a trace id"),
                "level": text("this level and above: trace, debug, info, warn, error, fatal"),
                "type": text("function, platform.report, platform.*, forwarder.invocation"),
                "pattern": text("a regular expression in the text"),
                "limit": number(MOST_EVENTS),
            }),
            &[],
        ),
        tool(
            "get_invocation",
            "Everything of one invocation from its beginning: its lines and its platform events.",
            json!({ "request": text("the request id, or eight or more characters of its beginning") }),
            &["request"],
        ),
        tool(
            "get_rates",
            "Counts by minute and function: lines, warnings, errors, invocations reported.",
            json!({ "function": text("name"), "minutes": number(MOST_MINUTES) }),
            &[],
        ),
        tool(
            "verify",
            "What the sequence numbers prove: lines lost, announced as dropped, or repeated, by process of the forwarder.",
            json!({}),
            &[],
        ),
    ]
}

fn tool(name: &'static str, description: &str, properties: Value, required: &[&str]) -> Tool {
    let schema = json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    });
    let schema: Map<String, Value> = match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    let mut tool = Tool::new(name, format!("{description} {NOTICE}"), Arc::new(schema));
    tool.annotations = Some(ToolAnnotations::new().read_only(true).open_world(false));
    tool
}
