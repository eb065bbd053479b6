//! Names and ARNs of streams and roles, and names of regions.

/// The parts of an ARN like `arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    /// The whole.
    pub text: String,
    /// The region in it.
    pub region: String,
    /// The account in it, 12 digits.
    pub account: String,
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
        let parts = Parts::split(text).ok_or_else(shape)?;
        let Some((its_kind, name)) = parts.resource.split_once('/') else {
            return Err(shape());
        };
        if its_kind != kind || parts.service != service || parts.region.is_empty() || !parts.has_account() {
            return Err(shape());
        }
        check_region(parts.region)?;
        parts.check_partition()?;
        check_name(name, longest)?;
        Ok(Self::Arn(Arn {
            text: text.to_owned(),
            region: parts.region.to_owned(),
            account: parts.account.to_owned(),
            name: name.to_owned(),
        }))
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Arn(arn) => &arn.text,
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

/// Checks that a text is the ARN of a role.
///
/// # Errors
/// It is not.
pub fn check_role(text: &str) -> Result<(), String> {
    let is_role = |parts: &Parts<'_>| {
        parts.service == "iam" && parts.region.is_empty() && parts.has_account() && parts.resource.starts_with("role/")
    };
    match Parts::split(text) {
        Some(parts) if is_role(&parts) => Ok(()),
        _ => Err("not the ARN of a role".into()),
    }
}

/// Checks that a text can be a region, such as `eu-west-1`.
///
/// # Errors
/// What it is instead: an availability zone, or nothing of the kind.
pub fn check_region(text: &str) -> Result<(), String> {
    let is_region = |text: &str| {
        let mut parts = text.split('-');
        let is_word = |part: &str| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_lowercase());
        let number = parts.next_back().unwrap_or_default();
        let words: Vec<_> = parts.collect();
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        words.len() >= 2 && words.into_iter().all(is_word) && is_number
    };
    if is_region(text) {
        return Ok(());
    }
    let region = text
        .strip_suffix(|last: char| last.is_ascii_lowercase())
        .unwrap_or_default();
    if is_region(region) {
        return Err(format!("`{text}` is an availability zone; its region is `{region}`"));
    }
    Err(format!("`{text}` is not a region; one looks like `eu-west-1`"))
}

/// The partition of a region. AWS General Reference, service endpoints.
pub(crate) fn partition_of(region: &str) -> &'static str {
    let partitions = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-iso-", "aws-iso"),
        ("eusc-", "aws-eusc"),
    ];
    let partition = partitions.into_iter().find(|(prefix, _)| region.starts_with(prefix));
    partition.map_or("aws", |(_, partition)| partition)
}

/// An ARN in its parts.
struct Parts<'a> {
    partition: &'a str,
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Option<Self> {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = parts[..] else {
            return None;
        };
        partition.starts_with("aws").then_some(Self {
            partition,
            service,
            region,
            account,
            resource,
        })
    }

    fn has_account(&self) -> bool {
        self.account.len() == 12 && self.account.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn check_partition(&self) -> Result<(), String> {
        let right = partition_of(self.region);
        if self.partition == right {
            return Ok(());
        }
        Err(format!(
            "the region `{}` is in the partition `{right}`, not in `{}`: the ARN begins with `arn:{right}:`",
            self.region, self.partition
        ))
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
                account: "123456789012".into(),
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

    #[test]
    fn a_partition_goes_with_its_region() {
        let of =
            |partition: &str, region: &str| parse(&format!("arn:{partition}:kinesis:{region}:123456789012:stream/x"));
        for (partition, region) in [
            ("aws", "eu-west-1"),
            ("aws-cn", "cn-north-1"),
            ("aws-us-gov", "us-gov-east-1"),
            ("aws-iso", "us-iso-east-1"),
            ("aws-iso-b", "us-isob-east-1"),
        ] {
            assert!(of(partition, region).is_ok(), "{partition} {region}");
        }
        let error = of("aws", "cn-north-1").unwrap_err();
        assert!(error.contains("`aws-cn`, not in `aws`"), "{error}");
        assert!(of("aws-cn", "eu-west-1").is_err());
    }

    #[test]
    fn a_zone_is_not_a_region() {
        for region in ["eu-west-1", "us-gov-west-1", "ap-southeast-12", "eusc-de-east-1"] {
            assert_eq!(check_region(region), Ok(()), "{region}");
        }
        let zone = check_region("eu-west-1a").unwrap_err();
        assert!(zone.contains("availability zone; its region is `eu-west-1`"), "{zone}");
        for wrong in [
            "",
            "Ireland",
            "eu-west",
            "eu_west_1",
            "EU-WEST-1",
            "eu-west-1ab",
            "1",
            "a-b-1",
        ] {
            let error = check_region(wrong).unwrap_err();
            assert!(error.contains("is not a region"), "{wrong}: {error}");
        }
    }
}
