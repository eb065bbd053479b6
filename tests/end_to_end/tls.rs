//! An endpoint whose certificate is of a private authority.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use end_to_end::binaries;
use end_to_end::world::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Takes TLS off the calls to `to`, as the endpoint `localhost` with a certificate of an authority of its own. Returns its
/// port, and that authority's certificate.
async fn endpoint(to: String) -> (u16, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let own = own.signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut service = TcpStream::connect(&to).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut service).await;
                }
            });
        }
    });
    (port, authority.pem())
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("forwarder-e2e-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_where_a_variable_names_it() {
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let kinesis = kinesis().await;
        let address = kinesis.endpoint().trim_start_matches("http://").to_owned();
        let (port, authority) = endpoint(address).await;
        let bundle = file(variable, &authority);
        let (builder, _) = lambda_to_kinesis(&kinesis);
        let lambda = builder
            .function(binaries::test_function())
            .extension_env("AWS_ENDPOINT_URL_KINESIS", format!("https://localhost:{port}"))
            .extension_env(variable, bundle.to_str().unwrap())
            .start()
            .await
            .unwrap();
        assert!(lambda.invoke(r#"{"lines":3}"#).await.unwrap().succeeded());
        let report = lambda.shutdown("spindown", Duration::from_secs(5)).await.unwrap();
        std::fs::remove_file(bundle).unwrap();
        assert!(report.clean(), "{variable}: {report:?}");
        let found = Found::in_stream(&kinesis, STREAM).await;
        found.assert_conserves(&lambda, &["platform", "function"]);
        assert_silent(&lambda);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named() {
    let kinesis = kinesis().await;
    let address = kinesis.endpoint().trim_start_matches("http://").to_owned();
    let (port, _) = endpoint(address).await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .extension_env("AWS_ENDPOINT_URL_KINESIS", format!("https://localhost:{port}"))
        .start()
        .await
        .unwrap();
    assert!(lambda.invoke(r#"{"lines":3}"#).await.unwrap().succeeded());
    let said = lambda
        .wait_for_output(PATIENCE, |line| line.text.contains(r#""event":"sink_fails""#))
        .await
        .unwrap();
    for part in [
        r#""reason":"certificate""#,
        "the certificate of localhost is not trusted",
        "AWS_CA_BUNDLE",
    ] {
        assert!(said.text.contains(part), "{part}: {}", said.text);
    }
    let _ = lambda.shutdown("spindown", Duration::from_secs(2)).await;
}
