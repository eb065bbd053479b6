//! `forwarderctl schema`: the JSON Schema of the configuration file, for editors and pipelines.

use serde_json::{Map, Value, json};

use telemetry_forwarder::config::settings::{Kind, SETTINGS, Setting};

/// The schema, draft 2020-12.
pub fn schema() -> Value {
    let mut root = object();
    for setting in SETTINGS {
        let keys: Vec<_> = setting.path.split('.').collect();
        insert(&mut root, &keys, describe(setting));
    }
    root.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    root.insert("title".into(), "telemetry-forwarder.toml".into());
    Value::Object(root)
}

fn object() -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("type".into(), "object".into());
    object.insert("additionalProperties".into(), false.into());
    object
}

/// Puts a setting where its path says; `*` is every sink.
fn insert(level: &mut Map<String, Value>, keys: &[&str], described: Value) {
    let Some((key, below)) = keys.split_first() else { return };
    let (holder, key) = match *key {
        "*" => ("patternProperties", "^[a-z][a-z0-9]*(_[a-z0-9]+)*$"),
        key => ("properties", key),
    };
    let holder = level.entry(holder).or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(holder) = holder else { return };
    if below.is_empty() {
        holder.insert(key.to_owned(), described);
    } else if let Value::Object(next) = holder.entry(key).or_insert_with(|| Value::Object(object())) {
        insert(next, below, described);
    }
}

fn describe(setting: &Setting) -> Value {
    let text_or_whole = json!(["string", "integer"]);
    let mut described = match setting.kind {
        Kind::Text => json!({"type": text_or_whole}),
        Kind::Choice(names) => json!({"type": "string", "enum": names}),
        Kind::List => json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
        Kind::Number { .. } => json!({"type": text_or_whole, "pattern": "^[0-9]+$"}),
        Kind::Size { .. } => {
            json!({"type": text_or_whole, "pattern": "^[0-9_]+ *([kKmMgG]?[iI]?[bB]?)$", "examples": ["25KiB", "1MiB", 25_000]})
        }
        Kind::Duration { .. } => json!({"type": text_or_whole, "examples": ["250ms", "10s", "1m"]}),
        Kind::Routes => json!({"anyOf": [
            {"type": "string", "examples": ["function level>=error -> kinesis; * -> drop"]},
            {"type": "array", "items": {
                "type": "object",
                "properties": {
                    "match": {"type": "string", "description": "Selectors and predicates."},
                    "to": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}], "description": "Sinks, or `drop`."},
                },
                "required": ["match", "to"],
                "additionalProperties": false,
            }},
        ]}),
    };
    if let Value::Object(described) = &mut described {
        let description = format!("{}{}", setting.about, setting.bounds().unwrap_or_default());
        described.insert("description".into(), description.into());
        if !setting.default.is_empty() {
            described.insert("default".into(), setting.default.into());
        }
    }
    described
}
