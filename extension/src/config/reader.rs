//! Reads typed values from the layers, and collects every problem instead of stopping at the first.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use figment::value::Value;
use forwarder_core::nearest;

use super::Set;
use super::effective::shown;
use super::layers::{LayerError, Layers, Origin, variable_of};
use super::settings::{self, Kind, Setting};
use super::values;

/// One thing that is wrong, where it was set, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The dotted path of the setting; empty if it is about a whole layer.
    pub path: String,
    /// Origin of the value; `None` if it is missing.
    pub origin: Option<Origin>,
    /// The value.
    pub value: Option<String>,
    /// The mistake, and what is allowed.
    pub message: String,
    /// Example of a right value.
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

/// Findings of a reader.
pub(super) struct Findings {
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
    pub set: Vec<Set>,
    pub known: BTreeSet<String>,
}

/// A reader over the layers.
pub(super) struct Reader {
    layers: Layers,
    pub(super) problems: Vec<Problem>,
    warnings: Vec<Problem>,
    /// Of what is not the forwarder's own, such as OpenTelemetry's variables.
    others: Vec<String>,
    known: BTreeSet<String>,
}

impl Reader {
    pub(super) fn new(layers: Layers, errors: Vec<LayerError>) -> Self {
        Self {
            layers,
            problems: errors.into_iter().map(Problem::from).collect(),
            warnings: Vec::new(),
            others: Vec::new(),
            known: BTreeSet::new(),
        }
    }

    /// The keys directly below a path.
    pub(super) fn keys(&self, path: &str) -> Vec<String> {
        self.layers.keys(path)
    }

