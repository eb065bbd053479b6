//! Attributes of the user's own in the envelope's `resource`: `FORWARDER_ATTRIBUTES`, and OpenTelemetry's variables.

use std::collections::BTreeMap;

use super::reader::Reader;

/// So many there may be in one variable.
const MOST: usize = 32;

/// The longest name of one, in bytes.
const LONGEST_KEY: usize = 64;

/// The longest value of one, in bytes.
const LONGEST_VALUE: usize = 256;

const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

type Attributes = Vec<(String, String)>;

/// Reads them all; the nearest wins: `FORWARDER_ATTRIBUTES`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`. A variable of
/// OpenTelemetry that is malformed is left out as a whole, as its specification asks, with a warning: it is not ours.
pub(super) fn read(reader: &mut Reader, variables: &BTreeMap<String, String>) -> Attributes {
    let path = "attributes";
    let mut attributes = match parse(reader.list(path).unwrap_or_default().iter().map(String::as_str), Ok) {
        Ok(attributes) => attributes,
        Err(message) => {
            reader.problem(path, message, Some("team=payments,deployment.environment.name=prod"));
            Vec::new()
        }
    };
    let variable = |name: &str| {
        variables
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    };
    let mut add = |name: &str, read: Result<Attributes, String>| match read {
        Ok(more) => {
            for (key, value) in more {
                if !attributes.iter().any(|(other, _)| *other == key) {
                    attributes.push((key, value));
                }
            }
        }
        Err(message) => reader.warn_of_others(format!("{name} is left out: {message}")),
    };
    if let Some(name) = variable(SERVICE_NAME) {
        add(
            SERVICE_NAME,
            attribute("service.name", name).map(|attribute| vec![attribute]),
        );
    }
    if let Some(list) = variable(RESOURCE_ATTRIBUTES) {
        let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
        add(RESOURCE_ATTRIBUTES, parse(items, percent_decoded));
    }
    attributes
}

/// Reads `key=value` items; `decode` undoes the encoding of keys and values.
fn parse<'a>(
    items: impl Iterator<Item = &'a str>,
    decode: impl Fn(String) -> Result<String, String>,
) -> Result<Attributes, String> {
    let mut attributes = Attributes::new();
    for item in items {
        let Some((key, value)) = item.split_once('=') else {
            return Err(format!("`{item}` is not `key=value`"));
        };
        let (key, value) = (decode(key.trim().to_owned())?, decode(value.trim().to_owned())?);
        if attributes.iter().any(|(other, _)| *other == key) {
            return Err(format!("`{key}` is set twice"));
        }
        attributes.push(attribute(&key, &value)?);
    }
    match attributes.len() {
        0..=MOST => Ok(attributes),
        count => Err(format!("{count} attributes; at most {MOST} are allowed")),
    }
}

/// An attribute within the bounds.
fn attribute(key: &str, value: &str) -> Result<(String, String), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(is_plain) {
        return Err(format!(
            "`{key}` is no attribute's name; allowed are 1 to {LONGEST_KEY} of `A-Z a-z 0-9 _ . -`"
        ));
    }
    if value.len() > LONGEST_VALUE {
        return Err(format!(
            "the value of `{key}` has {} bytes; at most {LONGEST_VALUE} are allowed",
            value.len()
        ));
    }
    Ok((key.to_owned(), value.to_owned()))
}

fn percent_decoded(text: String) -> Result<String, String> {
    if !text.contains('%') {
        return Ok(text);
    }
    let wrong = || format!("`{text}` is not percent-encoded UTF-8");
    let (mut bytes, mut decoded) = (text.bytes(), Vec::new());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = digit().zip(digit()).ok_or_else(wrong)?;
        decoded.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
    }
    String::from_utf8(decoded).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use crate::config::{Basics, Config, Problem, load};

    fn of(pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let config = loaded(pairs).1;
        config.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn loaded(pairs: &[(&str, &str)]) -> (Basics, Result<Config, Vec<Problem>>) {
        let stream = [("FORWARDER_SINKS__KINESIS__STREAM", "telemetry")];
        let variables = stream.iter().chain(pairs);
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(&variables.collect())
    }

    fn attributes(pairs: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let (basics, config) = loaded(pairs);
        let config = config.unwrap();
        let attributes = config.attributes.iter().map(|(key, value)| format!("{key}={value}"));
        (attributes.collect(), basics.warnings)
    }

    #[test]
    fn the_nearest_wins() {
        let (found, warnings) = attributes(&[
            ("FORWARDER_ATTRIBUTES", "team=payments, stage = prod ,note=a=b"),
            ("OTEL_SERVICE_NAME", " checkout "),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "service.name=shop,stage=test,service.version=1%2C2%3d%c3%a9,",
            ),
        ]);
        assert_eq!(
            found,
            [
                "team=payments",
                "stage=prod",
                "note=a=b",
                "service.name=checkout",
                "service.version=1,2=é"
            ]
        );
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(attributes(&[]), (vec![], vec![]));
    }

    #[test]
    fn what_is_wrong_with_ours_is_an_error() {
        let many: Vec<_> = (0..33).map(|number| format!("k{number}=v")).collect();
        for (value, expected) in [
            ("team", "`team` is not `key=value`"),
            ("=x", "is no attribute's name"),
            ("te am=x", "`te am` is no attribute's name"),
            (&format!("{}=x", "k".repeat(65)), "is no attribute's name"),
            (&format!("k={}", "x".repeat(257)), "has 257 bytes; at most 256"),
            ("a=1,a=2", "`a` is set twice"),
            (&many.join(","), "33 attributes; at most 32"),
        ] {
            let problems = of(&[("FORWARDER_ATTRIBUTES", value)]).unwrap_err();
            assert!(
                problems.len() == 1 && problems[0].contains(expected),
                "{value}: {problems:?}"
            );
        }
        assert_eq!(
            attributes(&[("FORWARDER_ATTRIBUTES", &many[..32].join(","))]).0.len(),
            32
        );
    }

    #[test]
    fn what_is_wrong_with_otel_variables_is_a_warning_and_left_out() {
        for (value, expected) in [
            ("stage=prod,team", "`team` is not `key=value`"),
            ("stage=%zz", "not percent-encoded"),
            ("stage=%c3", "not percent-encoded"),
            ("stage=%é0", "not percent-encoded"),
            ("a/b=1", "`a/b` is no attribute's name"),
        ] {
            let (found, warnings) = attributes(&[("OTEL_RESOURCE_ATTRIBUTES", value), ("FORWARDER_ATTRIBUTES", "a=1")]);
            assert_eq!(found, ["a=1"], "{value}");
            let begins = warnings.len() == 1 && warnings[0].starts_with("OTEL_RESOURCE_ATTRIBUTES is left out: ");
            assert!(begins && warnings[0].contains(expected), "{value}: {warnings:?}");
        }
        let (found, warnings) = attributes(&[("OTEL_SERVICE_NAME", &"x".repeat(257))]);
        assert!(found.is_empty() && warnings.len() == 1, "{warnings:?}");
    }
}
