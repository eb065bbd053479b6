//! The sink itself: `PutRecords`.

use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::operation::put_records::builders::PutRecordsFluentBuilder;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};
#[cfg(feature = "kpl")]
use forwarder_core::{delivery::sink::Target, record::format::Format};

use super::LIMITS;
use crate::arn::StreamName;
use crate::aws::{LazyClient, only_connect, outcome};
use crate::kind::Connection;

/// Puts records into one stream.
pub struct Kinesis {
    stream: StreamName,
    client: LazyClient<Client>,
}

impl Kinesis {
    /// Nothing is loaded or connected to before the first put. The region of an ARN counts where none is set.
    pub fn new(stream: StreamName, mut connection: Connection) -> Self {
        connection.region = connection.region.or_else(|| stream.region().map(str::to_owned));
        Self {
            stream,
            client: LazyClient::new("KINESIS", connection, Client::new),
        }
    }

    async fn put_records(&self) -> PutRecordsFluentBuilder {
        let request = self.client.get().await.put_records();
        match &self.stream {
            StreamName::Name(name) => request.stream_name(name),
            StreamName::Arn(arn) => request.stream_arn(&arn.text),
        }
    }
}

#[async_trait]
impl Sink for Kinesis {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        let entries = records.iter().map(entry).collect::<Result<_, _>>()?;
        let request = self.put_records().await.set_records(Some(entries));
        let answer = request.send().await;
        let answer = answer.map_err(|error| self.client.failed(error))?;
        let records = answer.records().iter();
        Ok(records.map(|record| outcome(record.error_code())).collect())
    }

    fn renew(&self) {
        self.client.renew();
    }

    fn forget(&self) {
        self.client.forget();
    }

    async fn warm_up(&self) {
        let request = self.put_records().await.set_records(Some(Vec::new()));
        // What is wrong is said by the first put.
        let _ = request.customize().mutate_request(only_connect).send().await;
    }

    #[cfg(feature = "kpl")]
    async fn look_at_target(&self, format: Format) -> Target {
        super::target::look(&self.client, &self.stream, format).await
    }
}

fn entry(record: &Record) -> Result<PutRecordsRequestEntry, Failure> {
    PutRecordsRequestEntry::builder()
        .data(Blob::new(record.data.to_vec()))
        .partition_key(&record.key)
        .build()
        .map_err(|error| Failure::new(Reason::Unknown, error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::Mutex;
    use std::time::Duration;

    use aws_smithy_runtime_api::box_error::BoxError;
    use aws_smithy_runtime_api::client::interceptors::Intercept;
    use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use aws_smithy_types::config_bag::ConfigBag;

    use super::*;

    static SENT_TO: Mutex<String> = Mutex::new(String::new());

    /// Notes where a call goes, and does not let it.
    #[derive(Debug)]
    struct Catch;

    #[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
    impl Intercept for Catch {
        fn name(&self) -> &'static str {
            "catch"
        }

        fn read_before_transmit(
            &self,
            context: &BeforeTransmitInterceptorContextRef<'_>,
            _: &RuntimeComponents,
            _: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            *SENT_TO.lock().unwrap() = context.request().uri().to_owned();
            Err("caught".into())
        }
    }

    /// Target of a put with these variables set. They are a process's own, so this test runs itself as another one.
    fn host(test: &str, variables: &[(&str, &str)]) -> String {
        if std::env::var_os("HOST_OF_A_PUT").is_none() {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", test, "--nocapture"])
                .env_clear()
                .env("HOST_OF_A_PUT", "1")
                .env("AWS_REGION", "us-east-1")
                .env("AWS_ACCESS_KEY_ID", "test")
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .envs(variables.iter().copied())
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let (_, host) = text.split_once("https://").unwrap_or(("", &text));
            return host.split('/').next().unwrap_or_default().to_owned();
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let settings = Connection {
                attempt_timeout: Duration::from_secs(1),
                ..Connection::default()
            };
            let kinesis = Kinesis::new(super::super::parse_stream("telemetry").unwrap(), settings);
            let entry = entry(&Record {
                data: "x".into(),
                key: "k".into(),
            });
            let put = kinesis.client.get().await.put_records().stream_name("telemetry");
            let put = put.records(entry.unwrap()).customize().interceptor(Catch);
            put.send().await.unwrap_err();
        });
        println!("{}", SENT_TO.lock().unwrap());
        #[allow(clippy::disallowed_methods, reason = "the test asks itself in a process of its own")]
        std::process::exit(0);
    }

    #[test]
    fn endpoints_of_an_account_are_for_credentials_that_tell_it_unless_they_are_disabled() {
        let test =
            "kinesis::sink::tests::endpoints_of_an_account_are_for_credentials_that_tell_it_unless_they_are_disabled";
        let account = ("AWS_ACCOUNT_ID", "123456789012");
        let disabled = ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled");
        assert_eq!(
            host(test, &[account]),
            "123456789012.data-kinesis.us-east-1.amazonaws.com"
        );
        assert_eq!(host(test, &[account, disabled]), "kinesis.us-east-1.amazonaws.com");
    }

    #[test]
    fn the_sdks_own_variables_choose_fips_and_dual_stack_endpoints() {
        let test = "kinesis::sink::tests::the_sdks_own_variables_choose_fips_and_dual_stack_endpoints";
        let (fips, dual_stack) = (
            ("AWS_USE_FIPS_ENDPOINT", "true"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        );
        assert_eq!(host(test, &[]), "kinesis.us-east-1.amazonaws.com");
        assert_eq!(host(test, &[fips]), "kinesis-fips.us-east-1.amazonaws.com");
        assert_eq!(host(test, &[dual_stack]), "kinesis.us-east-1.api.aws");
        assert_eq!(host(test, &[fips, dual_stack]), "kinesis-fips.us-east-1.api.aws");
    }
}
