//! TLS: which certificates are trusted, made ready once in a process.

use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

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

/// Trusted certificates for a host: Amazon's roots for AWS's own endpoints, and the machine's for all others: other
/// partitions (China's and the isolated ones are signed by others), and endpoints of the user's own.
pub(super) fn config(host: &str) -> Result<Arc<ClientConfig>, rustls::Error> {
    static AMAZON: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    static MACHINE: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let is_amazon = AMAZON_DOMAINS.iter().any(|domain| host.ends_with(domain));
    let (slot, roots): (_, fn() -> RootCertStore) = match is_amazon {
        true => (&AMAZON, amazon),
        false => (&MACHINE, machine),
    };
    if let Some(config) = slot.get() {
        return Ok(Arc::clone(config));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots())
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
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_roots_are_roots() {
        assert_eq!(amazon().len(), AMAZON_ROOTS.len());
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
