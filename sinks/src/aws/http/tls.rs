//! TLS: which certificates are trusted, made ready once in a process.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_native_certs::{load_certs_from_paths, load_native_certs};

/// Amazon Trust Services' roots, which every endpoint of the partition `aws` is signed under, from
/// <https://www.amazontrust.com/repository>. Built in: reading a machine's certificates costs tens of milliseconds.
const AMAZON_ROOTS: [&[u8]; 5] = [
    include_bytes!("roots/amazon_root_ca_1.der"),
    include_bytes!("roots/amazon_root_ca_2.der"),
    include_bytes!("roots/amazon_root_ca_3.der"),
    include_bytes!("roots/amazon_root_ca_4.der"),
    include_bytes!("roots/starfield_services_root_ca_g2.der"),
];

/// Ending of AWS's own endpoints of the partition `aws`.
const AMAZON_DOMAINS: [&str; 2] = [".amazonaws.com", ".api.aws"];

/// Variables that name a file of certificates (PEM) to trust as well, whatever the host: those of a proxy that looks into
/// TLS, or of an endpoint with a private authority.
const BUNDLES: [&str; 2] = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"];

/// The machine's certificates, of Amazon Linux and of Debian. For where `SSL_CERT_FILE` takes their place.
const MACHINES: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// Trusted certificates for a host: Amazon's roots for AWS's own endpoints, and the machine's for all others: other
/// partitions (China's and the isolated ones are signed by others), and endpoints of the user's own. Those of [`BUNDLES`]
/// for all.
pub(super) fn config(host: &str) -> Result<Arc<ClientConfig>, rustls::Error> {
    static AMAZON: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    static MACHINE: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let is_amazon = AMAZON_DOMAINS.iter().any(|domain| host.ends_with(domain));
    let slot = if is_amazon { &AMAZON } else { &MACHINE };
    if let Some(config) = slot.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = if is_amazon { amazon() } else { machine() };
    for file in BUNDLES.iter().filter_map(std::env::var_os) {
        add_file(&mut roots, file.as_ref());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(slot.get_or_init(|| Arc::new(config))))
}

fn amazon() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(AMAZON_ROOTS.into_iter().map(CertificateDer::from_slice));
    store
}

fn machine() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(load_native_certs().certs);
    if std::env::var_os("SSL_CERT_FILE").is_some()
        && let Some(file) = MACHINES.map(Path::new).into_iter().find(|file| file.is_file())
    {
        add_file(&mut store, file);
    }
    store
}

/// What cannot be read is left out: the configuration warned of it.
fn add_file(store: &mut RootCertStore, file: &Path) {
    store.add_parsable_certificates(load_certs_from_paths(Some(file), None).certs);
}

/// A certificate that is not accepted.
#[derive(Debug)]
pub(in crate::aws) struct NotTrusted {
    host: String,
    reason: CertificateError,
}

impl NotTrusted {
    /// In place of a failed handshake's error, if that was about the certificate of `host`.
    pub(super) fn of(host: &str, error: io::Error) -> io::Error {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        let Some(rustls::Error::InvalidCertificate(reason)) = inner else {
            return error;
        };
        let reason = reason.clone();
        let host = host.to_owned();
        io::Error::new(error.kind(), Self { host, reason })
    }
}

impl fmt::Display for NotTrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, reason } = self;
        write!(f, "the certificate of {host} is not trusted: {reason:?}")?;
        match reason {
            CertificateError::UnknownIssuer => {
                f.write_str("; AWS_CA_BUNDLE names a file with the certificate of its authority")
            }
            _ => Ok(()),
        }
    }
}

impl Error for NotTrusted {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_roots_are_roots() {
        assert_eq!(amazon().len(), AMAZON_ROOTS.len());
    }

    #[test]
    fn a_file_is_added_and_one_that_cannot_be_read_changes_nothing() {
        let file = std::env::temp_dir().join(format!("forwarder-tls-{}.pem", std::process::id()));
        let certificate = rcgen::generate_simple_self_signed(["proxy.example".to_owned()]).unwrap();
        std::fs::write(&file, certificate.cert.pem()).unwrap();
        let mut roots = amazon();
        add_file(&mut roots, &file);
        std::fs::remove_file(&file).unwrap();
        add_file(&mut roots, &file);
        assert_eq!(roots.len(), AMAZON_ROOTS.len() + 1);
    }

    #[test]
    fn aws_endpoints_are_trusted_under_amazons_roots_and_others_under_the_machines() {
        let same = |a: &str, b: &str| Arc::ptr_eq(&config(a).unwrap(), &config(b).unwrap());
        let kinesis = "kinesis.eu-west-1.amazonaws.com";
        assert!(same(kinesis, "firehose.us-east-1.amazonaws.com"));
        assert!(same(kinesis, "123456789012.data-kinesis.eu-west-1.api.aws"));
        for other in [
            "kinesis.cn-north-1.amazonaws.com.cn",
            "localhost",
            "amazonaws.com.example",
        ] {
            assert!(!same(kinesis, other), "{other}");
        }
    }
}
