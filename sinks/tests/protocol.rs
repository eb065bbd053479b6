//! Puts in CBOR and in JSON, before a service that answers as a test says.
#![cfg(feature = "kinesis")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use forwarder_core::delivery::sink::{Failure, Outcome, Reason, Record, Sink};
use forwarder_sinks::kind::{Build, Connection, Protocol, SinkKind};
use serde_json::{Value, json};

const CBOR: &str = "application/x-amz-cbor-1.1";
const JSON: &str = "application/x-amz-json-1.1";

/// Tells the process that has credentials, which are a process's own, that it is the one.
const WITH_CREDENTIALS: &str = "PROTOCOL_WITH_CREDENTIALS";

/// Status, content type, body.
type Answer = (u16, &'static str, Vec<u8>);

/// Body of an answer in this encoding.
fn answer(status: u16, kind: &'static str, value: &Value) -> Answer {
    let mut body = Vec::new();
    match kind {
        CBOR => ciborium::into_writer(value, &mut body).unwrap(),
        _ => body = value.to_string().into_bytes(),
    }
    (status, kind, body)
}

fn taken(kind: &'static str) -> Answer {
    let records = [json!({"SequenceNumber": "1", "ShardId": "shardId-000000000000"})];
    answer(200, kind, &json!({"FailedRecordCount": 0, "Records": records}))
}

fn refused(kind: &'static str) -> Answer {
    answer(404, kind, &json!({"__type": "UnknownOperationException"}))
}

/// Gives these answers, a connection each; returns the content types of the calls.
fn serve(answers: Vec<Answer>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let call = |(status, kind, body): Answer| {
            let mut call = BufReader::new(listener.accept().unwrap().0);
            let (mut asked_in, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                call.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim().split_once(": ") else {
                    if line.trim().is_empty() {
                        break;
                    }
                    continue;
                };
                match name.to_ascii_lowercase().as_str() {
                    "content-type" => asked_in = value.to_owned(),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                }
            }
            let mut whole = vec![0; length];
            call.read_exact(&mut whole).unwrap();
            assert_eq!(whole[0] == b'{', asked_in == JSON, "the body is what its type says");
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // A client may hang up before the end.
            let _ = call.get_mut().write_all(&[head.as_bytes(), &body].concat());
            asked_in
        };
        answers.into_iter().map(call).collect()
    });
    (endpoint, serving)
}

/// What as many puts came to as there is time for, and the encodings of all calls.
async fn puts(
    protocol: Protocol,
    count: usize,
    answers: Vec<Answer>,
) -> (Vec<Result<Vec<Outcome>, Failure>>, Vec<String>) {
    let (endpoint, serving) = serve(answers);
    let Build::Stream { parse, new: Some(new) } = SinkKind::from_name("kinesis").unwrap().build else {
        panic!("it is built with the feature");
    };
    let connection = Connection {
        endpoint: Some(endpoint),
        protocol,
        attempt_timeout: Duration::from_secs(30),
        ..Connection::default()
    };
    let sink: Arc<dyn Sink> = new(parse("telemetry").unwrap(), connection);
    let record = Record {
        data: "a line\n".into(),
        key: "0123".into(),
    };
    let mut outcomes = Vec::new();
    for _ in 0..count {
        outcomes.push(sink.put(std::slice::from_ref(&record)).await);
    }
    (outcomes, serving.join().unwrap())
}

fn reason(outcome: &Result<Vec<Outcome>, Failure>) -> Reason {
    outcome.as_ref().unwrap_err().reason
}

