//! The layers a configuration is made of: figment merges them and remembers where each value came from.
//!
//! Every scalar stays the text it was written as, in files too: what it means is the reader's business, so `012345`
//! stays what it is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use forwarder_sinks::document::Source;
use toml::de::{DeTable, DeValue};

use super::settings;
use crate::files;

/// Prefix of the forwarder's variables.
pub(super) const PREFIX: &str = "FORWARDER_";

/// The variable that names a file; it is not part of a file itself.
const FILE_VARIABLE: &str = "FORWARDER_CONFIG";

/// A configuration file is not longer. The environment's variables have 4 KB in all; this is for tables of routes.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Files that are read where they exist, lowest first: the layer's, the function's.
const DEFAULT_FILES: [&str; 2] = ["/opt/telemetry-forwarder.toml", "/var/task/telemetry-forwarder.toml"];

/// Origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In an environment variable of this name.
    Variable(String),
    /// In a file, on this line, counted from 1.
    File(PathBuf, usize),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// A document that is kept elsewhere, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteDocument {
    /// Its name, as `FORWARDER_CONFIG` has it.
    pub name: String,
    /// TOML, as in a file.
    pub text: String,
}

/// Place of the document that `FORWARDER_CONFIG` names, if it is kept elsewhere.
pub(super) fn remote_source(variables: &BTreeMap<String, String>) -> Option<Result<Source, String>> {
    Source::parse(variables.get(FILE_VARIABLE)?.trim())
}

/// The merged layers.
pub(super) struct Layers {
    merged: Figment,
    files: Vec<File>,
}

/// Something wrong with a layer as such.
pub(super) struct LayerError {
    pub origin: Origin,
    pub value: Option<String>,
    pub message: String,
}

impl Layers {
    /// Reads files and variables. `document`: in place of the files. What cannot be read is reported and left out.
    pub(super) fn read(
        variables: &BTreeMap<String, String>,
        document: Option<&RemoteDocument>,
    ) -> (Self, Vec<LayerError>) {
        let mut errors = Vec::new();
        let mut files = Vec::new();
        let named = variables.get(FILE_VARIABLE).map(|path| path.trim());
        let remote = remote_source(variables);
        let refused = match &remote {
            Some(Err(message)) => Some(message.clone()),
            Some(Ok(_)) if !cfg!(feature = "remote-config") => {
                Some("this build reads files alone; it was made without the feature `remote-config`".to_owned())
            }
            _ => None,
        };
        errors.extend(refused.map(|message| LayerError {
            origin: Origin::Variable(FILE_VARIABLE.to_owned()),
            value: named.map(str::to_owned),
            message,
        }));
        if let Some(document) = document {
            match File::parse(Path::new(&document.name), &document.text) {
                Ok(file) => files.push(file),
                Err(error) => errors.push(error),
            }
        }
        let is_local = document.is_none();
        match named.filter(|path| !path.is_empty() && remote.is_none()) {
            Some(path) => match File::read(Path::new(path)) {
                Ok(file) => files.push(file),
                Err(error) => errors.push(error),
            },
            None => {
                let found = DEFAULT_FILES
                    .map(Path::new)
                    .into_iter()
                    .filter(|path| is_local && path.exists());
                for path in found {
                    match File::read(path) {
                        Ok(file) => files.push(file),
                        Err(error) => errors.push(error),
                    }
                }
            }
        }
        let mut merged = Figment::new();
        for file in &files {
            merged = merged.merge(file);
        }
        merged = merged.merge(Variables::new(variables, &mut errors));
        (Self { merged, files }, errors)
    }

    /// The value at a dotted path, and where it was set.
    pub(super) fn get(&self, path: &str) -> Option<(Value, Origin)> {
        let value = self.merged.find_value(path).ok()?;
        let origin = self.origin(path, &value);
        Some((value, origin))
    }

    fn origin(&self, path: &str, value: &Value) -> Origin {
        let source = self
            .merged
            .get_metadata(value.tag())
            .map_or("", |metadata| metadata.name.as_ref());
        let file = self.files.iter().find(|file| file.path.to_string_lossy() == source);
        file.map_or_else(
            || Origin::Variable(variable_of(path)),
            |file| Origin::File(file.path.clone(), file.line(path)),
        )
    }

    /// The line in a file where a part of what is set at `path` stands.
    pub(super) fn line_of(&self, path: &str, part: &str) -> Option<usize> {
        let Some((_, Origin::File(file, _))) = self.get(path) else {
            return None;
        };
        self.files
            .iter()
            .find(|other| other.path == file)?
            .lines
            .get(part)
            .copied()
    }

    /// Every leaf that is set: its dotted path, value and origin.
    pub(super) fn leaves(&self) -> Vec<(String, Value, Origin)> {
        let mut leaves = Vec::new();
        if let Ok(root) = self.merged.find_value("") {
            collect("", &root, &mut leaves);
        }
        leaves
            .into_iter()
            .map(|(path, value)| {
                let origin = self.origin(&path, &value);
                (path, value, origin)
            })
            .collect()
    }

    /// The keys directly below a dotted path.
    pub(super) fn keys(&self, path: &str) -> Vec<String> {
        match self.merged.find_value(path) {
            Ok(Value::Dict(_, dict)) => dict.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }
}

fn collect(path: &str, value: &Value, leaves: &mut Vec<(String, Value)>) {
    match value {
        Value::Dict(_, dict) => {
            for (key, value) in dict {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                collect(&path, value, leaves);
            }
        }
        leaf => leaves.push((path.to_owned(), leaf.clone())),
    }
}

/// The variable that sets what stands at a dotted path.
pub(super) fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "__"))
}

