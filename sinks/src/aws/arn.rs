//! Names and ARNs of streams.

/// The parts of an ARN like `arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    /// The whole.
    pub text: String,
    /// The region in it.
    pub region: String,
    /// The stream's name in it.
    pub name: String,
}

/// A stream, by name or by ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamName {
    /// By name, in the forwarder's own account and region.
    Name(String),
    /// By ARN, wherever that is.
    Arn(Arn),
}

impl StreamName {
    /// Reads a name or an ARN. `service` and `kind` are what an ARN must show: `kinesis` and `stream`, or `firehose` and
    /// `deliverystream`. `longest`: a name's characters; 128 (Kinesis) or 64 (Firehose), by their API references.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub fn parse(text: &str, service: &str, kind: &str, longest: usize) -> Result<Self, String> {
        if !text.starts_with("arn:") {
            return check_name(text, longest).map(|()| Self::Name(text.to_owned()));
        }
        let shape =
            || format!("not the ARN of a stream; it looks like `arn:aws:{service}:<region>:<account>:{kind}/<name>`");
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let [_, partition, its_service, region, account, resource] = parts.as_slice() else {
            return Err(shape());
        };
        let account_is_valid = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        match resource.split_once('/') {
            Some((its_kind, name))
                if its_kind == kind
                    && *its_service == service
                    && partition.starts_with("aws")
                    && !region.is_empty()
                    && account_is_valid =>
            {
                check_name(name, longest)?;
                Ok(Self::Arn(Arn {
                    text: text.to_owned(),
                    region: (*region).to_owned(),
                    name: name.to_owned(),
                }))
            }
            _ => Err(shape()),
        }
    }

    /// The region that an ARN names.
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::Name(_) => None,
            Self::Arn(arn) => Some(&arn.region),
        }
    }
}

fn check_name(name: &str, longest: usize) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.is_empty() || name.len() > longest || !name.bytes().all(allowed) {
        return Err(format!(
            "not a stream's name; it has 1 to {longest} letters, digits, `_`, `.`, `-`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<StreamName, String> {
        StreamName::parse(text, "kinesis", "stream", 128)
    }

    #[test]
    fn names_and_arns() {
        assert_eq!(parse("12345"), Ok(StreamName::Name("12345".into())));
        let text = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a.b-c_D";
        assert_eq!(
            parse(text),
            Ok(StreamName::Arn(Arn {
                text: text.into(),
                region: "cn-north-1".into(),
                name: "a.b-c_D".into()
            }))
        );
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["", "a b", "a/b", &"x".repeat(129), "tele\u{e9}"] {
            assert!(parse(text).is_err_and(|error| error.contains("1 to 128")), "{text}");
        }
        for text in [
            "arn:aws:kinesis",
            "arn:aws:firehose:eu-west-1:123456789012:deliverystream/x",
            "arn:aws:kinesis:eu-west-1:1234:stream/x",
            "arn:aws:kinesis::123456789012:stream/x",
            "arn:aws:kinesis:eu-west-1:123456789012:stream",
        ] {
            assert!(
                parse(text).is_err_and(|error| error.contains("arn:aws:kinesis:<region>")),
                "{text}"
            );
        }
    }
}