async fn all_cases() {
    let delivered = Ok(vec![Outcome::Delivered]);

    let (outcomes, asked) = puts(Protocol::Cbor, 2, vec![taken(CBOR), taken(JSON)]).await;
    assert_eq!(
        (outcomes, asked),
        (vec![delivered.clone(); 2], vec![CBOR.to_owned(); 2])
    );
    let (outcomes, asked) = puts(Protocol::Json, 1, vec![taken(JSON)]).await;
    assert_eq!((outcomes, asked), (vec![delivered.clone()], vec![JSON.to_owned()]));

    // Each record has its outcome.
    let records = [json!({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"})];
    let partial = answer(200, CBOR, &json!({"FailedRecordCount": 1, "Records": records}));
    let (outcomes, _) = puts(Protocol::Cbor, 1, vec![partial]).await;
    assert_eq!(outcomes, [Ok(vec![Outcome::Retry(Reason::Throttled)])]);

    // An error says what it says in either encoding, and is none of the encoding.
    for (status, code, expected) in [
        (400, "ResourceNotFoundException", Reason::NotFound),
        (400, "AccessDeniedException", Reason::AccessDenied),
        (400, "KMSDisabledException", Reason::Encryption),
        (400, "ProvisionedThroughputExceededException", Reason::Throttled),
        (400, "InvalidArgumentException", Reason::Invalid),
        (400, "UnrecognizedClientException", Reason::Credentials),
        (500, "InternalFailure", Reason::Service),
    ] {
        for kind in [CBOR, JSON] {
            let error = answer(
                status,
                kind,
                &json!({"__type": code, "message": "in the service's words"}),
            );
            let (outcomes, asked) = puts(Protocol::Cbor, 2, vec![error, taken(CBOR)]).await;
            assert_eq!(reason(&outcomes[0]), expected, "{code} {kind}");
            let message = &outcomes[0].as_ref().unwrap_err().message;
            assert_eq!(*message, format!("{code}: in the service's words"), "{kind}");
            assert_eq!(
                (&outcomes[1], asked),
                (&delivered, vec![CBOR.to_owned(); 2]),
                "{code} {kind}"
            );
        }
    }

    // What refuses CBOR gets the same put in JSON, and all that come later.
    let unread = answer(
        400,
        JSON,
        &json!({"__type": "SerializationException", "message": "no JSON"}),
    );
    let page = |status| (status, "text/html", b"<html>".to_vec());
    for refusal in [refused(JSON), refused(CBOR), unread, page(415), page(500)] {
        let status = refusal.0;
        let (outcomes, asked) = puts(Protocol::Cbor, 2, vec![refusal, taken(JSON), taken(JSON)]).await;
        assert_eq!(outcomes, vec![delivered.clone(); 2], "{status}");
        assert_eq!(asked, [CBOR, JSON, JSON], "{status}");
    }

    // Who refuses JSON as well says nothing of CBOR, and who has understood it once fails for another reason.
    for refusal in [refused(JSON), page(502)] {
        let status = refusal.0;
        let (outcomes, asked) = puts(Protocol::Cbor, 2, vec![refusal; 4]).await;
        assert!(outcomes.iter().all(Result::is_err), "{status}");
        assert_eq!(asked, [CBOR, JSON, CBOR, JSON], "{status}");
    }
    // Nor does a proxy's page of whoever says nothing of JSON, since its answer is cut off.
    let cut = (200, JSON, vec![0; 2 << 20]);
    let (_, asked) = puts(Protocol::Cbor, 2, vec![page(502), cut, taken(CBOR)]).await;
    assert_eq!(asked, [CBOR, JSON, CBOR]);
    let (outcomes, asked) = puts(Protocol::Cbor, 3, vec![taken(CBOR), page(502), taken(CBOR)]).await;
    assert_eq!(
        (reason(&outcomes[1]), asked),
        (Reason::Service, vec![CBOR.to_owned(); 3])
    );

    // What became of this put nobody knows: it is tried again, in JSON.
    let (outcomes, asked) = puts(Protocol::Cbor, 2, vec![(200, CBOR, vec![0xff; 100]), taken(JSON)]).await;
    assert_eq!((reason(&outcomes[0]), &outcomes[1]), (Reason::Unknown, &delivered));
    assert_eq!(asked, [CBOR, JSON]);
}

#[test]
fn every_answer_means_the_same_in_either_encoding_and_a_refusal_of_cbor_loses_nothing() {
    let name = "every_answer_means_the_same_in_either_encoding_and_a_refusal_of_cbor_loses_nothing";
    if std::env::var_os(WITH_CREDENTIALS).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.unwrap().block_on(all_cases());
    }
    let credentials = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        (WITH_CREDENTIALS, "1"),
    ];
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child
        .args(["--exact", name, "--nocapture"])
        .env_clear()
        .envs(credentials)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