/// The variables `FORWARDER_…`, with `__` between levels.
struct Variables(Dict);

impl Variables {
    fn new(variables: &BTreeMap<String, String>, errors: &mut Vec<LayerError>) -> Self {
        let mut root = Dict::new();
        // An empty variable is one that is not set: most consoles know no other way to unset one.
        for (name, value) in variables.iter().filter(|(_, value)| !value.trim().is_empty()) {
            errors.extend(wrong_case(name));
            let Some(path) = name.strip_prefix(PREFIX).filter(|_| name != FILE_VARIABLE) else {
                continue;
            };
            let path = path.to_ascii_lowercase();
            let keys: Vec<_> = path.split("__").collect();
            if !insert(&mut root, &keys, value) {
                errors.push(LayerError {
                    origin: Origin::Variable(name.clone()),
                    value: Some(value.clone()),
                    message: "a value and levels below it cannot both be set".into(),
                });
            }
        }
        Self(root)
    }
}

/// A variable that would be one of the forwarder's if its name were in upper case.
fn wrong_case(name: &str) -> Option<LayerError> {
    let right = name.to_ascii_uppercase();
    let path = right.strip_prefix(PREFIX)?.to_ascii_lowercase().replace("__", ".");
    if name.starts_with(PREFIX) || !settings::begins_like_one(&path) {
        return None;
    }
    Some(LayerError {
        origin: Origin::Variable(name.to_owned()),
        value: None,
        message: format!("names of variables are in upper case: {right}"),
    })
}

/// `false` if a value stands where a level is needed, or the other way round.
fn insert(dict: &mut Dict, keys: &[&str], value: &str) -> bool {
    match keys {
        [] => false,
        [key] => {
            let free = !dict.contains_key(*key);
            if free {
                dict.insert((*key).to_owned(), Value::from(value));
            }
            free
        }
        [key, below @ ..] => {
            let level = dict
                .entry((*key).to_owned())
                .or_insert_with(|| Value::from(Dict::new()));
            match level {
                Value::Dict(_, dict) => insert(dict, below, value),
                _ => false,
            }
        }
    }
}

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment variables")
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// A TOML file, with the line of each value.
struct File {
    path: PathBuf,
    values: Dict,
    lines: BTreeMap<String, usize>,
}

impl File {
    fn read(path: &Path) -> Result<Self, LayerError> {
        let error = |line, message| LayerError {
            origin: Origin::File(path.to_owned(), line),
            value: None,
            message,
        };
        let unreadable = |problem: &dyn fmt::Display| error(1, format!("the file cannot be read: {problem}"));
        let bytes = files::read_regular(path, MAX_FILE_BYTES).map_err(|problem| unreadable(&problem))?;
        let text = String::from_utf8(bytes).map_err(|problem| unreadable(&problem))?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, LayerError> {
        let error = |line, message| LayerError {
            origin: Origin::File(path.to_owned(), line),
            value: None,
            message,
        };
        let line_at = |offset: usize| text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
        let table = DeTable::parse(text).map_err(|problem| {
            let offset = problem.span().map_or(0, |span| span.start);
            let before = text.get(..offset).unwrap_or_default();
            let column = before.chars().rev().take_while(|char| *char != '\n').count() + 1;
            let message = problem.message();
            error(line_at(offset), format!("not TOML, at column {column}: {message}"))
        })?;
        let mut lines = BTreeMap::new();
        let values = convert_table(table.get_ref(), "", &line_at, &mut lines);
        Ok(Self {
            path: path.to_owned(),
            values,
            lines,
        })
    }

    fn line(&self, path: &str) -> usize {
        self.lines.get(path).copied().unwrap_or(1)
    }
}

impl Provider for &File {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.path.to_string_lossy().into_owned())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

fn convert_table(
    table: &DeTable<'_>,
    path: &str,
    line_at: &impl Fn(usize) -> usize,
    lines: &mut BTreeMap<String, usize>,
) -> Dict {
    table
        .iter()
        .map(|(key, value)| {
            let name = key.get_ref().to_string();
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            lines.insert(path.clone(), line_at(key.span().start));
            (name, convert(value.get_ref(), &path, line_at, lines))
        })
        .collect()
}

fn convert(
    value: &DeValue<'_>,
    path: &str,
    line_at: &impl Fn(usize) -> usize,
    lines: &mut BTreeMap<String, usize>,
) -> Value {
    match value {
        DeValue::Table(table) => Value::from(convert_table(table, path, line_at, lines)),
        DeValue::Array(array) => Value::from(
            array
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let path = format!("{path}.{index}");
                    lines.insert(path.clone(), line_at(item.span().start));
                    convert(item.get_ref(), &path, line_at, lines)
                })
                .collect::<Vec<_>>(),
        ),
        DeValue::String(text) => Value::from(text.to_string()),
        DeValue::Integer(number) => Value::from(number.to_string()),
        DeValue::Float(number) => Value::from(number.to_string()),
        DeValue::Boolean(truth) => Value::from(truth.to_string()),
        DeValue::Datetime(time) => Value::from(time.to_string()),
    }
}
