//! A real Lambda function whose logging and failures are steered by its event. See the README for the event's
//! fields.
//!
//! # Layout
//! - `order`: the event, read
//! - `printer`: what is printed, and what was
//! - `doctor`: `forwarderctl doctor` with the function's role
//! - this file: the handler, and the ways to fail

#![forbid(unsafe_code)]

mod doctor;
mod order;
mod printer;

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use lambda_runtime::streaming::{Body, channel};
use lambda_runtime::{Context, Error, FunctionResponse, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;

use order::{Failure, Order};
use printer::{About, Printed, Printer};

/// Time past its deadline that a late function runs.
const LATE: Duration = Duration::from_secs(60);

/// Bytes of a chunk of a streamed answer.
const CHUNK_BYTES: usize = 32;

/// The function's answer: its request and its count of lines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    request_id: String,
    #[serde(flatten)]
    printed: Printed,
    #[serde(skip_serializing_if = "String::is_empty")]
    padding: String,
}

/// What the event asked for.
#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Printed(Answer),
    Doctor(Value),
}

/// Bytes that are taken at a time until there is no more memory, and the most in all: no machine is to be brought down.
const MEMORY_STEP: usize = 4 * 1024 * 1024;
const MOST_MEMORY: usize = 2 * 1024 * 1024 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if let Some(lines) = number("TEST_FUNCTION_INIT_LINES") {
        for line in 1..=lines {
            writeln!(io::stdout(), "init line {line}/{lines}")?;
        }
    }
    if let Some(ms) = number("TEST_FUNCTION_INIT_MS") {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    if std::env::var_os("TEST_FUNCTION_INIT_EXIT").is_some() {
        return Err("told to exit during init".into());
    }
    // One invocation at a time, or as many as AWS_LAMBDA_MAX_CONCURRENCY says.
    lambda_runtime::run_concurrent(service_fn(handle)).await
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

async fn handle(event: LambdaEvent<Option<Order>>) -> Result<FunctionResponse<Reply, Body>, Error> {
    let (order, context) = (event.payload.unwrap_or_default(), event.context);
    if order.doctor {
        return Ok(FunctionResponse::BufferedResponse(Reply::Doctor(
            doctor::examine().await?,
        )));
    }
    let printed = print(&order, &context)?;
    tokio::time::sleep(Duration::from_millis(order.sleep_ms)).await;
    if order.late {
        let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        tokio::time::sleep(left + LATE).await;
    }
    match order.fail {
        None => respond(
            Answer {
                request_id: context.request_id,
                printed,
                padding: "x".repeat(order.response_bytes),
            },
            order.stream.then(|| Duration::from_millis(order.chunk_ms)),
        ),
        Some(Failure::Error) => Err("told to fail".into()),
        Some(Failure::Panic) => fail_by_panic(),
        #[allow(clippy::disallowed_methods, reason = "the order is to crash")]
        Some(Failure::Exit) => std::process::exit(order.exit_code),
        Some(Failure::Memory) => use_up_memory().await,
    }
}

/// Prints what was ordered.
fn print(order: &Order, context: &Context) -> io::Result<Printed> {
    let about = About {
        request_id: &context.request_id,
        tenant_id: context.tenant_id.as_deref(),
        execution_arn: order.durable_execution_arn.as_deref(),
    };
    let mut printer = Printer::new(order, about, io::stdout().lock());
    printer.lines()?;
    if order.stack_trace {
        printer.stack_trace()?;
    }
    printer.finish()
}

/// Takes memory, and uses it, until the process is killed for that.
async fn use_up_memory() -> Result<FunctionResponse<Reply, Body>, Error> {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    while taken.len() * MEMORY_STEP < MOST_MEMORY {
        taken.push(vec![1; MEMORY_STEP]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(format!("nobody minds {MOST_MEMORY} bytes").into())
}

/// The answer whole, or as a stream of small chunks with a pause after each.
fn respond(answer: Answer, stream: Option<Duration>) -> Result<FunctionResponse<Reply, Body>, Error> {
    let Some(pause) = stream else {
        return Ok(FunctionResponse::BufferedResponse(Reply::Printed(answer)));
    };
    let text = serde_json::to_vec(&answer)?;
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        for chunk in text.chunks(CHUNK_BYTES) {
            // Nobody reads any more: there is nobody to tell.
            if sender.send_data(chunk.to_vec().into()).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    });
    Ok(FunctionResponse::StreamingResponse(body.into()))
}

/// The runtime catches it and answers with an error.
#[allow(clippy::panic, reason = "panicking is what was ordered")]
fn fail_by_panic() -> ! {
    panic!("told to panic")
}
