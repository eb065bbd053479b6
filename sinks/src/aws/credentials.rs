//! The credentials that Lambda gives: in variables, or from an endpoint, as in an environment made from a snapshot,
//! which has none in its variables. The SDK's own provider asks such an endpoint on a few hosts only, and Lambda's has
//! moved before.
//!
//! What the endpoint answers is cached, and asked for again before it expires, by the SDK.

use std::io::Read;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::Value;

use super::http::Http;

/// Host before `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`. AWS SDKs reference guide, container credential provider.
const RELATIVE_TO: &str = "http://169.254.170.2";

/// Asks for the environment's own credentials.
#[derive(Debug)]
pub(super) struct LambdaCredentials {
    pub(super) http: Http,
}

/// Address of the endpoint, and the token it asks for.
#[derive(Debug, PartialEq, Eq)]
struct Endpoint {
    uri: String,
    token: Option<Token>,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Text(String),
    /// It may be replaced while the process runs.
    File(String),
}

impl LambdaCredentials {
    async fn provide(&self) -> Result<Credentials, CredentialsError> {
        let in_variables = EnvironmentVariableCredentialsProvider::new()
            .provide_credentials()
            .await;
        let endpoint = Endpoint::find(|name| std::env::var(name).ok());
        match (in_variables, endpoint) {
            (Err(_), Some(endpoint)) => endpoint.ask(&self.http).await,
            (in_variables, _) => in_variables,
        }
    }
}

impl ProvideCredentials for LambdaCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provide())
    }
}

impl Endpoint {
    /// `variable`: the process's variables.
    fn find(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let relative = set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{RELATIVE_TO}{path}"));
        let file = set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(Token::File);
        Some(Self {
            uri: relative.or_else(|| set("AWS_CONTAINER_CREDENTIALS_FULL_URI"))?,
            token: file.or_else(|| set("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Token::Text)),
        })
    }

    async fn ask(&self, http: &Http) -> Result<Credentials, CredentialsError> {
        let mut request = HttpRequest::get(&self.uri).map_err(CredentialsError::invalid_configuration)?;
        let token = match &self.token {
            None => None,
            Some(Token::Text(text)) => Some(text.clone()),
            Some(Token::File(path)) => {
                let token = read_token(path);
                Some(token.map_err(|error| failed(format!("the token in {path} cannot be read: {error}")))?)
            }
        };
        if let Some(token) = token {
            let added = request
                .headers_mut()
                .try_insert("authorization", token.trim().to_owned());
            added.map_err(CredentialsError::invalid_configuration)?;
        }
        let answer = http.call(request).await.map_err(CredentialsError::provider_error)?;
        if !answer.status().is_success() {
            let status = answer.status().as_u16();
            return Err(failed(format!(
                "{} answered {status} when asked for credentials",
                self.uri
            )));
        }
        let body = answer.body().bytes().unwrap_or_default();
        read(body).ok_or_else(|| failed(format!("{} answered what is no credentials", self.uri)))
    }
}

/// A longer token is none: Lambda's has some 1,000 bytes.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// Of a regular file: a pipe would be waited for, and a device has no end.
fn read_token(path: &str) -> std::io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("this is no regular file"));
    }
    let mut token = String::new();
    std::fs::File::open(path)?
        .take(MAX_TOKEN_BYTES)
        .read_to_string(&mut token)?;
    Ok(token)
}

fn failed(message: String) -> CredentialsError {
    CredentialsError::provider_error(message)
}

/// Credentials as the endpoint answers them.
fn read(body: &[u8]) -> Option<Credentials> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    let expiry = match text("Expiration") {
        Some(text) => Some(DateTime::from_str(text, Format::DateTime).ok()?.try_into().ok()?),
        None => None,
    };
    let mut credentials = Credentials::builder()
        .access_key_id(text("AccessKeyId")?)
        .secret_access_key(text("SecretAccessKey")?)
        .provider_name("LambdaEndpoint");
    credentials.set_session_token(text("Token").map(str::to_owned));
    credentials.set_expiry(expiry);
    credentials.set_account_id(text("AccountId").map(Into::into));
    Some(credentials.build())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn a_token_is_read_of_a_regular_file_and_up_to_a_bound() {
        assert!(read_token("/dev/zero").is_err());
        assert!(read_token("/nonexistent").is_err());
        let path = std::env::temp_dir().join(format!("forwarder-token-{}", std::process::id()));
        let path = path.to_string_lossy();
        std::fs::write(&*path, "x".repeat(1 << 20)).unwrap();
        assert_eq!(read_token(&path).unwrap().len(), MAX_TOKEN_BYTES as usize);
        std::fs::remove_file(&*path).unwrap();
    }

    #[test]
    fn the_endpoint_is_what_the_variables_say() {
        let find = |variables: &[(&str, &str)]| {
            Endpoint::find(|name| {
                let found = variables.iter().find(|(other, _)| *other == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        // Neither a loopback address nor one of those that the SDK knows.
        let full = (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://169.254.100.1:9001/2021-04-23/credentials",
        );
        let relative = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role");
        let text = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "text");
        let file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/path");
        let endpoint = |uri: &str, token| Some(Endpoint { uri: uri.into(), token });
        assert_eq!(find(&[]), None);
        assert_eq!(find(&[text, file, (full.0, "")]), None);
        assert_eq!(find(&[full]), endpoint(full.1, None));
        assert_eq!(find(&[full, text]), endpoint(full.1, Some(Token::Text("text".into()))));
        assert_eq!(
            find(&[full, text, file]),
            endpoint(full.1, Some(Token::File("/path".into())))
        );
        assert_eq!(find(&[full, relative]), endpoint("http://169.254.170.2/role", None));
    }

    /// Answers one request, and tells what it was.
    async fn server(status: &'static str, body: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/2021-04-23/credentials", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request[..length].to_vec()).unwrap()
        });
        (uri, server)
    }

    #[tokio::test]
    async fn the_endpoint_is_asked_with_the_token_and_its_expiry_is_kept() {
        let body = r#"{"AccessKeyId":"AKID","SecretAccessKey":"secret","Token":"session","Expiration":"2026-11-23T12:00:00Z"}"#;
        let (uri, server) = server("200 OK", body).await;
        let token = Some(Token::Text("the-token".into()));
        let credentials = Endpoint { uri, token }.ask(&Http::default()).await.unwrap();
        assert_eq!(credentials.access_key_id(), "AKID");
        assert_eq!(credentials.session_token(), Some("session"));
        let expiry = UNIX_EPOCH + Duration::from_secs(1_795_435_200);
        assert_eq!(credentials.expiry(), Some(expiry));
        let request = server.await.unwrap();
        assert!(
            request.starts_with("GET /2021-04-23/credentials HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(request.contains("authorization: the-token\r\n"), "{request}");
    }

    #[tokio::test]
    async fn a_refusal_says_who_refused() {
        let (uri, _server) = server("403 Forbidden", "").await;
        let endpoint = Endpoint { uri, token: None };
        let error = endpoint.ask(&Http::default()).await.unwrap_err();
        let text = std::error::Error::source(&error).map(ToString::to_string).unwrap();
        assert!(
            text.contains("/2021-04-23/credentials answered 403 when asked for credentials"),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_credentials_is_none() {
        assert!(read(b"{}").is_none());
        assert!(read(b"nonsense").is_none());
        assert!(read(br#"{"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"later"}"#).is_none());
        assert_eq!(
            read(br#"{"AccessKeyId":"a","SecretAccessKey":"b"}"#).unwrap().expiry(),
            None
        );
    }
}
