//! An account that answers as AWS documents: STS, Kinesis, Firehose and KMS on one port.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A changed answer: the action, with `action@text` for requests that contain the text; status; body.
pub(crate) type Answer = (&'static str, u16, &'static str);

/// Answers of an account in which nothing is wrong.
const WELL: &[Answer] = &[
    ("GetCallerIdentity", 200, IDENTITY),
    ("AssumeRole", 200, ROLE),
    ("DescribeStreamSummary", 200, SUMMARY),
    (
        "PutRecords",
        400,
        r#"{"__type":"DryRunOperationException","message":"The request would have succeeded."}"#,
    ),
    (
        "DescribeKey",
        200,
        r#"{"KeyMetadata":{"KeyId":"k","KeyState":"Enabled"}}"#,
    ),
    (
        "GenerateDataKey",
        400,
        r#"{"__type":"DryRunOperationException","message":"The request would have succeeded."}"#,
    ),
    ("DescribeDeliveryStream", 200, DELIVERY),
    (
        "PutRecordBatch",
        400,
        r#"{"__type":"ValidationException","message":"records: length 1 or greater"}"#,
    ),
];

const IDENTITY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
    <Arn>arn:aws:sts::123456789012:assumed-role/checkout/i</Arn><UserId>U</UserId><Account>123456789012</Account>\
    </GetCallerIdentityResult></GetCallerIdentityResponse>";

const ROLE: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
    <Credentials><AccessKeyId>AKID</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
    <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::2:assumed-role/w/s</Arn>\
    <AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>";

const SUMMARY: &str = r#"{"StreamDescriptionSummary":{"StreamName":"telemetry",
    "StreamARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry","StreamStatus":"ACTIVE",
    "StreamModeDetails":{"StreamMode":"ON_DEMAND"},"RetentionPeriodHours":24,"StreamCreationTimestamp":1.7e9,
    "EnhancedMonitoring":[],"EncryptionType":"KMS","KeyId":"arn:aws:kms:eu-west-1:123456789012:key/k","OpenShardCount":4,
    "MaxRecordSizeInKiB":1024,"RecordDistributionStrategy":"USER_PARTITION_KEY"}}"#;

const DELIVERY: &str = r#"{"DeliveryStreamDescription":{"DeliveryStreamName":"archive",
    "DeliveryStreamARN":"arn:aws:firehose:eu-west-1:123456789012:deliverystream/archive","DeliveryStreamStatus":"ACTIVE",
    "DeliveryStreamType":"DirectPut","VersionId":"1","Destinations":[],"HasMoreDestinations":false}}"#;

/// An account on a port of this machine.
pub(crate) struct Account {
    pub(crate) endpoint: String,
    /// Actions that were asked for, each with its body.
    pub(crate) asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Account {
    /// Answers as [`WELL`], but for these.
    pub(crate) fn start(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let log = Arc::clone(&log);
                std::thread::spawn(move || serve(stream.unwrap(), answers, &log));
            }
        });
        Self { endpoint, asked }
    }
}

fn serve(stream: TcpStream, answers: &[Answer], log: &Mutex<Vec<(String, String)>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut action) = (0, String::new());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let Some((name, value)) = line.trim_end().split_once(':') else {
                if line.trim().is_empty() {
                    break;
                }
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap(),
                "x-amz-target" => action = value.rsplit('.').next().unwrap().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).unwrap();
        if action.is_empty() {
            let form = body.split('&').find_map(|part| part.strip_prefix("Action="));
            action = form.unwrap_or_default().to_owned();
        }
        log.lock().unwrap().push((action.clone(), body.clone()));
        let (status, text) = answer(answers, &action, &body);
        let kind = if text.starts_with('<') {
            "text/xml"
        } else {
            "application/x-amz-json-1.1"
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        reader.get_mut().write_all((head + text).as_bytes()).ok()?;
    }
}

fn answer(answers: &[Answer], action: &str, body: &str) -> (u16, &'static str) {
    let is_it = |(name, _, _): &&Answer| match name.split_once('@') {
        Some((name, text)) => name == action && body.contains(text),
        None => *name == action,
    };
    let found = answers.iter().chain(WELL).find(is_it);
    match found {
        Some((_, status, text)) => (*status, text),
        None => (
            500,
            r#"{"__type":"InternalFailure","message":"this account knows no such action"}"#,
        ),
    }
}
