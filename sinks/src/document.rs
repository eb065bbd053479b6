//! A configuration that is kept elsewhere: a parameter of Systems Manager or an object of S3, by the name that
//! `FORWARDER_CONFIG` gives it. `Documents` reads it, with the feature `remote-config`.

use std::fmt;

/// Place of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A parameter of Systems Manager: `ssm:/path/of/parameter`.
    Parameter(String),
    /// An object of S3: `s3://bucket/key`.
    Object {
        /// The bucket's name.
        bucket: String,
        /// The object's key.
        key: String,
    },
}

impl Source {
    /// Reads the name of a document; `None` if it names a file.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        if let Some(name) = text.strip_prefix("ssm:") {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/:".contains(&byte);
            let is_name = !name.is_empty() && name.bytes().all(allowed);
            let parameter = is_name.then(|| Self::Parameter(name.to_owned()));
            return Some(
                parameter.ok_or_else(|| "not a parameter; one looks like `ssm:/telemetry/forwarder`".to_owned()),
            );
        }
        let object = text.strip_prefix("s3://")?.split_once('/');
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        let object = object.filter(|(bucket, key)| {
            !bucket.is_empty() && bucket.bytes().all(allowed) && !key.is_empty() && !key.contains(char::is_control)
        });
        Some(match object {
            Some((bucket, key)) => Ok(Self::Object {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            }),
            None => Err("not an object; one looks like `s3://bucket/telemetry-forwarder.toml`".to_owned()),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::Object { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_documents_are_told_from_files() {
        assert_eq!(Source::parse("/var/task/x.toml"), None);
        for text in [
            "ssm:/telemetry/forwarder",
            "ssm:forwarder",
            "s3://bucket.of-1/a/b c.toml",
        ] {
            assert_eq!(Source::parse(text).unwrap().unwrap().to_string(), text);
        }
        for text in [
            "ssm:",
            "ssm:/a b",
            "s3://",
            "s3://bucket",
            "s3://bucket/",
            "s3://Bucket/x",
        ] {
            assert!(Source::parse(text).unwrap().is_err(), "{text}");
        }
    }
}
