//! Broken accounts, as AWS's API references have their answers, and what is said of each.

use crate::STREAM;
use crate::account::Answer;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) variables: &'static [(&'static str, &'static str)],
    pub(crate) answers: &'static [Answer],
    /// `fail` or `warn`: how the line begins.
    pub(crate) status: &'static str,
    /// All that is in that line: its cause and its fix.
    pub(crate) says: &'static [&'static str],
}

const fn case(
    name: &'static str,
    answers: &'static [Answer],
    status: &'static str,
    says: &'static [&'static str],
) -> Case {
    Case {
        name,
        variables: &[STREAM],
        answers,
        status,
        says,
    }
}

const fn with(
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
    answers: &'static [Answer],
    status: &'static str,
    says: &'static [&'static str],
) -> Case {
    Case {
        name,
        variables,
        answers,
        status,
        says,
    }
}

const FIREHOSE: &[(&str, &str)] = &[("FORWARDER_SINKS__FIREHOSE__STREAM", "archive")];
const OTHERS: (&str, &str) = (
    "FORWARDER_SINKS__KINESIS__STREAM",
    "arn:aws:kinesis:eu-west-1:210987654321:stream/telemetry",
);
const ROLE: (&str, &str) = (
    "FORWARDER_SINKS__KINESIS__ASSUME_ROLE",
    "arn:aws:iam::210987654321:role/writer",
);

macro_rules! sts {
    ($code:literal, $message:literal) => {
        concat!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>",
            $code,
            "</Code><Message>",
            $message,
            "</Message></Error></ErrorResponse>"
        )
    };
}

