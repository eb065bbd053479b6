//! Reads typed values from the layers, and collects every problem instead of stopping at the first.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use figment::value::Value;
use forwarder_core::nearest;

use super::Set;
use super::effective::shown;
use super::layers::{LayerError, Layers, Origin, variable_of};
use super::values;

/// One thing that is wrong, where it was set, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The dotted path of the setting; empty if it is about a whole layer.
    pub path: String,
    /// Where it was set; `None` if it is missing.
    pub origin: Option<Origin>,
    /// What it was set to.
    pub value: Option<String>,
    /// What is wrong, and what is allowed.
    pub message: String,
    /// What a right value looks like.
    pub example: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            None => write!(f, "{} is not set", variable_of(&self.path))?,
            Some(origin @ Origin::Variable(_)) => {
                write!(f, "{origin}")?;
                self.value.as_ref().map_or(Ok(()), |value| write!(f, "={value:?}"))?;
            }
            Some(origin @ Origin::File(..)) => {
                write!(f, "{origin}")?;
                if !self.path.is_empty() {
                    write!(f, ": {}", self.path)?;
                }
                self.value.as_ref().map_or(Ok(()), |value| write!(f, " = {value:?}"))?;
            }
        }
        write!(f, ": {}", self.message)?;
        match &self.example {
            Some(example) => match &self.origin {
                Some(Origin::File(..)) => write!(f, ", for example {} = \"{example}\"", self.path),
                _ => write!(f, ", for example {}={example}", variable_of(&self.path)),
            },
            None => Ok(()),
        }
    }
}

impl From<LayerError> for Problem {
    fn from(error: LayerError) -> Self {
        Self {
            path: String::new(),
            origin: Some(error.origin),
            value: error.value,
            message: error.message,
            example: None,
        }
    }
}

/// What a reader has found.
pub(super) struct Findings {
    pub problems: Vec<Problem>,
    pub set: Vec<Set>,
    pub known: BTreeSet<String>,
}

/// A reader over the layers.
pub(super) struct Reader {
    layers: Layers,
    pub(super) problems: Vec<Problem>,
    known: BTreeSet<String>,
}

impl Reader {
    pub(super) fn new(layers: Layers, errors: Vec<LayerError>) -> Self {
        Self {
            layers,
            problems: errors.into_iter().map(Problem::from).collect(),
            known: BTreeSet::new(),
        }
    }

    /// The keys directly below a path.
    pub(super) fn keys(&self, path: &str) -> Vec<String> {
        self.layers.keys(path)
    }

