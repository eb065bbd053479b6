//! Documents of Systems Manager and S3, read with what a sink's calls are made of: this connector, Lambda's credentials
//! and the SDK's signature. A client of each service would be as large as a sink.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::caller::Caller;
use super::credentials::LambdaCredentials;
use super::environment::{is_true, variable};
use super::http::Http;
use crate::arn::partition_of;
use crate::document::Source;
use forwarder_core::delivery::sink::causes;

/// A document as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its text.
    pub text: String,
    /// The parameter's version, or the object's ETag.
    pub version: String,
}

/// Reads one document, as often as it is asked.
#[derive(Debug)]
pub struct Documents {
    source: Source,
    http: Http,
    /// Whoever asks, where that is not the function.
    caller: Option<Caller>,
}

/// One request that is to be signed.
struct Call {
    service: &'static str,
    method: &'static str,
    uri: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Documents {
    /// Nothing is connected to yet.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            http: Http::default(),
            caller: None,
        }
    }

    /// As [`new`](Self::new), with these credentials and in this region.
    pub fn of_caller(source: Source, caller: Caller) -> Self {
        Self {
            caller: Some(caller),
            ..Self::new(source)
        }
    }

    /// Reads the document. `None`: its version is the one that is known.
    ///
    /// # Errors
    /// Why it cannot be read, for a person.
    pub async fn read(&self, known: Option<&str>) -> Result<Option<Document>, String> {
        let region = match &self.caller {
            Some(caller) => caller.region.clone(),
            None => variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
        };
        let region = region.ok_or("no region is set: AWS_REGION")?;
        // Those of before a freeze are likely dead, and it is asked rarely.
        self.http.forget_connections();
        let credentials = match &self.caller {
            Some(caller) => caller.credentials.provide_credentials().await,
            None => {
                let own = LambdaCredentials {
                    http: self.http.clone(),
                };
                own.provide_credentials().await
            }
        };
        let credentials = credentials.map_err(|error| causes(&error))?;
        let call = self.call(&region, known);
        let request = signed(&call, &region, credentials)?;
        let answer = self.http.call(request).await;
        let answer = answer.map_err(|error| causes(&error))?;
        self.http.forget_connections();
        if answer.status().as_u16() == 304 {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return Err(refused(&answer, &self.source));
        }
        let document = self.document(&answer)?;
        Ok(Some(document).filter(|document| known != Some(&document.version)))
    }

    fn call(&self, region: &str, known: Option<&str>) -> Call {
        match &self.source {
            Source::Parameter(name) => Call {
                service: "ssm",
                method: "POST",
                uri: endpoint("SSM").unwrap_or_else(|| format!("https://{}", host("ssm", region))) + "/",
                headers: vec![
                    ("content-type", "application/x-amz-json-1.1".to_owned()),
                    ("x-amz-target", "AmazonSSM.GetParameter".to_owned()),
                ],
                body: json!({"Name": name, "WithDecryption": true}).to_string(),
            },
            Source::Object { bucket, key } => {
                let key = encoded(key);
                let uri = match endpoint("S3") {
                    Some(endpoint) => format!("{endpoint}/{bucket}/{key}"),
                    // No certificate covers a bucket with dots before the host.
                    None if bucket.contains('.') => format!("https://{}/{bucket}/{key}", host("s3", region)),
                    None => format!("https://{bucket}.{}/{key}", host("s3", region)),
                };
                Call {
                    service: "s3",
                    method: "GET",
                    uri,
                    headers: known
                        .map(|known| ("if-none-match", known.to_owned()))
                        .into_iter()
                        .collect(),
                    body: String::new(),
                }
            }
        }
    }

    fn document(&self, answer: &HttpResponse) -> Result<Document, String> {
        let body = answer.body().bytes().unwrap_or_default();
        match &self.source {
            Source::Parameter(_) => {
                parameter(body).ok_or_else(|| format!("{}: the answer is no parameter", self.source))
            }
            Source::Object { .. } => {
                let text = std::str::from_utf8(body).map_err(|error| format!("{}: {error}", self.source))?;
                let version = answer.headers().get("etag");
                Ok(Document {
                    text: text.to_owned(),
                    version: version
                        .ok_or_else(|| format!("{}: the answer has no ETag", self.source))?
                        .to_owned(),
                })
            }
        }
    }
}

/// A parameter as `GetParameter` answers it.
fn parameter(body: &[u8]) -> Option<Document> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let parameter = answer.get("Parameter")?;
    Some(Document {
        text: parameter.get("Value")?.as_str()?.to_owned(),
        version: parameter.get("Version")?.as_u64()?.to_string(),
    })
}

