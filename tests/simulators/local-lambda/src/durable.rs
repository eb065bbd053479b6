//! Durable functions: one execution, many invocations.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::Error;
use crate::lambda::LocalLambda;
use crate::lifecycle::Invocation;

/// The member of an event that names the execution to the function.
const EXECUTION_ARN: &str = "DurableExecutionArn";

/// A durable execution. Lambda invokes the function for it again and again, after each wait and each retry, each time
/// under another request id; the function replays what it has done before. Checkpoints are not kept here: what an
/// invocation has to do says its event.
#[derive(Debug)]
pub struct DurableExecution<'a> {
    lambda: &'a LocalLambda,
    arn: String,
}

impl LocalLambda {
    /// Begins a durable execution of this name.
    #[must_use]
    pub fn durable_execution(&self, name: &str) -> DurableExecution<'_> {
        DurableExecution::new(self, &self.config().version_arn(), name)
    }
}

impl<'a> DurableExecution<'a> {
    fn new(lambda: &'a LocalLambda, function_version_arn: &str, name: &str) -> Self {
        let id = Uuid::new_v4();
        Self {
            lambda,
            arn: format!("{function_version_arn}/durable-execution/{name}/{id}"),
        }
    }

    /// The execution's ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The next invocation of the execution. The event gets the member `DurableExecutionArn`.
    ///
    /// # Errors
    /// [`Error::Event`] where the event is not a JSON object; otherwise as [`LocalLambda::invoke`].
    pub async fn invoke(&self, event: &str) -> Result<Invocation, Error> {
        let mut event: Map<String, Value> = serde_json::from_str(event)?;
        event.insert(EXECUTION_ARN.to_owned(), self.arn.clone().into());
        self.lambda.invoke(Value::Object(event).to_string()).await
    }
}