    /// Whether something is set there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.layers.get(path).is_some()
    }

    /// Whether nothing is set there, or an empty text, which counts as nothing.
    pub(super) fn text_is_absent(&self, path: &str) -> bool {
        self.layers
            .get(path)
            .is_none_or(|(value, _)| value.as_str() == Some(""))
    }

    pub(super) fn raw(&mut self, path: &str) -> Option<(Value, Origin)> {
        self.known.insert(path.to_owned());
        self.layers.get(path)
    }

    /// A problem with what is set at this path, or with nothing being set there.
    pub(super) fn problem(&mut self, path: &str, message: impl Into<String>, example: Option<&str>) {
        let set = self.layers.get(path);
        self.problems.push(Problem {
            path: path.to_owned(),
            value: set.as_ref().and_then(|(value, _)| value.as_str().map(str::to_owned)),
            origin: set.map(|(_, origin)| origin),
            message: message.into(),
            example: example.map(str::to_owned),
        });
    }

    /// A problem with a part of what is set at this path: in a file it is found at the line of `part`.
    pub(super) fn problem_at(&mut self, path: &str, part: &str, message: impl Into<String>) {
        self.problem(path, message, None);
        let line = self.layers.line_of(path, part);
        if let (Some(problem), Some(line)) = (self.problems.last_mut(), line)
            && let Some(Origin::File(_, at)) = &mut problem.origin
        {
            *at = line;
        }
    }

    /// The text at this path. An empty one counts as not set: that is how a variable is unset in most consoles.
    pub(super) fn text(&mut self, path: &str) -> Option<String> {
        let (value, _) = self.raw(path)?;
        match value.as_str() {
            Some("") => None,
            Some(text) => Some(text.to_owned()),
            None => {
                self.problem(path, "a single value is needed here", None);
                None
            }
        }
    }

    /// The text at this path, read by `read`.
    pub(super) fn parsed<T>(
        &mut self,
        path: &str,
        example: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(path)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.problem(path, message, Some(example));
                None
            }
        }
    }

    /// One of several names. A name that is known and yet not there is the name of a feature that was left out.
    pub(super) fn choice<T>(
        &mut self,
        path: &str,
        names: &[&'static str],
        from_name: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let example = names.first().copied().unwrap_or_default();
        self.parsed(path, example, |text| {
            let name = text.trim().to_ascii_lowercase();
            from_name(&name).ok_or_else(|| {
                if names.contains(&name.as_str()) {
                    return format!("this build has no `{name}`: it was built without the feature `{name}`");
                }
                let hint = nearest(&name, names.iter().copied());
                let hint = hint.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                format!("unknown value{hint} (allowed: {})", names.join(", "))
            })
        })
    }

    /// A size within bounds, in bytes.
    pub(super) fn size(&mut self, path: &str, least: usize, most: usize, example: &str) -> Option<usize> {
        self.parsed(path, example, |text| {
            let size = values::size(text)?;
            if (least..=most).contains(&size) {
                return Ok(size);
            }
            let (least, most) = (values::size_text(least), values::size_text(most));
            Err(format!("out of bounds; allowed are {least} to {most}"))
        })
    }

    /// A duration within bounds.
    pub(super) fn duration(&mut self, path: &str, least: Duration, most: Duration, example: &str) -> Option<Duration> {
        self.parsed(path, example, |text| {
            let duration = values::duration(text)?;
            if (least..=most).contains(&duration) {
                return Ok(duration);
            }
            Err(format!("out of bounds; allowed are {least:?} to {most:?}"))
        })
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, path: &str, least: u64, most: u64, example: &str) -> Option<u64> {
        self.parsed(path, example, |text| {
            let number = text.trim().parse().map_err(|_| "not a whole number".to_owned())?;
            if (least..=most).contains(&number) {
                return Ok(number);
            }
            Err(format!("out of bounds; allowed are {least} to {most}"))
        })
    }

    /// A list: `a,b,c`, or an array in a file.
    pub(super) fn list(&mut self, path: &str) -> Option<Vec<String>> {
        self.list_by(path, values::list)
    }

    /// As [`list`](Self::list), where `split` knows the items.
    pub(super) fn list_by(&mut self, path: &str, split: impl FnOnce(&str) -> Vec<String>) -> Option<Vec<String>> {
        let (value, _) = self.raw(path)?;
        if let Some(items) = value.as_array() {
            let items = items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>();
            if items.is_none() {
                self.problem(path, "a list of strings is needed here", None);
            }
            return items;
        }
        self.text(path).map(|text| split(&text))
    }

    /// Every setting that nobody asked for is unknown. Returns all that was found.
    pub(super) fn finish(mut self) -> Findings {
        let mut set = Vec::new();
        for (path, value, origin) in self.layers.leaves() {
            if self.known.contains(&path) {
                let value = shown(&path, &text_of(&value));
                set.push(Set { path, value, origin });
                continue;
            }
            let candidates = self.known.iter().map(String::as_str);
            let hint = match nearest(&path, candidates) {
                Some(near) => match &origin {
                    Origin::Variable(_) => format!("; did you mean {}?", variable_of(near)),
                    Origin::File(..) => format!("; did you mean {near}?"),
                },
                None => String::new(),
            };
            self.problems.push(Problem {
                path,
                origin: Some(origin),
                value: value.as_str().map(str::to_owned),
                message: format!("unknown setting{hint}"),
                example: None,
            });
        }
        for problem in &mut self.problems {
            problem.value = problem.value.take().map(|value| shown(&problem.path, &value));
        }
        Findings {
            problems: self.problems,
            set,
            known: self.known,
        }
    }
}

/// A value as it stands in a variable.
fn text_of(value: &Value) -> String {
    match value.as_array() {
        Some(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| item.as_str()).collect();
            items.unwrap_or_default().join(",")
        }
        None => value.as_str().unwrap_or_default().to_owned(),
    }
}