macro_rules! error {
    ($code:literal, $message:literal) => {
        concat!(r#"{"__type":""#, $code, r#"","message":""#, $message, r#""}"#)
    };
}

macro_rules! summary {
    ($members:literal) => {
        concat!(
            r#"{"StreamDescriptionSummary":{"StreamName":"telemetry","StreamARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry",
            "RetentionPeriodHours":24,"StreamCreationTimestamp":1.7e9,"EnhancedMonitoring":[],"OpenShardCount":1,"#,
            $members,
            "}}"
        )
    };
}

macro_rules! delivery {
    ($members:literal) => {
        concat!(
            r#"{"DeliveryStreamDescription":{"DeliveryStreamName":"archive","VersionId":"1","Destinations":[],"HasMoreDestinations":false,
            "DeliveryStreamARN":"arn:aws:firehose:eu-west-1:123456789012:deliverystream/archive","#,
            $members,
            "}}"
        )
    };
}

const DENIED: u16 = 403;

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    // Whoever asks.
    with("no credentials", &[STREAM, ("AWS_ACCESS_KEY_ID", "")], &[], "fail", &["credentials: there are none", "AWS_PROFILE"]),
    with("no such profile", &[STREAM, ("AWS_ACCESS_KEY_ID", ""), ("AWS_PROFILE", "nobody")], &[], "fail", &["credentials: there are none", "~/.aws/config"]),
    with("no region", &[STREAM, ("AWS_REGION", "")], &[], "fail", &["kinesis: region: no region is set", "set AWS_REGION"]),
    case("an expired session", &[("GetCallerIdentity", DENIED, sts!("ExpiredToken", "The security token included in the request is expired"))], "fail", &["credentials: ", "the session has expired: sign in again"]),
    case("a deleted key", &[("GetCallerIdentity", DENIED, sts!("InvalidClientTokenId", "The security token included in the request is invalid."))], "fail", &["credentials: ", "AWS knows no such access key"]),
    case("a wrong secret", &[("GetCallerIdentity", DENIED, sts!("SignatureDoesNotMatch", "The request signature we calculated does not match"))], "fail", &["credentials: ", "AWS_SECRET_ACCESS_KEY does not belong"]),
    case("a clock that is off", &[("GetCallerIdentity", DENIED, sts!("SignatureDoesNotMatch", "Signature expired: 20261127T000000Z is now earlier than 20261127T001000Z"))], "fail", &["credentials: ", "the clock of this machine is off"]),
    case("no way to STS", &[("GetCallerIdentity", 503, "<html>")], "warn", &["credentials: found; STS did not say whose they are"]),
    with("a role that does not trust", &[OTHERS, ROLE], &[("AssumeRole", DENIED, sts!("AccessDenied", "is not authorized to perform: sts:AssumeRole"))], "fail", &["kinesis: role: arn:aws:iam::210987654321:role/writer cannot be assumed", "trust policy"]),

    // The stream.
    case("no such stream", &[("DescribeStreamSummary", 400, error!("ResourceNotFoundException", "Stream telemetry under account 123456789012 not found."))], "fail", &["kinesis: stream: not_found", "there is no arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry", "FORWARDER_SINKS__KINESIS__STREAM"]),
    case("a stream that goes", &[("DescribeStreamSummary", 200, summary!(r#""StreamStatus":"DELETING""#))], "fail", &["kinesis: stream: ", "is DELETING", "create it again"]),
    case("a stream that comes", &[("DescribeStreamSummary", 200, summary!(r#""StreamStatus":"CREATING""#))], "warn", &["is CREATING", "wait until it is ACTIVE"]),
    case("a stream that may not be looked at", &[("DescribeStreamSummary", 400, error!("AccessDeniedException", "not authorized to perform: kinesis:DescribeStreamSummary"))], "warn", &["kinesis: stream: these credentials may not look at it", "allow kinesis:DescribeStreamSummary"]),
    with("records that are too large", &[STREAM, ("FORWARDER_SINKS__KINESIS__MAX_RECORD_BYTES", "4MiB"), ("FORWARDER_SINKS__KINESIS__PUT_BYTES", "4MiB")], &[], "fail", &["record size: records of up to 4194304 bytes", "MaxRecordSizeInKiB", "set FORWARDER_SINKS__KINESIS__MAX_RECORD_BYTES to 1048576", "update-max-record-size", "4096"]),
    with("aggregates into AUTO", &[STREAM, ("FORWARDER_SINKS__KINESIS__FORMAT", "kpl")], &[("DescribeStreamSummary", 200, summary!(r#""StreamStatus":"ACTIVE","RecordDistributionStrategy":"AUTO""#))], "fail", &["distribution: AUTO", "KCL readers lose", "USER_PARTITION_KEY"]),
    with("keys that AUTO ignores", &[STREAM, ("FORWARDER_SINKS__KINESIS__PARTITION_KEY", "instance")], &[("DescribeStreamSummary", 200, summary!(r#""StreamStatus":"ACTIVE","RecordDistributionStrategy":"AUTO""#))], "warn", &["distribution: AUTO", "FORWARDER_SINKS__KINESIS__PARTITION_KEY"]),
    case("another service at the endpoint", &[("DescribeStreamSummary", 404, "<html>")], "fail", &["kinesis: stream: not_found"]),
    case("a request that the service calls invalid", &[("DescribeStreamSummary", 400, error!("InvalidArgumentException", "nonsense"))], "fail", &["kinesis: stream: invalid"]),
    case("a service that fails", &[("DescribeStreamSummary", 500, error!("InternalFailure", "oops"))], "warn", &["kinesis: stream: service_error", "try again"]),

    // Its key.
    case("a disabled key", &[("DescribeKey", 200, r#"{"KeyMetadata":{"KeyId":"k","KeyState":"Disabled"}}"#)], "fail", &["kinesis: key: ", "is Disabled", "aws kms enable-key"]),
    case("a key that goes", &[("DescribeKey", 200, r#"{"KeyMetadata":{"KeyId":"k","KeyState":"PendingDeletion"}}"#)], "fail", &["is PendingDeletion", "cancel-key-deletion"]),
    case("a key without material", &[("DescribeKey", 200, r#"{"KeyMetadata":{"KeyId":"k","KeyState":"PendingImport"}}"#)], "fail", &["is PendingImport", "import-key-material"]),
    case("a key store that is off", &[("DescribeKey", 200, r#"{"KeyMetadata":{"KeyId":"k","KeyState":"Unavailable"}}"#)], "fail", &["is Unavailable", "connect-custom-key-store"]),
    case("a key that is gone", &[("DescribeKey", 400, error!("NotFoundException", "Key does not exist"))], "fail", &["kinesis: key: ", "is gone", "start-stream-encryption"]),
    case("a key that may not be used", &[("DescribeKey", 400, error!("AccessDeniedException", "no")), ("GenerateDataKey", 400, error!("AccessDeniedException", "not authorized to perform: kms:GenerateDataKey"))], "fail", &["kinesis: key: ", "cannot be used", "allow kms:GenerateDataKey on arn:aws:kms:eu-west-1:123456789012:key/k"]),
    case("a disabled key that may not be looked at", &[("DescribeKey", 400, error!("AccessDeniedException", "no")), ("GenerateDataKey", 400, error!("DisabledException", "is disabled"))], "fail", &["is Disabled", "enable-key"]),
    with("AWS's key, of another account", &[OTHERS], &[("DescribeStreamSummary", 200, summary!(r#""StreamStatus":"ACTIVE","EncryptionType":"KMS","KeyId":"alias/aws/kinesis""#))], "fail", &["kinesis: key: alias/aws/kinesis is AWS's", "encrypt the stream with a key of that account's own"]),

    // A put.
    case("no permission", &[("PutRecords", 400, error!("AccessDeniedException", "not authorized to perform: kinesis:PutRecords because no identity-based policy allows the kinesis:PutRecords action"))], "fail", &["kinesis: put: access_denied", r#"{"Action":"kinesis:PutRecords","Effect":"Allow","Resource":"arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry"}"#]),
    with("no permission in another account", &[OTHERS], &[("PutRecords", 400, error!("AccessDeniedException", "because no resource-based policy allows the kinesis:PutRecords action"))], "fail", &["kinesis: put: access_denied", "put-resource-policy"]),
    case("a VPC endpoint's policy", &[("PutRecords", 400, error!("AccessDeniedException", "because no VPC endpoint policy allows the kinesis:PutRecords action"))], "fail", &["the policy of the VPC endpoint must allow kinesis:PutRecords"]),
    case("an organisation's policy", &[("PutRecords", 400, error!("AccessDeniedException", "with an explicit deny in a service control policy"))], "fail", &["a service control policy of the organisation must allow kinesis:PutRecords"]),
    case("a permissions boundary", &[("PutRecords", 400, error!("AccessDeniedException", "because no permissions boundary allows the action"))], "fail", &["the permissions boundary of the role must allow"]),
    case("a Deny", &[("PutRecords", 400, error!("AccessDeniedException", "with an explicit deny in an identity-based policy"))], "fail", &["take away the Deny statement"]),
    case("a stream that is full", &[("PutRecords", 400, error!("ProvisionedThroughputExceededException", "Rate exceeded for shard"))], "warn", &["kinesis: put: throttled", "more shards, or on-demand mode"]),
    case("a key that a put may not use", &[("PutRecords", 400, error!("KMSAccessDeniedException", "no"))], "fail", &["kinesis: put: encryption", "kms:GenerateDataKey"]),
    case("a key that a put cannot use", &[("PutRecords", 400, error!("KMSDisabledException", "no"))], "fail", &["kinesis: put: encryption", "enable the key"]),

    // Firehose.
    with("no such delivery stream", FIREHOSE, &[("DescribeDeliveryStream", 400, error!("ResourceNotFoundException", "Firehose archive not found"))], "fail", &["firehose: stream: not_found", "arn:aws:firehose:eu-west-1:123456789012:deliverystream/archive"]),
    with("a delivery stream that reads another", FIREHOSE, &[("DescribeDeliveryStream", 200, delivery!(r#""DeliveryStreamStatus":"ACTIVE","DeliveryStreamType":"KinesisStreamAsSource","Source":{"KinesisStreamSourceDescription":{"KinesisStreamARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/x"}}"#))], "fail", &["firehose: source: ", "puts to it are refused", "STREAM=arn:aws:kinesis:eu-west-1:123456789012:stream/x"]),
    with("a delivery stream that failed", FIREHOSE, &[("DescribeDeliveryStream", 200, delivery!(r#""DeliveryStreamStatus":"CREATING_FAILED","DeliveryStreamType":"DirectPut","FailureDescription":{"Type":"KMS_ACCESS_DENIED","Details":"grant"}"#))], "fail", &["is CREATING_FAILED: KMS_ACCESS_DENIED: grant"]),
    with("encryption that failed", FIREHOSE, &[("DescribeDeliveryStream", 200, delivery!(r#""DeliveryStreamStatus":"ACTIVE","DeliveryStreamType":"DirectPut","DeliveryStreamEncryptionConfiguration":{"Status":"ENABLING_FAILED","KeyARN":"k","FailureDescription":{"Type":"DISABLED_KMS_KEY","Details":"off"}}"#))], "fail", &["firehose: key: the encryption with k failed: DISABLED_KMS_KEY: off"]),
    with("no permission for Firehose", FIREHOSE, &[("PutRecordBatch", 400, error!("AccessDeniedException", "not authorized to perform: firehose:PutRecordBatch"))], "fail", &["firehose: put: access_denied", r#""Action":"firehose:PutRecordBatch""#]),
    with("Firehose in another account", &[("FORWARDER_SINKS__FIREHOSE__STREAM", "arn:aws:firehose:eu-west-1:210987654321:deliverystream/archive")], &[], "fail", &["firehose: role: the stream is in the account 210987654321", "FORWARDER_SINKS__FIREHOSE__ASSUME_ROLE"]),
    with("what Firehose does not tell", FIREHOSE, &[], "warn", &["firehose: put: Firehose has no dry run"]),
];