    /// True if something is set there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.layers.get(path).is_some()
    }

    /// True if a text is set there; an empty one counts as nothing.
    pub(super) fn text_is_set(&self, path: &str) -> bool {
        let set = self.layers.get(path);
        set.is_some_and(|(value, _)| value.as_str().is_none_or(|text| !text.trim().is_empty()))
    }

    pub(super) fn raw(&mut self, path: &str) -> Option<(Value, Origin)> {
        self.known.insert(path.to_owned());
        self.layers.get(path)
    }

    /// A problem with what is set at this path, or with nothing being set there.
    pub(super) fn problem(&mut self, path: &str, message: impl Into<String>, example: Option<&str>) {
        let problem = self.finding(path, message, example);
        // A setting may be read more than once.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// A likely mistake, that is no reason to forward nothing.
    pub(super) fn warn(&mut self, path: &str, message: impl Into<String>) {
        let warning = self.finding(path, message, None);
        self.warnings.push(warning);
    }

    /// A warning of a value that is not the forwarder's own.
    pub(super) fn warn_of_others(&mut self, message: String) {
        self.others.push(message);
    }

    fn finding(&self, path: &str, message: impl Into<String>, example: Option<&str>) -> Problem {
        let set = self.layers.get(path);
        Problem {
            path: path.to_owned(),
            value: set.as_ref().and_then(|(value, _)| value.as_str().map(str::to_owned)),
            origin: set.map(|(_, origin)| origin),
            message: message.into(),
            example: example.map(str::to_owned),
        }
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

    /// The text at this path, without white space around it. An empty one counts as not set: that is how a variable is
    /// unset in most consoles.
    pub(super) fn text(&mut self, path: &str) -> Option<String> {
        let (value, _) = self.raw(path)?;
        let Some(text) = value.as_str().map(str::trim) else {
            self.problem(path, "a single value is needed here", None);
            return None;
        };
        if text.is_empty() {
            return None;
        }
        match values::left_over(text, may_hold_anything(path)) {
            None => Some(text.to_owned()),
            Some(message) => {
                self.problem(path, message, None);
                None
            }
        }
    }

    /// The text at this path, read by `read`.
    pub(super) fn parsed<T>(&mut self, path: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(path)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.problem(path, message, setting(path).and_then(Setting::right_value));
                None
            }
        }
    }

    /// As [`parsed`](Self::parsed); the default of the table where nothing is set, or nothing right.
    pub(super) fn parsed_or_default<T>(&mut self, path: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let value = self.parsed(path, &read);
        value.or_else(|| read(setting(path)?.default).ok())
    }

    /// One of several names, or the default. A name that is known and yet not there is the name of a feature that was
    /// left out.
    pub(super) fn choice<T>(&mut self, path: &str, from_name: impl Fn(&str) -> Option<T>) -> Option<T> {
        let names = match setting(path).map(|setting| setting.kind) {
            Some(Kind::Choice(names)) => names,
            _ => &[],
        };
        let text = self.text(path).map(|text| text.to_ascii_lowercase());
        if text.as_deref() == Some("false") && names.contains(&"off") {
            self.warn(
                path,
                "read as `off`: YAML makes `false` of a bare `off`; put it in quotes",
            );
            return from_name("off");
        }
        self.parsed_or_default(path, |text| {
            let name = text.to_ascii_lowercase();
            from_name(&name).ok_or_else(|| {
                if names.contains(&name.as_str()) {
                    return format!("this build has no `{name}`: it was built without the feature `{name}`");
                }
                let hint = match nearest(&name, names.iter().copied()) {
                    _ if ["true", "false"].contains(&name.as_str()) => {
                        "; YAML makes `true` or `false` of a bare `on`, `yes`, `off` or `no`".to_owned()
                    }
                    Some(near) => format!("; did you mean `{near}`?"),
                    None => String::new(),
                };
                format!("unknown value{hint} (allowed: {})", names.join(", "))
            })
        })
    }

    /// A size within the bounds of the table, in bytes; or the default.
    pub(super) fn size(&mut self, path: &str) -> Option<usize> {
        self.parsed_or_default(path, |text| bounded_size(path, text, usize::MAX))
    }

    /// A size within the bounds of the table, and at most `most`. Bytes. `None` if nothing is set, or nothing right.
    pub(super) fn size_up_to(&mut self, path: &str, most: usize) -> Option<usize> {
        self.parsed(path, |text| bounded_size(path, text, most))
    }

    /// A duration within the bounds of the table, or the default.
    pub(super) fn duration(&mut self, path: &str) -> Duration {
        let duration = self.parsed_or_default(path, |text| {
            let duration = values::duration(text)?;
            match setting(path).map(|setting| setting.kind) {
                Some(Kind::Duration { least, most }) if !(least..=most).contains(&duration) => {
                    Err(format!("out of bounds; allowed are {least:?} to {most:?}"))
                }
                _ => Ok(duration),
            }
        });
        duration.unwrap_or_default()
    }

    /// A whole number within the bounds of the table, or the default.
    pub(super) fn number(&mut self, path: &str) -> u64 {
        let number = self.parsed_or_default(path, |text| {
            let number = text.parse().map_err(|_| values::not_a("whole number", text))?;
            match setting(path).map(|setting| setting.kind) {
                Some(Kind::Number { least, most }) if !(least..=most).contains(&number) => {
                    Err(format!("out of bounds; allowed are {least} to {most}"))
                }
                _ => Ok(number),
            }
        });
        number.unwrap_or_default()
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
                .map(|item| item.as_str().map(|item| item.trim().to_owned()))
                .collect::<Option<Vec<_>>>();
            if items.is_none() {
                self.problem(path, "a list of strings is needed here", None);
            }
            return items;
        }
        self.text(path).map(|text| split(&text))
    }

    /// Every setting that nobody asked for is unknown: a mistake in a file, or where its variable begins like a
    /// setting; else a warning, since another tool may have variables with the same prefix. Returns all that was found.
    pub(super) fn finish(mut self) -> Findings {
        let mut set = Vec::new();
        for (path, value, origin) in self.layers.leaves() {
            if self.known.contains(&path) {
                let value = shown(&path, &text_of(&value));
                set.push(Set { path, value, origin });
                continue;
            }
            let near = settings::with_right_underscores(&path)
                .or_else(|| nearest(&path, self.known.iter().map(String::as_str)).map(str::to_owned));
            let is_variable = matches!(origin, Origin::Variable(_));
            let hint = match &near {
                Some(near) if is_variable => format!("; did you mean {}?", variable_of(near)),
                Some(near) => format!("; did you mean {near}?"),
                None => String::new(),
            };
            let is_mistake = !is_variable || near.is_some() || settings::begins_like_one(&path);
            let problem = Problem {
                value: value.as_str().map(str::to_owned),
                origin: Some(origin),
                message: if is_mistake {
                    format!("unknown setting{hint}")
                } else {
                    "not a setting of the forwarder; ignored".to_owned()
                },
                example: None,
                path,
            };
            if is_mistake {
                self.problems.push(problem);
            } else {
                self.warnings.push(problem);
            }
        }
        for problem in self.problems.iter_mut().chain(&mut self.warnings) {
            problem.value = problem.value.take().map(|value| shown(&problem.path, &value));
        }
        Findings {
            problems: self.problems,
            warnings: self
                .warnings
                .iter()
                .map(Problem::to_string)
                .chain(self.others)
                .collect(),
            set,
            known: self.known,
        }
    }
}

/// The setting of a path in the table. A test holds that each that is read is there.
fn setting(path: &str) -> Option<&'static Setting> {
    settings::find(path)
}

/// True if a setting holds expressions, in which `${` may be meant.
fn may_hold_anything(path: &str) -> bool {
    ["routes", "redact"].contains(&path)
}

fn bounded_size(path: &str, text: &str, most: usize) -> Result<usize, String> {
    let size = values::size(text)?;
    let (least, most) = match setting(path).map(|setting| setting.kind) {
        Some(Kind::Size { least, most: of_table }) => (least, of_table.min(most)),
        _ => (0, most),
    };
    if (least..=most).contains(&size) {
        return Ok(size);
    }
    let (least, most) = (values::size_text(least), values::size_text(most));
    Err(format!("out of bounds; allowed are {least} to {most}"))
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
