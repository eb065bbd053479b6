//! The sink itself: `PutRecords`.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::ProvideErrorMetadata;
use aws_sdk_kinesis::operation::put_records::builders::PutRecordsFluentBuilder;
use aws_sdk_kinesis::operation::put_records::{PutRecordsError, PutRecordsOutput};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};
#[cfg(feature = "kpl")]
use forwarder_core::{delivery::sink::Target, record::format::Format};

use super::{LIMITS, cbor};
use crate::arn::StreamName;
use crate::aws::cbor::CONTENT_TYPE;
use crate::aws::{LazyClient, is_known, message, only_connect, outcome};
use crate::kind::{Connection, Protocol};

/// Puts records into one stream.
pub struct Kinesis {
    stream: StreamName,
    client: LazyClient<Client>,
    /// True once JSON is asked for, or the service was found to refuse CBOR.
    speaks_json: AtomicBool,
    /// True once a call in CBOR was understood.
    understands_cbor: AtomicBool,
}

impl Kinesis {
    /// Nothing is loaded or connected to before the first put. The region of an ARN counts where none is set.
    pub fn new(stream: StreamName, mut connection: Connection) -> Self {
        connection.region = connection.region.or_else(|| stream.region().map(str::to_owned));
        Self {
            stream,
            speaks_json: AtomicBool::new(connection.protocol == Protocol::Json),
            understands_cbor: AtomicBool::new(false),
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

    /// Calls in CBOR: of the SDK's own call everything but the body.
    async fn put_in_cbor(&self, records: &[Record]) -> Answer {
        let body = cbor::put_records(&self.stream, records);
        let request = self.put_records().await.set_records(Some(Vec::new()));
        let request = request.customize().mutate_request(move |request| {
            let headers = request.headers_mut();
            headers.insert("content-type", CONTENT_TYPE);
            headers.insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body.clone());
        });
        request.send().await
    }

    async fn put_in_json(&self, records: &[Record]) -> Result<Answer, Failure> {
        let entries = records.iter().map(entry).collect::<Result<_, _>>()?;
        let request = self.put_records().await.set_records(Some(entries));
        Ok(request.send().await)
    }

    /// True if the call was refused for what it is, and not for what it asks: AWS answers so to an encoding that it does not know.
    /// Others fail over it, as over anything: that counts until a call was understood.
    fn is_refused(&self, error: &PutError) -> bool {
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let by_status = matches!(status, 400 | 404 | 405 | 406 | 415)
            || status >= 500 && !self.understands_cbor.load(Ordering::Relaxed);
        by_status && error.code().is_none_or(|code| !is_known(code))
    }

    /// From here on in JSON, also after a restore: what lies between here and the service is the same there.
    fn speak_json(&self, error: &PutError) {
        self.speaks_json.store(true, Ordering::Relaxed);
        let message = message(error);
        log::warn!(event = "protocol_json", error = message.as_str(); "the service takes no CBOR: puts are in JSON from here on, a third longer; set PROTOCOL of the sink to json");
    }
}

type PutError = SdkError<PutRecordsError, HttpResponse>;
type Answer = Result<PutRecordsOutput, PutError>;

#[async_trait]
impl Sink for Kinesis {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        let answer = if self.speaks_json.load(Ordering::Relaxed) {
            self.put_in_json(records).await?
        } else {
            match self.put_in_cbor(records).await {
                Err(error) if self.is_refused(&error) => {
                    let answer = self.put_in_json(records).await?;
                    if is_understood(&answer) {
                        self.speak_json(&error);
                    }
                    answer
                }
                answer => {
                    self.understands_cbor
                        .fetch_or(is_understood(&answer), Ordering::Relaxed);
                    answer
                }
            }
        };
        let answer = answer.map_err(|error| {
            if is_unreadable(&error) && !self.speaks_json.load(Ordering::Relaxed) {
                self.speak_json(&error);
            }
            self.client.failed(error)
        })?;
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

/// True if the service knew what was asked, whatever it thinks of it.
fn is_understood(answer: &Answer) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) => error.code().is_some_and(is_known),
    }
}

/// True if the call succeeded, and nobody knows with what.
fn is_unreadable(error: &PutError) -> bool {
    error
        .raw_response()
        .is_some_and(|response| response.status().is_success())
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
