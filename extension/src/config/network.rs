//! Variables of other programs that say how to reach the network: what is not used is said.

use std::collections::BTreeMap;

use forwarder_sinks::arn::StreamName;

use super::reader::Reader;
use super::sink::SinkConfig;

/// Files of certificates to trust besides those that are built in.
const BUNDLES: [&str; 2] = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"];

/// The proxy that a call to an HTTPS endpoint would go through.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

const NO_PROXIES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Longest file of certificates that is looked into. Bytes; a machine's has a quarter of that.
const LONGEST_BUNDLE: u64 = 1024 * 1024;

pub(super) fn check(reader: &mut Reader, variables: &BTreeMap<String, String>, sinks: &[SinkConfig]) {
    let variable = |name: &&str| {
        let value = variables.get(*name)?.trim();
        (!value.is_empty()).then_some(value)
    };
    let hosts: Vec<_> = sinks.iter().filter_map(|sink| host(sink, variables)).collect();
    if hosts.is_empty() {
        return;
    }
    for name in BUNDLES {
        if let Some(file) = variable(&name)
            && let Err(error) = look_into(file)
        {
            reader.warn_of_others(format!("{name} (`{file}`) adds nothing to what is trusted: {error}"));
        }
    }
    let exceptions = NO_PROXIES.iter().find_map(variable).unwrap_or_default();
    if let Some(name) = PROXIES.iter().find(|name| variable(name).is_some())
        && let Some(host) = hosts.iter().find(|host| !is_excepted(host, exceptions))
    {
        reader.warn_of_others(format!(
            "{name} is not used: {host} is called directly, through a VPC endpoint or a NAT gateway; \
             name it in NO_PROXY, and this is not said again"
        ));
    }
}

/// The host that a sink calls over HTTPS.
fn host(sink: &SinkConfig, variables: &BTreeMap<String, String>) -> Option<String> {
    let stream = sink.stream.as_ref()?;
    let name = sink.kind.name.to_uppercase();
    let own = [format!("AWS_ENDPOINT_URL_{name}"), "AWS_ENDPOINT_URL".to_owned()];
    let own = own.iter().find_map(|name| variables.get(name));
    if let Some(endpoint) = sink.endpoint.as_ref().or(own) {
        let authority = endpoint.trim().strip_prefix("https://")?.split('/').next()?;
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        return Some(host.to_owned());
    }
    let of_arn = match stream {
        StreamName::Arn(arn) => Some(arn.region.as_str()),
        StreamName::Name(_) => None,
    };
    let region = sink.region.as_deref().or(of_arn);
    let region = region.or_else(|| variables.get("AWS_REGION").map(String::as_str));
    Some(format!(
        "{}.{}.amazonaws.com",
        sink.kind.name,
        region.unwrap_or("us-east-1")
    ))
}

/// `*`, a host, or what its name ends with: `amazonaws.com`, `.amazonaws.com`.
fn is_excepted(host: &str, exceptions: &str) -> bool {
    let mut items = exceptions.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.any(|item| {
        let domain = item.trim_start_matches('*').trim_start_matches('.');
        let rest = host.strip_suffix(domain);
        item == "*" || (!domain.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    })
}

fn look_into(file: &str) -> Result<(), String> {
    let about = std::fs::metadata(file).map_err(|error| error.to_string())?;
    if !about.is_file() || about.len() > LONGEST_BUNDLE {
        return Err("it is no file of certificates".to_owned());
    }
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let has_certificate = text.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE);
    has_certificate
        .then_some(())
        .ok_or_else(|| "it holds no certificate in PEM".to_owned())
}

const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use super::super::load;

    fn warnings(pairs: &[(&str, &str)]) -> Vec<String> {
        let stream = ("FORWARDER_SINKS__KINESIS__STREAM", "telemetry");
        let region = ("AWS_REGION", "eu-west-1");
        let pairs = pairs.iter().chain([&stream, &region]);
        let variables = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(&variables.collect()).0.warnings
    }

    #[test]
    fn a_proxy_that_is_not_used_is_said_unless_the_host_is_excepted() {
        let proxy = ("HTTPS_PROXY", "http://proxy.example:3128");
        for pairs in [
            &[proxy][..],
            &[("https_proxy", "http://proxy.example:3128")],
            &[proxy, ("NO_PROXY", "169.254.169.254,example.com,aws.com")],
        ] {
            let said = warnings(pairs);
            assert!(
                said.len() == 1 && said[0].contains("kinesis.eu-west-1.amazonaws.com is called directly"),
                "{pairs:?}: {said:#?}"
            );
        }
        for exceptions in [
            "*",
            ".amazonaws.com",
            "localhost, amazonaws.com",
            "*.eu-west-1.amazonaws.com",
            "kinesis.eu-west-1.amazonaws.com",
        ] {
            assert_eq!(warnings(&[proxy, ("no_proxy", exceptions)]), [""; 0], "{exceptions}");
        }
        let plain = ("FORWARDER_SINKS__KINESIS__ENDPOINT", "http://localhost:4566");
        assert_eq!(warnings(&[proxy, plain]), [""; 0], "no proxy is asked for HTTP");
        assert_eq!(warnings(&[("HTTP_PROXY", "http://proxy.example:3128")]), [""; 0]);
    }

    #[test]
    fn a_bundle_that_adds_nothing_is_said() {
        let file = std::env::temp_dir().join(format!("forwarder-network-{}.pem", std::process::id()));
        let path = file.to_str().unwrap();
        for (text, cause) in [
            (None, "No such file"),
            (Some("hello"), "no certificate in PEM"),
            (Some("x\n-----BEGIN CERTIFICATE-----\n"), ""),
        ] {
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            let said = warnings(&[("AWS_CA_BUNDLE", path)]);
            if cause.is_empty() {
                assert_eq!(said, [""; 0]);
            } else {
                assert!(said.len() == 1 && said[0].contains(cause), "{said:#?}");
            }
        }
        std::fs::remove_file(&file).unwrap();
    }
}
