//! The counts as CloudWatch's embedded metric format: one JSON line for each function and minute, and one for the reader
//! itself.

use std::io::{self, Write};
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::counts::{Counts, Place, Tally};

/// Values of one metric in a line. CloudWatch user guide, embedded metric format specification.
const MOST_VALUES: usize = 100;

/// Writes what was counted.
pub(crate) fn write(namespace: &str, counts: &Counts, out: &mut Vec<u8>) -> io::Result<()> {
    for (place, tally) in &counts.places {
        // A line has room for so many durations; more lines take the rest, and nothing else.
        let mut durations = tally.durations_ms.chunks(MOST_VALUES);
        line(out, &function(namespace, place, &amounts(tally), durations.next()))?;
        for more in durations {
            line(out, &function(namespace, place, &[], Some(more)))?;
        }
    }
    line(out, &reader(namespace, counts))
}

fn line(out: &mut Vec<u8>, value: &Value) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

type Metric = (&'static str, &'static str, f64);

fn amounts(tally: &Tally) -> [Metric; 7] {
    let count = |number: u64| number as f64;
    [
        ("Lines", "Count", count(tally.lines)),
        ("ErrorLines", "Count", count(tally.error_lines)),
        ("Invocations", "Count", count(tally.invocations)),
        ("FailedInvocations", "Count", count(tally.failed)),
        ("ColdStarts", "Count", count(tally.cold_starts)),
        ("BilledDuration", "Milliseconds", tally.billed_ms),
        ("DroppedLines", "Count", count(tally.dropped)),
    ]
}

fn function(namespace: &str, place: &Place, amounts: &[Metric], durations: Option<&[f64]>) -> Value {
    let mut members = values(amounts);
    let mut metrics = definitions(amounts);
    if let Some(durations) = durations {
        metrics.push(json!({ "Name": "Duration", "Unit": "Milliseconds" }));
        members.insert("Duration".into(), json!(durations));
    }
    members.insert("FunctionName".into(), json!(place.function));
    document(namespace, place.minute, &["FunctionName"], &metrics, members)
}

/// Without a dimension: how this reader itself is doing.
fn reader(namespace: &str, counts: &Counts) -> Value {
    let amounts = [
        ("CorruptRecords", "Count", counts.corrupt_records as f64),
        ("CorruptLines", "Count", counts.corrupt_lines as f64),
        ("IncompleteLines", "Count", counts.incomplete_lines as f64),
        ("RepeatedLines", "Count", counts.repeats as f64),
    ];
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or_default();
    document(namespace, now, &[], &definitions(&amounts), values(&amounts))
}

fn values(amounts: &[Metric]) -> Map<String, Value> {
    amounts
        .iter()
        .map(|(name, _, amount)| ((*name).to_owned(), json!(amount)))
        .collect()
}

fn definitions(amounts: &[Metric]) -> Vec<Value> {
    amounts
        .iter()
        .map(|(name, unit, _)| json!({ "Name": name, "Unit": unit }))
        .collect()
}

fn document(
    namespace: &str,
    timestamp: u64,
    dimensions: &[&str],
    metrics: &[Value],
    mut members: Map<String, Value>,
) -> Value {
    let directive = json!({
        "Timestamp": timestamp,
        "CloudWatchMetrics": [{ "Namespace": namespace, "Dimensions": [dimensions], "Metrics": metrics }],
    });
    members.insert("_aws".into(), directive);
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_durations_than_a_line_has_room_for_take_more_lines_and_count_once() {
        let mut counts = Counts::default();
        let place = Place {
            function: "checkout".into(),
            minute: 120_000,
        };
        let tally = Tally {
            invocations: 250,
            durations_ms: (0..250).map(f64::from).collect(),
            ..Tally::default()
        };
        counts.places.insert(place, tally);
        let mut out = Vec::new();
        write("Mine", &counts, &mut out).unwrap();
        let lines: Vec<Value> = out
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        assert_eq!(lines.len(), 4, "three for the function, one for the reader");
        let mut durations = Vec::new();
        for line in &lines[..3] {
            assert_eq!(line["FunctionName"], "checkout");
            assert_eq!(line["_aws"]["Timestamp"], 120_000);
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(
                (&directive["Namespace"], &directive["Dimensions"]),
                (&json!("Mine"), &json!([["FunctionName"]]))
            );
            // Each metric that a directive names is a member, and each is named but dimensions.
            let names: Vec<_> = directive["Metrics"]
                .as_array()
                .unwrap()
                .iter()
                .map(|metric| metric["Name"].as_str().unwrap())
                .collect();
            let members = line.as_object().unwrap();
            assert!(names.iter().all(|name| members.contains_key(*name)) && members.len() == names.len() + 2);
            let values = line["Duration"].as_array().unwrap();
            assert!(values.len() <= MOST_VALUES);
            durations.extend(values.iter().map(|value| value.as_f64().unwrap()));
        }
        assert_eq!(durations, (0..250).map(f64::from).collect::<Vec<_>>());
        assert_eq!(
            lines
                .iter()
                .filter_map(|line| line["Invocations"].as_f64())
                .collect::<Vec<_>>(),
            [250.0]
        );
        assert_eq!(lines[3]["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
    }
}
