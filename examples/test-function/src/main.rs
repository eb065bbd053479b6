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

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;

use order::{Failure, Order};
use printer::{Printed, Printer};

/// How long past its deadline a function runs that is told to be late.
const LATE: Duration = Duration::from_secs(60);

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

async fn handle(event: LambdaEvent<Option<Order>>) -> Result<Answer, Error> {
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
        None => Ok(Answer {
            request_id: context.request_id,
            printed,
            padding: "x".repeat(order.response_bytes),
        }),
        Some(Failure::Error) => Err("told to fail".into()),
        Some(Failure::Panic) => fail_by_panic(),
        Some(Failure::Exit) => std::process::exit(order.exit_code),
    }
}

/// The runtime catches it and answers with an error.
#[allow(clippy::panic, reason = "panicking is what was ordered")]
fn fail_by_panic() -> ! {
    panic!("told to panic")
}
