//! Regular expressions: `text~/…/` in rules, `/…/` in `redact`. They are matched in linear time, whatever they and the
//! text are.
//!
//! Without the feature `regex` none can be made, and whoever asks for one is told so.

use std::fmt;

/// A regular expression as its author wrote it, ready to match.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    #[cfg(feature = "regex")]
    regex: regex_lite::Regex,
}

/// The most that a compiled expression may take, in bytes: an environment may have 128 MB, and a repetition such as
/// `(a{1000}){1000}` none of them.
#[cfg(feature = "regex")]
const SIZE_LIMIT: usize = 1 << 20;

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it; or that this build has no regular expressions.
    #[cfg(feature = "regex")]
    pub fn new(source: &str) -> Result<Self, String> {
        let regex = regex_lite::RegexBuilder::new(source).size_limit(SIZE_LIMIT).build();
        let regex = regex.map_err(|error| format!("`/{source}/` is no regular expression: {error}"))?;
        Ok(Self {
            source: source.to_owned(),
            regex,
        })
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// This build has no regular expressions.
    #[cfg(not(feature = "regex"))]
    pub fn new(source: &str) -> Result<Self, String> {
        Err(format!(
            "`/{source}/` cannot be matched: this build was made without the feature `regex`"
        ))
    }

    /// True if it matches somewhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        #[cfg(feature = "regex")]
        return self.regex.is_match(text);
        #[cfg(not(feature = "regex"))]
        return self.source == text;
    }

    /// The first match at or after `from`: its bounds in bytes.
    pub fn find(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        #[cfg(feature = "regex")]
        {
            let found = self.regex.find_at(text, from)?;
            Some((found.start(), found.end()))
        }
        #[cfg(not(feature = "regex"))]
        {
            let _ = (text, from);
            None
        }
    }

    /// As it was written, without the slashes.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Two are the same if they were written the same.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({self})")
    }
}

/// `/…/`, with `\/` for a slash inside.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/")?;
        let mut chars = self.source.chars();
        while let Some(char) = chars.next() {
            match char {
                '/' => f.write_str("\\/")?,
                '\\' => {
                    f.write_str("\\")?;
                    chars.next().map_or(Ok(()), |escaped| write!(f, "{escaped}"))?;
                }
                other => write!(f, "{other}")?,
            }
        }
        f.write_str("/")
    }
}

/// The expression between two slashes: `\/` is a slash, any other escape is the expression's own.
pub(crate) fn unescape_slashes(inner: &str) -> String {
    let mut source = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            source.push(char);
            continue;
        }
        match chars.next() {
            Some('/') => source.push('/'),
            Some(other) => source.extend(['\\', other]),
            None => source.push('\\'),
        }
    }
    source
}

#[cfg(all(test, feature = "regex"))]
mod tests {
    use super::*;

    #[test]
    fn slashes_inside_are_escaped_and_nothing_else_is_touched() {
        for (written, source) in [(r"a\/b", "a/b"), (r"\d+\\", r"\d+\\"), (r"\\\/x", r"\\/x"), (r"a", "a")] {
            assert_eq!(unescape_slashes(written), source, "{written}");
            let pattern = Pattern::new(source).unwrap();
            assert_eq!(pattern.to_string(), format!("/{written}/"));
        }
    }

    #[test]
    fn what_cannot_be_matched_well_is_refused() {
        for source in ["(", "(a{1000}){1000}", r"(a)\1"] {
            let error = Pattern::new(source).unwrap_err();
            assert!(error.contains("no regular expression"), "{source}: {error}");
        }
    }
}