/// Why an answer is none, and what it may take.
fn refused(answer: &HttpResponse, source: &Source) -> String {
    let body = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()).into_owned();
    let status = answer.status().as_u16();
    let text: String = body.chars().filter(|char| !char.is_control()).take(300).collect();
    let fix = match (source, status) {
        (Source::Parameter(_), 400 | 403) if text.contains("AccessDenied") => {
            "; the function's role needs ssm:GetParameter, and kms:Decrypt for a key of one's own"
        }
        (Source::Object { .. }, 403) => {
            "; the function's role needs s3:GetObject, and kms:Decrypt for a key of one's own"
        }
        (Source::Object { .. }, 301) => "; the bucket is in another region",
        _ => "",
    };
    format!("{source} answered {status}: {text}{fix}")
}

/// Endpoint that the SDK's variables name for a service.
fn endpoint(service: &str) -> Option<String> {
    if is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        return None;
    }
    let own = variable(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| variable("AWS_ENDPOINT_URL"));
    own.map(|url| url.trim().trim_end_matches('/').to_owned())
}

/// Host of a service in a region. AWS General Reference, service endpoints.
fn host(service: &str, region: &str) -> String {
    let fips = if is_true("AWS_USE_FIPS_ENDPOINT") { "-fips" } else { "" };
    let dual = is_true("AWS_USE_DUALSTACK_ENDPOINT");
    let domain = match partition_of(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-eusc" => "amazonaws.eu",
        _ if dual && service == "ssm" => "api.aws",
        _ => "amazonaws.com",
    };
    let stack = if dual && service == "s3" { ".dualstack" } else { "" };
    format!("{service}{fips}{stack}.{region}.{domain}")
}

/// A key as the path of a URL: all but unreserved characters and slashes is percent-encoded.
fn encoded(key: &str) -> String {
    let mut path = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

fn signed(call: &Call, region: &str, credentials: Credentials) -> Result<HttpRequest, String> {
    let mut settings = SigningSettings::default();
    if call.service == "s3" {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(call.service)
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str()));
    let signable = SignableRequest::new(
        call.method,
        &call.uri,
        headers,
        SignableBody::Bytes(call.body.as_bytes()),
    );
    let signed = sign(signable.map_err(|error| error.to_string())?, &params).map_err(|error| error.to_string())?;
    let mut request = HttpRequest::new(SdkBody::from(call.body.as_str()));
    let is_set = request.set_method(call.method).is_ok() && request.set_uri(call.uri.as_str()).is_ok();
    if !is_set {
        return Err(format!("{} is no address", call.uri));
    }
    let headers = call.headers.iter().map(|(name, value)| (*name, value.clone()));
    let added = signed
        .output()
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (name, value) in headers.map(|(name, value)| (name.to_owned(), value)).chain(added) {
        let result = request.headers_mut().try_insert(name, value);
        result.map_err(|error| error.to_string())?;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_and_nonsense_is_none() {
        let body = br#"{"Parameter":{"Name":"/x","Value":"log = \"info\"","Version":7}}"#;
        let expected = Document {
            text: "log = \"info\"".into(),
            version: "7".into(),
        };
        assert_eq!(parameter(body), Some(expected));
        for body in ["", "{}", r#"{"Parameter":{"Value":1,"Version":7}}"#, "<html>"] {
            assert_eq!(parameter(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn keys_are_encoded_but_for_slashes() {
        assert_eq!(encoded("a/b c+d.toml"), "a/b%20c%2Bd.toml");
    }

    #[test]
    fn calls_are_signed_for_their_service_and_region() {
        let documents = |source: &str| Documents::new(Source::parse(source).unwrap().unwrap());
        let credentials = || Credentials::new("AKID", "secret", Some("token".into()), None, "test");
        for (source, service) in [("ssm:/x", "ssm"), ("s3://bucket/x", "s3")] {
            let call = documents(source).call("eu-west-1", Some("\"etag\""));
            let request = signed(&call, "eu-west-1", credentials()).unwrap();
            let authorization = request.headers().get("authorization").unwrap();
            let scope = format!("/eu-west-1/{service}/aws4_request");
            assert!(authorization.contains(&scope), "{authorization}");
            assert_eq!(request.headers().get("x-amz-security-token"), Some("token"));
            assert_eq!(request.headers().get("x-amz-content-sha256").is_some(), service == "s3");
            assert_eq!(request.headers().get("if-none-match").is_some(), service == "s3");
        }
        assert_eq!(
            documents("s3://a.b/k").call("eu-west-1", None).uri,
            "https://s3.eu-west-1.amazonaws.com/a.b/k"
        );
        assert_eq!(
            documents("ssm:/x").call("cn-north-1", None).uri,
            "https://ssm.cn-north-1.amazonaws.com.cn/"
        );
    }
}
