//! A real Lambda function whose logging and failures are steered by its event. See the README for the event's
//! fields.
//!
//! # Layout
//! - `order`: the event, read
//! - `printer`: what is printed, and what was
//! - this file: the handler, and the ways to fail

mod order;
mod printer;

use std::io;
use std::time::{Duration, SystemTime};

use lambda_runtime::streaming::{Body, channel};
use lambda_runtime::{Error, FunctionResponse, LambdaEvent, service_fn};
use serde::Serialize;

use order::{Failure, Order};
use printer::{Printed, Printer};

/// How long past its deadline a function runs that is told to be late.
const LATE: Duration = Duration::from_secs(60);

/// Bytes of a chunk of a streamed answer.
const CHUNK_BYTES: usize = 32;

/// What the function answers: what it was and what it printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    request_id: String,
    #[serde(flatten)]
    printed: Printed,
    #[serde(skip_serializing_if = "String::is_empty")]
    padding: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if std::env::var_os("TEST_FUNCTION_INIT_EXIT").is_some() {
        return Err("told to exit during init".into());
    }
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Option<Order>>) -> Result<FunctionResponse<Answer, Body>, Error> {
    let (order, context) = (event.payload.unwrap_or_default(), event.context);
    let mut printer = Printer::new(&order, &context.request_id, io::stdout().lock());
    printer.lines()?;
    if order.stack_trace {
        printer.stack_trace()?;
    }
    let printed = printer.finish()?;

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
            order.stream,
        ),
        Some(Failure::Error) => Err("told to fail".into()),
        Some(Failure::Panic) => fail_by_panic(),
        Some(Failure::Exit) => std::process::exit(order.exit_code),
    }
}

/// The answer whole, or as a stream of small chunks.
fn respond(answer: Answer, stream: bool) -> Result<FunctionResponse<Answer, Body>, Error> {
    if !stream {
        return Ok(FunctionResponse::BufferedResponse(answer));
    }
    let text = serde_json::to_vec(&answer)?;
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        for chunk in text.chunks(CHUNK_BYTES) {
            // Nobody reads any more: there is nobody to tell.
            if sender.send_data(chunk.to_vec().into()).await.is_err() {
                return;
            }
        }
    });
    Ok(FunctionResponse::StreamingResponse(body.into()))
}

/// The runtime catches it and answers with an error.
#[allow(clippy::panic, reason = "panicking is what was ordered")]
fn fail_by_panic() -> ! {
    panic!("told to panic")
}
